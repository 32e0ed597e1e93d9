"""Verdicts that other tools or people made -> a run folder.

Files may be JSON lines, CSV or Parquet. A row that cannot be used is listed with its file and
line, and the rest goes on: where the games of a row are known, it becomes a judgment without
verdict, which is owed; else it is left out.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from benchbuilder.records import read_benchmark
from judges.records import VERDICTS, Answer, Judgment
from judges.rows import BadRow, Row, read_rows
from judges.runs import write_answers, write_battles, write_judgments, write_meta, write_prompts
from judges.style import count_style, token_counter
from llms.errors import UserError

Record = TypeVar("Record")
_STYLE = ("tokens", "headers", "lists", "bold")
_OUTCOMES = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5, "tie (bothbad)": 0.5}
_PROMPT_IDS = ("prompt_id", "question_id", "uid")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import read and wrote: rows read, rows in the run, and every row with a fault."""

    rows: int
    kept: int
    models: tuple[str, ...]
    answers: int
    bad: tuple[BadRow, ...]


@dataclass(slots=True)
class _Reading:
    """Collects rows and faults while files are read."""

    files: list[Mapping[str, Any]] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    rows: int = 0

    def fault(self, file: Path, line: int | None, reason: str) -> None:
        self.bad.append(BadRow(str(file), line, reason))


class _Unusable(ValueError):  # noqa: N818
    """Why a row is left out."""


def import_games(
    paths: Sequence[Path], *, out: Path, answers: Path | None = None, prompts: Path | None = None
) -> ImportReport:
    """Write a run folder from files of games: prompt_id, judge, model_a, model_b, verdict [, text].

    model_a is the answer shown first; `verdict` is one of `VERDICTS` or the probability that A is
    better. A missing or unknown verdict becomes a judgment without one.

    Args:
        paths: the files.
        out: the run folder.
        answers: a file of answers: prompt_id, model and text, or style counts.
        prompts: a benchmark, for texts and categories.

    Raises:
        UserError: a file cannot be read, or no row can be used.
    """
    reading = _Reading()
    games = list(_read(paths, _judgment, reading))
    _require(games, paths, reading)
    games.sort(key=lambda game: (game.judge, game.prompt_id, game.model_a, game.model_b))
    for judge, group in groupby(games, key=lambda game: game.judge):
        write_judgments(out, judge, group)
    models = {game.model_a for game in games} | {game.model_b for game in games}
    return _finish("games", reading, out, len(games), models, answers, prompts)


def import_battles(
    paths: Sequence[Path], *, out: Path, answers: Path | None = None, prompts: Path | None = None
) -> ImportReport:
    """Write a run folder from files of battles: [prompt_id,] model_a, model_b, winner or outcome.

    `winner` is model_a, model_b, tie or tie (bothbad); `outcome` is model_a's share of the point.
    Columns weight and judge are taken where they are. Arguments and errors as `import_games`.
    """
    return _import_battles("battles", _battle, paths, out, answers, prompts)


def import_votes(
    paths: Sequence[Path], *, out: Path, answers: Path | None = None, prompts: Path | None = None
) -> ImportReport:
    """Write a run folder from files of human votes: prompt_id, model_a, model_b, winner, voter.

    Arguments and errors as `import_games`.
    """
    return _import_battles("votes", _vote, paths, out, answers, prompts)


IMPORTS = {"games": import_games, "battles": import_battles, "votes": import_votes}
"""Formats by name."""


def _import_battles(
    kind: str,
    convert: Callable[[Row], tuple[Row, str | None]],
    paths: Sequence[Path],
    out: Path,
    answers: Path | None,
    prompts: Path | None,
) -> ImportReport:
    reading = _Reading()
    rows = list(_read(paths, convert, reading))
    _require(rows, paths, reading)
    battles = pl.DataFrame(
        rows,
        schema={
            "prompt_id": pl.String,
            "judge": pl.String,
            "model_a": pl.String,
            "model_b": pl.String,
            "outcome": pl.Float64,
            "weight": pl.Float64,
            "voter": pl.String,
        },
    )
    battles = battles.sort(pl.all()) if kind == "votes" else battles.drop("voter").sort(pl.all())
    write_battles(out, battles)
    models = set(battles["model_a"]) | set(battles["model_b"])
    return _finish(kind, reading, out, battles.height, models, answers, prompts)


def _read(
    paths: Sequence[Path],
    convert: Callable[[Row], tuple[Record, str | None]],
    reading: _Reading,
) -> Iterator[Record]:
    """Yield what `convert` makes of each row; it gives a record and what is wrong with it."""
    for path in paths:
        before = reading.rows
        for line, row in read_rows(path):
            reading.rows += 1
            if isinstance(row, BadRow):
                reading.bad.append(row)
                continue
            try:
                record, fault = convert(row)
            except _Unusable as reason:
                reading.fault(path, line, str(reason))
                continue
            if fault:
                reading.fault(path, line, fault)
            yield record
        reading.files.append(_described(path, reading.rows - before))


def _described(path: Path, rows: int) -> Mapping[str, Any]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "rows": rows, "sha256": sha256}


