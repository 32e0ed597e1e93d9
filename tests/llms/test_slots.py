import asyncio
import random
from collections.abc import Callable
from heapq import heappop, heappush
from statistics import mean

import pytest
from aiohttp import web

from llms.complete import ask
from llms.records import Request
from llms.slots import Slots
from llms.store import ResponseStore
from tests.llms.fake_server import completion, fake_server

Seconds = Callable[[float, int, float], float]
"""How long a reply takes: by the time of day, the requests under way, and its tokens."""


class Clock:
    now = 0.0


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("llms.slots.monotonic", lambda: clock.now)
    return clock


def settled(clock: Clock, most: int, seconds: Seconds, count: int = 3000) -> float:
    """Return the mean limit of the last half of a run that always has more to ask.

    Replies have 10 to 2,000 tokens.
    """
    slots, under_way, seen, draw = Slots(most), [], [], random.Random(0)

    async def run() -> None:
        for number in range(count):
            while slots.taken < int(slots.limit):
                await slots.acquire()
                tokens = 10 + draw.lognormvariate(5, 1)
                takes = seconds(clock.now, slots.taken, tokens) * draw.uniform(0.9, 1.1)
                heappush(under_way, (clock.now + takes, number, slots.taken, takes, tokens))
            clock.now, _, _, takes, tokens = heappop(under_way)
            slots.went_well(takes, 32 + tokens)
            slots.release()
            seen.append(slots.limit)

    asyncio.run(run())
    return mean(seen[count // 2 :])


@pytest.mark.parametrize("knee", [6, 20, 60])
def test_concurrency_settles_near_the_knee_of_the_server_or_at_a_quarter(clock, knee):
    def queue(now, at_once, tokens):
        return (0.5 + 0.02 * tokens) * max(1, at_once / knee)

    wanted = max(knee, 128 / 4)
    assert 0.9 * wanted < settled(clock, 128, queue) < 3 * wanted


def test_answers_of_any_length_and_stragglers_leave_concurrency_alone(clock):
    straggling = random.Random(1)

    def hosted(now, at_once, tokens):
        return (0.5 + 0.02 * tokens) * (10 if straggling.random() < 0.05 else 1)

    assert settled(clock, 128, hosted) == 128


def test_a_server_that_gains_by_batching_is_given_its_batches(clock):
    def batch(now, at_once, tokens):
        return tokens * (0.01 + 0.0002 * at_once)

    assert settled(clock, 128, batch) > 100


def test_a_server_that_is_slow_for_a_while_has_its_concurrency_back(clock):
    def slow_for_a_while(now, at_once, tokens):
        return (0.5 + 0.02 * tokens) * (4 if 50 < now < 200 else 1)

    assert settled(clock, 64, slow_for_a_while) == 64


def test_overload_takes_a_third_away_once_a_second_and_it_comes_back(clock):
    slots = Slots(64)
    slots.limit = 64.0
    clock.now = 10.0
    slots.overloaded()
    slots.overloaded()
    fallen = slots.limit
    for clock.now in range(11, 1500):
        slots.went_well(0.5, 1)
    assert (fallen, slots.limit) == (pytest.approx(64 * 0.7), 64)


def test_quick_replies_leave_concurrency_alone(clock):
    def queue(now, at_once, tokens):
        return 0.01 * at_once / 4

    assert settled(clock, 128, queue) == 128


def test_a_real_server_that_is_slow_is_asked_near_as_much_at_once_as_it_serves(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("llms.slots.SLOW", 0.0)
    under_way, seen = 0, []

    async def work(body):
        nonlocal under_way
        under_way += 1
        seen.append(under_way)
        async with at_once:
            await asyncio.sleep(0.02)
        under_way -= 1
        return web.json_response(completion("fine"))

    at_once = asyncio.Semaphore(4)
    with fake_server(work) as server, ResponseStore(tmp_path / "s") as store:
        spec = server.spec(concurrency=32)
        messages = [[{"role": "user", "content": str(number)}] for number in range(600)]
        ask([Request(spec=spec, messages=message) for message in messages], store=store)
    assert max(seen) == 32
    assert mean(seen[300:]) < 24
