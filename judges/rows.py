"""Rows of JSON-lines, JSON, CSV and Parquet files, each with its line, faults included."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from llms.errors import UserError

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be used as it stands. `line` counts from 1; None: the whole file."""

    file: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{where}: {self.reason}"


def read_rows(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield (line, row) for each row of a file, or (line, fault) where a line is no row.

    Lines count from 1; in a Parquet file or a JSON list they are rows.

    Raises:
        UserError: the file cannot be read, or its kind is none of the four.
    """
    readers = {".jsonl": _json_lines, ".json": _json, ".csv": _csv, ".parquet": _parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: expected a file ending in {', '.join(readers)}")
    try:
        yield from reader(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, pl.exceptions.PolarsError, csv.Error) as error:
        raise UserError(f"cannot read {path}: {error}") from error


def _json_lines(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    with path.open(encoding="utf-8-sig") as file:
        for line, text in enumerate(file, start=1):
            if text.strip():
                yield line, _object(path, line, text)


def _object(path: Path, line: int, text: str) -> Row | BadRow:
    try:
        value = json.loads(text)
    except ValueError as error:
        if text.startswith(("<<<<<<<", "=======", ">>>>>>>")):
            return BadRow(str(path), line, "the mark of a merge conflict")
        return BadRow(str(path), line, f"not JSON ({error})")
    return value if isinstance(value, dict) else BadRow(str(path), line, "not a JSON object")


def _json(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from error
    if not isinstance(values, list):
        raise UserError(f"{path}: expected a list of objects")
    for line, value in enumerate(values, start=1):
        good = isinstance(value, dict)
        yield line, value if good else BadRow(str(path), line, "not a JSON object")


def _csv(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            if row.pop(None, None) is not None:
                yield reader.line_num, BadRow(str(path), reader.line_num, "more cells than columns")
            else:
                yield reader.line_num, {name: cell or None for name, cell in row.items()}


def _parquet(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    yield from enumerate(pl.read_parquet(path).iter_rows(named=True), start=1)
