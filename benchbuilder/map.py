"""Where prompts stand on the topic map: a drawing, not a measurement.

Cluster centres are laid out by t-SNE, so that neighbouring topics stand together; the prompts of
a cluster are spread around its centre by their two strongest directions within it.
"""

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.float32]


def topic_map(vectors: NDArray[np.float32], labels: NDArray[np.int64], *, seed: int) -> Places:
    """Return a place for each row, (n, 2); rows of no cluster (-1) stand on a ring around all."""
    count = int(labels.max(initial=-1)) + 1
    places = np.zeros((len(vectors), 2), dtype=np.float32)
    if count:
        centres = np.stack([vectors[labels == number].mean(axis=0) for number in range(count)])
        middles = _lay_out(centres, seed)
        room = _typical_gap(middles)
        for number in range(count):
            inside = labels == number
            places[inside] = middles[number] + room * _spread(vectors[inside])
    outside = labels == -1
    angles = np.linspace(0, 2 * np.pi, int(outside.sum()), endpoint=False)
    radius = 1.15 * float(np.abs(places).max(initial=1.0))
    places[outside] = radius * np.column_stack([np.cos(angles), np.sin(angles)])
    return np.round(places, 4)


def _lay_out(centres: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    flat = np.zeros((len(centres), 2))
    if len(centres) < 2:
        return flat
    width = min(2, *centres.shape)
    flat[:, :width] = PCA(width, random_state=seed).fit_transform(centres)
    if len(centres) < 8:
        return flat
    model = TSNE(
        2, perplexity=min(20, len(centres) / 4), init=flat * 1e-2, random_state=seed, max_iter=500
    )
    return np.asarray(model.fit_transform(centres), dtype=np.float64)


def _typical_gap(middles: NDArray[np.float64]) -> float:
    """Return half the median distance from a centre to the nearest other one."""
    if len(middles) < 2:
        return 1.0
    apart = np.linalg.norm(middles[:, None] - middles[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return float(np.median(apart.min(axis=1))) / 2 or 1.0


def _spread(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return offsets within a disc of radius about 1 for the rows of one cluster."""
    centred = vectors - vectors.mean(axis=0)
    small = centred[:, : min(64, centred.shape[1])].astype(np.float64)
    _, directions = np.linalg.eigh(small.T @ small)
    strongest = small @ directions[:, -2:]
    scale = np.linalg.norm(strongest, axis=1)
    largest = scale.max(initial=0.0)
    offsets = strongest / largest if largest > 0 else np.zeros_like(strongest)
    return np.pad(offsets, ((0, 0), (0, 2 - offsets.shape[1])))
