"""The lane to one endpoint: how many requests at once, how long each may take, which are retried.

This is the one layer that retries; the clients' own retries are off.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeVar

from llms.endpoints import AttemptError, Endpoint
from llms.records import ModelSpec, Usage
from llms.slots import Slots

T = TypeVar("T")
RETRY_AFTER_MAX = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a request is tried, and the seconds in between, doubled each time."""

    attempts: int = 8
    attempts_by_reason: Mapping[str, int] = field(
        default_factory=lambda: {"unreachable": 3, "invalid_response": 5, "empty": 4, "timeout": 3}
    )
    """Fewer attempts for what is less likely to pass."""
    wait_initial: float = 0.5
    wait_max: float = 60.0
    wait_jitter: float = 1.0

    def wait_before_next(self, error: AttemptError, failed: Counter[str]) -> float | None:
        """Return the seconds to wait after `error`, None where the request is given up.

        `failed` counts the attempts by reason, with this one.
        """
        most = min(self.attempts_by_reason.get(error.reason, self.attempts), self.attempts)
        if not error.retry or failed[error.reason] >= most or failed.total() >= self.attempts:
            return None
        jitter = random.uniform(0, self.wait_jitter)
        if error.wait is not None:
            return min(error.wait, RETRY_AFTER_MAX) + jitter
        return min(self.wait_max, self.wait_initial * 2.0 ** (failed.total() - 1) + jitter)


PATIENT = Patience()


class Pace:
    """At most so many units a minute, spread evenly, after a burst of at most a few seconds."""

    BURST_SECONDS = 3.0

    def __init__(self, per_minute: float) -> None:
        self._seconds_per_unit = 60.0 / per_minute
        self._free_at = 0.0

    async def admit(self, units: float) -> None:
        """Wait until `units` more fit."""
        now = monotonic()
        earliest = max(self._free_at, now - self.BURST_SECONDS)
        self._free_at = earliest + units * self._seconds_per_unit
        if earliest > now:
            await asyncio.sleep(earliest - now)


def one(answer: object) -> float:
    """Return 1: every answer was as much work as the others."""
    return 1.0


class Lane:
    """Attempts at one endpoint."""

    def __init__(self, spec: ModelSpec, endpoint: Endpoint, patience: Patience = PATIENT) -> None:
        self.endpoint = endpoint
        self._patience = patience
        self._slots = Slots(spec.concurrency)
        self._timeout = spec.timeout
        per_minute = spec.requests_per_minute
        self._requests = Pace(per_minute) if per_minute else None
        self._tokens = Pace(spec.tokens_per_minute) if spec.tokens_per_minute else None
        self.sending: set[asyncio.Task[Any] | None] = set()
        """Tasks that have an attempt under way."""
        self._answered = False
        self._hopeless: AttemptError | None = None

    async def call(
        self,
        send: Callable[[], Awaitable[T]],
        keep: Callable[[T], Awaitable[None]],
        expected: Usage,
        work: Callable[[T], float] = one,
    ) -> None:
        """Hand what `send` returns to `keep`; try again where that can help.

        The slot is held until the reply is kept: what a crash can lose is what is under way.
        `work` says how much there was to do for what `send` returned, in any unit.

        Raises:
            AttemptError: the last one; its `attempts` says how many were made.
        """
        failed: Counter[str] = Counter()
        try:
            async with self.endpoint.in_use():
                while True:
                    try:
                        return await self._attempt(send, keep, expected, work)
                    except AttemptError as error:
                        failed[error.reason] += 1
                        error.attempts = failed.total()
                        wait = self._patience.wait_before_next(error, failed)
                        if wait is None or self._hopeless:
                            raise
                    await asyncio.sleep(wait)
        except AttemptError as error:
            if error.hopeless and not self._answered:
                self._hopeless = error
            raise

    async def close(self) -> None:
        """Close the endpoint."""
        await self.endpoint.close()

    async def _attempt(
        self,
        send: Callable[[], Awaitable[T]],
        keep: Callable[[T], Awaitable[None]],
        expected: Usage,
        work: Callable[[T], float],
    ) -> None:
        await self._slots.acquire()
        try:
            if self._hopeless:
                raise AttemptError(self._hopeless.reason, self._hopeless.detail)
            await self._keep_pace(expected)
            self.sending.add(asyncio.current_task())
            start = monotonic()
            async with asyncio.timeout(self._timeout):
                answer = await send()
            self._answered = True
            await keep(answer)
            self._slots.went_well(monotonic() - start, work(answer))
        except TimeoutError:
            self._slots.overloaded()
            raise AttemptError("timeout", f"no reply in {self._timeout:g} s", retry=True) from None
        except AttemptError as error:
            if error.overload:
                self._slots.overloaded()
            raise
        finally:
            self.sending.discard(asyncio.current_task())
            self._slots.release()

    async def _keep_pace(self, expected: Usage) -> None:
        if self._requests:
            await self._requests.admit(1)
        if self._tokens:
            await self._tokens.admit((expected.input or 0) + (expected.output or 0))
