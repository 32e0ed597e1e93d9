"""What is spent, on what, and the cap that spending keeps to.

A `Budget` is handed to every call of the door that is to share it. Before a request is sent its
expected cost is reserved; where that does not fit beside what is spent and reserved, the door waits
for what is under way, and where it still does not fit, the request is not sent.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from llms.errors import UserError
from llms.prices import expected_cost, unpriced
from llms.records import Reply, Request, Result

SETTLE_SECONDS = 0.02


@dataclass(slots=True)
class Line:
    """What one model's part in one stage has come to in this process."""

    stage: str
    model: str
    bought: int = 0
    stored: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    """US dollars for replies and failures of known price."""
    unknown: int = 0
    """Replies whose price is unknown."""
    seconds: float = 0.0
    """From the first request sent to the last reply."""
    price_per_hour: float | None = None

    @property
    def machine_cost(self) -> float | None:
        """US dollars for the machine's time, None where no price per hour was given."""
        if self.price_per_hour is None:
            return None
        return self.price_per_hour * self.seconds / 3600

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens for each second of the stage."""
        return self.output_tokens / self.seconds if self.seconds else None


@dataclass
class Budget:
    """US dollars: `limit` (None: no cap), spent, and reserved for requests under way."""

    limit: float | None = None
    spent: float = 0.0
    reserved: float = 0.0
    lines: dict[tuple[str, str], Line] = field(default_factory=dict)
    _begun: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def exhausted(self) -> bool:
        """Whether the cap is reached, which replies longer than expected can bring about."""
        return self.limit is not None and self.spent >= self.limit

    def summary(self) -> str:
        """Return the spending in a few words, as a progress line shows it."""
        unknown = sum(line.unknown for line in self.lines.values())
        cap = f" of ${self.limit:,.2f}" if self.limit is not None else ""
        rest = f", {unknown} replies of unknown price" if unknown else ""
        return f"${self.spent:,.4f}{cap} spent{rest}"

    async def reserve(self, requests: Sequence[Request]) -> bool:
        """Reserve what `requests` may cost together; False where the cap does not allow it.

        Waits for what is under way where that can make room.

        Raises:
            UserError: there is a cap, and the price of a model is unknown.
        """
        while not self.try_reserve(requests):
            if self.reserved <= 0:
                return False
            await asyncio.sleep(SETTLE_SECONDS)
        return True

    def try_reserve(self, requests: Sequence[Request]) -> bool:
        """Reserve as `reserve` does, without waiting."""
        if self.limit is None:
            return True
        names = unpriced(request.spec for request in requests)
        if names:
            raise UserError(
                f"a budget needs prices, and that of {', '.join(names)} is unknown; give `prices: "
                "{input: …, output: …}` (dollars for a million tokens) in a YAML file"
            )
        wanted = sum(map(_reservation, requests))
        if self.spent + self.reserved + wanted > self.limit:
            return False
        self.reserved += wanted
        return True

    def settle(self, request: Request) -> None:
        """Release what was reserved for `request`."""
        if self.limit is not None:
            self.reserved = max(0.0, self.reserved - _reservation(request))
            if self.reserved < 1e-12:
                self.reserved = 0.0

    def charge(self, cost: float | None) -> None:
        """Count what an attempt cost, whether its reply is of use or not."""
        self.spent += cost or 0.0

    def begin(self, stage: str, request: Request) -> None:
        """Note that a request of `stage` is sent."""
        self._begun.setdefault((stage, request.spec.name), monotonic())

    def count(self, stage: str, results: Iterable[Result]) -> None:
        """Enter `results` into their lines."""
        for result in results:
            place = (stage, result.request.spec.name)
            hourly = result.request.spec.price_per_hour
            line = self.lines.setdefault(place, Line(*place, price_per_hour=hourly))
            if not isinstance(result, Reply):
                line.failed += 1
                line.cost += result.cost or 0.0
            elif result.from_store:
                line.stored += 1
            else:
                _enter(line, result)
                line.seconds = monotonic() - self._begun.get(place, monotonic())


def _enter(line: Line, reply: Reply) -> None:
    line.bought += 1
    line.input_tokens += reply.usage.input or 0
    line.output_tokens += reply.usage.output or 0
    line.cost += reply.cost or 0.0
    line.unknown += reply.cost is None


def _reservation(request: Request) -> float:
    return expected_cost(request) or 0.0
