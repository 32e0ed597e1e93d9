"""Prompt logs as people have them -> one table of prompts, and the rows that could not be read.

Read are JSONL, JSON, CSV, TSV and Parquet files, also gzip and zstd ones, folders and globs of
them, and `hf:NAME` datasets. A row's format is recognised by its columns, row by row, or told. The
table is sorted, so that nothing after this step can depend on the order of the input.
"""

import csv
import glob
import gzip
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import polars as pl

from benchbuilder.languages import language_code
from benchbuilder.records import prompt_id
from llms.errors import UserError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Row = Mapping[str, Any]
NumberedRows = Iterator[tuple[int, Row | str]]
"""(line or row number from 1, the row, or why it cannot be read)."""

PROMPTS_SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "row_id": pl.String(),
        "turns": pl.List(pl.String()),
        "language": pl.String(),
        "source": pl.String(),
        "tags": pl.List(pl.String()),
    }
)
"""`row_id` is the row's own id in its log, where it has one."""

ROW_IDS = ("id", "row_id", "conversation_id", "question_id", "conversation_hash", "uid")
HUB = "hf:"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read, and what reports call it (never an absolute path)."""

    path: Path
    label: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that holds no readable prompt; `line` counts lines or rows from 1."""

    file: str
    line: int
    reason: str


class PromptTable(NamedTuple):
    """What was read: a frame of `PROMPTS_SCHEMA`, sorted, and the rows left out."""

    prompts: pl.DataFrame
    rejected: list[Rejected]


class UnreadableRowError(ValueError):
    """This row holds no prompt; the message says why."""


