"""Nearest neighbours of unit vectors, exact, in blocks that bound the memory."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchbuilder.embed import Vectors, unit

BLOCK_BYTES = 16_000_000


class Neighbours(NamedTuple):
    """For each query its k nearest rows, nearest first: their indices and cosines, (n, k)."""

    rows: NDArray[np.int64]
    cosines: NDArray[np.float32]


def nearest(queries: Vectors, among: Vectors, *, k: int) -> Neighbours:
    """Return the `k` rows of `among` nearest to each query (itself included, if it is there)."""
    k = min(k, len(among))
    rows = np.empty((len(queries), k), dtype=np.int64)
    cosines = np.empty((len(queries), k), dtype=np.float32)
    block = max(1, BLOCK_BYTES // (4 * len(among)))
    for start in range(0, len(queries), block):
        likeness = queries[start : start + block] @ among.T
        found = np.argpartition(likeness, len(among) - k, axis=1)[:, len(among) - k :]
        values = np.take_along_axis(likeness, found, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        rows[start : start + block] = np.take_along_axis(found, order, axis=1)
        cosines[start : start + block] = np.take_along_axis(values, order, axis=1)
    return Neighbours(rows, cosines)


def smooth(queries: Vectors, among: Vectors, *, k: int) -> Vectors:
    """Return each query averaged with its `k` nearest rows of `among`, of length 1.

    Prompts of one topic move together and prompts between topics stay apart, which is what
    density-based clustering needs in many dimensions.
    """
    return averaged(queries, among, nearest(queries, among, k=k).rows)


def averaged(queries: Vectors, among: Vectors, rows: NDArray[np.int64]) -> Vectors:
    """Return each query averaged with the `rows` (n, k) of `among` given for it, of length 1."""
    total = queries.copy()
    for column in range(rows.shape[1]):
        total += among[rows[:, column]]
    return unit(total)
