"""What requests and replies cost. A price that is not known is None, never zero.

The user's own price wins; then comes litellm's table, where litellm is installed (its file is
read, litellm is not imported), then the small dated table in prices.json.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llms.records import ModelSpec, Prices, Request, Usage

BYTES_PER_TOKEN = 3.5
EXPECTED_OUTPUT = 1024
"""Tokens that a reply is taken to have where nothing limits it."""
TOKENS_PER_IMAGE = 1500
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def prices_of(spec: ModelSpec) -> Prices | None:
    """Return the price of the model's tokens, None where it is unknown."""
    if spec.prices or spec.kind not in ("openai", "litellm"):
        return spec.prices
    return _listed_price(spec.model)


def cost_of(spec: ModelSpec, usage: Usage) -> float | None:
    """Return the US dollars that `usage` costs, None where price or token counts are unknown."""
    prices = prices_of(spec)
    if prices is None or usage.input is None or usage.output is None:
        return None
    cached = min(usage.cached or 0, usage.input)
    cached_price = prices.input if prices.cached is None else prices.cached
    fresh = usage.input - cached
    return (fresh * prices.input + cached * cached_price + usage.output * prices.output) / 1e6


def expected_tokens(request: Request) -> Usage:
    """Return the tokens that `request` may take: by its length, and by the limit on its reply."""
    given = sum(_content_tokens(message.get("content")) for message in request.sent_messages())
    params = request.sent_params()
    limit = params.get("max_completion_tokens") or params.get("max_tokens") or EXPECTED_OUTPUT
    return Usage(input=int(given) + 8, output=int(limit))


def _content_tokens(content: Any) -> float:
    if not isinstance(content, list):
        return len(str(content).encode("utf-8", "replace")) / BYTES_PER_TOKEN
    return sum(
        _content_tokens(part["text"]) if part.get("type") == "text" else TOKENS_PER_IMAGE
        for part in content
    )


def expected_cost(request: Request) -> float | None:
    """Return the US dollars that `request` may cost, None where the price is unknown."""
    if request.spec.kind == "recorded":
        return 0.0
    return cost_of(request.spec, expected_tokens(request))


def unpriced(specs: Iterable[ModelSpec]) -> list[str]:
    """Return the names of those models that are paid by token and whose price is unknown."""
    by_token = (spec for spec in specs if spec.kind not in ("recorded", "vllm"))
    return sorted({spec.name for spec in by_token if prices_of(spec) is None})


@cache
def _listed_price(model: str) -> Prices | None:
    row = _litellm_table().get(model)
    if row and "input_cost_per_token" in row:
        cached = row.get("cache_read_input_token_cost")
        return Prices(
            input=row["input_cost_per_token"] * 1e6,
            output=(row.get("output_cost_per_token") or 0.0) * 1e6,
            cached=cached * 1e6 if cached is not None else None,
        )
    table = json.loads(files("llms").joinpath("prices.json").read_text())["models"]
    name = model.removeprefix("openai/")
    entry = table.get(name) or table.get(_DATED.sub("", name))
    return Prices(**entry) if entry else None


@cache
def _litellm_table() -> Mapping[str, Any]:
    found = find_spec("litellm")
    if found is None or not found.origin:
        return {}
    file = Path(found.origin).with_name("model_prices_and_context_window_backup.json")
    table: Mapping[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return table
