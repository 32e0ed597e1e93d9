"""Personal data in prompts: found by patterns that are checked where a check exists.

Card numbers must pass the Luhn test. Patterns miss what only a reader would recognise (names,
stories); they are meant for what can be abused as it stands.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

Policy = Literal["drop", "mask", "keep"]


class Kind(NamedTuple):
    """One kind of personal data: its name, its pattern, and a test that a match must pass."""

    name: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool]


def _always(_: str) -> bool:
    return True


def _is_card(text: str) -> bool:
    """Tell whether the digits pass the Luhn test."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [2 * digit - 9 if digit > 4 else 2 * digit for digit in digits[-2::-2]]
    return (
        13 <= len(digits) <= 19
        and len(set(digits)) > 1
        and ((sum(digits[-1::-2]) + sum(doubled)) % 10 == 0)
    )


def _is_iban(text: str) -> bool:
    """Tell whether the check digits fit (ISO 13616: the number modulo 97 is 1)."""
    packed = text.replace(" ", "")
    return int("".join(str(int(mark, 36)) for mark in packed[4:] + packed[:4])) % 97 == 1


def _is_real_mail(text: str) -> bool:
    return not text.lower().startswith(("user@", "you@", "name@", "git@", "noreply@"))


KINDS = (
    Kind(
        "email",
        re.compile(r"\b[A-Z0-9._%+-]{1,64}@[A-Z0-9-]{1,63}(?:\.[A-Z0-9-]{2,63})+\b", re.IGNORECASE),
        _is_real_mail,
    ),
    Kind("card", re.compile(r"(?<![\d.,])\d(?:[ -]?\d){12,18}(?![\d.,]*\d)"), _is_card),
    Kind(
        "phone",
        re.compile(
            r"(?<![\w.+-])(?:"
            r"\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){1,4}"
            r"|\(\d{3}\)[ .-]?\d{3}[ .-]\d{4}"
            r"|\d{3}[.-]\d{3}[.-]\d{4}"
            r"|555-\d{4}"
            r"|(?:phone|tel|telephone|mobile|cell|call me (?:on|at))\W{1,3}(?:\w+\W){0,2}?"
            r"\d{2,5}[ .-]?\d{3,4}(?:[ .-]?\d{2,4})?"
            r")(?![\w-])",
            re.IGNORECASE,
        ),
        _always,
    ),
    Kind(
        "key",
        re.compile(
            r"\b(?:sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}"
            r"|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[0-9A-Za-z_-]{35}|hf_[A-Za-z0-9]{30,})"
            r"|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"
        ),
        _always,
    ),
    Kind(
        "password",
        re.compile(r"\b(?:password|passwort|pwd) is (?=\S*[\d\W])\S{6,}", re.IGNORECASE),
        _always,
    ),
    Kind(
        "iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"), _always
    ),
    Kind("us_ssn", re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-\d{2}-\d{4}(?![\d-])"), _always),
    Kind(
        "address",
        re.compile(
            r"\b\d{1,5} (?:[A-Z][a-z]+ ){1,3}"
            r"(?:Street|St\.|Avenue|Ave\.?|Road|Rd\.|Lane|Ln\.|Drive|Boulevard|Blvd\.?|Terrace)"
        ),
        _always,
    ),
)


def kinds_in(text: str) -> list[str]:
    """Return the names of the kinds of personal data in `text`."""
    return [kind.name for kind in KINDS if _matches(kind, text)]


def mask(text: str) -> str:
    """Return `text` with each piece of personal data replaced by its kind in brackets."""
    for kind in KINDS:
        text = kind.pattern.sub(partial(_hidden, kind), text)
    return text


def _hidden(kind: Kind, match: re.Match[str]) -> str:
    return f"[{kind.name}]" if kind.holds(match[0]) else match[0]


def _matches(kind: Kind, text: str) -> bool:
    return any(kind.holds(match[0]) for match in kind.pattern.finditer(text))
