"""Shares of verdicts with intervals that resample prompts, the same draws for all of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from leaderboards.evidence import Floats
from leaderboards.intervals import percentile_interval, prompt_draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A mean over `n` units, with an interval that resamples prompts; None without any unit."""

    value: float | None
    low: float | None
    high: float | None
    n: int


ShareOf = Callable[[pl.DataFrame, pl.Expr], Share]
"""Takes a table with a prompt_id, and what is counted of each row."""


def share_of(prompts: pl.Series, *, level: float, draws: int, seed: int) -> ShareOf:
    """Return the function that gives the mean of an expression over a table's rows."""
    ids = prompts.unique().sort()
    counts = prompt_draws(len(ids), draws, seed)

    def share(table: pl.DataFrame, counted: pl.Expr) -> Share:
        by_prompt = table.group_by("prompt_id").agg(hits=counted.sum(), units=pl.len())
        placed = pl.DataFrame({"prompt_id": ids}).join(
            by_prompt, on="prompt_id", how="left", maintain_order="left"
        )
        hits, units = (
            placed[name].fill_null(0).to_numpy().astype(float) for name in ("hits", "units")
        )
        return _share(hits, units, counts, level)

    return share


def _share(hits: Floats, units: Floats, counts: Floats, level: float) -> Share:
    n = int(units.sum())
    if not n:
        return Share(value=None, low=None, high=None, n=0)
    total = counts @ units
    drawn = np.divide(counts @ hits, total, out=np.full(len(counts), np.nan), where=total > 0)
    prompts = np.array([int((units > 0).sum())])
    low, high = percentile_interval(drawn[:, None], level, prompts)
    return Share(value=float(hits.sum() / n), low=float(low[0]), high=float(high[0]), n=n)
