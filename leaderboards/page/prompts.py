"""prompts.html: the topic map and datasheet of a benchmark, before any model has run.

Drawn from prompts.parquet (every prompt that came in, and what became of it) and card.json.
Columns and keys that are missing leave out what they would have shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from leaderboards.page.battles import evenly, excerpt
from leaderboards.page.data import plain
from leaderboards.page.sections import facts, funnel_steps
from leaderboards.page.shards import json_bytes, packed
from leaderboards.page.shell import fixed, page, percent, plural

MAP_POINTS = 20_000
"""The map shows at most so many prompts: all kept ones, and an even sample of the others."""

_EXAMPLES = 3
_HIDDEN = ("funnel", "counts", "title", "name", "description", "note")
_NO_TOPIC = "no topic"


def prompts_page(prompts: pl.DataFrame, card: Mapping[str, Any]) -> bytes:
    """Return prompts.html.

    Args:
        prompts: one row a prompt, with prompt_id and turns and any of language, source, cluster,
            topic, x, y, score, kept, reason.
        card: what is known of the benchmark; `funnel` (or `counts`) are its steps in order.
    """
    table = _with_all_columns(prompts)
    values = plain(card)
    topics = _topics(table)
    title = values.get("title") or values.get("name") or "The prompts of this benchmark"
    on_map = _on_map(table)
    return page(
        "prompts.html.jinja",
        inline={"topics": [topic["name"] for topic in topics]},
        scripts=("pictures.js", "prompts.js"),
        noindex=False,
        title=title,
        description=values.get("description"),
        note=values.get("note"),
        summary=_summary(table),
        page_facts=_page_facts(table, topics),
        funnel=funnel_steps(values.get("funnel") or values.get("counts")),
        topics=topics,
        map_points=packed(json_bytes(_points(on_map, topics))) if on_map.height else None,
        shown=on_map.height,
        total=table.height,
        scores=_histogram(table, "score"),
        lengths=_lengths(table),
        languages=_shares(table, "language"),
        sources=_shares(table, "source"),
        reasons=_shares(table.filter(~pl.col("kept")), "reason"),
        card=facts({key: value for key, value in values.items() if key not in _HIDDEN}),
    )


_COLUMNS: Mapping[str, pl.DataType] = {
    "prompt_id": pl.String(),
    "turns": pl.List(pl.String()),
    "language": pl.String(),
    "source": pl.String(),
    "topic": pl.String(),
    "x": pl.Float64(),
    "y": pl.Float64(),
    "score": pl.Int64(),
    "kept": pl.Boolean(),
    "reason": pl.String(),
}


def _with_all_columns(prompts: pl.DataFrame) -> pl.DataFrame:
    missing = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in _COLUMNS.items()
        if name not in prompts.columns
    ]
    known = prompts.with_columns(missing).select(
        pl.col(name).cast(dtype, strict=False) for name, dtype in _COLUMNS.items()
    )
    topic = pl.when(pl.col("topic") != "").then("topic").otherwise(pl.lit(_NO_TOPIC))
    return known.with_columns(pl.col("kept").fill_null(value=False), topic=topic)


def _summary(table: pl.DataFrame) -> str:
    kept = table["kept"].sum()
    if not kept:
        return f"{plural(table.height, 'prompt')} came in."
    return f"{plural(table.height, 'prompt')} came in; {kept:,} of them make the benchmark."


def _page_facts(table: pl.DataFrame, topics: Sequence[Mapping[str, Any]]) -> list[str]:
    named = [topic for topic in topics if topic["name"] != _NO_TOPIC]
    languages = table["language"].drop_nulls().n_unique()
    return [
        plural(table.height, "prompt"),
        *([plural(len(named), "topic")] if named else []),
        *([plural(languages, "language")] if languages else []),
    ]


def _topics(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the topics, largest first: counts, mean score, examples (kept ones first)."""
    rows = (
        table.sort("kept", "score", "prompt_id", descending=[True, True, False], nulls_last=True)
        .group_by("topic", maintain_order=True)
        .agg(
            pl.len().alias("prompts"),
            pl.col("kept").sum(),
            pl.col("score").mean(),
            pl.col("turns").head(_EXAMPLES),
        )
        .sort(pl.col("topic") == _NO_TOPIC, -pl.col("prompts").cast(pl.Int64), "topic")
    )
    return [
        {
            "name": row["topic"],
            "prompts": row["prompts"],
            "kept": row["kept"],
            "score": None if row["score"] is None else fixed(row["score"]),
            "examples": [excerpt(turns or []) for turns in row["turns"]],
        }
        for row in rows.to_dicts()
    ]


def _on_map(table: pl.DataFrame) -> pl.DataFrame:
    placed = table.filter(pl.col("x").is_finite() & pl.col("y").is_finite())
    kept, rest = placed.filter("kept"), placed.filter(~pl.col("kept"))
    return pl.concat([kept, evenly(rest, MAP_POINTS - kept.height)])


def _points(
    table: pl.DataFrame, topics: Sequence[Mapping[str, Any]]
) -> list[list[int | str | None]]:
    """Return [x, y, topic, kept, score, id, text] for every prompt; places are thousandths."""
    number = {topic["name"]: place for place, topic in enumerate(topics)}
    placed = table.with_columns(_thousandths(table[name]) for name in ("x", "y"))
    return [
        [
            row["x"],
            row["y"],
            number[row["topic"]],
            int(row["kept"]),
            row["score"],
            row["prompt_id"],
            excerpt(row["turns"] or []),
        ]
        for row in placed.to_dicts()
    ]


def _thousandths(places: pl.Series) -> pl.Series:
    """Return places as whole numbers from 0 to 1000, far outliers drawn in towards the others."""
    values = places.to_numpy()
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    drawn = np.arcsinh((values - middle) / ((high - low) or 1.0))
    spread = drawn.max() - drawn.min()
    return pl.Series(places.name, np.round(1000 * (drawn - drawn.min()) / (spread or 1.0))).cast(
        pl.Int64
    )


def _histogram(table: pl.DataFrame, name: str) -> list[dict[str, Any]]:
    counts = table.drop_nulls(name).group_by(name).agg(pl.len(), pl.col("kept").sum()).sort(name)
    most = counts["len"].max() if counts.height else 1
    return [
        {
            "label": str(row[name]),
            "count": row["len"],
            "kept": row["kept"],
            "percent": round(100 * row["len"] / most, 1),
            "kept_percent": round(100 * row["kept"] / most, 1),
        }
        for row in counts.to_dicts()
    ]


_LENGTHS = (100, 300, 1_000, 3_000, 10_000)
_LENGTH_NAMES = (
    *("under 100", "100 to 300", "300 to 1,000", "1,000 to 3,000", "3,000 to 10,000"),
    "10,000 and more",
)


def _lengths(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the histogram of prompt lengths in characters, all turns together."""
    size = pl.col("turns").list.eval(pl.element().str.len_chars()).list.sum()
    level = sum((size >= edge).cast(pl.Int64) for edge in _LENGTHS)
    rows = _histogram(table.drop_nulls("turns").with_columns(level=level), "level")
    return [{**row, "label": _LENGTH_NAMES[int(row["label"])]} for row in rows]


def _shares(table: pl.DataFrame, name: str) -> list[dict[str, Any]]:
    counts = table.drop_nulls(name).group_by(name).len().sort("len", name, descending=[True, False])
    total = table.height or 1
    return [
        {
            "label": row[name],
            "count": row["len"],
            "share": percent(row["len"] / total),
            "percent": round(100 * row["len"] / total, 1),
        }
        for row in counts.head(12).to_dicts()
    ]
