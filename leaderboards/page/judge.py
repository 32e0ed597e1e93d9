"""The section about the judge: its habits, what sways it, and how far others agree with it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leaderboards.page.shell import fixed, percent, plural, signed, thousands

_HABITS = (
    ("consistent", "Pairs with the same verdict in both orders", "#order=steady"),
    ("first_twice", "Pairs won twice by whatever was shown first", "#order=flipped"),
    ("second_twice", "Pairs won twice by whatever was shown second", "#order=flipped"),
    ("repeated", "Games judged again with the same verdict", None),
    ("ties", "Verdicts that are ties", "#outcome=tie"),
    ("failed", "Games without a usable verdict", "#outcome=failed"),
)
_STYLE = {
    "tokens": "Took the side of the longer answer",
    "headers": "Took the side with more headings",
    "lists": "Took the side with more list items",
    "bold": "Took the side with more bold text",
}


_FIRST = (
    "accuracy against the majority, ties left out",
    "agreement of two people, ties left out",
    "Cohen's κ against the majority",
    "Spearman",
    "Kendall τ-b",
    "agreement with confidence, pairs people separate",
)
"""Measures of agreement that are shown before the others are unfolded."""


def audit_view(audit: Mapping[str, Any], links: bool) -> dict[str, Any]:
    """Return what is known of one judge as groups of table lines, with sentences beneath them."""
    style, family = list(_style(audit)), list(_own_family(audit))
    groups = (
        ("Order and ties", _habits(audit, links)),
        ("What sways it", [*style, *family]),
        ("Beside other judges", list(_other_judges(audit))),
        ("Points given to answers without merit", list(_canaries(audit))),
    )
    won = [row for row in audit["canaries"] if row["won_twice"]]
    return {
        "judge": audit["judge"],
        "groups": [{"title": title, "lines": lines} for title, lines in groups if lines],
        "failures": audit["failures"],
        "style": bool(style),
        "family": bool(family),
        "fooled": [(row["canary"], plural(row["won_twice"], "prompt")) for row in won],
        "held": bool(audit["canaries"]) and not won,
    }


def repeated_view(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the models that gave nearly the same answer to many prompts, and to how many."""
    return [
        {
            "model": model["model"],
            "prompts": thousands(model["repeated"]),
            "answers": thousands(model["answers"]),
        }
        for model in data["models"]
        if model["repeated"]
    ]


def agreement_views(agreement: Any) -> list[dict[str, Any]]:
    """Return the figures of one agreement with people, or of several, as tables."""
    given = agreement if isinstance(agreement, list) else [agreement] if agreement else []
    return [
        {
            "kind": one["kind"].replace("_", " "),
            "level": percent(one["level"]),
            **_sorted_measures(one["measures"]),
            "only": ", ".join(one["only_here"] + one["only_human"]),
        }
        for one in given
    ]


def _sorted_measures(measures: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, str]]]:
    """Return the measures to read first, if any of them is there, and the others."""
    first = [_measure(one) for name in _FIRST for one in measures if one["name"] == name]
    rest = [_measure(one) for one in measures if one["name"] not in _FIRST]
    return {"first": first or rest, "rest": rest if first else []}


def _measure(measure: Mapping[str, Any]) -> dict[str, str]:
    ends = (measure["low"], measure["high"])
    name = measure["name"].replace("_", " ")
    return {
        "label": name[:1].upper() + name[1:],
        "value": fixed(measure["value"], 0 if name.startswith("pairs ") else 3),
        "interval": "–" if None in ends else " to ".join(fixed(end, 3) for end in ends),
        "of": f"{thousands(measure['n'])} {measure['unit']}",
    }


def _habits(audit: Mapping[str, Any], links: bool) -> list[dict[str, Any]]:
    return [
        _line(label, audit[key], href=href if links else None)
        for key, label, href in _HABITS
        if audit[key]["n"]
    ]


def _style(audit: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in audit["style"]:
        if row["share"]["n"]:
            yield _line(_STYLE.get(row["feature"], row["feature"]), row["share"])


def _own_family(audit: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in audit["families"]:
        if row["own"] and row["points"]["n"]:
            yield _line("Points to its own family against others:", row["points"], row["family"])
            if row["beyond_others"]["n"]:
                label = "Of them, beyond what other judges give to the same answers"
                yield {
                    **_line(label, row["beyond_others"]),
                    "share": signed(100 * row["beyond_others"]["value"]) + "%",
                    "interval": _interval(row["beyond_others"], signs=True),
                }


def _other_judges(audit: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in audit["agreement"]:
        if row["same"]["n"]:
            other = row["judge_b"] if row["judge_a"] == audit["judge"] else row["judge_a"]
            yield _line("Took the same side as", row["same"], other, _kappa(row))


def _kappa(row: Mapping[str, Any]) -> str:
    if row["kappa"] is None:
        return ""
    value, low, high = (fixed(row[name], 2) for name in ("kappa", "kappa_low", "kappa_high"))
    return f"(Cohen's kappa {value}, {low} to {high})"


def _canaries(audit: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in audit["canaries"]:
        share = {**row, "value": row["share"], "n": row["verdicts"]}
        yield _line("", share, row["canary"])


def _line(
    label: str, share: Mapping[str, Any], name: str = "", tail: str = "", href: str | None = None
) -> dict[str, Any]:
    """Return a line of the table; `name` comes from the run and stands between label and tail."""
    return {
        "label": label,
        "name": name,
        "tail": tail,
        "href": href,
        "of": thousands(share["n"]),
        "share": percent(share["value"], 1),
        "interval": _interval(share),
    }


def _interval(share: Mapping[str, Any], *, signs: bool = False) -> str:
    ends: Sequence[float | None] = (share["low"], share["high"])
    if None in ends:
        return "–"
    shown = signed if signs else fixed
    return " to ".join(f"{shown(100 * end, 1)}%" for end in ends if end is not None)
