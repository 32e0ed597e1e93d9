"""Cycles: how much of the battles no ranking can explain (HodgeRank, Jiang et al. 2011).

The margin of a pair is the share of points its first model won, less one half. A ranking explains
margins that are differences of scores; what is left over goes round in cycles (or is noise: small
samples leave some residual without any true cycle).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from leaderboards.evidence import Floats, gather


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Three models of which each won against the next, and the last against the first.

    `margins` are the shares of points won, less one half, in that order.
    """

    models: tuple[str, str, str]
    margins: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycles:
    """`residual` is the share of the weighted squared margins that no scores explain; `worst` are
    the cycles of three with the largest smallest margin; `count` is the number of all."""

    residual: float
    count: int
    worst: tuple[Cycle, ...]


def find_cycles(battles: pl.DataFrame, *, most: int = 10) -> Cycles:
    """Return the residual of the battles (`BATTLE_SCHEMA`), and the worst cycles of three models.

    Raises:
        RankingError: the battles cannot be used.
    """
    evidence = gather(battles)
    pairs, models = evidence.over_prompts, len(evidence.models)
    count, weight = len(pairs.first), pairs.weight
    margin = pairs.won / weight - 0.5
    signed = np.zeros((count, models))
    signed[np.arange(count), pairs.first] = 1
    signed[np.arange(count), pairs.second] = -1
    root = np.sqrt(weight)
    scores = np.linalg.lstsq(root[:, None] * signed, root * margin, rcond=None)[0]
    left = margin - signed @ scores
    total = float((weight * margin**2).sum())
    table = np.full((models, models), np.nan)
    table[pairs.first, pairs.second] = margin
    table[pairs.second, pairs.first] = -margin
    found = _triangles(table)
    return Cycles(
        residual=float((weight * left**2).sum()) / total if total else 0.0,
        count=len(found),
        worst=tuple(_cycle(evidence.models, table, *map(int, three)) for three in found[:most]),
    )


def _triangles(table: Floats) -> np.ndarray:
    """Return the cycles (N, 3), worst first; the first model has the smallest number."""
    models = len(table)
    parts = []
    for a in range(models):
        later = np.arange(a + 1, models)
        smallest = np.minimum(table[a, later][:, None], table[np.ix_(later, later)])
        smallest = np.minimum(smallest, table[later, a][None, :])
        b, c = np.nonzero(smallest > 0)
        parts.append(np.column_stack([np.full(len(b), a), later[b], later[c], smallest[b, c]]))
    found = np.concatenate(parts)
    return np.asarray(
        found[np.lexsort((found[:, 2], found[:, 1], found[:, 0], -found[:, 3]))][:, :3]
    )


def _cycle(names: tuple[str, ...], table: Floats, a: int, b: int, c: int) -> Cycle:
    return Cycle(
        models=(names[a], names[b], names[c]),
        margins=(float(table[a, b]), float(table[b, c]), float(table[c, a])),
    )
