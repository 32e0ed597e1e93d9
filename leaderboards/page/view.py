"""What the templates and the script are given: the data file, laid out for reading.

Numbers are printed here, once; the script moves the printed texts about and never rounds.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from leaderboards.page.charts import Axis, cost_chart, score_axis
from leaderboards.page.shell import dollars, fixed, percent, plural, signed, thousands

AXIS_ROWS = 25
"""The axis of the interval bars spans the first rows; the others are held inside it."""

LOST = 3
"""Style control that makes an interval wider than this many times has lost what was known."""


class Column(NamedTuple):
    """One column of the ranking table."""

    key: str
    label: str
    title: str


COLUMNS = (
    Column("rank", "Rank", "Ranks this model can have, given the uncertainty"),
    Column("model", "Model", "Name of the model as the run was given it"),
    Column("score", "Score", "See below the table"),
    Column("interval", "Interval", "Interval of the score"),
    Column("style", "Style Δ", "Score with style controlled for, minus the plain score"),
    Column("won", "Won", "Share of battles won; a tie is half a win"),
    Column("prompts", "Prompts", "Prompts with at least one verdict"),
    Column("games", "Games", "Verdicts; the two orders of a pair are two games"),
    Column("missing", "Missing", "Games whose verdict is owed"),
    Column("tokens", "Tokens", "Mean length of the model's answers"),
    Column("cost", "Cost", "What the model's answers cost"),
)


def verdict(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return the two sentences on top of the page: who leads, and how steady the judge is."""
    return _leader_sentence(data), _judge_sentence(data)


def columns(data: Mapping[str, Any]) -> list[Column]:
    """Return the columns this ranking has something to show in."""
    empty = {
        "style": all(not _told_apart(board) for board in data["boards"]),
        "tokens": all(model["tokens"] is None for model in data["models"]),
        "cost": not any(model["cost"] for model in data["models"]),
        "missing": False,
    }
    return [column for column in COLUMNS if not empty.get(column.key, False)]


