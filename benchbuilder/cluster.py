"""Vectors -> clusters: reduced by PCA or UMAP, then HDBSCAN, all seeded.

Clusters are numbered from 0 by size; -1 is a prompt that belongs to none. Rows must come in a
fixed order (by prompt id), because the labels of HDBSCAN may depend on it.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchbuilder.embed import Vectors, unit
from llms.errors import UserError

Reducer = Literal["pca", "umap"]
Labels = NDArray[np.int64]

NONE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """The cluster of each row, how like its centre it is (cosine), and where it is on the map."""

    labels: Labels
    similarity: NDArray[np.float32]
    assigned: int
    """Rows that HDBSCAN left out and that were given to the nearest cluster."""
    places: NDArray[np.float32]
    """(n, 2), for drawing only."""


def cluster_vectors(
    vectors: Vectors,
    *,
    reducer: Reducer,
    dimensions: int,
    min_cluster_size: int,
    outlier_similarity: float | None,
    seed: int,
) -> Clustering:
    """Return the clusters of `vectors`.

    Rows that HDBSCAN leaves out go to the cluster with the nearest centre where the cosine is at
    least `outlier_similarity`; with None they stay out.
    """
    reduced = reduce(vectors, reducer=reducer, dimensions=dimensions, seed=seed)
    found = _by_size(_hdbscan(reduced, min_cluster_size))
    likeness = unit(vectors) @ centres(vectors, found).T
    labels = found.copy()
    if outlier_similarity is not None and likeness.shape[1]:
        near = (found == NONE) & (likeness.max(axis=1) >= outlier_similarity)
        labels[near] = likeness[near].argmax(axis=1)
    return Clustering(
        labels=labels,
        similarity=_own(likeness, labels),
        assigned=int((labels != found).sum()),
        places=_places(reduced),
    )


def default_min_cluster_size(prompts: int) -> int:
    """Return the smallest group called a topic: about a tenth of the root of the prompts, >= 4."""
    return max(4, round(math.sqrt(prompts) / 10))


def reduce(
    vectors: Vectors, *, reducer: Reducer, dimensions: int, seed: int
) -> NDArray[np.float32]:
    """Return `vectors` in fewer dimensions, (n, dimensions)."""
    width = min(dimensions, *vectors.shape)
    if reducer == "umap":
        return _umap(vectors, width, seed)
    from sklearn.decomposition import PCA

    return np.asarray(PCA(width, random_state=seed).fit_transform(vectors), dtype=np.float32)


def centres(vectors: Vectors, labels: Labels) -> Vectors:
    """Return the unit centre of each cluster, (clusters, d)."""
    count = int(labels.max(initial=NONE)) + 1
    sums = np.zeros((count, vectors.shape[1]), dtype=np.float64)
    inside = labels != NONE
    np.add.at(sums, labels[inside], vectors[inside])
    return unit(sums)


def _umap(vectors: Vectors, width: int, seed: int) -> NDArray[np.float32]:
    try:
        from umap import UMAP
    except ImportError as error:
        raise UserError(
            "umap is not installed: pip install 'benchbuilder[embed]', or use --reducer pca"
        ) from error
    model = UMAP(n_components=width, metric="cosine", min_dist=0.0, random_state=seed, n_jobs=1)
    return np.asarray(model.fit_transform(vectors), dtype=np.float32)


def _hdbscan(points: NDArray[np.float32], min_cluster_size: int) -> Labels:
    from hdbscan import HDBSCAN

    if len(points) < 2 * min_cluster_size:
        raise UserError(
            f"{len(points)} prompts are too few for clusters of {min_cluster_size}; "
            "give more prompts or a smaller --min-cluster-size"
        )
    model = HDBSCAN(min_cluster_size=min_cluster_size, min_samples=1, core_dist_n_jobs=1)
    return np.asarray(model.fit_predict(points.astype(np.float64)), dtype=np.int64)


def _by_size(labels: Labels) -> Labels:
    """Renumber clusters by size; those of one size by their first row."""
    names, first, sizes = np.unique(labels[labels != NONE], return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    number = np.full(len(names) + 1, NONE, dtype=np.int64)
    number[names[order]] = np.arange(len(names))
    return number[labels]


def _own(likeness: NDArray[np.float32], labels: Labels) -> NDArray[np.float32]:
    inside = labels != NONE
    own = np.full(len(labels), np.nan, dtype=np.float32)
    own[inside] = likeness[inside, labels[inside]]
    return own


def _places(reduced: NDArray[np.float32]) -> NDArray[np.float32]:
    places = np.zeros((len(reduced), 2), dtype=np.float32)
    places[:, : min(2, reduced.shape[1])] = reduced[:, :2]
    return places
