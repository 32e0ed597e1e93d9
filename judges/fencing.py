"""Untrusted text made safe to show to a judge.

Every text a judge is shown stands between two lines that carry a key. The key is derived from the
prompt, so that it cannot be foreseen from the outside, and equal games give equal requests. Text
that imitates such a line or a verdict label is rewritten, and the rewritings are counted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from llms.files import digest

_HIDDEN = (
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e007f]"
)
"""Characters that a reader does not see and that can split a forged label."""
_GAP = rf"(?:{_HIDDEN}|[\s*`$\"'{{}}])*+"
_END_GAP = rf"(?:{_HIDDEN}|[\s*`$\"'])*+"
_A_OR_B = "[AaBbＡＢａｂАаВЬ\U0001d400-\U0001d6a3]"
_SIGN = r"(?:\\?[<>＜＞≫≪›»‹«]|&[gl]t;|\\gg|\\ll|\\approx|[=＝≈])"
_OPEN = rf"(?:[\[［]{_GAP}[\[［]{_GAP}|[【〖⟦]{_GAP}|\\boxed\s*+[{{｛]{_GAP})"
_CLOSE = rf"{_END_GAP}(?:[}}｝]{_END_GAP}){{0,2}}(?:[\]］]{_END_GAP}[\]］]|[】〗⟧}}｝])"
_FONT = r"(?:\\(?:text|mathrm|mathbf|textbf|textrm)\s*+\{)?"
_TIE = "".join(rf"[{letter}{letter.upper()}]{_GAP}" for letter in "ti") + "[eE]"
_VALUE = rf"(?:{_A_OR_B}{_GAP}(?:{_SIGN}{_GAP}){{1,3}}{_A_OR_B}|{_TIE})"
_LABEL = re.compile(rf"{_OPEN}{_FONT}{_GAP}(?P<value>{_VALUE}){_CLOSE}")
_BAR = re.compile(
    rf"^[ \t]*+(?:{_HIDDEN})*+={{3,}}+(?=[^=\n]*[^=\s][^\n]*={{3}}[ \t]*+$)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Fenced:
    """A text as a judge may see it, and how many imitations were rewritten in it."""

    text: str
    rewritten: int


def fence_key(turns: Sequence[str]) -> str:
    """Return the key of the delimiters for a prompt: twelve hex digits."""
    return digest(["delimiter", *turns])[:12]


@lru_cache(maxsize=1024)
def neutralise(text: str, *, key: str) -> Fenced:
    """Rewrite what imitates a delimiter line, the key or a verdict label.

    A label `[[A>B]]` becomes `«quoted A>B»`, which no parser here reads; leading bars of a
    delimiter line become dashes, and the key is dotted out.
    """
    text, labels = _LABEL.subn(lambda match: f"«quoted {match['value']}»", text)
    text, bars = _BAR.subn("---", text)
    text, keys = re.subn(re.escape(key), "············", text, flags=re.IGNORECASE)
    return Fenced(text, labels + bars + keys)
