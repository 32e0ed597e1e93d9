"""What the battles say, as numbers: one cell for each prompt and pair of models.

Statistics work on these arrays. Sums are taken in fixed point, so they do not depend on the order
of the rows, to the last bit.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from judges.records import with_samples
from leaderboards.records import RankingError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NAMES = ("prompt_id", "model_a", "model_b")
_WEIGHTS = ("weight", "won", "tied")
_COLUMNS = ("prompt", "first", "second", "sample", *_WEIGHTS, "games", "ties", "owed")
_CHUNK = 1 << 16
"""Rows summed at a time."""
_POINT = float(2**40)
"""Fixed point: sums of weights up to 8 million are exact to 1e-12."""


@dataclass(frozen=True, kw_only=True)
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

    @cached_property
    def over_prompts(self) -> "Evidence":
        """The sums over prompts: one cell for each pair of models, on no prompt."""
        models = len(self.models)
        key = self.first * models + self.second
        met = np.flatnonzero(np.bincount(key, minlength=models**2))

        def total(values: Floats | Ints) -> Floats:
            return summed(key, values, models**2)[met]

        return Evidence(
            models=self.models,
            prompts=self.prompts.clear(),
            prompt=np.zeros_like(met),
            first=met // models,
            second=met % models,
            sample=np.zeros_like(met),
            weight=total(self.weight),
            won=total(self.won),
            tied=total(self.tied),
            games=_whole(total(self.games)),
            ties=_whole(total(self.ties)),
            owed=_whole(total(self.owed)),
        )


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
    distinct = named.select(pl.col(_NAMES).unique().implode())
    known, *sides = (distinct[name].explode() for name in _NAMES)
    more = pl.Series(list(prompts), dtype=pl.String)
    ids, models = (pl.concat(some).unique().sort() for some in ([known, more], sides))
    kinds = dict(zip(_NAMES, (ids, models, models), strict=True))
    numbers = named.select(
        pl.col(name).cast(pl.Enum(values)).to_physical().cast(pl.Int64)
        for name, values in kinds.items()
    )
    prompt, a, b = (numbers[name].to_numpy() for name in _NAMES)
    outcome = named["outcome"].fill_null(np.nan).to_numpy()
    rows = _Rows(
        prompt, a, b, a > b, named["sample"].to_numpy(), outcome, named["weight"].to_numpy()
    )
    return _sum_cells(rows, ids.rename("prompt_id"), tuple(models))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a table of games: the numbers of prompt and models, NaN for a missing outcome.

    `turned` says that model_a is the second of the cell's models.
    """

    prompt: Ints
    a: Ints
    b: Ints
    turned: NDArray[np.bool_]
    sample: Ints
    outcome: Floats
    weight: Floats

    def keys(self, models: int, samples: int) -> Ints:
        """Return the number of each row's cell, by prompt, first and second model, and sample."""
        key = np.empty_like(self.prompt)
        for at in slices(len(key), _CHUNK):
            a, b = self.a[at], self.b[at]
            first = np.minimum(a, b)
            pair = (self.prompt[at] * models + first) * models + (a + b - first)
            key[at] = pair * samples + self.sample[at]
        return key


def _sum_cells(rows: _Rows, prompts: pl.Series, models: tuple[str, ...]) -> Evidence:
    """Sum the rows of each cell, so many rows at a time that they stay near the processor."""
    samples = int(rows.sample.max()) + 1
    key, order = _sorted(rows.keys(len(models), samples))
    start = np.append(np.flatnonzero(np.diff(key, prepend=-1)), len(key))
    columns: dict[str, Any] = {
        field: np.empty(len(start) - 1, np.float64 if field in _WEIGHTS else np.int64)
        for field in _COLUMNS
    }

    def fill(cells: slice) -> None:
        begin = start[cells.start : cells.stop + 1]
        at = slice(begin[0], begin[-1])
        sums = _sums(rows, key[at], order[at], begin - begin[0], len(models), samples)
        for field, values in sums.items():
            columns[field][cells] = values

    cuts = np.unique(np.searchsorted(start, np.arange(0, len(key), _CHUNK))).tolist()
    with ThreadPoolExecutor() as pool:
        list(pool.map(fill, map(slice, cuts, [*cuts[1:], len(start) - 1])))
    return Evidence(models=models, prompts=prompts, **columns)


