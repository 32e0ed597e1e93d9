"""The values index.html is filled with: each section of the page as printed texts."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from leaderboards.page import view
from leaderboards.page.judge import agreement_views, audit_view, repeated_view
from leaderboards.page.reproduce import commands
from leaderboards.page.shell import fixed, percent, plural, thousands

TABLE_MODELS = 20
"""The win-rate table shows so many models; more would be a wall of numbers."""


def index_values(
    data: Mapping[str, Any], *, links: bool, with_prompts: bool, with_files: bool
) -> dict[str, Any]:
    """Return the template's values.

    `links` says whether single battles can be opened, `with_files` whether the page has its data
    files beside it, `with_prompts` whether the prompts are among them.
    """
    axis = view.axis_of(data["boards"][0])
    rows = view.table_rows(data)
    card = _card(data["card"]) if data["card"] else None
    agreement = agreement_views(data["agreement"])
    audits = [audit_view(audit, links) for audit in data["judges"]]
    repeated = repeated_view(data)
    present = {
        "categories": len(data["boards"]) > 1,
        "win-rates": bool(data["win_rates"]),
        "judge": bool(audits or agreement or repeated),
        "battles": links,
        "card": card is not None,
    }
    return {
        "data": data,
        "title": data["title"],
        "note": data["note"],
        "facts": _page_facts(data),
        "verdict": view.verdict(data),
        "summary": " ".join(view.verdict(data)),
        "sections": [one for one in _SECTIONS if present.get(one[0], True)],
        "columns": view.columns(data),
        "rows": rows,
        "axis": axis,
        "zero": axis.place(50) if axis.low < 50 < axis.high else None,
        "any_tied": any(row["tied"] for row in rows),
        "any_other": any(row["bar"]["other"] is not None for row in rows),
        "baseline": data["settings"].get("baseline"),
        "style_settings": data["style_settings"],
        "level": view.level(data["settings"]),
        "method": _method(data),
        "heat": view.heat(data) if present["categories"] else [],
        "pairs": data["win_rates"],
        "small_matrix": _matrix(data, links),
        "audits": audits,
        "agreements": agreement,
        "repeated": repeated,
        "cost": view.cost_view(data),
        "battle_lede": _battle_lede(data),
        "card": card,
        "reproduce": _reproduce(data, with_prompts=with_prompts, with_files=with_files),
    }


_SHOWN_LINES = 8
"""A fact of more lines is folded."""

_SECTIONS = (
    ("ranking", "Ranking"),
    ("categories", "Categories"),
    ("win-rates", "Win rates"),
    ("judge", "Judge"),
    ("cost", "Cost"),
    ("battles", "Battles"),
    ("card", "Benchmark"),
    ("reproduce", "Reproduce"),
)


def _page_facts(data: Mapping[str, Any]) -> list[str]:
    counts = data["counts"]
    judges = counts["judges"]
    told = f"judge {judges[0]}" if len(judges) == 1 else plural(len(judges), "judge")
    return [
        plural(counts["models"], "model"),
        plural(counts["prompts"], "prompt"),
        plural(counts["games"], "game"),
        *([told] if judges else []),
        *([data["date"]] if data["date"] else []),
    ]


def _method(data: Mapping[str, Any]) -> str:
    settings = data["settings"]
    scale = settings.get("scale") or "score"
    method = settings.get("method") or "score"
    interval = settings.get("interval", "bootstrap")
    draws = settings.get("draws") if interval == "bootstrap" else None
    how = f"{interval}{f', {draws:,} draws' if draws else ''}"
    missing = data["counts"]["missing"]
    bounded = (
        "; in brackets a model's score if all of its own went against it or for it (†: which "
        "would change its rank)"
        if any(view.bounds_text(row) for row in data["boards"][0]["raw"])
        else ""
    )
    owed = f" {plural(missing, 'verdict')} missing, counted for nobody{bounded}." if missing else ""
    return (
        f"Score: {scale} ({method}). Intervals: {how}, {view.level(settings)}. Rank: the ranks a "
        f"model may have, all ranges holding at once with {view.level(settings)} confidence."
        f"{_left_out(settings)}{owed}"
    )


def _left_out(settings: Mapping[str, Any]) -> str:
    """Return a sentence each about models that are not ranked, or only just."""
    unranked = ", ".join(map(str, settings.get("unranked") or ()))
    held = ", ".join(map(str, settings.get("held_by_ridge") or ()))
    return (f" Not ranked, without any verdict: {unranked}." if unranked else "") + (
        f" Without a loss or without a win, so held in by a small penalty: {held}." if held else ""
    )


def _matrix(data: Mapping[str, Any], links: bool) -> dict[str, Any]:
    names = [model["model"] for model in data["models"]][:TABLE_MODELS]
    met = Counter(row[side] for row in data["win_rates"] for side in ("a", "b"))
    heads = [name for name in names if met[name] > 1] or names
    cells = {}
    for row in data["win_rates"]:
        pair = (row["a"], row["b"])
        cells[pair] = _pair_cell(pair, row["share"], row["low"], row["high"], row["prompts"], links)
        cells[pair[::-1]] = _pair_cell(
            pair[::-1], 1 - row["share"], 1 - row["high"], 1 - row["low"], row["prompts"], links
        )
    return {
        "names": names,
        "heads": heads,
        "rows": [
            {"model": one, "cells": [cells.get((one, other)) for other in heads]} for one in names
        ],
    }


def _pair_cell(
    pair: tuple[str, str], share: float, low: float, high: float, prompts: int, links: bool
) -> dict[str, Any]:
    return {
        "text": fixed(100 * share, 0),
        "shade": min(7, int(8 * share)),
        "title": f"{pair[0]} takes {percent(share)} of the points from {pair[1]} "
        f"({percent(low)} to {percent(high)}, {plural(prompts, 'prompt')})",
        "href": f"#pair={quote(pair[0], safe='')},{quote(pair[1], safe='')}" if links else None,
    }


def _battle_lede(data: Mapping[str, Any]) -> str:
    counts = data["counts"]
    flipped = counts["flipped"]
    told = (
        f" In {thousands(flipped)} of them the judge picked another winner when the answers "
        "changed places."
    )
    return (
        f"All {plural(counts['battles'], 'battle')}: the prompt, both answers, and every game "
        f"with the judge's words.{told if flipped else ''}"
    )


def _card(card: Mapping[str, Any]) -> dict[str, Any]:
    funnel = card.get("funnel") or card.get("counts")
    rest = {key: value for key, value in card.items() if key not in ("funnel", "counts")}
    return {"funnel": funnel_steps(funnel), "facts": facts(rest)}


def funnel_steps(funnel: Any) -> list[dict[str, Any]]:
    """Return the steps of a funnel as bars: what was read, what each reason took, what was kept.

    A mapping from `read` to `kept` holds what was dropped between the two; in any other mapping
    each count is what was left.
    """
    steps = funnel.items() if isinstance(funnel, Mapping) else ()
    counted = [(words(name), count) for name, count in steps if isinstance(count, int)]
    most = max((count for _, count in counted), default=0) or 1
    names = [name for name, _ in counted]
    drops = names[:1] == ["read"] and names[-1:] == ["kept"]
    left = counted[0][1] if counted else 0
    rows = []
    for place, (name, count) in enumerate(counted):
        dropped = drops and 0 < place < len(counted) - 1
        left -= count if dropped else 0
        rows.append(
            {
                "label": name,
                "text": f"−{thousands(count)}" if dropped else thousands(count),
                "dropped": dropped,
                "start": round(100 * left / most, 1) if dropped else 0,
                "percent": round(100 * count / most, 1),
            }
        )
    return rows


def words(name: Any) -> str:
    """Return a key as words: `near_duplicates` becomes `near duplicates`."""
    return str(name).replace("_", " ")


class Fact(NamedTuple):
    """A label and what it says; `folded` is the number of lines where they are too many to show."""

    label: str
    text: str
    folded: int


def facts(values: Any) -> list[Fact]:
    """Return nested values as labels and printed texts, one for each top entry."""
    if not isinstance(values, Mapping):
        values = {str(number): value for number, value in enumerate(values, start=1)}
    return [
        _fact(words(key), printed(value))
        for key, value in values.items()
        if value not in (None, "", [], {})
    ]


def _fact(label: str, text: str) -> Fact:
    lines = text.count("\n") + 1
    return Fact(label, text, lines if lines > _SHOWN_LINES else 0)


def printed(value: Any) -> str:
    """Return a value from a card or a run as text: nested ones as lines."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return fixed(value, 3).rstrip("0").rstrip(".")
    if isinstance(value, int):
        return thousands(value) if abs(value) >= 10_000 else str(value)
    if isinstance(value, Mapping):
        lines = [(words(key), _inline(item)) for key, item in value.items()]
        return "\n".join(f"{key}: {text}" for key, text in lines if text)
    if isinstance(value, (list, tuple)):
        simple = all(not isinstance(item, (Mapping, list)) for item in value)
        return ", ".join(map(printed, value)) if simple else "\n".join(map(_inline, value))
    return str(value)


