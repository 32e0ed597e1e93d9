"""Prompt logs as people have them -> one table of prompts, and the rows that could not be read.

A row's format is recognised by its columns, row by row, or told. The table is sorted by prompt id,
so that nothing after this step can depend on the order of the input.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from benchbuilder.languages import language_code
from benchbuilder.records import Prompt, prompt_id
from llms.errors import UserError

Row = Mapping[str, Any]

PROMPTS_SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "turns": pl.List(pl.String()),
        "language": pl.String(),
        "source": pl.String(),
        "tags": pl.List(pl.String()),
    }
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that holds no readable prompt; `line` counts lines or rows from 1."""

    file: str
    line: int
    reason: str


class PromptTable(NamedTuple):
    """What was read: a frame of `PROMPTS_SCHEMA`, sorted by id, and the rows left out."""

    prompts: pl.DataFrame
    rejected: list[Rejected]


class UnreadableRowError(ValueError):
    """This row holds no prompt; the message says why."""


def _texts(turns: Any) -> list[str]:
    """Return a list of plain texts; each turn may be a text or an object with a content."""
    if not isinstance(turns, Sequence) or isinstance(turns, str):
        raise UnreadableRowError("expected a list of turns")
    return [_content(turn) for turn in turns]


def _content(turn: Any) -> str:
    """Return the text of a turn: a string, or a message whose content is a string or parts."""
    content = turn.get("content", turn.get("value")) if isinstance(turn, Mapping) else turn
    if isinstance(content, Sequence) and not isinstance(content, str):
        content = "\n".join(part.get("text") or "" for part in content if isinstance(part, Mapping))
    if not isinstance(content, str):
        raise UnreadableRowError("a turn without text")
    return content


def _user_texts(turns: Any) -> list[str]:
    """Return what the user said in a conversation of role/content or from/value turns."""
    if not isinstance(turns, Sequence) or isinstance(turns, str):
        raise UnreadableRowError("expected a list of messages")
    speakers = [
        str(turn.get("role", turn.get("from"))).lower() if isinstance(turn, Mapping) else ""
        for turn in turns
    ]
    said = [
        _content(turn)
        for turn, speaker in zip(turns, speakers, strict=True)
        if speaker in {"user", "human"}
    ]
    if not said:
        raise UnreadableRowError("no turn by the user")
    return said


