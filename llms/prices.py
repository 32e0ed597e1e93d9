"""What a reply costs. A price that is not known is None, never zero."""

from llms.records import ModelSpec, Usage


def cost_of(spec: ModelSpec, usage: Usage) -> float | None:
    """Return the US dollars that `usage` costs, None where price or token counts are unknown."""
    prices = spec.prices
    if prices is None or usage.input is None or usage.output is None:
        return None
    return (usage.input * prices.input + usage.output * prices.output) / 1e6