def table_rows(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the table over all prompts as printed texts, best first."""
    board = data["boards"][0]
    axis = axis_of(board)
    controlled = {row["model"]: row for row in _told_apart(board)}
    tied = {board["raw"][0]["model"], *board["tied_with_leader"]}
    return [
        {
            "number": number,
            "model": row["model"],
            "tied": row["model"] in tied and len(tied) > 1,
            "rank": rank_range(row),
            "score": fixed(row["score"]),
            "low": fixed(row["low"]),
            "high": fixed(row["high"]),
            "style": style_delta(row, controlled.get(row["model"])),
            "bar": bar(axis, row, controlled.get(row["model"])),
            "prompts": thousands(row["prompts"]),
            "games": thousands(row["games"]),
            "missing": thousands(row["missing"]),
            "bounds": bounds_text(row),
            **_extra(data["models"][number]),
        }
        for number, row in enumerate(board["raw"])
    ]


def script_data(data: Mapping[str, Any], *, battles: bool) -> dict[str, Any]:
    """Return what the page's script is given inline."""
    names = [model["model"] for model in data["models"]]
    position = {name: number for number, name in enumerate(names)}
    return {
        "title": data["title"],
        "models": names,
        "baseline": position.get(str(data["settings"].get("baseline")), -1),
        "extra": [[value or "–" for value in _extra(model).values()] for model in data["models"]],
        "boards": [_script_board(board, position) for board in data["boards"]],
        "battles": battles,
    }


def axis_of(board: Mapping[str, Any]) -> Axis:
    """Return the axis of a board's interval bars, with room for the style-controlled scores."""
    rows = board["raw"][:AXIS_ROWS]
    shown = {row["model"] for row in rows}
    others = [row["score"] for row in _told_apart(board) if row["model"] in shown]
    return score_axis(rows, others)


def style_unknown(board: Mapping[str, Any]) -> bool:
    """Say whether controlling for style leaves nothing to tell: who comes first may be last, with
    an interval more than `LOST` times as wide as without."""
    rows: Sequence[Mapping[str, Any]] = board["controlled"] or []
    if len(rows) < 2:
        return False
    first = rows[0]
    plain = next(row for row in board["raw"] if row["model"] == first["model"])
    anywhere = (first["rank_low"], first["rank_high"]) == (1, len(rows))
    return anywhere and _width(first) > LOST * _width(plain)


def _width(row: Mapping[str, Any]) -> float:
    return float(row["high"] - row["low"])


def _told_apart(board: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the style-controlled rows where they tell anything."""
    return () if style_unknown(board) else board["controlled"] or ()


def bar(axis: Axis, row: Mapping[str, Any], other: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the places of one interval bar in percent, with the other score as a ghost."""
    return {
        "low": axis.place(row["score"] if row["low"] is None else row["low"]),
        "high": axis.place(row["score"] if row["high"] is None else row["high"]),
        "score": axis.place(row["score"]),
        "other": axis.place(other["score"]) if other else None,
    }


def rank_range(row: Mapping[str, Any]) -> str:
    """Return `1` or `1–3`."""
    low, high = row["rank_low"], row["rank_high"]
    return str(low) if low == high else f"{low}–{high}"


def style_delta(row: Mapping[str, Any], controlled: Mapping[str, Any] | None) -> str:
    """Return how far the score moves when style is controlled for, with a sign."""
    return "–" if controlled is None else signed(controlled["score"] - row["score"])


def bounds_text(row: Mapping[str, Any]) -> str:
    """Return `40–63`: the model's score if all its missing verdicts went against or for it.

    Nothing is shown where that is less than a point; a dagger says that its rank would change.
    """
    low, high = row["if_lost"], row["if_won"]
    wide = low is not None and high is not None and high - low >= 1
    bounds = f"{fixed(low, 0)}–{fixed(high, 0)}" if wide else ""
    return f"{bounds}†" if bounds and row["unsettled"] else bounds


def embed_values(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of embed.html: the plain ranking over all prompts."""
    axis = axis_of(data["boards"][0])
    return {
        "title": data["title"],
        "note": data["note"],
        "rows": table_rows(data),
        "zero": axis.place(50) if axis.low < 50 < axis.high else None,
        "level": level(data["settings"]),
    }


def heat(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the category table: a cell is a score, its shade and its evidence."""
    boards = data["boards"]
    tables = [{row["model"]: row for row in board["raw"]} for board in boards]
    scores = [row["score"] for table in tables for row in table.values()]
    low, high = min(scores), max(scores)
    return [
        {
            "model": model["model"],
            "cells": [
                _heat_cell(table.get(model["model"]), board["category"], low, high)
                for table, board in zip(tables, boards, strict=True)
            ],
        }
        for model in data["models"]
    ]


def cost_view(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cost section: totals, and the chart with its line of the best."""
    costs = {model["model"]: model["cost"] for model in data["models"]}
    chart = cost_chart(data["boards"][0]["raw"], costs)
    points = chart.points if chart else ()
    best = sorted((point for point in points if point["best"]), key=lambda point: point["x"])
    return {
        "answers": dollars(data["cost"]["answers"]),
        "judging": dollars(data["cost"]["judging"]),
        "known": data["cost"]["answers"] is not None or data["cost"]["judging"] is not None,
        "unpriced": data["cost"]["unpriced"],
        "chart": chart,
        "front": list(pairwise(best)),
        "rows": _cost_rows(data),
    }


def _cost_rows(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what each model's answers and games cost, none where nothing did."""
    models = data["models"]
    if not any(model["cost"] or model["judging_cost"] for model in models):
        return []
    scores = {row["model"]: row["score"] for row in data["boards"][0]["raw"]}
    return [
        {
            "model": model["model"],
            "score": fixed(scores[model["model"]]),
            "answers": dollars(model["cost"]),
            "judging": dollars(model["judging_cost"]),
        }
        for model in models
    ]


def level(settings: Mapping[str, Any]) -> str:
    """Return the confidence level as `95%`."""
    return percent(float(settings.get("level") or 0.95))


def _leader_sentence(data: Mapping[str, Any]) -> str:
    board = data["boards"][0]
    leader = board["raw"][0]["model"]
    tied = board["tied_with_leader"]
    sure = level(data["settings"])
    if not tied:
        return f"{leader} leads, clear of every other model at {sure} confidence."
    others = tied[0] if len(tied) == 1 else plural(len(tied), "other model")
    return f"{leader} leads, but {others} cannot be told apart from it at {sure} confidence."


def _judge_sentence(data: Mapping[str, Any]) -> str:
    if not data["judges"]:
        games = plural(data["counts"]["games"], "game")
        return f"The ranking rests on {games}, none of them played in both orders."
    told = [
        f"{audit['judge']} keeps its verdict on {percent(share)} of the pairs"
        for audit in data["judges"]
        if (share := audit["consistent"]["value"]) is not None
    ]
    if not told:
        return "No pair was judged in both orders, so nothing is known of the judge's steadiness."
    return f"When the order of the two answers is swapped, {_listed(told)}."


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _extra(model: Mapping[str, Any]) -> dict[str, str]:
    return {
        "won": percent(model["won"]),
        "tokens": thousands(model["tokens"]),
        "cost": dollars(model["cost"]),
    }


def _script_board(board: Mapping[str, Any], position: Mapping[str, int]) -> dict[str, Any]:
    controlled = board["controlled"] or []
    deltas = _deltas(board["raw"], _told_apart(board))
    return {
        "category": board["category"],
        "raw": [_script_row(row, position, deltas) for row in board["raw"]],
        "style": [_script_row(row, position, deltas) for row in controlled],
        "styleUnknown": style_unknown(board),
        "tied": _with_leader(board["raw"], board["tied_with_leader"], position),
        "tiedStyle": _with_leader(controlled, board["tied_with_leader_controlled"], position),
    }


def _deltas(
    raw: Sequence[Mapping[str, Any]], controlled: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    by_model = {row["model"]: row for row in controlled}
    return {row["model"]: style_delta(row, by_model.get(row["model"])) for row in raw}


def _script_row(
    row: Mapping[str, Any],
    position: Mapping[str, int],
    deltas: Mapping[str, str],
) -> list[Any]:
    return [
        position[row["model"]],
        row["rank_low"],
        row["rank_high"],
        fixed(row["score"]),
        fixed(row["low"]),
        fixed(row["high"]),
        deltas.get(row["model"], "–"),
        row["prompts"],
        row["games"],
        row["missing"],
        bounds_text(row),
    ]


def _with_leader(
    rows: Sequence[Mapping[str, Any]], tied: Sequence[str], position: Mapping[str, int]
) -> list[int]:
    return [position[name] for name in [rows[0]["model"], *tied]] if tied else []


def _heat_cell(
    row: Mapping[str, Any] | None, category: str | None, low: float, high: float
) -> dict[str, Any]:
    if row is None:
        return {"text": "not run", "shade": None, "few": False, "prompts": 0, "category": category}
    share = (row["score"] - low) / (high - low) if high > low else 0.5
    return {
        "text": fixed(row["score"]),
        "shade": min(7, int(8 * share)),
        "few": row["prompts"] < 20,
        "prompts": row["prompts"],
        "category": category,
    }
