"""A server that fails often, in every way that a server can; a process of its own.

    python -m tests.llms.faults SHARE

It prints its port. A share of all attempts fails; which, depends only on the question and on how
often it was asked, so that every run meets the same faults. `/counts` tells how often each
question was asked and properly answered, and how many requests were under way at once,
`/total` how many answers were given.
"""

import asyncio
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

from aiohttp import web

from tests.llms.fake_server import completion

STALL_SECONDS = 30.0
Fault = Callable[[web.Request, str], Awaitable[web.StreamResponse]]


async def rate_limit(request: web.Request, question: str) -> web.StreamResponse:
    return web.json_response({"error": {"message": "slow down"}}, status=429)


async def rate_limit_with_time(request: web.Request, question: str) -> web.StreamResponse:
    return web.Response(status=429, headers={"Retry-After": "0"})


async def server_error(request: web.Request, question: str) -> web.StreamResponse:
    return web.Response(status=500, text="<html>oops</html>")


async def unavailable(request: web.Request, question: str) -> web.StreamResponse:
    return web.Response(status=503)


async def stall(request: web.Request, question: str) -> web.StreamResponse:
    await asyncio.sleep(STALL_SECONDS)
    return web.Response()


async def reset(request: web.Request, question: str) -> web.StreamResponse:
    if request.transport:
        request.transport.abort()
    return web.Response()


async def slow_bytes(request: web.Request, question: str) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.1)


async def cut_off(request: web.Request, question: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"choices": [')
    return await reset(request, question)


async def half_json(request: web.Request, question: str) -> web.StreamResponse:
    return web.Response(text='{"choices": [{"message"', content_type="application/json")


async def no_json(request: web.Request, question: str) -> web.StreamResponse:
    return web.Response(text="<html>busy</html>", content_type="text/html")


async def no_choices(request: web.Request, question: str) -> web.StreamResponse:
    return web.json_response({"choices": [], "usage": None})


async def null_content(request: web.Request, question: str) -> web.StreamResponse:
    return web.json_response(completion(None))


FAULTS: tuple[Fault, ...] = (
    rate_limit,
    rate_limit_with_time,
    server_error,
    unavailable,
    stall,
    reset,
    slow_bytes,
    cut_off,
    half_json,
    no_json,
    no_choices,
    null_content,
)


def proper(question: str) -> dict[str, Any]:
    """Return the one proper answer to `question`: some are huge, some have a senseless usage."""
    body = completion(f"answer to {question}")
    odd = random.Random(question).random()
    if odd < 0.02:
        body["usage"] = {"prompt_tokens": "many", "completion_tokens": -1}
    elif odd < 0.025:
        body["choices"][0]["message"]["content"] += " " + "x" * 2_000_000
    return body


async def serve(share: float) -> None:
    """Serve until killed."""
    asked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    under_way = busiest = 0

    async def chat(request: web.Request) -> web.StreamResponse:
        nonlocal under_way, busiest
        under_way += 1
        busiest = max(busiest, under_way)
        try:
            question = (await request.json())["messages"][-1]["content"]
            asked[question] += 1
            draw = random.Random(f"{question} {asked[question]}")
            if draw.random() < share:
                return await draw.choice(FAULTS)(request, question)
            await asyncio.sleep(draw.random() / 50)
            answered[question] += 1
            return web.json_response(proper(question))
        finally:
            under_way -= 1

    async def counts(request: web.Request) -> web.Response:
        return web.json_response({"answered": answered, "asked": asked, "busiest": busiest})

    async def total(request: web.Request) -> web.Response:
        await asyncio.sleep(0.01)
        return web.Response(text=str(answered.total()))

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/counts", counts)
    app.router.add_get("/total", total)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=2048).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def fault_server(share: float) -> Iterator[str]:
    """Run the server in a process of its own; yield its root URL."""
    command = [sys.executable, "-m", "tests.llms.faults", str(share)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def counts(url: str) -> dict[str, Any]:
    """Return how often the server at `url` was asked, and answered, each question."""
    with urlopen(f"{url}/counts") as response:
        found: dict[str, Any] = json.load(response)
    return found


def total(url: str) -> int:
    """Return how many answers the server at `url` has given."""
    with urlopen(f"{url}/total") as response:
        return int(response.read())


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
