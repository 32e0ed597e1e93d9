"""Vectors -> clusters: HDBSCAN near each prompt's neighbours, seeded.

Before that, vectors are averaged with their neighbours, or reduced by UMAP or PCA. Averaged ones
are clustered by the graph of their nearest neighbours instead of all distances, in a fraction of
the time; UMAP finds better topics where vectors come from a model (benchmarks/curation.md). More
rows than `sample_size` are clustered by a stratified sample, and the rest follow their nearest
neighbour in it, so that cost grows linearly.

Clusters are numbered from 0 by size; -1 is a prompt that belongs to none. Rows must come in a
fixed order, because ties are broken by it.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchbuilder.embed import Vectors, unit
from benchbuilder.map import topic_map
from benchbuilder.neighbours import Neighbours, averaged, nearest
from llms.errors import UserError

Reducer = Literal["neighbours", "pca", "umap"]
Labels = NDArray[np.int64]

NONE = -1
NEIGHBOURS = 15
DIMENSIONS = 5
"""Those that UMAP reduces to."""
SIZES = (4, 8, 16, 32, 64, 128)
"""Smallest topics to choose from."""
PER_DOUBLING = 0.035
"""Modularity that twice as large topics must gain: see benchmarks/curation.md."""


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
    min_cluster_size: int | None,
    outlier_similarity: float | None,
    sample_size: int,
    seed: int,
) -> Clustering:
    """Return the clusters of unit `vectors`.

    Without a `min_cluster_size` that of `SIZES` is taken whose clusters have the best `modularity`
    for their size. Rows that HDBSCAN leaves out go to the nearest cluster where the cosine to its
    centre is at least `outlier_similarity`; with None they stay out. Where no groups are found at
    all, too few rows for instance, all rows are one cluster (or all stay out).

    Raises:
        UserError: UMAP is asked for and not installed.
    """
    sample = stratified_rows(vectors, size=sample_size, seed=seed)
    fitted = vectors[sample]
    near = nearest(vectors, fitted, k=NEIGHBOURS + 1)
    own = Neighbours(near.rows[sample], near.cosines[sample])
    width = min(NEIGHBOURS, max(5, len(fitted) // 100))
    # Outliers look for the nearest centre in this space, and the map is drawn of it.
    space = averaged(vectors, fitted, near.rows[:, :width]) if reducer == "neighbours" else vectors
    points = space[sample] if reducer == "neighbours" else _reduced(fitted, own, reducer, seed)
    share = len(sample) / len(vectors)
    sizes = SIZES if min_cluster_size is None else (max(2, round(min_cluster_size * share)),)
    labels, guesses = _best_labels(points, own, sizes, cosine=reducer == "neighbours")
    # Rows that were not fitted follow their nearest neighbour in the sample.
    leader = near.rows[:, 0].copy()
    leader[sample] = np.arange(len(sample))
    found, guessed = labels[leader], guesses[leader]
    if found.max(initial=NONE) == NONE and outlier_similarity is not None:
        found[:] = guessed[:] = 0
    return _clustering(vectors, space, found, guessed, outlier_similarity, seed)


def modularity(neighbours: Neighbours, labels: Labels) -> float:
    """Return how much more often rows share their neighbours' cluster than by chance (below 1).

    Newman's modularity (2004, arXiv cond-mat/0309508) of the graph that joins each row to its
    nearest neighbours.
    """
    rows = neighbours.rows
    within = float(np.mean(labels[rows] == labels[:, None]))
    degrees = rows.shape[1] + np.bincount(rows.ravel(), minlength=len(labels))
    shares = np.bincount(labels, weights=degrees) / degrees.sum()
    return within - float(np.sum(shares**2))


def hdbscan_labels(points: NDArray[np.float32], *, min_cluster_size: int, cosine: bool) -> Labels:
    """Return the HDBSCAN cluster of each point, -1 for none.

    With `cosine` the distances are those of the `NEIGHBOURS` nearest unit vectors, parts of the
    graph that do not touch being tied together by edges longer than any other; without, those
    between all points, which must then have few dimensions.
    """
    graph = _neighbour_graph(points, k=NEIGHBOURS) if cosine else None
    return _hdbscan(points, graph, min_cluster_size)


def _hdbscan(points: NDArray[np.float32], graph: object, min_cluster_size: int) -> Labels:
    from hdbscan import HDBSCAN

    if len(points) < 2 * min_cluster_size:
        return np.full(len(points), NONE, dtype=np.int64)
    model = HDBSCAN(
        min_cluster_size=min_cluster_size,
        min_samples=min(5, max(1, min_cluster_size // 2)),
        metric="euclidean" if graph is None else "precomputed",
        core_dist_n_jobs=1,
    )
    space = points.astype(np.float64) if graph is None else graph
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


def _best_labels(
    points: NDArray[np.float32], neighbours: Neighbours, sizes: Sequence[int], *, cosine: bool
) -> tuple[Labels, Labels]:
    """Return the labels by the best of the smallest `sizes`, and the cluster nearest each row.

    That is the one with the highest `modularity`, less `PER_DOUBLING` for each doubling of the
    size: larger topics always hold together better, and have to do so by more than that.
    """
    best = nearest_cluster = np.full(len(points), NONE, dtype=np.int64)
    highest = -math.inf
    graph = _neighbour_graph(points, k=NEIGHBOURS) if cosine else None
    for size in sizes:
        labels = _hdbscan(points, graph, size)
        if labels.max(initial=NONE) == NONE:
            continue
        guess = np.where(labels == NONE, _nearest_cluster(points, labels, cosine=cosine), labels)
        score = modularity(neighbours, guess) - PER_DOUBLING * math.log2(size)
        if score > highest:
            best, nearest_cluster, highest = labels, guess, score
    return best, nearest_cluster


def _nearest_cluster(points: NDArray[np.float32], labels: Labels, *, cosine: bool) -> Labels:
    """Return the cluster whose centre is nearest, by the cosine or by the distance."""
    if cosine:
        return nearest(points, centres_of(points, labels), k=1).rows[:, 0]
    from scipy.spatial import KDTree

    inside = labels != NONE
    sums = np.zeros((int(labels.max()) + 1, points.shape[1]))
    np.add.at(sums, labels[inside], points[inside])
    means = sums / np.bincount(labels[inside])[:, None]
    return np.asarray(KDTree(means).query(points)[1], dtype=np.int64)


def _clustering(
    vectors: Vectors,
    space: Vectors,
    found: Labels,
    guessed: Labels,
    outlier_similarity: float | None,
    seed: int,
) -> Clustering:
    centres = centres_of(space, found)
    labels = found.copy()
    left = np.flatnonzero((found == NONE) & (guessed != NONE))
    if len(left) and outlier_similarity is not None:
        cosines = np.einsum("ij,ij->i", space[left], centres[guessed[left]])
        joining = left[cosines >= outlier_similarity]
        labels[joining] = guessed[joining]
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


def _reduced(
    vectors: Vectors, neighbours: Neighbours, reducer: Reducer, seed: int
) -> NDArray[np.float32]:
    if len(vectors) <= 2 * DIMENSIONS:  # Too few to be reduced.
        return vectors
    if reducer == "umap":
        return _umap(vectors, neighbours, seed)
    from sklearn.decomposition import PCA

    width = min(15, *vectors.shape)
    return np.asarray(PCA(width, random_state=seed).fit_transform(vectors), dtype=np.float32)


def _umap(vectors: Vectors, neighbours: Neighbours, seed: int) -> NDArray[np.float32]:
    """Return (n, DIMENSIONS); UMAP is given the exact neighbours, which spares it a search."""
    try:
        with warnings.catch_warnings():
            # A part that needs TensorFlow is missed, and not used.
            warnings.simplefilter("ignore", ImportWarning)
            from umap import UMAP
    except ImportError as error:
        raise UserError(
            "umap is not installed: pip install 'benchbuilder[embed]', or use --reducer neighbours"
        ) from error
    count = min(NEIGHBOURS, len(vectors) - 1)
    distances = np.maximum(1 - neighbours.cosines[:, :count], 0)
    model = UMAP(
        n_neighbors=count,
        n_components=DIMENSIONS,
        metric="cosine",
        min_dist=0.0,
        n_epochs=100,
        random_state=seed,
        n_jobs=1,
        precomputed_knn=(neighbours.rows[:, :count].astype(np.int32), distances),
    )
    with warnings.catch_warnings():
        # New rows cannot be placed by such a model, and none are.
        warnings.filterwarnings("ignore", "precomputed_knn")
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
