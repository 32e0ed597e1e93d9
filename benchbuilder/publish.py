"""The files a benchmark is published as.

benchmark.jsonl, card.json, README.md (a dataset card), prompts.parquet (every input prompt and
why it was kept or dropped), prompts.html (the map), rejected.jsonl, embeddings.npy.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchbuilder.embed import Vectors
from benchbuilder.records import BenchmarkItem, Criteria, write_benchmark
from benchbuilder.sources import Rejected, Source, rejected_rows
from llms.files import write_jsonl, write_whole
from prompts import template

Card = Mapping[str, Any]


def file_digest(file: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with file.open("rb") as content:
        hashed = sha256()
        while block := content.read(1 << 20):
            hashed.update(block)
    return hashed.hexdigest()


def source_entry(source: Source) -> dict[str, Any]:
    """Return what a card says of one input: its name, size and digest (none for a hub dataset)."""
    if not source.path.is_file():
        return {"file": source.label, "bytes": None, "sha256": None}
    return {
        "file": source.label,
        "bytes": source.path.stat().st_size,
        "sha256": file_digest(source.path),
    }


def funnel(prompts: pl.DataFrame) -> dict[str, int]:
    """Return how many prompts came in, were dropped for which reason, and were kept."""
    dropped = prompts["reason"].drop_nulls().value_counts().sort("count", "reason", descending=True)
    return {
        "read": prompts.height,
        **dict(dropped.iter_rows()),
        "kept": prompts["reason"].null_count(),
    }


def write_all(
    out: Path,
    prompts: pl.DataFrame,
    *,
    vectors: Vectors,
    rejected: Sequence[Rejected],
    card: Card,
) -> list[BenchmarkItem]:
    """Write every file of a benchmark but prompts.html, and return its items."""
    write_prompt_tables(out, prompts, vectors=vectors, rejected=rejected)
    items = write_items(out, prompts)
    digests = {"benchmark.jsonl": file_digest(out / "benchmark.jsonl")}
    write_card(out, {**card, "digests": digests})
    return items


def write_prompt_tables(
    out: Path, prompts: pl.DataFrame, *, vectors: Vectors, rejected: Sequence[Rejected]
) -> None:
    """Write prompts.parquet, embeddings.npy and rejected.jsonl.

    The column `row` of prompts.parquet says which row of embeddings.npy is a prompt's vector.
    """
    write_whole(out / "prompts.parquet", _parquet(prompts))
    array = io.BytesIO()
    np.save(array, vectors, allow_pickle=False)
    write_whole(out / "embeddings.npy", array.getvalue())
    write_jsonl(out / "rejected.jsonl", rejected_rows(rejected))


def write_prompts_page(out: Path, draw: Callable[[pl.DataFrame, Card], bytes]) -> None:
    """Write prompts.html, the topic map, as `draw` makes it of prompts.parquet and card.json."""
    prompts = pl.read_parquet(out / "prompts.parquet")
    card = json.loads((out / "card.json").read_text(encoding="utf-8"))
    write_whole(out / "prompts.html", draw(prompts, card))


def write_card(out: Path, card: Card) -> None:
    """Write card.json and the dataset card README.md, which says the same in words."""
    text = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(out / "card.json", text + "\n")
    write_whole(out / "README.md", template("dataset_card").render(card=card) + "\n")


def write_items(out: Path, prompts: pl.DataFrame) -> list[BenchmarkItem]:
    """Write the chosen prompts as benchmark.jsonl, in the order of their ids, and return them."""
    items = items_of(prompts)
    write_benchmark(out / "benchmark.jsonl", items)
    return items


def items_of(prompts: pl.DataFrame) -> list[BenchmarkItem]:
    """Return the chosen prompts, those without a reason, as items in the order of their ids."""
    chosen = prompts.filter(pl.col("reason").is_null()).sort("id")
    return [_item(row) for row in chosen.iter_rows(named=True)]


def _item(row: Mapping[str, Any]) -> BenchmarkItem:
    return BenchmarkItem(
        id=row["id"],
        turns=tuple(row["turns"]),
        language=row["language"],
        source=row["source"],
        tags=_tags(row),
        category=row["category"],
        cluster=row["cluster"],
        topic=row["topic"],
        criteria=Criteria(*(row[name] for name in Criteria._fields)),
        score=row["score"],
    )


def _tags(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a prompt's tags, with `contaminated` where it stands in a benchmark given."""
    return (*row["tags"], *(["contaminated"] if row.get("contaminated") else []))


def _parquet(prompts: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    kept = pl.col("reason").is_null().alias("kept")
    prompts.rename({"id": "prompt_id"}).with_columns(kept).write_parquet(content)
    return content.getvalue()
