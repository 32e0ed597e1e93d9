"""Tables of single battles: who met whom on which prompt, and how it ended.

A battle is one prompt answered by two models, one sample of each, with all games judges gave a
verdict on; its two models stand in the order of the ranking.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import polars as pl

from judges.records import RunTables, with_samples
from leaderboards.page.shards import json_bytes

_POINTS = {"A>>B": 1.0, "A>B": 1.0, "A=B": 0.5, "B>A": 0.0, "B>>A": 0.0}
_BATTLE = ("prompt_id", "a", "b", "sample")
_EXCERPT = 160


def games_table(tables: RunTables, models: Sequence[str]) -> pl.DataFrame:
    """Return every game of a run, one row each, sorted by prompt, pair, sample and order.

    Beside the columns of judgments it has `points` (the share of the answer shown first, null
    without a verdict), `a` and `b` (positions in `models` of the two, a < b) and `first` (whether
    model a was shown first). Imported battles count as games without words.
    """
    games = tables.judgments if tables.battles is None else _games_of_battles(tables.battles)
    games = with_samples(games)
    position = {name: number for number, name in enumerate(models)}
    shown = games.filter(pl.col("model_a").is_in(models) & pl.col("model_b").is_in(models))
    first = pl.col("model_a").replace_strict(position, default=None, return_dtype=pl.Int32)
    second = pl.col("model_b").replace_strict(position, default=None, return_dtype=pl.Int32)
    return (
        shown.with_columns(
            points=_points(),
            a=pl.min_horizontal(first, second),
            b=pl.max_horizontal(first, second),
            first=first < second,
        )
        .filter(pl.col("a") != pl.col("b"))
        .sort(
            "prompt_id",
            "a",
            "b",
            "sample",
            "judge",
            "first",
            descending=[False] * 5 + [True],
            maintain_order=True,
        )
    )


def battle_table(games: pl.DataFrame, weights: Mapping[str, float] | None = None) -> pl.DataFrame:
    """Return one row per prompt, pair and sample: prompt_id, a, b, sample, share, games, failed,
    order.

    `share` is model a's share of the points over both orders, null where no game has a verdict;
    of several judges it is the mean, by their `weights` (1 where not named).
    `order` is 2 where a judge preferred different models in the two orders, 1 where one order was
    a tie and the other was not, else 0.
    """
    points = pl.when("first").then("points").otherwise(1 - pl.col("points"))
    by_judge = (
        games.with_columns(points=points)
        .group_by(*_BATTLE, "judge")
        .agg(
            share=pl.col("points").mean(),
            ahead=pl.col("points").filter("first").mean(),
            behind=pl.col("points").filter(~pl.col("first")).mean(),
            games=pl.len(),
            failed=pl.col("points").null_count(),
        )
    )
    signs = [(pl.col(name) - 0.5).sign() for name in ("ahead", "behind")]
    order = pl.when(signs[0] * signs[1] < 0).then(2).when(signs[0] != signs[1]).then(1).otherwise(0)
    share = pl.col("share")
    weight = pl.col("judge").replace_strict(weights or {}, default=1.0, return_dtype=pl.Float64)
    counted = weight.filter(share.is_not_null())
    return (
        by_judge.with_columns(order=order.fill_null(0))
        .group_by(_BATTLE)
        .agg(
            pl.when(share.is_not_null().any()).then((share * weight).sum() / counted.sum()),
            pl.col("games", "failed").sum(),
            pl.col("order").max(),
        )
        .sort(_BATTLE)
    )


def win_rates(battles: pl.DataFrame) -> pl.DataFrame:
    """Return a, b, share, low, high, prompts for every pair that met on at least one prompt.

    Of several samples of a prompt the mean counts. The interval is Wilson's at 95% with each prompt
    counted once, which is wide enough for shares that are not 0 or 1.
    """
    pairs = (
        battles.filter(pl.col("share").is_not_null())
        .group_by("prompt_id", "a", "b", maintain_order=True)
        .agg(pl.col("share").mean())
        .group_by("a", "b")
        .agg(share=pl.col("share").mean(), prompts=pl.len())
        .sort("a", "b")
    )
    z = 1.959964
    n, p = pl.col("prompts"), pl.col("share")
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).sqrt()
    return pairs.with_columns(low=(centre - half).clip(0, 1), high=(centre + half).clip(0, 1))


def wilson(share: float, n: int, level: float) -> tuple[float, float]:
    """Return the ends of Wilson's interval of a share of `n` (Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def index_content(battles: pl.DataFrame, prompts: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the content of s/index.js: every battle in eight bytes, and a line about each prompt.

    First the length of the JSON head (32 bits) and the head, then little-endian columns one after
    the other: prompt, a, b (16 bits), games (8 bits) and flags (8 bits: outcome 0 none, 1 a, 2 b,
    3 tie; order << 2; failed << 4). Where the head says so, a last column: sample
    (16 bits).
    """
    sampled = bool(battles["sample"].max())
    position = {prompt["id"]: number for number, prompt in enumerate(prompts)}
    share = pl.col("share")
    outcome = (
        pl.when(share > 0.5)
        .then(1)
        .when(share < 0.5)
        .then(2)
        .when(share == 0.5)
        .then(3)
        .otherwise(0)
    )
    columns = battles.select(
        pl.col("prompt_id").replace_strict(position, return_dtype=pl.UInt16),
        pl.col("a", "b").cast(pl.UInt16),
        pl.col("games").clip(0, 255).cast(pl.UInt8),
        flags=(outcome + pl.col("order") * 4 + (pl.col("failed") > 0) * 16).cast(pl.UInt8),
        **({"sample": pl.col("sample").cast(pl.UInt16)} if sampled else {}),
    )
    numbers = b"".join(column.to_numpy().tobytes() for column in columns)
    told = {"battles": battles.height, **({"sampled": True} if sampled else {})}
    head = json_bytes({**told, "prompts": list(prompts)})
    head += b" " * (-len(head) % 4)
    return len(head).to_bytes(4, "little") + head + numbers


def matrix_content(pairs: pl.DataFrame, models: int) -> bytes:
    """Return the content of v/matrix.js: shares in tenths of a percent and prompts, by pair."""
    tenths = [(pl.col(name) * 1000).round().cast(pl.Int64) for name in ("share", "low", "high")]
    table = pairs.with_columns(tenths)
    columns = {
        name: table[name].to_list() for name in ("a", "b", "share", "low", "high", "prompts")
    }
    return json_bytes({"models": models, **columns})


def sample(battles: pl.DataFrame, count: int) -> pl.DataFrame:
    """Return at most `count` battles: half of them flipped ones, evenly spread over the rest."""
    flipped = battles.filter(pl.col("order") == 2)
    others = battles.filter(pl.col("order") != 2)
    marked = evenly(flipped, max(count // 2, count - others.height))
    return pl.concat([marked, evenly(others, count - marked.height)]).sort(_BATTLE)


def answer_row(answer: Mapping[str, Any], models: Mapping[str, int]) -> dict[str, Any]:
    """Return one answer as a battle file has it."""
    counts = {name: answer[name] for name in ("tokens", "headers", "lists", "bold")}
    return {
        "model": models[answer["model"]],
        "sample": answer["sample"] or None,
        **{name: value for name, value in counts.items() if value is not None},
        "error": answer["error"],
        "earlier": answer["earlier"] or None,
        "text": answer["text"],
    }


def excerpt(turns: Sequence[str]) -> str:
    """Return the beginning of a prompt on one line."""
    text = " ".join(turns[0].split()) if turns else ""
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1].rstrip() + "…"


def evenly(table: pl.DataFrame, count: int) -> pl.DataFrame:
    """Return `count` rows at even distances."""
    if count >= table.height:
        return table
    return table[[place * table.height // count for place in range(max(0, count))]]


def _points() -> pl.Expr:
    labels = pl.col("verdict").replace_strict(_POINTS, default=None, return_dtype=pl.Float64)
    return labels.fill_null(pl.col("verdict").cast(pl.Float64, strict=False))


def _games_of_battles(battles: pl.DataFrame) -> pl.DataFrame:
    verdict = (
        pl.when(pl.col("outcome") == 1)
        .then(pl.lit("A>B"))
        .when(pl.col("outcome") == 0)
        .then(pl.lit("B>A"))
        .when(pl.col("outcome") == 0.5)
        .then(pl.lit("A=B"))
        .otherwise(pl.col("outcome").cast(pl.String))
    )
    empty = pl.lit(None, pl.String)
    return battles.select(
        "prompt_id",
        "judge",
        "model_a",
        "model_b",
        verdict=verdict,
        text=empty,
        cost=pl.lit(None, pl.Float64),
        error=empty,
    )
