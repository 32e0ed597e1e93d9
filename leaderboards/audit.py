"""Is this judge to be trusted? What its verdicts alone can tell.

A pair judged in both orders shows whether the judge follows the answers or their places.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from leaderboards.battles import battles_from_judgments
from leaderboards.shares import Share, draws_of, share_of

_GAME = ("prompt_id", "model_a", "model_b", "sample")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeAudit:
    """One judge's habits.

    `consistent` is the share of pairs, judged in both orders, on which both verdicts favour the
    same answer or both are ties; `first_twice` and `second_twice` are the shares where the answer
    in that place was favoured both times. `repeated` is the share of games judged again whose
    verdict was the same as the first time. `ties` is the share of verdicts; `failures` counts
    missing verdicts by reason.
    """

    judge: str
    games: int
    verdicts: int
    consistent: Share
    first_twice: Share
    second_twice: Share
    repeated: Share
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
    share = share_of(draws_of(games["prompt_id"], level=level, draws=draws, seed=seed))
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
        repeated=share(_repeats(verdicts), pl.col("outcome") == pl.col("first")),
        ties=share(verdicts, pl.col("outcome") == 0.5),
        failed=share(games, pl.col("verdict").is_null()),
        failures=dict(reasons.iter_rows()),
        level=level,
    )


def _both_orders(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return one row a pair of answers judged in both orders: the place favoured each time.

    1 is the first place, -1 the second, 0 neither. Of several verdicts on one order, the mean
    counts.
    """
    side = (pl.col("outcome").mean() - 0.5).sign()
    orders = verdicts.group_by(_GAME).agg(side=side)
    turned = orders.select(
        "prompt_id", "sample", model_a="model_b", model_b="model_a", second_side="side"
    )
    return (
        orders.filter(pl.col("model_a") < pl.col("model_b"))
        .rename({"side": "first_side"})
        .join(turned, on=_GAME)
    )


def _repeats(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return the verdicts on games that were judged before, beside the first one."""
    return verdicts.with_columns(
        first=pl.col("outcome").first().over(_GAME), turn=pl.int_range(pl.len()).over(_GAME)
    ).filter(pl.col("turn") > 0)
