"""Several checkpoints in order: how each differs from the first, all of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from leaderboards.evidence import Floats
from leaderboards.intervals import critical_values, freedom, prompt_draws
from leaderboards.records import RankingError


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One checkpoint: its win rate against the baseline in percent, and its lead over the first.

    `low` and `high` bound the difference; the bounds of all rows hold together.
    """

    model: str
    score: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Checkpoints in order, the first one with a difference of 0."""

    baseline: str
    level: float
    prompts: int
    rows: tuple[SeriesRow, ...]

    @property
    def worse(self) -> bool:
        """Whether the last is worse than the first beyond the interval."""
        return self.rows[-1].high < 0


def series(
    battles: pl.DataFrame,
    models: Sequence[str],
    *,
    baseline: str,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> Series:
    """Return the paired differences of `models` from the first of them.

    Prompts are drawn, the same ones for all models, so that a hard prompt is hard for each. The
    bands are simultaneous: the largest studentised deviation over the series gives the quantile.

    Args:
        battles: columns of `BATTLE_SCHEMA`; those of the baseline against each model count.
        models: the checkpoints in order; the baseline may be the first of them.
        baseline: scores are win rates against it.

    Raises:
        RankingError: fewer than two models, or one without a battle against the baseline.
    """
    if len(models) < 2:
        raise RankingError("a series needs two models or more")
    won, played = _by_prompt(battles, models, baseline)
    scores = _scores(won, played, np.ones((1, len(won))))[0]
    drawn = _scores(won, played, prompt_draws(len(won), draws, seed))
    difference = scores - scores[0]
    # The bootstrap's own error is too small by sqrt((n - 1) / n).
    deviations = np.nan_to_num((drawn - drawn[:, :1]) - difference)
    deviations *= np.sqrt(len(won) / max(len(won) - 1, 1))
    error = deviations.std(axis=0)
    reach = _critical(deviations, error, level, len(won)) * error
    rows = zip(models, scores, difference, difference - reach, difference + reach, strict=True)
    return Series(
        baseline=baseline,
        level=level,
        prompts=len(won),
        rows=tuple(
            SeriesRow(
                model=model, score=float(s), difference=float(d), low=float(low), high=float(high)
            )
            for model, s, d, low, high in rows
        ),
    )


def _by_prompt(
    battles: pl.DataFrame, models: Sequence[str], baseline: str
) -> tuple[Floats, Floats]:
    """Return the weight won and the weight played (prompts, models) against the baseline."""
    turned = battles.select(
        "prompt_id",
        "weight",
        model="model_b",
        other="model_a",
        share=1 - pl.col("outcome"),
    )
    straight = battles.select(
        "prompt_id", "weight", model="model_a", other="model_b", share=pl.col("outcome")
    )
    met = pl.concat([turned, straight]).filter(pl.col("other") == baseline)
    prompts = met["prompt_id"].unique().sort()
    cells = met.group_by("prompt_id", "model").agg(
        won=(pl.col("share") * pl.col("weight")).sum(), played=pl.col("weight").sum()
    )
    tables = {
        name: _matrix(cells, prompts, models, baseline, name, at_baseline)
        for name, at_baseline in (("won", 0.5), ("played", 1.0))
    }
    for model, column in zip(models, tables["played"].T, strict=True):
        if not column.any():
            raise RankingError(f"{model} has no verdict against the baseline {baseline}")
    return tables["won"], tables["played"]


def _matrix(
    cells: pl.DataFrame,
    prompts: pl.Series,
    models: Sequence[str],
    baseline: str,
    name: str,
    at_baseline: float,
) -> Floats:
    matrix = np.zeros((len(prompts), len(models)))
    row = {prompt: i for i, prompt in enumerate(prompts)}
    column = {model: i for i, model in enumerate(models)}
    for prompt, model, value in cells.select("prompt_id", "model", name).iter_rows():
        if model in column:
            matrix[row[prompt], column[model]] = value
    if baseline in column:
        matrix[:, column[baseline]] = at_baseline
    return matrix


def _scores(won: Floats, played: Floats, counts: Floats) -> Floats:
    total = counts @ played
    nothing = np.full(total.shape, np.nan)
    return np.asarray(100 * np.divide(counts @ won, total, out=nothing, where=total > 0))


def _critical(deviations: Floats, error: Floats, level: float, prompts: int) -> float:
    moving = error > 0
    if not moving.any():
        return 0.0
    largest = np.abs(deviations[:, moving] / error[moving]).max(axis=1)
    known = freedom(np.array([prompts]), len(deviations))
    return float(critical_values(largest, level, known)[0])
