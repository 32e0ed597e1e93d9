"""One ranking of several: over categories, or over benchmarks.

The plain mean keeps the distances of scores; Borda counts and Kemeny–Young look at ranks only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from leaderboards.evidence import Floats
from leaderboards.records import RankingError

Rule = Literal["mean", "borda", "kemeny"]
EXACT = 12
"""Up to this many models the Kemeny–Young order is exact; above, a local search finds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinedRow:
    """A model's place, and its value: mean score, Borda points, or pairs won (Kemeny–Young)."""

    model: str
    place: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """Several rankings made one, best first. `rule` says how, in words; `exact` whether no better
    order can exist."""

    rule: str
    parts: tuple[str, ...]
    rows: tuple[CombinedRow, ...]
    exact: bool


def combine(parts: Mapping[str, Mapping[str, float]], rule: Rule = "mean") -> Combined:
    """Combine the scores that each part (category, benchmark) gives the same models.

    - mean: the mean of the scores.
    - borda: a model gets, from each part, a point for each model below it and half for its equals.
    - kemeny: the order with the fewest disagreements with the parts over pairs of models
      (Kemeny 1959); the value counts the pairs of models, over the parts, won by the model.

    Raises:
        RankingError: no parts, an unknown rule, or parts that do not score the same models.
    """
    models = _same_models(parts)
    scores = np.array([[part[model] for model in models] for part in parts.values()])
    above = (scores[:, :, None] > scores[:, None, :]).astype(float)
    won = (above + (scores[:, :, None] == scores[:, None, :]) / 2).sum(axis=0)
    np.fill_diagonal(won, 0)
    exact = True
    match rule:
        case "mean":
            value, name = scores.mean(axis=0), "plain mean of the scores"
            order = _descending(value)
        case "borda":
            value, name = won.sum(axis=1), "Borda count"
            order = _descending(value)
        case "kemeny":
            value, exact = won.sum(axis=1), len(models) <= EXACT
            order = _exact_order(won) if exact else _searched_order(won)
            name = "Kemeny–Young order" + ("" if exact else " (local search)")
        case _:
            raise RankingError(f"rule {rule!r} is none of mean, borda, kemeny")
    rows = tuple(
        CombinedRow(model=models[model], place=place, value=float(value[model]))
        for place, model in enumerate(order, start=1)
    )
    return Combined(rule=name, parts=tuple(parts), rows=rows, exact=exact)


def disagreements(order: Sequence[int], won: Floats) -> float:
    """Return the Kemeny distance of an order: what pairs won by the lower model add up to."""
    return float(sum(won[below, above] for above, below in combinations(order, 2)))


def _same_models(parts: Mapping[str, Mapping[str, float]]) -> list[str]:
    if not parts:
        raise RankingError("there are no rankings to combine")
    everyone = sorted({model for part in parts.values() for model in part})
    for name, part in parts.items():
        if absent := [model for model in everyone if model not in part]:
            raise RankingError(
                f"{name} does not score {', '.join(absent)}; combine the same models"
            )
    return everyone


def _descending(value: Floats) -> list[int]:
    return [int(model) for model in np.lexsort((np.arange(len(value)), -value))]


def _exact_order(won: Floats) -> list[int]:
    """Best order by dynamic programming over sets: the best cost of placing a set on top."""
    models = len(won)
    cost = np.full(1 << models, np.inf)
    last = np.zeros(1 << models, dtype=int)
    cost[0] = 0
    for chosen in range(1 << models):
        rest = [model for model in range(models) if not chosen >> model & 1]
        for model in rest:
            lost = sum(won[other, model] for other in rest if other != model)
            grown = chosen | 1 << model
            if cost[chosen] + lost < cost[grown] - 1e-12:
                cost[grown], last[grown] = cost[chosen] + lost, model
    order = []
    chosen = (1 << models) - 1
    while chosen:
        order.append(int(last[chosen]))
        chosen ^= 1 << order[-1]
    return order[::-1]


def _searched_order(won: Floats) -> list[int]:
    """Order by local search from the Borda order: move one model at a time while that helps."""
    order = _descending(won.sum(axis=1))
    improved = True
    while improved:
        improved = False
        for model in list(order):
            rest = [other for other in order if other != model]
            gains = np.concatenate([[0], np.cumsum(won[model, rest] - won[rest, model])])
            best = int(np.argmin(gains))
            at = order.index(model)
            if gains[best] < gains[at] - 1e-12:
                order = [*rest[:best], model, *rest[best:]]
                improved = True
    return order
