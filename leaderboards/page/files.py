"""The data files of a site, for programs: JSON, CSV, Parquet, JSON lines, and their digests."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from judges.records import JUDGMENT_SCHEMA, RunTables, with_samples
from leaderboards.encoding import json_lines, parquet
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
    yield "data/leaderboard.parquet", parquet(pl.DataFrame(rows, infer_schema_length=None))
    if with_prompts:
        yield (
            "data/prompts.jsonl",
            json_lines(tables.prompts.rename({"prompt_id": "id"}).to_dicts()),
        )
    if (settings := config_file(data["run"])) is not None:
        yield CONFIG, settings
    answers = with_samples(tables.answers).sort("prompt_id", "model", "sample")
    yield "data/answers.parquet", parquet(answers)
    yield "data/games.parquet", parquet(games.select(JUDGMENT_SCHEMA.names()))


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
