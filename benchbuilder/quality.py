"""How good a clustering is, by figures that need no labels."""

from dataclasses import dataclass

import numpy as np

from benchbuilder.cluster import NONE, Labels, hdbscan_labels
from benchbuilder.embed import Vectors
from benchbuilder.neighbours import smooth

SAMPLE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """`noise_share` counts prompts in no cluster at the end; sizes are of the clusters.

    `silhouette` (cosine, -1 to 1) is the mean over at most 2,000 prompts. `stability` is the mean
    adjusted mutual information between the clusters and those found anew in three random samples
    of at most 2,000 prompts, over the prompts that are in a cluster both times.
    """

    clusters: int
    noise_share: float
    assigned: int
    smallest: int
    median: float
    largest: int
    silhouette: float | None
    stability: float | None


def measure(vectors: Vectors, labels: Labels, *, assigned: int, seed: int) -> Quality:
    """Return the quality figures of a clustering."""
    sizes = np.bincount(labels[labels != NONE]) if (labels != NONE).any() else np.zeros(1, int)
    scores = [_stability(vectors, labels, seed + number) for number in range(3)]
    known = [score for score in scores if score is not None]
    return Quality(
        clusters=int(labels.max(initial=NONE)) + 1,
        noise_share=round(float(np.mean(labels == NONE)), 4),
        assigned=assigned,
        smallest=int(sizes.min()),
        median=float(np.median(sizes)),
        largest=int(sizes.max()),
        silhouette=_silhouette(vectors, labels, seed),
        stability=round(float(np.mean(known)), 3) if known else None,
    )


def _silhouette(vectors: Vectors, labels: Labels, seed: int) -> float | None:
    from sklearn.metrics import silhouette_score

    rows = _sample(np.flatnonzero(labels != NONE), seed)
    distinct = len(np.unique(labels[rows]))
    if not 2 <= distinct < len(rows):
        return None
    return round(float(silhouette_score(vectors[rows], labels[rows], metric="cosine")), 3)


def _stability(vectors: Vectors, labels: Labels, seed: int) -> float | None:
    from sklearn.metrics import adjusted_mutual_info_score

    rows = _sample(np.arange(len(labels)), seed, share=0.8)
    part = vectors[rows]
    sizes = np.bincount(labels[labels != NONE], minlength=1)
    smallest = max(4, round(int(sizes.min()) * len(rows) / len(labels)))
    if len(rows) < 4 * smallest:
        return None
    again = hdbscan_labels(smooth(part, part, k=10), min_cluster_size=smallest, cosine=True)
    both = (again != NONE) & (labels[rows] != NONE)
    if not both.any():
        return None
    return float(adjusted_mutual_info_score(labels[rows][both], again[both]))


def _sample(rows: np.ndarray, seed: int, share: float = 1.0) -> np.ndarray:
    size = min(SAMPLE, round(share * len(rows)))
    chosen = np.random.default_rng(seed).choice(len(rows), size=size, replace=False)
    return np.asarray(rows[np.sort(chosen)])