def _list(value: Any) -> list[Any]:
    """Return a list that may have been written into a CSV cell as JSON."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise UnreadableRowError(f"a cell that is not JSON ({error.msg})") from error
    if not isinstance(value, list):
        raise UnreadableRowError("expected a list of turns")
    return value


def _texts(turns: Any) -> list[str]:
    """Return the texts of user turns, each a text or an object with a content."""
    return [_content(turn) for turn in _list(turns)]


def _content(turn: Any) -> str:
    """Return the text of a turn: a string, or a message whose content is a string or parts."""
    content = turn.get("content", turn.get("value")) if isinstance(turn, Mapping) else turn
    if isinstance(content, list):
        content = "\n".join(part.get("text") or "" for part in content if isinstance(part, Mapping))
    if not isinstance(content, str):
        raise UnreadableRowError("a turn without text")
    return content


def _user_texts(messages: Any) -> list[str]:
    """Return what the user said in a conversation of role/content or from/value messages."""
    said = [_content(message) for message in _list(messages) if _speaker(message) in USERS]
    if not said:
        raise UnreadableRowError("no turn by the user")
    return said


USERS = frozenset({"user", "human", "prompter"})


def _speaker(message: Any) -> str:
    if not isinstance(message, Mapping):
        raise UnreadableRowError("a message that is not an object")
    return str(message.get("role", message.get("from"))).lower()


def _one_text(value: Any) -> list[str]:
    """Return a prompt that is one text, or already a list of turns or messages."""
    if isinstance(value, str):
        return [value]
    values = _list(value)
    spoken = values and isinstance(values[0], Mapping) and {"role", "from"} & values[0].keys()
    return _user_texts(values) if spoken else _texts(values)


def _number_or_text(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, int | float) else _one_text(value)


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
    "prompt": Format("prompt", _number_or_text),
    "alpaca": Format("instruction", _number_or_text),
    "question": Format("question", _number_or_text),
    "query": Format("query", _number_or_text),
    "text": Format("text", _number_or_text),
}
"""In order of precedence: a row with several of the columns is read by the first it has."""

SYNONYMS = {"wildchat": "lmsys", "arena-hard": "turns", "mt-bench": "turns"}


def read_prompts(
    sources: Iterable[Source], *, form: str | None = None, max_bad: float = 0.05
) -> PromptTable:
    """Read every source into one table.

    Raises:
        UserError: a file cannot be opened, there are no rows, or more than `max_bad` of the rows
            are unreadable.
    """
    formats = _formats(form)
    columns: dict[str, list[Any]] = {name: [] for name in PROMPTS_SCHEMA}
    rejected: list[Rejected] = []
    given = list(sources)
    for source in given:
        for number, row in _rows(source.path):
            try:
                for name, value in _prompt(row, formats, source.label).items():
                    columns[name].append(value)
            except UnreadableRowError as error:
                rejected.append(Rejected(source.label, number, str(error)))
    if not columns["id"] and not rejected:
        raise UserError(f"no rows in {', '.join(source.label for source in given)}")
    _check_share(len(columns["id"]), rejected, max_bad)
    frame = pl.DataFrame(columns, PROMPTS_SCHEMA)
    return PromptTable(frame.sort("row_id", "id", "source", "language", "tags"), rejected)


def _formats(form: str | None) -> list[Format]:
    if form is None:
        return list(FORMATS.values())
    name = SYNONYMS.get(form, form)
    if name in FORMATS:
        return [FORMATS["prompt"], FORMATS[name]] if form == "arena-hard" else [FORMATS[name]]
    known = [*FORMATS, *SYNONYMS]
    near = get_close_matches(form, known, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    raise UserError(f"unknown format {form!r}{meant} (known: {', '.join(known)})")


def _check_share(read: int, rejected: Sequence[Rejected], max_bad: float) -> None:
    total = read + len(rejected)
    if len(rejected) > max_bad * total or read == 0:
        first = rejected[0]
        raise UserError(
            f"{len(rejected)} of {total} rows are unreadable, more than {max_bad:.0%}; the first: "
            f"{first.file}, line {first.line}: {first.reason} "
            "(mend the input, or allow a larger share with --max-bad)"
        )


def _prompt(row: Row | str, formats: Sequence[Format], label: str) -> dict[str, Any]:
    if isinstance(row, str):
        raise UnreadableRowError(row)
    turns = [_storable(turn) for turn in _turns(row, formats)]
    if not turns:
        raise UnreadableRowError("no turn at all")
    tags = row.get("tags")
    own_id = next((row[name] for name in ROW_IDS if row.get(name) is not None), None)
    return {
        "id": prompt_id(turns),
        "row_id": None if own_id is None else str(own_id),
        "turns": turns,
        "language": language_code(row.get("language")),
        "source": str(row.get("source") or label),
        "tags": [str(tag) for tag in tags] if isinstance(tags, list) else [],
    }


def _turns(row: Row, formats: Sequence[Format]) -> list[str]:
    for candidate in formats:
        value = row.get(candidate.column)
        if value is not None:
            turns = candidate.turns(value)
            more = row.get("input") if candidate.column == "instruction" else None
            return [f"{turns[0]}\n\n{more}", *turns[1:]] if more and turns else turns
    wanted = ", ".join(candidate.column for candidate in formats)
    raise UnreadableRowError(f"no value in {wanted}; the row has {', '.join(map(str, row))}")


def _storable(text: str) -> str:
    """Return `text` with halves of surrogate pairs, which no file can hold, replaced."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_table(path: Path) -> pl.DataFrame:
    """Read any table the readers know, all its columns, as one frame.

    Raises:
        UserError: it cannot be read, or a row of it cannot.
    """
    if _kind(path) == ".parquet" and path.is_file():
        return pl.read_parquet(path)
    rows = []
    for number, row in _rows(path):
        if isinstance(row, str):
            raise UserError(f"{path}, line {number}: {row}")
        rows.append(dict(row))
    return pl.DataFrame(rows, infer_schema_length=None)


def find_sources(paths: Iterable[Path]) -> list[Source]:
    """Return the files that `paths` stand for: files, folders, globs, or `hf:NAME` datasets.

    Raises:
        UserError: a path is missing, or nothing readable is in it.
    """
    return [source for path in paths for source in _sources_of(path)]


def _sources_of(path: Path) -> list[Source]:
    if str(path).startswith(HUB) or path.is_file():
        return [Source(path, path.name)]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and _kind(file))
        found = [Source(file, file.relative_to(path).as_posix()) for file in files]
    else:
        found = [Source(Path(name), Path(name).name) for name in _matches(path)]
    if not found:
        raise UserError(
            f"no such file: {path}"
            if not path.is_dir()
            else f"{path} holds no file of the kinds {', '.join(READERS)}"
        )
    return found


