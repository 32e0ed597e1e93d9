"""The judge's verdict, read out of what it wrote.

A label stands in double brackets (`[[A>>B]]`), in lenticular brackets or in `\\boxed{}`; the last
one counts. Anything else, prose such as `[B]` or `arr[A]` among it, is no verdict, and no verdict
is never a tie. Structured replies are JSON objects with a `verdict` field.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from judges.records import VERDICTS

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


def mirrored(verdict: str) -> str:
    """Return the label `verdict` as it reads with the two answers swapped.

    >>> mirrored("A>>B")
    'B>>A'
    """
    return "A=B" if verdict == "A=B" else verdict.translate(_SWAP)


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
