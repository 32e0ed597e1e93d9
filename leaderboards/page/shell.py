"""The frame around every page: template, inline style, script and data, and the policy over them.

The policy is a `<meta>` element, so that it also holds for pages opened from a disk: nothing is
loaded from anywhere but the site's own battle files, and a string never becomes markup.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def page(
    template: str, *, inline: Mapping[str, Any], scripts: Sequence[str], **values: Any
) -> bytes:
    """Return a page: `template` filled with `values`, with `inline` as JSON for its `scripts`.

    Texts in `values` are escaped; everything untrusted may be given as it is.
    """
    style = asset("page.css")
    code = "".join(map(asset, scripts))
    html = (
        _environment()
        .get_template(template)
        .render(
            policy=_policy(style, code),
            page_style=Markup(style),
            page_script=Markup(code),
            page_data=inline_json(inline),
            **values,
        )
    )
    return html.encode("utf-8", "replace")


def inline_json(value: Any) -> Markup:
    """Return JSON that can stand inside a script element, whatever texts are in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@cache
def asset(name: str) -> str:
    """Return the text of a file in assets/."""
    return files("leaderboards.page").joinpath("assets", name).read_text(encoding="utf-8")


def fixed(value: float | None, digits: int = 1) -> str:
    """Return `value` with `digits` decimals, halves away from zero; a dash for None."""
    if value is None:
        return "–"
    step = Decimal(1).scaleb(-digits)
    text = str(Decimal(str(value)).quantize(step, ROUND_HALF_UP))
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def signed(value: float | None, digits: int = 1) -> str:
    """Return `value` as `fixed` does, with a plus sign where it is positive."""
    text = fixed(value, digits)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share in [0, 1] as a percentage; a dash for None."""
    return "–" if share is None else f"{fixed(100 * share, digits)}%"


def thousands(count: float | None) -> str:
    """Return a count with separators between thousands; a dash for None."""
    return "–" if count is None else f"{round(count):,}"


def dollars(amount: float | None) -> str:
    """Return US dollars, with more digits for small amounts; a dash for None."""
    if amount is None:
        return "–"
    return f"${fixed(amount, 2 if amount >= 1 or amount == 0 else 4)}"


def plural(count: int, noun: str) -> str:
    """Return `1 model`, `2 models`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leaderboards.page", "assets"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "fixed": fixed,
        "signed": signed,
        "percent": percent,
        "thousands": thousands,
        "dollars": dollars,
        "plural": plural,
    }
    return environment


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src '{_hash(script)}' 'strict-dynamic'; "
        f"style-src '{_hash(style)}'; img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types bench"
    )


def _hash(text: str) -> str:
    value = hashlib.sha256(text.encode()).digest()
    return "sha256-" + base64.b64encode(value).decode()
