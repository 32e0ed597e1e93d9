"""A judge server that fails in every way a server can, and heals when it is told to."""

import asyncio
from collections import Counter
from typing import Any

from aiohttp import web

from llms.files import digest
from tests.judges.judge_server import answer
from tests.llms.fake_server import completion


class FaultyServer:
    """Fails about one request in eight; which, and how, depends on the request alone.

    Passing faults fail the first attempt at a request, lasting ones every attempt until `healed`.
    """

    def __init__(self) -> None:
        self.healed = False
        self.served = Counter[str]()
        self._tried = Counter[str]()

    async def __call__(self, body: dict[str, Any]) -> web.StreamResponse:
        key = digest(body)
        self._tried[key] += 1
        kinds = [*PASSING, *LASTING]
        drawn = int(key[:8], 16) % (8 * len(kinds))
        if drawn < len(kinds):
            kind = kinds[drawn]
            if not self.healed and (kind in LASTING or self._tried[key] == 1):
                return await kind(body)
        self.served[key] += 1
        return await answer(body)


async def too_many_with_a_wait(body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({"error": "slow down"}, status=429, headers={"Retry-After": "0"})


async def too_many(body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({"error": "slow down"}, status=429)


async def broken(body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({"error": "oops"}, status=500)


async def unavailable(body: dict[str, Any]) -> web.StreamResponse:
    return web.Response(text="<html>try later</html>", status=503)


async def silent(body: dict[str, Any]) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError("the client hangs up")


class _HangUp(web.Response):
    async def prepare(self, request: web.BaseRequest) -> None:
        if request.transport:
            request.transport.abort()


async def dropped(body: dict[str, Any]) -> web.StreamResponse:
    return _HangUp()


async def cut_short(body: dict[str, Any]) -> web.StreamResponse:
    return web.Response(body=b'{"id": "c", "choices": [{"index"', content_type="application/json")


async def not_json(body: dict[str, Any]) -> web.StreamResponse:
    return web.Response(text="all is well", content_type="application/json")


async def no_choices(body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({**completion("x"), "choices": []})


async def null_content(body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response(completion(None))


async def refused(body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response(completion(None, refusal="I would rather not."))


async def at_its_limit(body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response(completion("It began well but", finish_reason="length"))


async def unknown_model(body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({"error": {"message": "no such model"}}, status=404)


PASSING = [
    too_many_with_a_wait,
    too_many,
    broken,
    unavailable,
    silent,
    dropped,
    cut_short,
    not_json,
]
LASTING = [no_choices, null_content, refused, at_its_limit, unknown_model]
