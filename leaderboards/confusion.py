"""Figures of agreement from confusion tables over first, tie and second.

A table (…, 3, 3) counts what one side said (rows) against what the other said (columns). Figures
take several tables (N, 3, 3), as drawing prompts makes them, and are NaN where nothing is known.
"""

import numpy as np

from leaderboards.evidence import Floats, Ints


def by_prompt(prompt: Ints, tables: Floats, prompts: int) -> Floats:
    """Return the sums (P, 3, 3) of the items' tables (N, 3, 3) over the items of each prompt."""
    total = np.zeros((prompts, 3, 3))
    np.add.at(total, prompt, tables)
    return total


def redrawn(tables: Floats, counts: Floats) -> Floats:
    """Return the tables (D, 3, 3) of draws that hold each prompt's (P, 3, 3) `counts` (D, P)
    times."""
    return np.asarray((counts @ tables.reshape(len(tables), 9)).reshape(-1, 3, 3))


def coincidences(votes: Floats) -> Floats:
    """Return Krippendorff's coincidence matrix (N, 3, 3) of each item's votes (N, 3)."""
    pairs = votes[:, :, None] * votes[:, None, :] - votes[:, :, None] * np.eye(3)
    return np.asarray(pairs / np.maximum(votes.sum(axis=1) - 1, 1)[:, None, None])


def accuracy(tables: Floats) -> Floats:
    """Return the shares on the diagonal (N,)."""
    return _divided(np.trace(tables, axis1=1, axis2=2), tables.sum(axis=(1, 2)))


def decisive(tables: Floats) -> Floats:
    """Return the shares on the diagonal (N,) where neither side called a tie."""
    return accuracy(tables[:, ::2, ::2])


def cohen(tables: Floats) -> Floats:
    """Return Cohen's κ (N,): agreement beyond what the marginals give by chance (Cohen 1960)."""
    chance = expected_by_chance(tables)
    return _divided(accuracy(tables) - chance, 1 - chance)


def expected_by_chance(tables: Floats) -> Floats:
    """Return the shares on the diagonal (N,) of independent sides with the same marginals."""
    matched = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1)
    return _divided(matched, tables.sum(axis=(1, 2)) ** 2)


def krippendorff(tables: Floats) -> Floats:
    """Return Krippendorff's α (N,) of coincidence matrices, for nominal labels."""
    marginal = tables.sum(axis=2)
    total = marginal.sum(axis=1)
    expected = _divided(total**2 - (marginal**2).sum(axis=1), total * (total - 1))
    return 1 - _divided(1 - accuracy(tables), expected)


def _divided(above: Floats, below: Floats) -> Floats:
    quotient: Floats = np.divide(above, below, out=np.full(len(below), np.nan), where=below != 0)
    return quotient
