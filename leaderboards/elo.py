"""Online Elo: ratings that depend on the order of the battles.

Kept for streams of human votes that were rated this way before. Bradley–Terry (`rank`) uses the
same evidence without depending on its order, and comes with intervals.
"""

from dataclasses import dataclass

import polars as pl

from leaderboards.records import RankingError


@dataclass(frozen=True, slots=True, kw_only=True)
class EloRow:
    """A model's rating after its last battle; it depends on the order of the battles."""

    model: str
    rating: float
    battles: int


def online_elo(
    battles: pl.DataFrame, *, k: float = 4.0, start: float = 1000.0, order: str = "timestamp"
) -> tuple[EloRow, ...]:
    """Return Elo ratings, best first, after going through the battles by the column `order`.

    Each battle moves both ratings by k·(outcome - expected), expected = 1 / (1 + 10^(-gap / 400)).
    Battles of the same moment are taken by prompt and models.

    Raises:
        RankingError: no such column, a battle without a moment, or k not positive.
    """
    if order not in battles.columns or battles[order].null_count():
        raise RankingError(f"online Elo needs a {order} for every battle: its result depends on it")
    if k <= 0:
        raise RankingError("online Elo needs a positive k")
    keys = [order, "prompt_id", "model_a", "model_b", "outcome"]
    ratings: dict[str, float] = {}
    counts: dict[str, int] = {}
    for a, b, outcome in battles.sort(keys).select("model_a", "model_b", "outcome").iter_rows():
        gap = ratings.get(a, start) - ratings.get(b, start)
        won = k * (outcome - 1 / (1 + 10 ** (-gap / 400)))
        ratings[a] = ratings.get(a, start) + won
        ratings[b] = ratings.get(b, start) - won
        for model in (a, b):
            counts[model] = counts.get(model, 0) + 1
    ranked = sorted(ratings, key=lambda model: (-ratings[model], model))
    return tuple(EloRow(model=m, rating=ratings[m], battles=counts[m]) for m in ranked)
