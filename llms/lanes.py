"""The lane to one endpoint: how many requests at once, how long each may take, which are retried.

This is the one layer that retries; the clients' own retries are off.
"""

import asyncio
import logging
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeVar

import stamina

from llms.endpoints import AttemptError, Endpoint
from llms.records import ModelSpec, Usage

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


logging.getLogger("stamina").addHandler(logging.NullHandler())


PATIENT = Patience()


class Slots:
    """How many requests may be under way: more while all goes well, fewer when it does not.

    Additive increase, multiplicative decrease: a 32nd of `most` is added with each full round of
    successes, 30 % are taken away on overload, at most once a second.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self._step = max(1.0, most / 32)
        self.taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._decreased = 0.0

    async def acquire(self) -> None:
        """Wait for a slot, first come, first served."""
        if self.taken < int(self.limit) and not self._waiting:
            self.taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back."""
        self.taken -= 1
        self._admit()

    def went_well(self) -> None:
        """Count a success."""
        self.limit = min(self.most, self.limit + self._step / self.limit)
        self._admit()

    def overloaded(self) -> None:
        """Count a sign of overload."""
        now = monotonic()
        if now - self._decreased >= 1.0:
            self._decreased = now
            self.limit = max(1.0, self.limit * 0.7)

    def _admit(self) -> None:
        while self._waiting and self.taken < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self.taken += 1
                turn.set_result(None)


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
    ) -> None:
        """Hand what `send` returns to `keep`; try again where that can help.

        The slot is held until the reply is kept: what a crash can lose is what is under way.

        Raises:
            AttemptError: the last one; its `attempts` says how many were made.
        """
        failed: Counter[str] = Counter()
        patience = self._patience

        def wait_before_next(error: Exception) -> bool | float:
            if not isinstance(error, AttemptError):
                return False
            failed[error.reason] += 1
            error.attempts = failed.total()
            most = patience.attempts_by_reason.get(error.reason, patience.attempts)
            if not error.retry or failed[error.reason] >= most or self._hopeless:
                return False
            if error.wait is None:
                return True
            return min(error.wait, RETRY_AFTER_MAX) + random.uniform(0, patience.wait_jitter)

        try:
            async with self.endpoint.in_use():
                async for attempt in stamina.retry_context(
                    on=wait_before_next,
                    attempts=patience.attempts,
                    timeout=None,
                    wait_initial=patience.wait_initial,
                    wait_max=patience.wait_max,
                    wait_jitter=patience.wait_jitter,
                ):
                    with attempt:
                        return await self._attempt(send, keep, expected)
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
    ) -> None:
        await self._slots.acquire()
        try:
            if self._hopeless:
                raise AttemptError(self._hopeless.reason, self._hopeless.detail)
            await self._keep_pace(expected)
            self.sending.add(asyncio.current_task())
            async with asyncio.timeout(self._timeout):
                answer = await send()
            self._answered = True
            self._slots.went_well()
            await keep(answer)
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
