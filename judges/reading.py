"""The common part of all imports: read rows, keep the faults, write the run folder."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from benchbuilder.records import BenchmarkItem, read_benchmark
from judges.records import Answer, Judgment
from judges.rows import BadRow, Row, read_rows
from judges.runs import write_answers, write_judgments, write_meta, write_prompts
from judges.style import count_style, token_counter
from llms.errors import UserError

Record = TypeVar("Record")
Convert = Callable[[Row], tuple[Record, str | None]]
"""From a row to a record and what is wrong with it; raises `Unusable` where it gives no record."""
_MADE_BY = "judge import"
_STYLE = ("tokens", "headers", "lists", "bold")
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
class Reading:
    """Collects faults and counts while files are read."""

    files: list[Mapping[str, Any]] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    rows: int = 0

    def fault(self, file: Path, line: int | None, reason: str) -> None:
        """Keep a fault of a line, or of the whole file."""
        self.bad.append(BadRow(str(file), line, reason))


class Unusable(ValueError):  # noqa: N818
    """Why a row is left out."""


def records(paths: Iterable[Path], convert: Convert[Record], reading: Reading) -> Iterator[Record]:
    """Yield what `convert` makes of each row of the files; faults go to `reading`.

    Raises:
        UserError: a file cannot be read.
    """
    for path in paths:
        before = reading.rows
        for line, row in read_rows(path):
            reading.rows += 1
            if isinstance(row, BadRow):
                reading.bad.append(row)
                continue
            try:
                record, fault = convert(row)
            except Unusable as reason:
                reading.fault(path, line, str(reason))
                continue
            if fault:
                reading.fault(path, line, fault)
            yield record
        note_file(path, reading.rows - before, reading)


def note_file(path: Path, rows: int, reading: Reading) -> None:
    """Record that a file was read, with its digest."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    reading.files.append({"name": path.name, "rows": rows, "sha256": sha256})


def require_rows(kept: int, paths: Sequence[Path], reading: Reading) -> None:
    """Raise a `UserError` where no row could be used."""
    if not kept:
        names = ", ".join(str(path) for path in paths)
        first = f"; first fault: {reading.bad[0]}" if reading.bad else ""
        raise UserError(f"no usable row in {names}{first}")


def clear(out: Path) -> None:
    """Remove what an earlier import left in a run folder.

    Raises:
        UserError: the folder holds a run that no import made.
    """
    meta = out / "run.json"
    if not meta.exists():
        return
    try:
        made_by = json.loads(meta.read_text(encoding="utf-8")).get("made_by")
    except (OSError, ValueError, AttributeError):
        made_by = None
    if made_by != _MADE_BY:
        raise UserError(f"{out} holds a run that was not imported; choose another --out")
    parts = [*out.glob("judgments/*.jsonl"), *out.glob("answers/*.jsonl")]
    for file in [*parts, out / "battles.parquet", out / "benchmark.jsonl"]:
        file.unlink(missing_ok=True)


def write_games(out: Path, games: Iterable[Judgment]) -> set[str]:
    """Write the games of each judge; return the models in them."""
    ordered = sorted(
        games,
        key=lambda game: (game.judge, game.prompt_id, game.model_a, game.model_b, game.sample),
    )
    for judge, group in groupby(ordered, key=lambda game: game.judge):
        write_judgments(out, judge, group)
    return {game.model_a for game in ordered} | {game.model_b for game in ordered}


