"""Shares of verdicts with intervals that resample prompts, the same draws for all of them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl

from leaderboards.evidence import Floats
from leaderboards.intervals import certain_low, percentile_interval, prompt_draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A mean over `n` units, with an interval that resamples prompts; None without any unit.

    Where all prompts say the same, resampling them shows nothing. The interval is then what the
    prompts that were not met may add: of so many prompts none would be otherwise, with
    probability (1 - level) / 2, if that share of all prompts were (Clopper and Pearson 1934).
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Draws:
    """Prompts (P, sorted), how often each is in each draw (D, P), and the level of intervals."""

    prompts: pl.Series
    counts: Floats
    level: float


class ShareOf(Protocol):
    """Takes a table with a prompt_id, and what is counted of each row: a number from `least` to
    1."""

    def __call__(self, table: pl.DataFrame, counted: pl.Expr, *, least: float = 0) -> Share:
        """Return the mean of `counted`."""


def draws_of(prompts: pl.Series, *, level: float, draws: int, seed: int) -> Draws:
    """Return draws of the prompts that stand in a column, each of them once however often."""
    ids = prompts.unique().sort()
    return Draws(ids, prompt_draws(len(ids), draws, seed), level)


def share_of(drawn: Draws) -> ShareOf:
    """Return the function that gives the mean of an expression over a table's rows."""

    def share(table: pl.DataFrame, counted: pl.Expr, *, least: float = 0) -> Share:
        by_prompt = table.group_by("prompt_id").agg(hits=counted.sum(), units=pl.len())
        placed = pl.DataFrame({"prompt_id": drawn.prompts}).join(
            by_prompt, on="prompt_id", how="left", maintain_order="left"
        )
        hits, units = (
            placed[name].fill_null(0).to_numpy().astype(float) for name in ("hits", "units")
        )
        if not units.any():
            return Share(value=None, low=None, high=None, n=0)
        low, high = _interval(hits, units, drawn.counts, drawn.level, least)
        n = int(units.sum())
        return Share(value=float(hits.sum() / n), low=low, high=high, n=n)

    return share


def _interval(
    hits: Floats, units: Floats, counts: Floats, level: float, least: float
) -> tuple[float, float]:
    """Return the ends of the interval of hits / units (P,) over `counts` (D, P) drawn prompts."""
    value = float(hits.sum() / units.sum())
    prompts = np.array([int((units > 0).sum())])
    if np.allclose(hits, value * units, rtol=0, atol=1e-9):
        unmet = 1 - float(certain_low(level, prompts)[0]) / 100
        return value - unmet * (value - least), value + unmet * (1 - value)
    total = counts @ units
    drawn = np.divide(counts @ hits, total, out=np.full(len(counts), np.nan), where=total > 0)
    low, high = percentile_interval(drawn[:, None], level, prompts)
    return float(low[0]), float(high[0])
