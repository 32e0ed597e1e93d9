"""What the battles say, as numbers: one cell for each prompt and pair of models.

Statistics work on these arrays. Sums are taken in fixed point, so they do not depend on the order
of the rows, to the last bit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from judges.records import with_samples
from leaderboards.records import RankingError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_POINT = float(2**40)
"""Fixed point: sums of weights up to 8 million are exact to 1e-12."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """R cells over P prompts and M models; `first` < `second` index `models`, which are sorted.

    A cell holds all `sample`s of the models' answers together (0), or one of them each.

    `weight` is the weight of all verdicts on the prompt's pair, `won` the part of it that `first`
    won (half of it where a verdict is a tie) and `tied` the weight of the ties. `games` and `ties`
    count verdicts, `owed` counts games without one. Cells are sorted by prompt, first, second,
    sample; a prompt may have none.
    """

    models: tuple[str, ...]
    prompts: pl.Series
    prompt: Ints
    first: Ints
    second: Ints
    sample: Ints
    weight: Floats
    won: Floats
    tied: Floats
    games: Ints
    ties: Ints
    owed: Ints


def gather(
    battles: pl.DataFrame,
    *,
    owed: pl.DataFrame | None = None,
    prompts: Iterable[str] = (),
    by_sample: bool = False,
) -> Evidence:
    """Return the cells of a battles table; a battle without a prompt id is a prompt of its own.

    Args:
        battles: columns of `BATTLE_SCHEMA`.
        owed: games without verdict: columns prompt_id, model_a, model_b.
        prompts: more prompt ids to count among the prompts, whether they have battles or not.
        by_sample: give each sample a cell of its own; both tables may then have a column sample.

    Raises:
        RankingError: there are no battles, a model meets itself, or a number is out of range.
    """
    _check(battles)
    named = _named_prompts(battles, by_sample)
    if owed is not None and owed.height:
        named = pl.concat([named, _as_owed(owed, by_sample)], how="diagonal")
    models = pl.concat([named["model_a"].unique(), named["model_b"].unique()]).unique().sort()
    more = pl.Series("prompt_id", list(prompts), pl.String)
    ids = pl.concat([named["prompt_id"].unique(), more]).unique().sort()
    a, b = _codes(named["model_a"], models), _codes(named["model_b"], models)
    return _sum_cells(
        named, ids, tuple(models), _codes(named["prompt_id"], ids), np.minimum(a, b), a > b, a + b
    )


def _sum_cells(
    named: pl.DataFrame,
    prompts: pl.Series,
    models: tuple[str, ...],
    prompt: Ints,
    first: Ints,
    swapped: NDArray[np.bool_],
    both: Ints,
) -> Evidence:
    """Sum the rows of each cell; `both` is the sum of the two models' numbers."""
    outcome = named["outcome"].fill_null(np.nan).to_numpy()
    weight = named["weight"].to_numpy()
    judged, tie = ~np.isnan(outcome), outcome == 0.5
    share = np.where(judged, np.where(swapped, 1 - outcome, outcome), 0)
    sample = named["sample"].to_numpy()
    key = (prompt * len(models) + first) * len(models) + both - first
    key = key * (int(sample.max()) + 1) + sample
    order = _sorting(key)
    start = np.flatnonzero(np.diff(key[order], prepend=-1))
    cells = order[start]
    some_owed = not judged.all()

    def total(values: Floats | Ints | NDArray[np.bool_]) -> Ints:
        return np.asarray(np.add.reduceat(values[order], start, dtype=np.int64))

    return Evidence(
        models=models,
        prompts=prompts,
        prompt=prompt[cells],
        first=first[cells],
        second=(both - first)[cells],
        sample=sample[cells],
        weight=total(_fixed(weight)) / _POINT,
        won=total(_fixed(weight * share)) / _POINT,
        tied=total(_fixed(weight * tie)) / _POINT,
        games=total(judged) if some_owed else np.diff(start, append=len(key)),
        ties=total(tie),
        owed=total(~judged) if some_owed else np.zeros_like(start),
    )


def keep_cells(evidence: Evidence, kept: NDArray[np.bool_]) -> Evidence:
    """Return the evidence of the cells where `kept` (R,) is true; prompts and models stay."""
    columns = (
        "prompt", "first", "second", "sample", "weight", "won", "tied", "games", "ties", "owed",
    )  # fmt: skip
    return replace(evidence, **{name: getattr(evidence, name)[kept] for name in columns})