def _one_text(value: Any) -> list[str]:
    """Return a prompt that is one text, or already a list of turns or messages."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Sequence) and value and isinstance(value[0], Mapping):
        return _user_texts(value)
    return _texts(value)


class Format(NamedTuple):
    """How one kind of log keeps its prompts: in which column, and how to get the turns out."""

    column: str
    turns: Callable[[Any], list[str]]


FORMATS: Mapping[str, Format] = {
    "turns": Format("turns", _texts),
    "lmsys": Format("conversation", _user_texts),
    "arena": Format("conversation_a", _user_texts),
    "sharegpt": Format("conversations", _user_texts),
    "openai": Format("messages", _user_texts),
    "prompt": Format("prompt", _one_text),
    "instruction": Format("instruction", _one_text),
    "question": Format("question", _one_text),
    "query": Format("query", _one_text),
    "text": Format("text", _one_text),
}
"""In order of precedence: a row with several of the columns is read by the first."""


def read_prompts(
    paths: Iterable[Path], *, form: str | None = None, max_bad: float = 0.05
) -> PromptTable:
    """Read every file of `paths` (files or folders) into one table.

    Raises:
        UserError: a path is missing, nothing readable is in it, or more than `max_bad` of the
            rows are unreadable.
    """
    prompts: list[Prompt] = []
    rejected: list[Rejected] = []
    for file in source_files(paths):
        for number, row in _rows(file):
            prompt = _prompt(row, file=file, line=number, form=form)
            if isinstance(prompt, Rejected):
                rejected.append(prompt)
            else:
                prompts.append(prompt)
    _check_share(len(prompts), rejected, max_bad)
    return PromptTable(_frame(prompts), rejected)


def _frame(prompts: Sequence[Prompt]) -> pl.DataFrame:
    columns = {name: [getattr(prompt, name) for prompt in prompts] for name in PROMPTS_SCHEMA}
    columns["turns"] = [list(turns) for turns in columns["turns"]]
    columns["tags"] = [list(tags) for tags in columns["tags"]]
    return pl.DataFrame(columns, PROMPTS_SCHEMA).sort("id", "source", "language", "tags")


def _check_share(read: int, rejected: Sequence[Rejected], max_bad: float) -> None:
    total = read + len(rejected)
    if total == 0:
        raise UserError("the input holds no rows")
    if len(rejected) > max_bad * total:
        first = rejected[0]
        raise UserError(
            f"{len(rejected)} of {total} rows are unreadable, more than {max_bad:.0%}; the first: "
            f"{first.file}, line {first.line}: {first.reason} "
            "(mend the input or allow a larger share of bad rows)"
        )


def _prompt(row: Row | str, *, file: Path, line: int, form: str | None) -> Prompt | Rejected:
    if isinstance(row, str):
        return Rejected(file.name, line, row)
    try:
        turns = tuple(_turns(row, form))
    except UnreadableRowError as error:
        return Rejected(file.name, line, str(error))
    tags = row.get("tags")
    return Prompt(
        id=prompt_id(turns),
        turns=turns,
        language=language_code(row.get("language")),
        source=str(row.get("source") or file.name),
        tags=tuple(map(str, tags)) if isinstance(tags, list) else (),
    )


def _turns(row: Row, form: str | None) -> list[str]:
    candidates = [FORMATS[form]] if form else FORMATS.values()
    for candidate in candidates:
        value = row.get(candidate.column)
        if value is not None:
            return candidate.turns(value)
    wanted = ", ".join(candidate.column for candidate in candidates)
    raise UnreadableRowError(f"none of the columns {wanted}; it has {', '.join(map(str, row))}")


def source_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files that `paths` (files or folders) stand for.

    Raises:
        UserError: a path is missing, or a folder holds nothing that can be read.
    """
    return [file for path in paths for file in _files_of(path)]


def _files_of(path: Path) -> list[Path]:

    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"no such file or folder: {path}")
    found = sorted(file for file in path.iterdir() if file.suffix in READERS)
    if not found:
        raise UserError(f"{path} holds no file of the kinds {', '.join(READERS)}")
    return found


def _rows(file: Path) -> Iterator[tuple[int, Row | str]]:
    """Yield (line, row), or (line, why it is unreadable)."""
    reader = READERS.get(file.suffix)
    if reader is None:
        raise UserError(f"{file}: unknown kind of file; known are {', '.join(READERS)}")
    try:
        yield from reader(file)
    except (OSError, UnicodeDecodeError, csv.Error, pl.exceptions.PolarsError) as error:
        raise UserError(f"cannot read {file}: {error}") from error


def _jsonl_rows(file: Path) -> Iterator[tuple[int, Row | str]]:
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _json_row(line)


def _json_row(line: str) -> Row | str:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        return f"not JSON ({error.msg})"
    return value if isinstance(value, dict) else "not a JSON object"


def _json_rows(file: Path) -> Iterator[tuple[int, Row | str]]:
    try:
        values = json.loads(file.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise UserError(f"{file} is not JSON ({error.msg}, line {error.lineno})") from error
    if not isinstance(values, list):
        raise UserError(f"{file}: expected a JSON list of objects")
    for number, value in enumerate(values, start=1):
        yield number, value if isinstance(value, dict) else "not a JSON object"


def _csv_rows(file: Path) -> Iterator[tuple[int, Row | str]]:
    delimiter = "\t" if file.suffix == ".tsv" else ","
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, delimiter=delimiter)
        for row in reader:
            whole = None not in row and None not in row.values()
            yield reader.line_num, row if whole else "not as many cells as the header has"


def _parquet_rows(file: Path) -> Iterator[tuple[int, Row | str]]:
    yield from enumerate(pl.read_parquet(file).iter_rows(named=True), start=1)


READERS: Mapping[str, Callable[[Path], Iterator[tuple[int, Row | str]]]] = {
    ".jsonl": _jsonl_rows,
    ".json": _json_rows,
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".parquet": _parquet_rows,
}


def rejected_rows(rejected: Iterable[Rejected]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of rejected.jsonl."""
    return (asdict(row) for row in rejected)
