"""The data files of a site, for programs: JSON, CSV, Parquet, JSON lines, and their digests."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from judges.records import JUDGMENT_SCHEMA, RunTables, with_samples
from leaderboards.page.reproduce import CONFIG, config_file

FILES = (
    ("data/leaderboard.json", "everything this page shows, schema version 1"),
    ("data/leaderboard.csv", "the rankings as one table"),
    ("data/leaderboard.parquet", "the same for programs"),
    ("data/prompts.jsonl", "the prompts, as judge run reads them"),
    ("data/config.json", "the settings of the run, as judge run reads them"),
    ("data/answers.parquet", "the answers, with style counts"),
    ("data/games.parquet", "every game with its verdict and the judge's words"),
    ("badge.svg", "the leader in one line, for a README"),
    ("top10.svg", "the first ten, for a README"),
    ("embed.html", "the table for other pages"),
    ("SHA256SUMS", "digests of all files of this site"),
)
_RANKING = (
    *("category", "style_control", "model", "rank_low", "rank_high", "score", "low", "high"),
    *("prompts", "games", "missing"),
)


def data_files(
    tables: RunTables, data: Mapping[str, Any], games: pl.DataFrame, *, with_prompts: bool
) -> Iterator[tuple[str, bytes]]:
    """Yield the files under data/."""
    text = json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)
    yield "data/leaderboard.json", (text + "\n").encode("utf-8", "replace")
    rows = list(_ranking_rows(data))
    yield "data/leaderboard.csv", csv_bytes(_RANKING, rows)
    yield "data/leaderboard.parquet", _parquet(pl.DataFrame(rows, infer_schema_length=None))
    if with_prompts:
        yield "data/prompts.jsonl", _json_lines(tables.prompts.rename({"prompt_id": "id"}))
    if (settings := config_file(data["run"])) is not None:
        yield CONFIG, settings
    answers = with_samples(tables.answers).sort("prompt_id", "model", "sample")
    yield "data/answers.parquet", _parquet(answers)
    yield "data/games.parquet", _parquet(games.select(JUDGMENT_SCHEMA.names()))


def with_sums(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield `files` and then SHA256SUMS of them, in the form `sha256sum --check` reads."""
    lines = []
    for path, content in files:
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {path}\n")
        yield path, content
    yield "SHA256SUMS", "".join(sorted(lines, key=lambda line: line[66:])).encode()


def csv_bytes(head: Sequence[str], rows: list[dict[str, Any]]) -> bytes:
    """Return a CSV table; texts that a spreadsheet would take for a formula get an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([_cell(row[name]) for name in head] for row in rows)
    return out.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def _ranking_rows(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for board in data["boards"]:
        for key, controlled in (("raw", False), ("controlled", True)):
            for row in board[key] or ():
                yield {"category": board["category"], "style_control": controlled, **row}


def _json_lines(table: pl.DataFrame) -> bytes:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_dicts()]
    return "".join(lines).encode("utf-8", "replace")


def _parquet(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_parquet(out, compression="zstd")
    return out.getvalue()
