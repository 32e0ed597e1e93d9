"""The audit of judges, category by category: is a judge steady in code and unsteady in verse?"""

from dataclasses import dataclass
from typing import Any

import polars as pl

from judges.records import RunTables
from leaderboards.audit import JudgeAudit, audit
from leaderboards.preferences import Preferences, preferences


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryAudit:
    """One judge's habits, and what sways it, on the prompts of one category."""

    category: str
    audit: JudgeAudit
    swayed: Preferences


def audit_categories(
    tables: RunTables,
    *,
    among: pl.DataFrame | None = None,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[CategoryAudit, ...]:
    """Return the audit of every judge on every category, by judge; none with fewer than two.

    Args:
        tables: a run with judgments.
        among: as `preferences` takes it.
        level: of the intervals.
        draws: of the prompts of a category.
        seed: of the draws.

    Raises:
        RankingError: an unreadable verdict.
    """
    category = tables.prompts.select("prompt_id", "category").drop_nulls()
    judged = tables.judgments.join(category, on="prompt_id", maintain_order="left")
    names = judged["category"].unique().sort().to_list()
    drawn: dict[str, Any] = {"level": level, "draws": draws, "seed": seed}
    found = []
    for name in names if len(names) > 1 else ():
        games = judged.filter(pl.col("category") == name).drop("category")
        swayed = preferences(games, tables.answers, among=among, **drawn)
        found += [
            CategoryAudit(category=name, audit=one, swayed=swayed.of(one.judge))
            for one in audit(games, **drawn)
        ]
    return tuple(sorted(found, key=lambda one: (one.audit.judge, one.category)))
