"""What a run's replies have cost, by stage and by who gave them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Protocol


class Paid(Protocol):
    """An answer or a judgment, as far as money goes."""

    @property
    def cost(self) -> float | None:
        """US dollars, None where unknown or where nothing was asked."""

    @property
    def error(self) -> str | None:
        """Why there is no usable reply, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCost:
    """What a model or judge has cost at one stage, whenever its replies were paid for.

    `cost` is in US dollars; `unknown` counts usable replies whose price is not known, which are
    not in it. Replies that could not be used are in it.
    """

    stage: str
    name: str
    cost: float
    unknown: int


def stage_costs(rows: Iterable[tuple[str, str, Paid]]) -> tuple[StageCost, ...]:
    """Return the costs of (stage, name, row), each stage and name in order of appearance."""
    parts: dict[tuple[str, str], list[Paid]] = defaultdict(list)
    for stage, name, row in rows:
        parts[stage, name].append(row)
    return tuple(_sum(*place, some) for place, some in parts.items())


def total(costs: Sequence[StageCost]) -> float | None:
    """Return the cost of all stages; None where no reply's price is known."""
    unknown = any(part.unknown for part in costs) and not any(part.cost for part in costs)
    return None if unknown else fsum(part.cost for part in costs)


def _sum(stage: str, name: str, rows: Sequence[Paid]) -> StageCost:
    return StageCost(
        stage=stage,
        name=name,
        cost=fsum(row.cost for row in rows if row.cost is not None),
        unknown=sum(row.cost is None and row.error is None for row in rows),
    )
