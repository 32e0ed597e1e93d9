"""Battles, rankings and agreement: what the statistics give out.

A battles table has the columns of `BATTLE_SCHEMA`: one row is one comparison of two models on one
prompt, `outcome` in [0, 1] being model_a's share of the point and `weight` its count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

BATTLE_SCHEMA = pl.Schema(
    {
        "prompt_id": pl.String,
        "judge": pl.String,
        "model_a": pl.String,
        "model_b": pl.String,
        "outcome": pl.Float64,
        "weight": pl.Float64,
    }
)


class RankingError(ValueError):
    """The battles cannot be ranked as asked; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingRow:
    """One model's place.

    `score`, `low` and `high` are on the scale the ranking's settings name; `rank_low` and
    `rank_high` bound its rank, 1 being best. `prompts`, `games` and `missing` count the evidence:
    prompts with at least one verdict, verdicts, and games whose verdict is owed. `if_lost` and
    `if_won` are the scores if all of those went against it, or for it; `unsettled` says that its
    rank would then change. `flips` is a number of prompts without which it would no longer be
    above the next row; None where that was not asked for, or no number is enough.
    """

    model: str
    score: float
    low: float
    high: float
    rank_low: int
    rank_high: int
    prompts: int
    games: int
    missing: int
    if_lost: float | None = None
    if_won: float | None = None
    unsettled: bool = False
    flips: int | None = None


@dataclass(slots=True)
class PairRow:
    """Score of model_a minus score of model_b, with a paired interval from the same draws.

    Not frozen, unlike the rest: 200 models have 19,900 of them, made three times as fast so.

    `separated` says that the interval leaves zero out; `holm` and `fdr` that the difference stands
    when all pairs are tested together, at the same level: with any false one as improbable as
    that (Holm), or with at most that share of false ones expected (Benjamini and Hochberg).
    """

    model_a: str
    model_b: str
    difference: float
    low: float
    high: float
    separated: bool
    p: float
    holm: bool
    fdr: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleRow:
    """One style feature's coefficient in the logistic model, with its interval."""

    feature: str
    coefficient: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """A ranking, best first, with the settings and counts it was made from."""

    settings: Mapping[str, Any]
    counts: Mapping[str, int]
    rows: tuple[RankingRow, ...]
    pairs: tuple[PairRow, ...]
    style: tuple[StyleRow, ...] = ()