def _matches(path: Path) -> list[str]:
    return sorted(name for name in glob.glob(str(path), recursive=True) if Path(name).is_file())  # noqa: PTH207


def _kind(file: Path) -> str | None:
    """Return the suffix that says how to read `file`, below .gz or .zst; None if unknown."""
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in READERS else None


def _rows(path: Path) -> NumberedRows:
    if str(path).startswith(HUB):
        yield from _hub_rows(str(path).removeprefix(HUB))
        return
    kind = _kind(path)
    if kind is None:
        raise UserError(f"{path}: unknown kind of file (known: {', '.join(READERS)})")
    try:
        yield from READERS[kind](path)
    except _UNREADABLE as error:
        raise UserError(f"cannot read {path}: {error}") from error


PACKED = (".gz", ".zst")
_UNREADABLE = (
    OSError,
    EOFError,
    UnicodeDecodeError,
    csv.Error,
    pl.exceptions.PolarsError,
    zstd.ZstdError,
)


def _open(file: Path) -> TextIO:
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding="utf-8-sig", errors="replace", newline="")
    if file.suffix == ".zst":
        return zstd.open(file, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return file.open(encoding="utf-8-sig", errors="replace", newline="")


def _jsonl_rows(file: Path) -> NumberedRows:
    with _open(file) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _json_row(line)


def _json_row(line: str) -> Row | str:
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        return f"not JSON ({getattr(error, 'msg', 'nested too deeply')})"
    return value if isinstance(value, dict) else "not a JSON object"


def _json_rows(file: Path) -> NumberedRows:
    """Yield the objects of a JSON list, one object alone, or JSON lines that go by another name."""
    with _open(file) as stream:
        try:
            values = json.load(stream)
        except json.JSONDecodeError as error:
            if error.msg == "Extra data" and error.lineno > 1:
                yield from _jsonl_rows(file)
                return
            where = f"line {error.lineno}"
            raise UserError(f"{file} is not JSON ({error.msg}, {where})") from error
    rows = values if isinstance(values, list) else [values]
    for number, value in enumerate(rows, start=1):
        yield number, value if isinstance(value, dict) else "not a JSON object"


def _csv_rows(file: Path) -> NumberedRows:
    csv.field_size_limit(1 << 30)
    delimiter = "\t" if _kind(file) == ".tsv" else ","
    with _open(file) as lines:
        reader = csv.DictReader(lines, delimiter=delimiter)
        for row in reader:
            whole = None not in row and None not in row.values()
            yield reader.line_num, row if whole else "not as many cells as the header has"


def _parquet_rows(file: Path) -> NumberedRows:
    wanted = {form.column for form in FORMATS.values()} | {*ROW_IDS, "language", "source", "tags"}
    table = pl.scan_parquet(file)
    names = table.collect_schema().names()
    columns = [name for name in names if name in wanted | {"input"}] or names
    step = 10_000
    for start in range(0, table.select(pl.len()).collect().item(), step):
        batch = table.select(columns).slice(start, step).collect()
        yield from enumerate(batch.iter_rows(named=True), start=start + 1)


def _hub_rows(name: str) -> NumberedRows:
    """Yield the rows of a Hugging Face dataset, `NAME` or `NAME:SPLIT`, or a folder; streamed."""
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise UserError(
            "reading hf: datasets needs an extra: pip install 'benchbuilder[hf]'"
        ) from error
    dataset, _, split = name.partition(":")
    try:
        yield from enumerate(load_dataset(dataset, split=split or "train", streaming=True), start=1)
    except Exception as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"cannot load the dataset {name}: {said[0]}") from error


READERS: Mapping[str, Callable[[Path], NumberedRows]] = {
    ".jsonl": _jsonl_rows,
    ".ndjson": _jsonl_rows,
    ".json": _json_rows,
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".parquet": _parquet_rows,
}


def rejected_rows(rejected: Iterable[Rejected]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of rejected.jsonl."""
    return (asdict(row) for row in rejected)
