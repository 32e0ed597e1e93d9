"""Style features of a comparison: how much longer, or more marked up, one answer is.

Each is antisymmetric (swap the answers, and its sign turns), so a model's effect stays its
strength at equal style.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from judges.records import with_samples
from leaderboards.evidence import Evidence, Floats, Ints
from leaderboards.records import RankingError

StyleForm = Literal["ratio", "density"]
LENGTH_NAMES = {"length": "tokens"}
_MARKUP = ("headers", "lists", "bold")


@dataclass(frozen=True, slots=True)
class StyleFeatures:
    """Feature values (R, F) of cells, first answer against second, NaN where an answer has none.

    They are in units of `scale` (F,), after `centre` (F,) was taken off on the baseline's side.
    """

    values: Floats
    scale: Floats
    centre: Floats


def feature_columns(style: Sequence[str]) -> tuple[str, ...]:
    """Return the answer columns for names of features: `length` is the column `tokens`."""
    return tuple(LENGTH_NAMES.get(name, name) for name in style)


def style_features(
    evidence: Evidence,
    answers: pl.DataFrame,
    style: Sequence[str],
    *,
    form: StyleForm = "ratio",
    baseline: int | None = None,
    centre: bool = False,
) -> StyleFeatures:
    """Return the features of each cell, scaled to standard deviation 1 over the verdicts.

    With a and b the counts of the two answers: tokens (a - b) / (a + b); headers, lists and bold
    (a - b) / (a + b + 1), of the counts (`ratio`, as Chatbot Arena and Arena-Hard v0.1) or of the
    counts per token (`density`, as Arena-Hard v2); any other column a - b.

    Args:
        evidence: the cells.
        answers: columns prompt_id, model [, sample], and those that `style` names.
        style: `length`, `headers`, `lists`, `bold` or any numeric column.
        form: of headers, lists and bold.
        baseline: index of the model that is in every cell; values are then taken from the other
            model's side for mean and deviation. Without one both sides are taken, and the mean is
            zero.
        centre: take the mean off, which needs a baseline.

    Raises:
        RankingError: unknown feature or form, an answer twice, or centring without a baseline.
    """
    if centre and baseline is None:
        raise RankingError("features can be centred only against one baseline in every battle")
    names = feature_columns(style)
    first, second = _counts(evidence, answers, names)
    values = np.column_stack(
        [_compare(name, first, second, form) for name in names]
        or [np.empty((len(evidence.first), 0))]
    )
    side = np.where(evidence.first == baseline, -1.0, 1.0)[:, None]
    mean, scale = _moments(values * side, evidence.games, symmetric=baseline is None)
    off = mean if centre else np.zeros_like(mean)
    return StyleFeatures((values - side * off) / scale, scale, off)


def _counts(
    evidence: Evidence, answers: pl.DataFrame, names: Sequence[str]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return each column's values for the first and the second answer of each cell."""
    columns = dict.fromkeys([*names, "tokens"] if "tokens" in answers.columns else names)
    if unknown := [name for name in names if name not in answers.columns]:
        raise RankingError(
            f"the answers have no feature {', '.join(unknown)}; there are "
            f"{', '.join(_numeric(answers)) or 'none: import the run with --answers'}"
        )
    table = (
        with_samples(answers)
        .select("prompt_id", "model", "sample", *columns)
        .join(pl.DataFrame({"prompt_id": evidence.prompts}), on="prompt_id", how="semi")
        .filter(pl.col("sample") <= int(evidence.sample.max(initial=0)))
    )
    if table.select("prompt_id", "model", "sample").is_duplicated().any():
        raise RankingError("the answers table has two answers of one model to one prompt")
    codes = {model: code for code, model in enumerate(evidence.models)}
    prompts = pl.DataFrame({"prompt_id": evidence.prompts, "p": np.arange(len(evidence.prompts))})
    placed = (
        table.join(prompts, on="prompt_id")
        .with_columns(m=pl.col("model").replace_strict(codes, default=None, return_dtype=pl.Int64))
        .drop_nulls("m")
    )
    where = placed["p"].to_numpy(), placed["m"].to_numpy(), placed["sample"].to_numpy()
    shape = len(evidence.prompts), len(evidence.models), int(evidence.sample.max(initial=0)) + 1
    sides: tuple[dict[str, Floats], dict[str, Floats]] = ({}, {})
    for name in columns:
        grid = np.full(shape, np.nan)
        grid[where] = placed[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for side, models in zip(sides, (evidence.first, evidence.second), strict=True):
            side[name] = grid[evidence.prompt, models, evidence.sample]
    return sides


def _compare(
    name: str, first: dict[str, Floats], second: dict[str, Floats], form: StyleForm
) -> Floats:
    a, b = first[name], second[name]
    if name == "tokens":
        return _ratio(a - b, a + b)
    if name not in _MARKUP:
        return a - b
    if form == "density":
        if "tokens" not in first:
            raise RankingError("style form density needs the column tokens in the answers")
        a, b = a / np.maximum(first["tokens"], 1), b / np.maximum(second["tokens"], 1)
    elif form != "ratio":
        raise RankingError(f"style form {form!r} is neither ratio nor density")
    return _ratio(a - b, a + b + 1)


def _ratio(difference: Floats, total: Floats) -> Floats:
    ratio: Floats = np.divide(difference, total, out=np.zeros_like(total), where=total != 0)
    return ratio


def _moments(values: Floats, games: Ints, *, symmetric: bool) -> tuple[Floats, Floats]:
    known = ~np.isnan(values).any(axis=1)
    values, weight = values[known], games[known][:, None]
    total = max(int(weight.sum()), 1)
    mean = np.zeros(values.shape[1]) if symmetric else (values * weight).sum(axis=0) / total
    scale = np.sqrt((weight * (values - mean) ** 2).sum(axis=0) / total)
    return mean, np.where(scale > 0, scale, 1.0)


def _numeric(answers: pl.DataFrame) -> list[str]:
    return [name for name, kind in answers.schema.items() if kind.is_numeric()]
