"""What the battles say, as numbers: one cell for each prompt and pair of models.

Statistics work on these arrays. Sums are taken in fixed point, so they do not depend on the order
of the rows, to the last bit.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from leaderboards.records import RankingError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_POINT = float(2**40)
"""Fixed point: sums of weights up to 8 million are exact to 1e-12."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """R cells over P prompts and M models; `first` < `second` index `models`.

    `weight` is the weight of all verdicts on the prompt's pair and `won` the part of it won by
    `first`; `games` counts the verdicts and `ties` those that split the point evenly. Cells are
    sorted by prompt, first, second.
    """

    models: tuple[str, ...]
    prompts: pl.Series
    prompt: Ints
    first: Ints
    second: Ints
    weight: Floats
    won: Floats
    games: Ints
    ties: Ints


def gather(battles: pl.DataFrame) -> Evidence:
    """Return the cells of a battles table; a battle without a prompt id is a prompt of its own.

    Raises:
        RankingError: there are no battles, a model meets itself, or a number is out of range.
    """
    _check(battles)
    named = _named_prompts(battles)
    models = pl.concat([named["model_a"], named["model_b"]]).unique().sort()
    prompts = named["prompt_id"].unique().sort()
    coded = named.select(
        _codes("prompt_id", prompts),
        _codes("model_a", models),
        _codes("model_b", models),
        "outcome",
        "weight",
    )
    cells = _cells(coded)
    return Evidence(
        models=tuple(models),
        prompts=prompts,
        prompt=_ints(cells["prompt_id"]),
        first=_ints(cells["first"]),
        second=_ints(cells["second"]),
        weight=_ints(cells["weight"]) / _POINT,
        won=_ints(cells["won"]) / _POINT,
        games=_ints(cells["games"]),
        ties=_ints(cells["ties"]),
    )


def keep_cells(evidence: Evidence, kept: NDArray[np.bool_]) -> Evidence:
    """Return the evidence of the cells where `kept` (R,) is true; prompts and models stay."""
    columns = ("prompt", "first", "second", "weight", "won", "games", "ties")
    return replace(evidence, **{name: getattr(evidence, name)[kept] for name in columns})


def games_of_models(evidence: Evidence) -> Ints:
    """Return the number of verdicts on each model (M,)."""
    return _per_model(evidence, evidence.first, evidence.games) + _per_model(
        evidence, evidence.second, evidence.games
    )


def prompts_of_models(evidence: Evidence) -> Ints:
    """Return the number of prompts with a verdict on each model (M,)."""
    models = len(evidence.models)
    keys = np.concatenate(
        [evidence.prompt * models + evidence.first, evidence.prompt * models + evidence.second]
    )
    return np.bincount(np.unique(keys) % models, minlength=models).astype(np.int64)


def _per_model(evidence: Evidence, model: Ints, games: Ints) -> Ints:
    counts = np.bincount(model, weights=games, minlength=len(evidence.models))
    return np.asarray(np.rint(counts), dtype=np.int64)


def _check(battles: pl.DataFrame) -> None:
    if not battles.height:
        raise RankingError("there are no battles to rank: every verdict is missing")
    own = battles.filter(pl.col("model_a") == pl.col("model_b"))
    if own.height:
        raise RankingError(f"model {own['model_a'][0]!r} is matched with itself")
    fits = (
        pl.col("outcome").is_between(0, 1) & (pl.col("weight") > 0) & pl.col("weight").is_finite()
    )
    if not battles.select(fits.fill_null(False).all()).item():
        raise RankingError("an outcome is not between 0 and 1, or a weight is not positive")


def _named_prompts(battles: pl.DataFrame) -> pl.DataFrame:
    if not battles["prompt_id"].null_count():
        return battles
    alone = pl.lit("\0row ") + pl.int_range(pl.len()).cast(pl.String).str.zfill(12)
    in_order = battles.sort(pl.exclude("prompt_id"))
    return in_order.with_columns(prompt_id=pl.col("prompt_id").fill_null(alone))


def _codes(column: str, values: pl.Series) -> pl.Expr:
    return pl.col(column).cast(pl.Enum(values)).to_physical().cast(pl.Int64)


def _cells(coded: pl.DataFrame) -> pl.DataFrame:
    swapped = pl.col("model_a") > pl.col("model_b")
    outcome = pl.col("outcome")
    share = pl.when(swapped).then(1 - outcome).otherwise(outcome)
    return (
        coded.select(
            "prompt_id",
            first=pl.min_horizontal("model_a", "model_b"),
            second=pl.max_horizontal("model_a", "model_b"),
            weight=_fixed(pl.col("weight")),
            won=_fixed(pl.col("weight") * share),
            tie=outcome == 0.5,
        )
        .group_by("prompt_id", "first", "second")
        .agg(
            pl.col("weight", "won").sum(),
            games=pl.len().cast(pl.Int64),
            ties=pl.col("tie").sum().cast(pl.Int64),
        )
        .sort("prompt_id", "first", "second")
    )


def _fixed(value: pl.Expr) -> pl.Expr:
    return (value * _POINT).round().cast(pl.Int64)


def _ints(column: pl.Series) -> Ints:
    return column.to_numpy().astype(np.int64, copy=False)
