"""The run folder: run.json, benchmark.jsonl, answers/<model>.jsonl, judgments/<judge>.jsonl.

Written whole each time and read back as `RunTables`. Names of models and judges become file names
by percent-encoding, so that `run1/checkpoint-500` and `run2/checkpoint-500` stay two models.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from benchbuilder.records import BenchmarkItem, read_benchmark, write_benchmark
from judges.records import (
    ANSWER_SCHEMA,
    JUDGMENT_SCHEMA,
    PROMPT_SCHEMA,
    Answer,
    Judgment,
    RunTables,
    with_samples,
)
from llms.errors import UserError
from llms.files import read_jsonl, write_jsonl, write_whole


@contextmanager
def alone_at(run: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the run folder `run`, made if need be; wait while another process holds it.

    The hold ends with the process, however that ends. `on_wait` is called before waiting. A folder
    that nothing was written to is taken away again.

    Raises:
        UserError: the folder cannot be made.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        folder = os.open(run, os.O_RDONLY)
    except OSError as error:
        raise UserError(f"cannot write {run}: {error.strerror or error}") from error
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        with suppress(OSError):
            run.rmdir()
        os.close(folder)


def write_meta(run: Path, meta: dict[str, Any]) -> None:
    """Write run.json."""
    text = json.dumps(meta, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_whole(run / "run.json", text + "\n")


def write_prompts(run: Path, items: Iterable[BenchmarkItem]) -> None:
    """Write the benchmark the run was made on."""
    write_benchmark(run / "benchmark.jsonl", items)


def write_answers(run: Path, model: str, answers: Iterable[Answer]) -> None:
    """Write answers/<model>.jsonl."""
    write_jsonl(run / "answers" / _file_name(model), (asdict(answer) for answer in answers))


def write_judgments(run: Path, judge: str, judgments: Iterable[Judgment]) -> None:
    """Write judgments/<judge>.jsonl."""
    write_jsonl(run / "judgments" / _file_name(judge), (asdict(game) for game in judgments))


def write_canaries(run: Path, judgments: Iterable[Judgment]) -> None:
    """Write canaries.jsonl: what judges made of answers without merit, apart from all games."""
    write_jsonl(run / "canaries.jsonl", (asdict(game) for game in judgments))


def remove_others(run: Path, models: Iterable[str], judges: Iterable[str]) -> None:
    """Remove the files of models and judges that an earlier run at this place had."""
    for folder, names in (("answers", models), ("judgments", judges)):
        kept = {_file_name(name) for name in names}
        for file in (run / folder).glob("*.jsonl"):
            if file.name not in kept:
                file.unlink()


def write_battles(run: Path, battles: pl.DataFrame) -> None:
    """Write battles.parquet, for imports that have no games."""
    file = run / "battles.parquet"
    temporary = file.with_name(".battles.parquet.part")
    try:
        run.mkdir(parents=True, exist_ok=True)
        battles.write_parquet(temporary)
        temporary.replace(file)
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror or error}") from error


def read_run(run: Path) -> RunTables:
    """Read a run folder.

    Raises:
        UserError: it is not a run folder, or a file in it is damaged.
    """
    meta_file = run / "run.json"
    try:
        meta = json.loads(meta_file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(
            f"{run} is not a run folder (no run.json); make one with `judge run` or `judge import`"
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {meta_file}: {error}") from error
    benchmark = run / "benchmark.jsonl"
    battles = run / "battles.parquet"
    return RunTables(
        meta=meta,
        prompts=_prompts(read_benchmark(benchmark) if benchmark.exists() else []),
        answers=_table(run / "answers", ANSWER_SCHEMA),
        judgments=_table(run / "judgments", JUDGMENT_SCHEMA),
        battles=pl.read_parquet(battles) if battles.exists() else None,
    )


_PART = 20_000
"""Rows that are held as Python objects at a time."""


def _prompts(items: list[BenchmarkItem]) -> pl.DataFrame:
    rows = [{"prompt_id": item.id, **asdict(item)} for item in items]
    return pl.DataFrame(
        [{name: row[name] for name in PROMPT_SCHEMA} for row in rows], PROMPT_SCHEMA
    )


def _table(folder: Path, schema: pl.Schema) -> pl.DataFrame:
    rows = (
        {name: row.get(name) for name in schema}
        for file in sorted(folder.glob("*.jsonl"))
        for _, row in read_jsonl(file)
    )
    parts = [pl.DataFrame(part, schema) for part in iter(lambda: list(islice(rows, _PART)), [])]
    return with_samples(pl.concat([pl.DataFrame(schema=schema), *parts]))


def _file_name(name: str) -> str:
    return quote(name, safe=" ") + ".jsonl"
