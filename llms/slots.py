"""How many requests one endpoint is asked at once, found out while asking.

Additive increase, multiplicative decrease: a little more with each round that went well, less on
overload (429, 503, time-outs), and less where more requests at once only made each of them slower,
though never below a quarter of what is allowed: too few cost throughput, too many only a wait.

Latency alone says little about a model: answers differ in length, and a server that batches is
slower for each request while it does more in all. So rounds are compared by throughput, that is by
Little's law the number of requests at once over the time each takes, the median of the time for a
unit of work. Past the knee twice the requests take twice the time, and the number goes back to
where throughput stopped to grow.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from math import inf, log2, pow
from statistics import median
from time import monotonic

SHORTEST_ROUND = 8
"""Replies that a round has at least."""
GAIN = 1.12
"""What twice the requests must bring in throughput to be worth it."""
APART = 1.9
"""How many times the requests of one round another must have for the two to be compared."""
LEAST = 0.25
"""Share of the slots that slowness alone never takes: too few at once cost more than too many."""
SLOW = 1.0
"""Seconds from which on a request is worth asking whether fewer at once would do as well."""
CHANGED = 1.5
"""By how much a round differs from one of as many requests if the server is not what it was."""


@dataclass(frozen=True, slots=True)
class _Round:
    limit: float
    throughput: float
    """Units of work, in a unit of time of no matter."""

    def worth(self, fewer: "_Round") -> bool:
        """Whether this many requests bring more than `fewer` did."""
        return self.throughput > fewer.throughput * pow(GAIN, log2(self.limit / fewer.limit))


def _limit(one: _Round) -> float:
    return one.limit


class Slots:
    """The slots of one endpoint: at most `most`, and so many at first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self.taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._decreased = 0.0
        self._rounds: dict[int, _Round] = {}
        self._began = inf
        self._paces: list[float] = []
        self._seconds: list[float] = []
        self._full = True

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

    def went_well(self, seconds: float, work: float) -> None:
        """Count a success that held its slot for `seconds` and did `work`, in any unit.

        A reply counts that was asked for within the round; the first ones only warm the server up.
        """
        now = monotonic()
        if self._began == inf:
            self._began = now
        if now - seconds < self._began:
            return
        self._full = self._full and self.taken >= int(self.limit)
        self._paces.append(seconds / work)
        self._seconds.append(seconds)
        if len(self._paces) >= max(SHORTEST_ROUND, self.limit):
            self._end_round()
            self._admit()

    def overloaded(self) -> None:
        """Count a sign of overload: 30 % fewer, at most once a second."""
        now = monotonic()
        if now - self._decreased >= 1.0:
            self._decreased = now
            self._set(self.limit * 0.7)

    def _end_round(self) -> None:
        step = max(1.0, min(self.most / 32, self.limit / 4))
        grown = self.limit + step
        tell = self._full and median(self._seconds) >= SLOW
        self._set(self._advised(grown) if tell else grown)

    def _advised(self, grown: float) -> float:
        """Return the next limit: `grown`, or what this round says beside those before it.

        Where there was no round of fewer requests, half as many are tried, if that is not too few.
        """
        least = LEAST * self.most
        here = _Round(self.limit, self.limit / median(self._paces))
        self._remember(here)
        fewer = [r for r in self._rounds.values() if r.limit <= here.limit / APART]
        more = [r for r in self._rounds.values() if r.limit >= here.limit * APART]
        if fewer:
            below = max(fewer, key=_limit)
            if here.worth(below):
                return grown
            return below.limit * max(1.0, here.throughput / below.throughput)
        if more:
            above = min(more, key=_limit)
            return above.limit if above.worth(here) else min(grown, max(least, here.limit / 2))
        return grown if here.limit / 2 < least else here.limit / 2

    def _remember(self, here: _Round) -> None:
        place = round(2 * log2(here.limit))
        before = self._rounds.get(place)
        if before and not 1 / CHANGED < here.throughput / before.throughput < CHANGED:
            self._rounds.clear()
        self._rounds[place] = here

    def _set(self, limit: float) -> None:
        self.limit = min(float(self.most), max(1.0, limit))
        self._began = monotonic()
        self._paces = []
        self._seconds = []
        self._full = True

    def _admit(self) -> None:
        while self._waiting and self.taken < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self.taken += 1
                turn.set_result(None)
