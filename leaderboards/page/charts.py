"""Charts as SVG text without script: badge, top ten, cost against score.

Geometry stands in presentation attributes and colours in classes, because pages allow no inline
styles. Charts that stand alone (badge, top ten) carry their colours with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Any

from leaderboards.page.shell import fixed

_FONT = 'font-family="Helvetica Neue,Arial,sans-serif"'


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis from `low` to `high`; places are percentages of its length."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Return where `value` stands, in percent, held inside the axis."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)


def score_axis(rows: Sequence[Mapping[str, Any]], others: Sequence[float] = ()) -> Axis:
    """Return an axis with round ends over the intervals of `rows` and the scores `others`."""
    low = min(*(_end(row, "low") for row in rows), *others, _end(rows[0], "low"))
    high = max(*(_end(row, "high") for row in rows), *others, _end(rows[0], "high"))
    step = _step((high - low) / 8)
    ends = Axis(floor(low / step) * step, ceil(high / step) * step)
    return ends if ends.high > ends.low else Axis(low - 1, high + 1)


def _step(most: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is at most `most`."""
    power = 10.0 ** floor(log10(max(most, 1e-6)))
    return next(factor * power for factor in (5, 2, 1) if factor * power <= max(most, power))


def badge(title: str, leader: Mapping[str, Any], models: int) -> bytes:
    """Return badge.svg: the leader's name and score in one line, for a README."""
    half = (_end(leader, "high") - _end(leader, "low")) / 2
    left = _short(title, 28)
    right = f"{_short(leader['model'], 32)}  {fixed(leader['score'])} ±{fixed(half)} of {models}"
    widths = [round(6.4 * len(text) + 20) for text in (left, right)]
    total = sum(widths)
    label = escape(f"{left}: {right}", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="22" role="img" '
        f'aria-label="{label}"><title>{label}</title>'
        f'<rect width="{total}" height="22" rx="4" fill="#23211d"/>'
        f'<path d="M{widths[0]} 0h{widths[1] - 4}a4 4 0 0 1 4 4v14a4 4 0 0 1-4 4h-{widths[1] - 4}z"'
        f' fill="#0b6394"/><g fill="#fff" {_FONT} font-size="11.5">'
        f'<text x="10" y="15" textLength="{widths[0] - 20}">{escape(left)}</text>'
        f'<text x="{widths[0] + 10}" y="15" textLength="{widths[1] - 20}">{escape(right)}</text>'
        "</g></svg>\n"
    ).encode()


def top_ten(title: str, rows: Sequence[Mapping[str, Any]], subtitle: str) -> bytes:
    """Return top10.svg: the first ten models with their intervals."""
    shown = rows[:10]
    axis = score_axis(shown)
    height = 84 + 30 * len(shown)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{height}" '
        f'viewBox="0 0 760 {height}" role="img" {_FONT} font-size="14">'
        f"<title>{escape(title)}</title>"
        f'<rect width="760" height="{height}" rx="8" fill="#fdfcf9" stroke="#e2ddd3"/>'
        f'<text x="24" y="36" font-size="18" font-weight="600" fill="#1c1a17">'
        f"{escape(_short(title, 70))}</text>"
        f'<text x="24" y="57" font-size="12" fill="#67625a">{escape(_short(subtitle, 110))}</text>'
    ]
    for number, row in enumerate(shown):
        y = 88 + 30 * number
        low, middle, high = (_x(axis, _end(row, key)) for key in ("low", "score", "high"))
        rank = _rank(row)
        lines.append(
            f'<text x="24" y="{y + 5}" fill="#67625a">{rank}</text>'
            f'<text x="72" y="{y + 5}" fill="#1c1a17">{escape(_short(row["model"], 36))}</text>'
            f'<line x1="380" x2="680" y1="{y}" y2="{y}" stroke="#ece8df"/>'
            f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}" stroke="#0b6394" stroke-width="5" '
            f'stroke-linecap="round" stroke-opacity=".35"/>'
            f'<circle cx="{middle}" cy="{y}" r="4.5" fill="#0b6394"/>'
            f'<text x="736" y="{y + 5}" text-anchor="end" fill="#1c1a17">'
            f"{fixed(row['score'])}</text>"
        )
    return ("".join(lines) + "</svg>\n").encode()


@dataclass(frozen=True, slots=True)
class CostChart:
    """Score against cost, 720 by 420: a point for each priced model, and what the axes end at."""

    points: tuple[Mapping[str, Any], ...]
    dollars: tuple[float, float]
    scores: tuple[float, float]


def cost_chart(
    rows: Sequence[Mapping[str, Any]], costs: Mapping[str, float | None]
) -> CostChart | None:
    """Return the chart of score against dollars (logarithmic), None with fewer than two prices.

    `best` says of a point that no other model is both cheaper and better.
    """
    known = [(row, cost) for row in rows if (cost := costs[row["model"]])]
    if len(known) < 2:
        return None
    logs = [log10(cost) for _, cost in known]
    air = 0.04 * (max(logs) - min(logs)) or 0.1
    across = Axis(min(logs) - air, max(logs) + air)
    up = score_axis([row for row, _ in known])
    points = tuple(
        {
            "model": row["model"],
            "score": row["score"],
            "cost": cost,
            "x": round(48 + 6.6 * across.place(log10(cost)), 1),
            "y": round(380 - 3.6 * up.place(row["score"]), 1),
            "best": not any(c <= cost and r["score"] > row["score"] for r, c in known),
        }
        for row, cost in known
    )
    return CostChart(points, (10**across.low, 10**across.high), (up.low, up.high))


def _end(row: Mapping[str, Any], name: str) -> float:
    """Return one end of a row's interval, the score itself where there is none."""
    return float(row["score"] if row[name] is None else row[name])


def _x(axis: Axis, value: float) -> float:
    return round(380 + 3 * axis.place(value), 1)


def _rank(row: Mapping[str, Any]) -> str:
    low, high = row["rank_low"], row["rank_high"]
    return str(low) if low == high else f"{low}–{high}"


def _short(text: str, length: int) -> str:
    clean = "".join(character for character in text if character.isprintable())
    return clean if len(clean) <= length else clean[: length - 1] + "…"