def finish(
    kind: str,
    reading: Reading,
    *,
    out: Path,
    kept: int,
    models: set[str],
    answers: Iterable[Answer],
    answers_from: Path | None,
    prompts: Path | Sequence[BenchmarkItem] | None,
) -> ImportReport:
    """Write answers, prompts and run.json beside the verdicts.

    Where there should be answers (`answers_from` is where), a model without any is a fault.
    """
    written = _write_answers(out, models, answers)
    if answers_from is not None:
        for model in sorted(models - set(written)):
            reading.fault(answers_from, None, f"no answers of model {model}")
    if prompts:
        items = read_benchmark(prompts) if isinstance(prompts, Path) else prompts
        write_prompts(out, items)
    bad = [
        {"file": Path(row.file).name, "line": row.line, "reason": row.reason} for row in reading.bad
    ]
    write_meta(
        out,
        {
            "made_by": _MADE_BY,
            "format": kind,
            "files": reading.files,
            "rows": reading.rows,
            "kept": kept,
            "bad_rows": bad,
            "token_counter": token_counter().name if written else None,
        },
    )
    return ImportReport(
        rows=reading.rows,
        kept=kept,
        models=tuple(sorted(models)),
        answers=sum(written.values()),
        bad=tuple(reading.bad),
    )


def _write_answers(out: Path, models: set[str], answers: Iterable[Answer]) -> dict[str, int]:
    """Write the answers of these models; return how many of each."""
    first: dict[tuple[str, str, int], Answer] = {}
    for answer in answers:
        if answer.model in models:
            first.setdefault((answer.model, answer.prompt_id, answer.sample), answer)
    written: dict[str, int] = {}
    for model, group in groupby(sorted(first), key=lambda key: key[0]):
        keys = list(group)
        write_answers(out, model, (first[key] for key in keys))
        written[model] = len(keys)
    return written


def to_answer(row: Row) -> tuple[Answer, str | None]:
    """Convert a row with prompt_id, model [, sample], and text or style counts."""
    text, sample = row.get("text"), sample_of(row)
    prompt_id, model = needed_prompt(row), needed(row, "model")
    given = {name: row.get(name) for name in _STYLE}
    if text is None and all(count is None for count in given.values()):
        error = row.get("error")
        answer = Answer(
            prompt_id=prompt_id,
            model=model,
            sample=sample,
            text=None,
            error=str(error or "no answer"),
        )
        return answer, None if error else "neither a text nor style counts"
    counts = [_count(name, given[name]) for name in _STYLE]
    answer = styled_answer(prompt_id, model, None if text is None else str(text), counts)
    return replace(answer, sample=sample), None


def styled_answer(
    prompt_id: str,
    model: str,
    text: str | None,
    given: Sequence[int | None] = (None, None, None, None),
) -> Answer:
    """Return an answer with its style counts: those given, else those of its text."""
    counts = count_style(text) if text is not None and None in given else None
    tokens, headers, lists, bold = (
        getattr(counts, name) if count is None and counts else count
        for name, count in zip(_STYLE, given, strict=True)
    )
    return Answer(
        prompt_id=prompt_id,
        model=model,
        text=text,
        tokens=tokens,
        headers=headers,
        lists=lists,
        bold=bold,
        error="text not given" if text is None else None,
    )


def needed(row: Row, name: str) -> str:
    """Return a column that must be there, as text."""
    value = row.get(name)
    if value is None or not str(value).strip():
        raise Unusable(f"no {name}")
    return str(value)


def prompt_of(row: Row) -> str | None:
    """Return the prompt id, under any of the names it goes by."""
    return next((str(row[name]) for name in _PROMPT_IDS if row.get(name) is not None), None)


def needed_prompt(row: Row) -> str:
    """Return the prompt id, which must be there."""
    prompt = prompt_of(row)
    if prompt is None:
        raise Unusable("no prompt_id")
    return prompt


def sample_of(row: Row) -> int:
    """Return which of a model's answers to the prompt a row is about, 0 where it does not say."""
    return _count("sample", row.get("sample")) or 0


def needed_models(row: Row, first: str = "model_a", second: str = "model_b") -> tuple[str, str]:
    """Return two models that must be there, and two."""
    model_a, model_b = needed(row, first), needed(row, second)
    if model_a == model_b:
        raise Unusable(f"model {model_a} is matched with itself")
    return model_a, model_b


def _count(name: str, value: object) -> int | None:
    if value is None:
        return None
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if number < 0 or not number.is_integer():
        raise Unusable(f"{name} {value!r} is not a count")
    return int(number)
