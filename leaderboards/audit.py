"""Is this judge to be trusted? What its verdicts alone can tell.

A pair judged in both orders shows whether the judge follows the answers or their places.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from leaderboards.battles import battles_from_judgments
from leaderboards.evidence import Floats
from leaderboards.intervals import percentile_interval, prompt_draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of `n` units, with an interval that resamples prompts; None without any unit."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeAudit:
    """One judge's habits.

    `consistent` is the share of pairs, judged in both orders, on which both verdicts favour the
    same answer or both are ties; `first_twice` and `second_twice` are the shares where the answer
    in that place was favoured both times. `ties` is the share of verdicts; `failures` counts
    missing verdicts by reason.
    """

    judge: str
    games: int
    verdicts: int
    consistent: Share
    first_twice: Share
    second_twice: Share
    ties: Share
    failed: Share
    failures: Mapping[str, int]
    level: float


def audit(
    judgments: pl.DataFrame, *, level: float = 0.95, draws: int = 1000, seed: int = 0
) -> tuple[JudgeAudit, ...]:
    """Return the audit of each judge in `judgments` (`JUDGMENT_SCHEMA`), by name.

    Raises:
        RankingError: an unreadable verdict.
    """
    return tuple(
        _audit(judge, judgments.filter(pl.col("judge") == judge), level, draws, seed)
        for judge in judgments["judge"].unique().sort()
    )


def _audit(judge: str, games: pl.DataFrame, level: float, draws: int, seed: int) -> JudgeAudit:
    prompts = games["prompt_id"].unique().sort()
    counts = prompt_draws(len(prompts), draws, seed)

    def share(table: pl.DataFrame, counted: pl.Expr) -> Share:
        by_prompt = table.group_by("prompt_id").agg(hits=counted.sum(), units=pl.len())
        placed = pl.DataFrame({"prompt_id": prompts}).join(
            by_prompt, on="prompt_id", how="left", maintain_order="left"
        )
        hits, units = (
            placed[name].fill_null(0).to_numpy().astype(float) for name in ("hits", "units")
        )
        return _share(hits, units, counts, level)

    verdicts = battles_from_judgments(games)
    both = _both_orders(verdicts)
    first, again = pl.col("first_side"), pl.col("second_side")
    missing = games.filter(pl.col("verdict").is_null())
    reasons = missing["error"].fill_null("no verdict").value_counts().sort("error")
    return JudgeAudit(
        judge=judge,
        games=games.height,
        verdicts=verdicts.height,
        consistent=share(both, first == -again),
        first_twice=share(both, (first == 1) & (again == 1)),
        second_twice=share(both, (first == -1) & (again == -1)),
        ties=share(verdicts, pl.col("outcome") == 0.5),
        failed=share(games, pl.col("verdict").is_null()),
        failures=dict(reasons.iter_rows()),
        level=level,
    )


def _both_orders(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return one row a pair judged in both orders: which place each verdict favoured (1, 0, -1).

    Of several verdicts on one order, the mean counts.
    """
    side = (pl.col("outcome").mean() - 0.5).sign()
    orders = verdicts.group_by("prompt_id", "model_a", "model_b").agg(side=side)
    turned = orders.select("prompt_id", model_a="model_b", model_b="model_a", second_side="side")
    return (
        orders.filter(pl.col("model_a") < pl.col("model_b"))
        .rename({"side": "first_side"})
        .join(turned, on=["prompt_id", "model_a", "model_b"])
    )


def _share(hits: Floats, units: Floats, counts: Floats, level: float) -> Share:
    n = int(units.sum())
    if not n:
        return Share(value=None, low=None, high=None, n=0)
    total = counts @ units
    drawn = np.divide(counts @ hits, total, out=np.full(len(counts), np.nan), where=total > 0)
    prompts = np.array([int((units > 0).sum())])
    low, high = percentile_interval(drawn[:, None], level, prompts)
    return Share(value=float(hits.sum() / n), low=float(low[0]), high=float(high[0]), n=n)
