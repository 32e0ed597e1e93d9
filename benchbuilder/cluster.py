"""Vectors -> clusters: HDBSCAN on the nearest-neighbour graph, seeded.

Before that, vectors are averaged with their neighbours (the default), or reduced by PCA or UMAP.
hdbscan is given the graph of the nearest neighbours instead of all distances, which finds the same
topics in a fraction of the time (benchmarks/curation.md). More rows than `sample_size` are
clustered by a stratified sample, and the rest follow their nearest neighbour in it, so that cost
grows linearly.

Clusters are numbered from 0 by size; -1 is a prompt that belongs to none. Rows must come in a
fixed order, because ties are broken by it.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchbuilder.embed import Vectors, unit
from benchbuilder.map import topic_map
from benchbuilder.neighbours import nearest, smooth
from llms.errors import UserError

Reducer = Literal["neighbours", "pca", "umap"]
Labels = NDArray[np.int64]

NONE = -1
NEIGHBOURS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """The cluster of each row, how like its centre it is (cosine), and where it is on the map."""

    labels: Labels
    similarity: NDArray[np.float32]
    assigned: int
    """Rows that HDBSCAN left out and that were given to the nearest cluster."""
    centres: Vectors
    """(clusters, d), the mean direction of each cluster."""
    places: NDArray[np.float32]
    """(n, 2), for drawing only."""


def cluster_vectors(
    vectors: Vectors,
    *,
    reducer: Reducer,
    min_cluster_size: int,
    outlier_similarity: float | None,
    sample_size: int,
    seed: int,
) -> Clustering:
    """Return the clusters of unit `vectors`.

    Rows that HDBSCAN leaves out go to the cluster with the nearest centre where the cosine is at
    least `outlier_similarity`; with None they stay out. Where no groups are found at all, too few
    rows for instance, all rows are one cluster (or all stay out).

    Raises:
        UserError: UMAP is asked for and not installed.
    """
    sample = stratified_rows(vectors, size=sample_size, seed=seed)
    fitted = vectors[sample]
    space = _space(vectors, fitted, reducer)
    share = len(sample) / len(vectors)
    labels_of_sample = hdbscan_labels(
        space[sample] if reducer == "neighbours" else _reduced(fitted, reducer, seed),
        min_cluster_size=max(2, round(min_cluster_size * share)),
        cosine=reducer == "neighbours",
    )
    found = np.empty(len(vectors), dtype=np.int64)
    found[sample] = labels_of_sample
    rest = np.setdiff1d(np.arange(len(vectors)), sample)
    if len(rest):
        found[rest] = labels_of_sample[nearest(vectors[rest], fitted, k=1).rows[:, 0]]
    if found.max(initial=NONE) == NONE and outlier_similarity is not None:
        found[:] = 0
    return _clustering(vectors, space, _by_size(found), outlier_similarity, seed)


def default_min_cluster_size(prompts: int) -> int:
    """Return the smallest group that is called a topic: a third of the root of the prompts, >= 4.

    4 for 150 prompts, 33 for 10,000, 149 for 200,000.
    """
    return max(4, round(math.sqrt(prompts) / 3))


def hdbscan_labels(points: NDArray[np.float32], *, min_cluster_size: int, cosine: bool) -> Labels:
    """Return the HDBSCAN cluster of each point, -1 for none.

    With `cosine` the distances are those of the `NEIGHBOURS` nearest unit vectors, parts of the
    graph that do not touch being tied together by edges longer than any other; without, those
    between all points, which must then have few dimensions.
    """
    from hdbscan import HDBSCAN

    if len(points) < 2 * min_cluster_size:
        return np.full(len(points), NONE, dtype=np.int64)
    model = HDBSCAN(
        min_cluster_size=min_cluster_size,
        min_samples=min(5, max(1, min_cluster_size // 2)),
        metric="precomputed" if cosine else "euclidean",
        core_dist_n_jobs=1,
    )
    space = _neighbour_graph(points, k=NEIGHBOURS) if cosine else points.astype(np.float64)
    return np.asarray(model.fit_predict(space), dtype=np.int64)


def stratified_rows(vectors: Vectors, *, size: int, seed: int) -> NDArray[np.int64]:
    """Return the sorted indices of at most `size` rows, drawn evenly over 64 coarse cells."""
    if len(vectors) <= size:
        return np.arange(len(vectors))
    draws = np.random.default_rng(seed)
    seeds = vectors[draws.choice(len(vectors), size=64, replace=False)]
    cells = nearest(vectors, seeds, k=1).rows[:, 0]
    order = np.lexsort((draws.random(len(vectors)), cells))
    return np.sort(order[np.linspace(0, len(vectors) - 1, size).astype(np.int64)])


def centres_of(vectors: Vectors, labels: Labels) -> Vectors:
    """Return the unit centre of each cluster, (clusters, d)."""
    count = int(labels.max(initial=NONE)) + 1
    sums = np.zeros((count, vectors.shape[1]), dtype=np.float64)
    inside = labels != NONE
    np.add.at(sums, labels[inside], vectors[inside])
    return unit(sums)


def _clustering(
    vectors: Vectors, space: Vectors, found: Labels, outlier_similarity: float | None, seed: int
) -> Clustering:
    centres = centres_of(space, found)
    labels = found.copy()
    if len(centres):
        best = nearest(space, centres, k=1)
        limit = math.inf if outlier_similarity is None else outlier_similarity
        near = (found == NONE) & (best.cosines[:, 0] >= limit)
        labels[near] = best.rows[near, 0]
    labels = _by_size(labels)
    own = centres_of(vectors, labels)
    similarity = np.full(len(labels), np.nan, dtype=np.float32)
    inside = labels != NONE
    similarity[inside] = np.einsum("ij,ij->i", vectors[inside], own[labels[inside]])
    return Clustering(
        labels=labels,
        similarity=similarity,
        assigned=int(((found == NONE) & inside).sum()),
        centres=own,
        places=topic_map(space, labels, seed=seed),
    )


def _space(vectors: Vectors, fitted: Vectors, reducer: Reducer) -> Vectors:
    """Return the unit vectors in which outliers look for the nearest centre."""
    if reducer == "neighbours":
        return smooth(vectors, fitted, k=min(NEIGHBOURS, max(5, len(fitted) // 100)))
    return vectors


def _reduced(vectors: Vectors, reducer: Reducer, seed: int) -> NDArray[np.float32]:
    if reducer == "umap":
        return _umap(vectors, seed)
    from sklearn.decomposition import PCA

    width = min(15, *vectors.shape)
    return np.asarray(PCA(width, random_state=seed).fit_transform(vectors), dtype=np.float32)


def _umap(vectors: Vectors, seed: int) -> NDArray[np.float32]:
    try:
        from umap import UMAP
    except ImportError as error:
        raise UserError(
            "umap is not installed: pip install 'benchbuilder[embed]', or use --reducer neighbours"
        ) from error
    model = UMAP(
        n_neighbors=min(15, len(vectors) - 1),
        n_components=5,
        metric="cosine",
        min_dist=0.0,
        random_state=seed,
        n_jobs=1,
    )
    return np.asarray(model.fit_transform(vectors), dtype=np.float32)


def _neighbour_graph(points: Vectors, *, k: int) -> object:
    """Return the symmetric, connected graph of distances to the `k` nearest, (n, n) CSR."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    found = nearest(points, points, k=min(k + 1, len(points)))
    rows, distances = found.rows, np.sqrt(np.maximum(2 - 2 * found.cosines, 0))
    count = len(points)
    start = np.repeat(np.arange(count), rows.shape[1])
    end, length = rows.ravel(), np.maximum(distances.ravel().astype(np.float64), 1e-9)
    other = start != end
    near, far = np.minimum(start, end)[other], np.maximum(start, end)[other]
    _, once = np.unique(near * count + far, return_index=True)
    near, far, length = near[once], far[once], length[other][once]
    graph = coo_array((length, (near, far)), shape=(count, count))
    _, part = connected_components(graph, directed=False)
    _, firsts = np.unique(part, return_index=True)
    ties = np.full(len(firsts) - 1, 2 * length.max(initial=1.0))
    near, far = np.append(near, np.full(len(ties), firsts[0])), np.append(far, firsts[1:])
    length = np.append(length, ties)
    both = (np.append(near, far), np.append(far, near))
    return coo_array((np.append(length, length), both), shape=(count, count)).tocsr()


def _by_size(labels: Labels) -> Labels:
    """Renumber clusters by size; those of one size by their first row."""
    names, first, sizes = np.unique(labels[labels != NONE], return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    number = np.full(int(labels.max(initial=NONE)) + 2, NONE, dtype=np.int64)
    number[names[order]] = np.arange(len(names))
    return number[labels]
