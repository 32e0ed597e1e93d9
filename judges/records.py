"""Answers and judgments, the columns their tables have, and the tables of a whole run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

VERDICTS = ("A>>B", "A>B", "A=B", "B>A", "B>>A")
"""The five labels a judge may give, A being the answer shown first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One model's answer to one prompt; `text` is None exactly when `error` is not.

    `sample` counts from 0 where a model answers each prompt several times. `text` replies to the
    prompt's last turn, `earlier` to the turns before it, oldest first.
    `tokens`, `headers`, `lists` and `bold` are style counts of the text; None where unknown.
    """

    prompt_id: str
    model: str
    sample: int = 0
    text: str | None
    earlier: tuple[str, ...] = ()
    reasoning: str | None = None
    finish_reason: str | None = None
    tokens: int | None = None
    headers: int | None = None
    lists: int | None = None
    bold: int | None = None
    cost: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """One game: a judge saw `model_a`'s answer first and `model_b`'s second.

    Both answers are of the same `sample`. `verdict` is one of `VERDICTS`, or the probability that A
    is better as a decimal number; it is None exactly when `error` is not.
    """

    prompt_id: str
    judge: str
    model_a: str
    model_b: str
    sample: int = 0
    verdict: str | None
    text: str | None = None
    cost: float | None = None
    error: str | None = None


ANSWER_SCHEMA = pl.Schema(
    {
        "prompt_id": pl.String(),
        "model": pl.String(),
        "sample": pl.Int64(),
        "text": pl.String(),
        "earlier": pl.List(pl.String()),
        "reasoning": pl.String(),
        "finish_reason": pl.String(),
        "tokens": pl.Int64(),
        "headers": pl.Int64(),
        "lists": pl.Int64(),
        "bold": pl.Int64(),
        "cost": pl.Float64(),
        "error": pl.String(),
    }
)
JUDGMENT_SCHEMA = pl.Schema(
    {
        "prompt_id": pl.String,
        "judge": pl.String,
        "model_a": pl.String,
        "model_b": pl.String,
        "sample": pl.Int64,
        "verdict": pl.String,
        "text": pl.String,
        "cost": pl.Float64,
        "error": pl.String,
    }
)
PROMPT_SCHEMA = pl.Schema(
    {
        "prompt_id": pl.String(),
        "turns": pl.List(pl.String()),
        "category": pl.String(),
        "cluster": pl.Int64(),
        "topic": pl.String(),
        "score": pl.Int64(),
        "language": pl.String(),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTables:
    """Everything a run folder holds, as tables.

    `prompts`, `answers` and `judgments` have the columns of the schemas above and may be empty
    (an imported run can lack prompts or answers). `battles` is None where there are judgments;
    an import of battles or votes has it instead, with the columns prompt_id (may be null), judge,
    model_a, model_b, outcome, weight. `meta` is run.json: what was asked for, with versions and
    digests.
    """

    meta: Mapping[str, Any]
    prompts: pl.DataFrame
    answers: pl.DataFrame
    judgments: pl.DataFrame
    battles: pl.DataFrame | None = None


def with_samples(table: pl.DataFrame) -> pl.DataFrame:
    """Return answers, judgments or battles with a column `sample`: 0 where none was given."""
    if "sample" not in table.columns:
        return table.with_columns(sample=pl.lit(0, pl.Int64))
    return table.with_columns(pl.col("sample").cast(pl.Int64).fill_null(0))
