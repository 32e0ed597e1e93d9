"""What missing verdicts could change at most."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl

from judges.records import RunTables
from leaderboards.records import Ranking

MOST_MODELS = 40
"""Two rankings are made for each model with missing verdicts; beyond so many, none are."""


def missing_bounds(
    tables: RunTables, rank: Callable[..., Ranking], **options: Any
) -> dict[str, tuple[float, float]]:
    """Return for each model with missing verdicts its score if they all went against or for it.

    A missing verdict counts as a strong one here, the most it could have been.
    """
    if tables.battles is not None:
        return {}
    missing = tables.judgments.filter(pl.col("verdict").is_null())
    models = sorted({*missing["model_a"], *missing["model_b"]})
    if len(models) > MOST_MODELS:
        return {}
    quick = {**options, "draws": 10}
    return {
        model: (
            _score(rank(_filled(tables, model, wins=False), **quick), model),
            _score(rank(_filled(tables, model, wins=True), **quick), model),
        )
        for model in models
    }


def _filled(tables: RunTables, model: str, *, wins: bool) -> RunTables:
    first, second = ("A>>B", "B>>A") if wins else ("B>>A", "A>>B")
    owed = pl.col("verdict").is_null()
    verdict = (
        pl.when(owed & (pl.col("model_a") == model))
        .then(pl.lit(first))
        .when(owed & (pl.col("model_b") == model))
        .then(pl.lit(second))
        .otherwise("verdict")
    )
    return replace(tables, judgments=tables.judgments.with_columns(verdict=verdict))


def _score(ranking: Ranking, model: str) -> float:
    return round(next(row.score for row in ranking.rows if row.model == model), 4)