def _require(records: Sequence[object], paths: Sequence[Path], reading: _Reading) -> None:
    if not records:
        names = ", ".join(str(path) for path in paths)
        first = f"; first fault: {reading.bad[0]}" if reading.bad else ""
        raise UserError(f"no usable row in {names}{first}")


def _finish(
    kind: str,
    reading: _Reading,
    out: Path,
    kept: int,
    models: set[str],
    answers: Path | None,
    prompts: Path | None,
) -> ImportReport:
    """Write answers, prompts and run.json beside the verdicts."""
    written = _write_answers(answers, models, out, reading) if answers else 0
    if prompts:
        write_prompts(out, read_benchmark(prompts))
    write_meta(
        out,
        {
            "made_by": "judge import",
            "format": kind,
            "files": reading.files,
            "rows": reading.rows,
            "kept": kept,
            "bad_rows": len(reading.bad),
            "token_counter": token_counter().name if answers else None,
        },
    )
    return ImportReport(
        rows=reading.rows,
        kept=kept,
        models=tuple(sorted(models)),
        answers=written,
        bad=tuple(reading.bad),
    )


def _write_answers(path: Path, models: set[str], out: Path, reading: _Reading) -> int:
    read = list(_read([path], _answer, reading))
    wanted = sorted(
        (answer for answer in read if answer.model in models),
        key=lambda answer: (answer.model, answer.prompt_id),
    )
    for model, group in groupby(wanted, key=lambda answer: answer.model):
        write_answers(out, model, group)
    for model in sorted(models - {answer.model for answer in wanted}):
        reading.fault(path, None, f"no answers of model {model}")
    return len(wanted)


def _judgment(row: Row) -> tuple[Judgment, str | None]:
    verdict, fault = _verdict(row.get("verdict"))
    text = row.get("text")
    model_a, model_b = _models(row)
    game = Judgment(
        prompt_id=_prompt_id(row),
        judge=_text(row, "judge"),
        model_a=model_a,
        model_b=model_b,
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


def _share(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None


def _battle(row: Row) -> tuple[Row, str | None]:
    weight = float(row["weight"]) if _is_number(row.get("weight")) else None
    if row.get("weight") is None:
        weight = 1.0
    if weight is None or not 0 < weight < math.inf:
        raise _Unusable(f"weight {row.get('weight')!r} is not a positive number")
    prompt = next((row[name] for name in _PROMPT_IDS if row.get(name) is not None), None)
    return {
        "prompt_id": None if prompt is None else str(prompt),
        "judge": str(row.get("judge") or "imported"),
        **dict(zip(("model_a", "model_b"), _models(row), strict=True)),
        "outcome": _outcome(row),
        "weight": weight,
    }, None


def _vote(row: Row) -> tuple[Row, str | None]:
    voter = row.get("voter")
    vote = {
        "prompt_id": _prompt_id(row),
        "judge": "people",
        **dict(zip(("model_a", "model_b"), _models(row), strict=True)),
        "outcome": _outcome(row),
        "weight": 1.0,
        "voter": None if voter is None else str(voter),
    }
    return vote, None


def _outcome(row: Row) -> float:
    winner = row.get("winner")
    if winner is not None:
        if winner not in _OUTCOMES:
            raise _Unusable(f"winner {winner!r} is none of {', '.join(_OUTCOMES)}")
        return _OUTCOMES[winner]
    if row.get("outcome") is None:
        raise _Unusable("neither a winner nor an outcome")
    share = _share(row["outcome"])
    if share is None:
        raise _Unusable(f"outcome {row['outcome']!r} is not between 0 and 1")
    return share


def _answer(row: Row) -> tuple[Answer, str | None]:
    text = row.get("text")
    prompt_id, model = _prompt_id(row), _text(row, "model")
    given = {name: row.get(name) for name in _STYLE}
    if text is None and all(count is None for count in given.values()):
        answer = Answer(prompt_id=prompt_id, model=model, text=None, error="no answer")
        return answer, "neither a text nor style counts"
    if text is not None:
        counts = count_style(str(text))
        given = {
            name: getattr(counts, name) if given[name] is None else given[name] for name in _STYLE
        }
    tokens, headers, lists, bold = (_count(name, given[name]) for name in _STYLE)
    return Answer(
        prompt_id=prompt_id,
        model=model,
        text=None if text is None else str(text),
        tokens=tokens,
        headers=headers,
        lists=lists,
        bold=bold,
        error="text not given" if text is None else None,
    ), None


def _count(name: str, value: object) -> int | None:
    if value is None:
        return None
    if not _is_number(value) or float(str(value)) < 0 or not float(str(value)).is_integer():
        raise _Unusable(f"{name} {value!r} is not a count")
    return int(float(str(value)))


def _is_number(value: object) -> bool:
    try:
        return math.isfinite(float(str(value)))
    except ValueError:
        return False


def _models(row: Row) -> tuple[str, str]:
    model_a, model_b = _text(row, "model_a"), _text(row, "model_b")
    if model_a == model_b:
        raise _Unusable(f"model {model_a} is matched with itself")
    return model_a, model_b


def _prompt_id(row: Row) -> str:
    for name in _PROMPT_IDS:
        if row.get(name) is not None:
            return str(row[name])
    raise _Unusable("no prompt_id")


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if value is None or not str(value).strip():
        raise _Unusable(f"no {name}")
    return str(value)
