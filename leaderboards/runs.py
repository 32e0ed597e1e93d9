"""Runs -> battles and rankings: which verdicts count, by which judges, of which prompts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

import polars as pl

from judges.records import RunTables, with_samples
from leaderboards.battles import (
    battles_from_judgments,
    choose_judges,
    equal_judges,
    panel_weights,
)
from leaderboards.options import RankOptions
from leaderboards.rank import rank
from leaderboards.records import Ranking, RankingError


def rank_tables(
    tables: RunTables,
    *,
    judges: Sequence[str] | None = None,
    category: str | None = None,
    strong_weight: float = 3.0,
    **options: Unpack[RankOptions],
) -> Ranking:
    """Rank the models of a run.

    The draws are of all prompts of the run, so the categories share them too.

    Args:
        tables: the run.
        judges: the judges to rank by; all of them where None.
        category: keep the prompts of this category only.
        strong_weight: how many times A>>B and B>>A count.
        options: see `RankOptions`.

    Raises:
        RankingError: as `rank`, or an unknown judge or category.
    """
    whole = of_judges(tables, judges)
    part = of_category(whole, category)
    battles = battles_of(part, strong_weight=strong_weight)
    weights = judge_weights(tables)
    panel = panel_weights(battles, weights)
    samples = _samples(part)
    return rank(
        battles,
        features=tables.answers,
        missing=part.judgments.filter(pl.col("verdict").is_null()),
        missing_weight=max(strong_weight, 1.0) * max([1.0, *panel.values()]) / samples,
        prompts=_prompt_ids(whole),
        noted={
            "strong_weight": strong_weight,
            "category": category,
            "judges": sorted(panel),
            **({"samples": samples} if samples > 1 else {}),
            **({"judge_weights": weights} if weights else {}),
        },
        **options,
    )


def battles_of(
    tables: RunTables,
    *,
    judges: Sequence[str] | None = None,
    category: str | None = None,
    strong_weight: float = 3.0,
) -> pl.DataFrame:
    """Return the battles that a run is ranked by; options and errors as in `rank_tables`.

    Judges have the weights that the run's config gives them.
    """
    weights = judge_weights(tables)
    part = of_category(of_judges(tables, judges), category)
    if part.battles is not None:
        return equal_judges(part.battles, weights)
    return battles_from_judgments(part.judgments, strong_weight=strong_weight, weights=weights)


def judge_weights(tables: RunTables) -> dict[str, float]:
    """Return the weights that a run's config gives to its judges, empty where it gives none."""
    return dict(tables.meta.get("config", {}).get("judge_weights", {}))


def of_judges(tables: RunTables, judges: Sequence[str] | None) -> RunTables:
    """Return the run with the verdicts of these judges only; all of them where None.

    Raises:
        RankingError: a judge has no row.
    """
    battles = None if tables.battles is None else choose_judges(tables.battles, judges)
    judgments = tables.judgments if battles is not None else choose_judges(tables.judgments, judges)
    return replace(tables, judgments=judgments, battles=battles)


def of_category(tables: RunTables, category: str | None) -> RunTables:
    """Return the run with the prompts of this category only; all of them where None.

    Raises:
        RankingError: no prompt is of this category.
    """
    if category is None:
        return tables
    kept = tables.prompts.filter(pl.col("category") == category)
    if not kept.height:
        known = ", ".join(sorted(tables.prompts["category"].drop_nulls().unique())) or "none"
        raise RankingError(f"no prompt of category {category!r}; categories: {known}")

    def part(table: pl.DataFrame) -> pl.DataFrame:
        return table.join(kept, on="prompt_id", how="semi", maintain_order="left")

    return replace(
        tables,
        prompts=kept,
        answers=part(tables.answers),
        judgments=part(tables.judgments),
        battles=None if tables.battles is None else part(tables.battles),
    )


def _samples(tables: RunTables) -> int:
    """Return how many answers each model gave to each prompt."""
    return with_samples(tables.judgments)["sample"].n_unique() or 1


def _prompt_ids(tables: RunTables) -> list[str]:
    table = tables.judgments if tables.battles is None else tables.battles
    return table["prompt_id"].drop_nulls().unique().to_list()