def _sums(
    rows: _Rows, key: Ints, order: Ints, start: Ints, models: int, samples: int
) -> dict[str, Any]:
    """Return the columns of an `Evidence` for sorted rows; R cells lie between R + 1 `start`s."""
    outcome, weight = rows.outcome.take(order), rows.weight.take(order)
    judged, tie = ~np.isnan(outcome), outcome == 0.5
    share = np.where(judged, np.abs(rows.turned.take(order) - outcome), 0)
    both, sample = np.divmod(key[start[:-1]], samples)
    alone, second = np.divmod(both, models)
    prompt, first = np.divmod(alone, models)

    def total(values: Ints | NDArray[np.bool_]) -> Ints:
        return np.asarray(np.add.reduceat(values, start[:-1], dtype=np.int64))

    games, points = total(judged), _whole(weight * _POINT)
    return {
        "prompt": prompt,
        "first": first,
        "second": second,
        "sample": sample,
        "weight": total(points) / _POINT,
        "won": total(_whole(weight * share * _POINT)) / _POINT,
        "tied": total(points * tie) / _POINT,
        "games": games,
        "ties": total(tie),
        "owed": np.diff(start) - games,
    }


def keep_cells(evidence: Evidence, kept: NDArray[np.bool_]) -> Evidence:
    """Return the evidence of the cells where `kept` (R,) is true; prompts and models stay."""
    return replace(evidence, **{name: getattr(evidence, name)[kept] for name in _COLUMNS})


def games_of_models(evidence: Evidence) -> Ints:
    """Return the number of verdicts on each model (M,)."""
    return per_model(evidence.over_prompts, evidence.over_prompts.games)


def per_model(evidence: Evidence, counts: Ints) -> Ints:
    """Return the sums (M,) of the cells' `counts` (R,) over the cells of each model."""
    return _whole(by_model(evidence, counts, counts))


def by_model(evidence: Evidence, first: Floats | Ints, second: Floats | Ints) -> Floats:
    """Return the sums (M,) of what cells (R,) give to their first and to their second model."""
    models = len(evidence.models)
    return summed(evidence.first, first, models) + summed(evidence.second, second, models)


def summed(index: Ints, values: Floats | Ints, size: int) -> Floats:
    """Return the sums (size,) of the values that share an index."""
    return np.asarray(np.bincount(index, values, size), dtype=np.float64)


def prompts_judged(evidence: Evidence) -> int:
    """Return the number of prompts with a verdict."""
    return int(np.count_nonzero(np.diff(_judged(evidence).prompt, prepend=-1)))


def prompts_of_models(evidence: Evidence) -> Ints:
    """Return the number of prompts with a verdict on each model (M,)."""
    models = len(evidence.models)
    judged = _judged(evidence)
    if len(evidence.prompts) * models >= 50_000_000:
        keys = [judged.prompt * models + model for model in (judged.first, judged.second)]
        return np.bincount(np.unique(np.concatenate(keys)) % models, minlength=models)
    seen = np.zeros((len(evidence.prompts), models), dtype=bool)
    for at in slices(len(judged.prompt), _CHUNK):
        seen[judged.prompt[at], judged.first[at]] = True
        seen[judged.prompt[at], judged.second[at]] = True
    return np.asarray(seen.sum(axis=0), dtype=np.int64)


def _judged(evidence: Evidence) -> Evidence:
    """Return the evidence of the cells that have a verdict."""
    return evidence if evidence.games.all() else keep_cells(evidence, evidence.games > 0)


def slices(length: int, step: int) -> list[slice]:
    """Return slices of so many numbers that cover a length."""
    return [slice(low, min(low + step, length)) for low in range(0, length, step)]


def _check(battles: pl.DataFrame) -> None:
    if not battles.height:
        raise RankingError("there are no battles to rank: every verdict is missing")
    weight, own = pl.col("weight"), pl.col("model_a") == pl.col("model_b")
    fits = pl.col("outcome").is_between(0, 1) & (weight > 0) & weight.is_finite()
    itself, fit = battles.select(own.any(), fit=fits.fill_null(False).all()).row(0)
    if itself:
        raise RankingError(f"model {battles.filter(own)['model_a'][0]!r} is matched with itself")
    if not fit:
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


def _sorted(key: Ints) -> tuple[Ints, Ints]:
    """Return the sorted keys, and the stable order that sorts them: together in one integer where
    both fit, which is many times faster than an indirect sort."""
    row_bits = max(len(key) - 1, 1).bit_length()
    if int(key.max()).bit_length() + row_bits > 62:
        order = np.argsort(key, kind="stable")
        return key[order], order
    packed = (key << row_bits) | np.arange(len(key))
    packed.sort()
    return packed >> row_bits, packed & ((1 << row_bits) - 1)


def _whole(values: Floats) -> Ints:
    return np.rint(values).astype(np.int64)