def _inline(value: Any) -> str:
    """Return a nested value on one line, leaving out what is empty."""
    if isinstance(value, Mapping):
        texts = [(words(key), _inline(item)) for key, item in value.items()]
        return ", ".join(f"{key} {text}" for key, text in texts if text)
    if isinstance(value, (list, tuple)):
        return ", ".join(text for text in map(_inline, value) if text)
    return "" if value is None else printed(value)


def _reproduce(data: Mapping[str, Any], *, with_prompts: bool, with_files: bool) -> dict[str, Any]:
    """Return the commands, digests and settings of a run."""
    run = data["run"]
    recorded = run.get("digests") if isinstance(run.get("digests"), Mapping) else {}
    return {
        "commands": commands(data, with_prompts=with_prompts) if with_files else [],
        "digests": facts({**data["digests"], **(recorded or {})}),
        "facts": facts(_run_settings(run)),
    }


def _run_settings(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return run.json without what is shown elsewhere, models and judges on lines of their own."""
    rest = {key: value for key, value in run.items() if key not in ("command", "digests", "note")}
    if isinstance(counts := rest.get("counts"), Mapping):
        shown = ("canaries", "repeated", "costs")
        rest["counts"] = {key: value for key, value in counts.items() if key not in shown}
    settings = rest.get("config")
    if not isinstance(settings, Mapping):
        return rest
    named = {key: settings[key] for key in ("models", "judges") if key in settings}
    return {**named, **rest, "config": {k: v for k, v in settings.items() if k not in named}}