def games_of_models(evidence: Evidence) -> Ints:
    """Return the number of verdicts on each model (M,)."""
    return per_model(evidence, evidence.games)


def per_model(evidence: Evidence, counts: Ints) -> Ints:
    """Return the sums (M,) of the cells' `counts` (R,) over the cells of each model."""
    return np.asarray(np.rint(by_model(evidence, counts, counts)), dtype=np.int64)


def by_model(evidence: Evidence, first: Floats | Ints, second: Floats | Ints) -> Floats:
    """Return the sums (M,) of what cells (R,) give to their first and to their second model."""
    models = len(evidence.models)
    return summed(evidence.first, first, models) + summed(evidence.second, second, models)


def summed(index: Ints, values: Floats | Ints, size: int) -> Floats:
    """Return the sums (size,) of the values that share an index."""
    return np.asarray(np.bincount(index, values, size), dtype=np.float64)


def prompts_judged(evidence: Evidence) -> int:
    """Return the number of prompts with a verdict."""
    judged = evidence.prompt[evidence.games > 0]
    return int(np.count_nonzero(np.diff(judged))) + bool(len(judged))


def prompts_of_models(evidence: Evidence) -> Ints:
    """Return the number of prompts with a verdict on each model (M,)."""
    models = len(evidence.models)
    judged = evidence.games > 0
    prompt = evidence.prompt[judged] * models
    keys = np.concatenate([prompt + evidence.first[judged], prompt + evidence.second[judged]])
    if len(evidence.prompts) * models < 50_000_000:
        seen = np.zeros(len(evidence.prompts) * models, dtype=bool)
        seen[keys] = True
        return np.asarray(seen.reshape(-1, models).sum(axis=0), dtype=np.int64)
    return np.bincount(np.unique(keys) % models, minlength=models).astype(np.int64)


def _check(battles: pl.DataFrame) -> None:
    if not battles.height:
        raise RankingError("there are no battles to rank: every verdict is missing")
    own = pl.col("model_a") == pl.col("model_b")
    if battles.select(own.any()).item():
        raise RankingError(f"model {battles.filter(own)['model_a'][0]!r} is matched with itself")
    weight = pl.col("weight")
    fits = pl.col("outcome").is_between(0, 1) & (weight > 0) & weight.is_finite()
    if not battles.select(fits.fill_null(False).all()).item():
        raise RankingError("an outcome is not between 0 and 1, or a weight is not positive")


def _named_prompts(battles: pl.DataFrame, by_sample: bool) -> pl.DataFrame:
    known = battles.select(
        "prompt_id", "model_a", "model_b", "outcome", "weight", sample=_sample(battles, by_sample)
    )
    if not known["prompt_id"].null_count():
        return known
    alone = pl.lit("\0row ") + pl.int_range(pl.len()).cast(pl.String).str.zfill(12)
    in_order = known.sort(pl.all())
    return in_order.with_columns(prompt_id=pl.col("prompt_id").fill_null(alone))


def _sample(table: pl.DataFrame, by_sample: bool) -> pl.Series:
    """Return the number of each row's sample, or 0 where samples stay together."""
    if by_sample:
        return with_samples(table)["sample"]
    return pl.zeros(table.height, pl.Int64, eager=True)


def _as_owed(owed: pl.DataFrame, by_sample: bool) -> pl.DataFrame:
    pairs = owed.select("prompt_id", "model_a", "model_b", sample=_sample(owed, by_sample))
    return pairs.with_columns(outcome=pl.lit(None, pl.Float64), weight=pl.lit(0.0))


def _codes(column: pl.Series, values: pl.Series) -> Ints:
    """Return each entry's number among the sorted `values`."""
    return column.cast(pl.Enum(values)).to_physical().to_numpy().astype(np.int64)


def _sorting(key: Ints) -> Ints:
    """Return the stable order that sorts the keys: sorted together with the row in one integer
    where both fit, which is many times faster than an indirect sort."""
    row_bits = max(len(key) - 1, 1).bit_length()
    if int(key.max()).bit_length() + row_bits > 62:
        return np.argsort(key, kind="stable")
    packed = np.sort((key << row_bits) | np.arange(len(key)))
    return packed & ((1 << row_bits) - 1)


def _fixed(values: Floats) -> Ints:
    return np.rint(values * _POINT).astype(np.int64)
