"""The judge's verdict, read out of what it wrote.

A label stands in double brackets (`[[A>>B]]`), in lenticular brackets or in `\\boxed{}`; the last
one counts. Anything else, prose such as `[B]` or `arr[A]` among it, is no verdict, and no verdict
is never a tie. Structured replies are JSON objects with a `verdict` field.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from judges.records import VERDICTS

POINTS = dict(zip(VERDICTS, (2, 1, 0, -1, -2), strict=True))
"""What each verdict is worth for A when several are combined."""
_ASCII = str.maketrans(
    {
        "［": "[", "］": "]", "｛": "{", "｝": "}", "【": "[[", "】": "]]",
        "＞": ">", "＜": "<", "＝": "=", "≫": ">>", "≪": "<<", "Ａ": "A", "Ｂ": "B",
    }
)  # fmt: skip
_MARKS = r"[\s*`$\"']*+"
_FONT = r"(?:\\(?:text|mathrm|mathbf|textbf|textrm)\s*+\{)?"
_SIGN = r"(?:\\?[<>]\s*+\\?[<>]|\\?[<>]|={1,2}|\\gg|\\ll|\\approx|&[gl]t;\s*+&[gl]t;|&[gl]t;)"
_LABEL = re.compile(
    rf"(?:\[\[|\\boxed\s*+\{{){_MARKS}{_FONT}{_MARKS}"
    rf"(?:(?P<left>[AB])\s*+(?P<sign>{_SIGN})\s*+(?P<right>[AB])|(?P<tie>tie))"
    rf"{_MARKS}(?:\}}{_MARKS})?(?:\]\]|\}})",
    re.IGNORECASE,
)
_SIGNS = {"\\gg": ">>", "\\ll": "<<", "\\approx": "=", "==": "=", "&gt;": ">", "&lt;": "<"}
_SWAP = str.maketrans("AB", "BA")


def read_label(text: str) -> str | None:
    """Return the last verdict label in `text`, in its standard spelling, or None."""
    verdict = None
    for match in _LABEL.finditer(text.translate(_ASCII)):
        verdict = _standard(match) or verdict
    return verdict


def read_json(text: str) -> str | None:
    """Return the `verdict` of a reply that is one JSON object (a code fence may be around it)."""
    reply = read_object(text)
    verdict = reply.get("verdict") if reply else None
    return verdict if verdict in VERDICTS else None


def read_object(text: str) -> Mapping[str, Any] | None:
    """Return the JSON object that `text` is, a code fence around it or not; None otherwise."""
    body = re.sub(r"\A```(?:json)?\s*|\s*```\Z", "", text.strip())
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def read_letter(logprobs: Sequence[Mapping[str, Any]] | None) -> str | None:
    """Return the probability that A is better, from the token that says `A` or `B`.

    `logprobs` are those of the reply's tokens, as the OpenAI API has them, with alternatives. The
    probability is that of A among both letters, with four decimals; None where no token is a
    letter.
    """
    for token in logprobs or ():
        if _letter(token) in ("A", "B"):
            shares = {"A": 0.0, "B": 0.0}
            for option in token.get("top_logprobs") or [token]:
                if _letter(option) in shares:
                    shares[_letter(option)] += math.exp(option["logprob"])
            total = shares["A"] + shares["B"]
            return f"{shares['A'] / total:.4f}" if total else None
    return None


def read_aspects(text: str, weights: Mapping[str, float]) -> str | None:
    """Return the one verdict that a reply's verdicts on several aspects come to.

    Each verdict is worth -2 to 2 points for A; their weighted mean is a tie up to 0.25 and a clear
    win from 1.5 on. None where an aspect has no verdict.
    """
    reply = read_object(text)
    given = [reply.get(aspect) if reply else None for aspect in weights]
    if any(verdict not in POINTS for verdict in given):
        return None
    total = sum(w * POINTS[str(v)] for w, v in zip(weights.values(), given, strict=True))
    return label_of(total / sum(weights.values()), tie=0.25, strong=1.5)


def label_of(lead: float, *, tie: float, strong: float) -> str:
    """Return the label for a lead of A: a tie up to `tie`, clear from `strong` on."""
    if abs(lead) <= tie:
        return "A=B"
    label = "A>>B" if abs(lead) >= strong else "A>B"
    return label if lead > 0 else mirrored(label)


def read_rating(text: str) -> int | None:
    """Return the `rating` from 1 to 10 of a reply that is a JSON object."""
    reply = read_object(text)
    rating = reply.get("rating") if reply else None
    return rating if type(rating) is int and 1 <= rating <= 10 else None


def read_ranking(text: str, letters: Sequence[str]) -> dict[str, int] | None:
    """Return each letter's place (0 is best) in the `ranking` of a reply that is a JSON object.

    The ranking reads like `B > A = C`; None where a letter is missing or stands twice.
    """
    reply = read_object(text)
    ranking = reply.get("ranking") if reply else None
    if not isinstance(ranking, str):
        return None
    groups = [[name.strip() for name in part.split("=")] for part in ranking.split(">")]
    named = [name for group in groups for name in group]
    if sorted(named) != sorted(letters):
        return None
    return {name: place for place, group in enumerate(groups) for name in group}


def mirrored(verdict: str) -> str:
    """Return the label `verdict` as it reads with the two answers swapped.

    >>> mirrored("A>>B")
    'B>>A'
    """
    return "A=B" if verdict == "A=B" else verdict.translate(_SWAP)


def _letter(token: Mapping[str, Any]) -> str:
    return str(token.get("token", "")).strip(" \n\"'`*[]{}:")


def _standard(match: re.Match[str]) -> str | None:
    if match["tie"]:
        return "A=B"
    sign = re.sub(r"\s|\\(?=[<>])", "", match["sign"])
    for spelling, plain in _SIGNS.items():
        sign = sign.replace(spelling, plain)
    label = f"{match['left']}{sign}{match['right']}".upper()
    if label == "B=A":
        return "A=B"
    if "<" in label:
        label = label[::-1].translate(str.maketrans("<", ">"))
    return label if label in VERDICTS else None
