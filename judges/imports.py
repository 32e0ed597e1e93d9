"""Verdicts that other tools or people made -> a run folder: the plain tables.

Files may be JSON lines, CSV or Parquet. A row that cannot be used is listed with its file and
line, and the rest goes on: where the games of a row are known, it becomes a judgment without
verdict, which is owed; else it is left out. `layouts` reads the files of other tools.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import polars as pl

from judges.layouts import import_alpaca_eval, import_arena_hard, import_mt_bench
from judges.reading import (
    Convert,
    ImportReport,
    Reading,
    Unusable,
    clear,
    finish,
    needed,
    needed_models,
    needed_prompt,
    note_file,
    prompt_of,
    records,
    require_rows,
    sample_of,
    to_answer,
    write_games,
)
from judges.records import VERDICTS, Judgment
from judges.rows import Row
from judges.runs import write_battles

_OUTCOMES = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5, "tie (bothbad)": 0.5}
_SCHEMA = pl.Schema(
    {
        "prompt_id": pl.String(),
        "judge": pl.String(),
        "model_a": pl.String(),
        "model_b": pl.String(),
        "outcome": pl.Float64(),
        "weight": pl.Float64(),
        "voter": pl.String(),
        "timestamp": pl.String(),
    }
)


class Import(Protocol):
    """What every format has in common."""

    def __call__(
        self,
        paths: Sequence[Path],
        *,
        out: Path,
        answers: Path | None = None,
        prompts: Path | None = None,
    ) -> ImportReport:
        """Write a run folder from files, with their faults reported."""


def import_games(
    paths: Sequence[Path], *, out: Path, answers: Path | None = None, prompts: Path | None = None
) -> ImportReport:
    """Write a run folder from files of games: prompt_id, judge, model_a, model_b, verdict.

    Columns text and sample are taken where they are. model_a is the answer shown first; `verdict`
    is one of `VERDICTS` or the probability that A is better. A missing or unknown verdict becomes
    a judgment without one.

    Args:
        paths: the files.
        out: the run folder.
        answers: a file of answers: prompt_id, model [, sample] and text, or style counts.
        prompts: a benchmark, for texts and categories.

    Raises:
        UserError: a file cannot be read, no row can be used, or `out` holds a run that was not
            imported.
    """
    reading = Reading()
    games = list(records(paths, _judgment, reading))
    require_rows(len(games), paths, reading)
    clear(out)
    models = write_games(out, games)
    return _finish("games", reading, out, len(games), models, answers, prompts)


def import_battles(
    paths: Sequence[Path], *, out: Path, answers: Path | None = None, prompts: Path | None = None
) -> ImportReport:
    """Write a run folder from files of battles: [prompt_id,] model_a, model_b, winner or outcome.

    `winner` is model_a, model_b, tie or tie (bothbad); `outcome` is model_a's share of the point.
    Columns weight, judge, voter and timestamp are taken where they are. Arguments and errors as
    `import_games`.
    """
    return _import_battles("battles", _battle, paths, out, answers, prompts)


def import_votes(
    paths: Sequence[Path], *, out: Path, answers: Path | None = None, prompts: Path | None = None
) -> ImportReport:
    """Write a run folder from files of human votes: prompt_id, model_a, model_b, winner, voter.

    Arguments and errors as `import_games`.
    """
    return _import_battles("votes", _vote, paths, out, answers, prompts)


IMPORTS: Mapping[str, Import] = {
    "arena-hard": import_arena_hard,
    "alpaca-eval": import_alpaca_eval,
    "mt-bench": import_mt_bench,
    "games": import_games,
    "battles": import_battles,
    "votes": import_votes,
}
"""Formats by name."""


def _import_battles(
    kind: str,
    convert: Callable[[Row], tuple[Row, str | None]],
    paths: Sequence[Path],
    out: Path,
    answers: Path | None,
    prompts: Path | None,
) -> ImportReport:
    reading = Reading()
    tables = [_battles(path, convert, reading) for path in paths]
    battles = pl.concat(tables).sort(pl.all())
    require_rows(battles.height, paths, reading)
    known = [name for name in battles.columns if battles[name].null_count() < battles.height]
    clear(out)
    optional = ("voter", "timestamp")
    write_battles(out, battles.select(c for c in _SCHEMA if c not in optional or c in known))
    models = set(battles["model_a"].unique()) | set(battles["model_b"].unique())
    return _finish(kind, reading, out, battles.height, models, answers, prompts)


def _battles(path: Path, convert: Convert[Row], reading: Reading) -> pl.DataFrame:
    """Return the battles of a file: whole columns of a plain Parquet file, else row by row."""
    table = _plain_columns(path) if path.suffix.lower() == ".parquet" else None
    if table is None:
        return pl.DataFrame(list(records([path], convert, reading)), schema=_SCHEMA)
    reading.rows += table.height
    note_file(path, table.height, reading)
    people = {} if convert is _battle else {"judge": pl.lit("people")}
    return table.with_columns(**people)


def _plain_columns(path: Path) -> pl.DataFrame | None:
    """Return the battles of a Parquet file in which nothing is missing or odd, else None."""
    table = pl.read_parquet(path)
    if not {"prompt_id", "model_a", "model_b", "winner"} <= set(table.columns):
        return None
    winner = pl.col("winner").replace_strict(_OUTCOMES, default=None, return_dtype=pl.Float64)
    given = {name: pl.col(name) for name in _SCHEMA if name in table.columns}
    plain = table.select(
        **{name: pl.lit(None) for name in ("voter", "timestamp")}
        | {"judge": pl.lit("imported"), "weight": pl.lit(1.0)}
        | given
        | {"outcome": winner}
    ).select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items())
    models = pl.col("model_a", "model_b")
    good = (
        pl.all_horizontal(models.is_not_null() & (models.str.strip_chars() != ""))
        & (pl.col("model_a") != pl.col("model_b"))
        & pl.col("prompt_id", "judge", "outcome").is_not_null()
        & (pl.col("weight").is_finite() & (pl.col("weight") > 0))
    )
    return plain if plain.select(pl.all_horizontal(good).all()).item() else None


def _finish(
    kind: str,
    reading: Reading,
    out: Path,
    kept: int,
    models: set[str],
    answers: Path | None,
    prompts: Path | None,
) -> ImportReport:
    return finish(
        kind,
        reading,
        out=out,
        kept=kept,
        models=models,
        answers=list(records([answers], to_answer, reading)) if answers else [],
        answers_from=answers,
        prompts=prompts,
    )


def _judgment(row: Row) -> tuple[Judgment, str | None]:
    verdict, fault = _verdict(row.get("verdict"))
    text = row.get("text")
    model_a, model_b = needed_models(row)
    game = Judgment(
        prompt_id=needed_prompt(row),
        judge=needed(row, "judge"),
        model_a=model_a,
        model_b=model_b,
        sample=sample_of(row),
        verdict=verdict,
        text=None if text is None else str(text),
        error=fault,
    )
    return game, fault


def _verdict(value: object) -> tuple[str | None, str | None]:
    """Return the verdict as a run holds it, or None and what is wrong with it."""
    if value is None:
        return None, "no verdict"
    text = str(value).strip()
    if text in VERDICTS or _share(text) is not None:
        return text, None
    return None, f"unknown verdict {text!r}"


def _battle(row: Row) -> tuple[Row, str | None]:
    model_a, model_b = needed_models(row)
    return {
        "prompt_id": prompt_of(row),
        "judge": str(row.get("judge") or "imported"),
        "model_a": model_a,
        "model_b": model_b,
        "outcome": _outcome(row),
        "weight": _weight(row.get("weight")),
        **_who_and_when(row),
    }, None


def _vote(row: Row) -> tuple[Row, str | None]:
    battle, _ = _battle(row)
    return battle | {"prompt_id": needed_prompt(row), "judge": "people", "weight": 1.0}, None


def _who_and_when(row: Row) -> Row:
    given = {name: row.get(name) for name in ("voter", "timestamp")}
    return {name: None if value is None else str(value) for name, value in given.items()}


def _weight(value: object) -> float:
    weight = 1.0 if value is None else _number(value)
    if weight is None or not 0 < weight < math.inf:
        raise Unusable(f"weight {value!r} is not a positive number")
    return weight


def _outcome(row: Row) -> float:
    winner = row.get("winner")
    if winner is not None:
        if winner not in _OUTCOMES:
            raise Unusable(f"winner {winner!r} is none of {', '.join(_OUTCOMES)}")
        return _OUTCOMES[winner]
    if row.get("outcome") is None:
        raise Unusable("neither a winner nor an outcome")
    share = _share(row["outcome"])
    if share is None:
        raise Unusable(f"outcome {row['outcome']!r} is not between 0 and 1")
    return share


def _share(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= 1 else None


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
