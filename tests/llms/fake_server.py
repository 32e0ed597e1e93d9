"""A local server that speaks OpenAI's chat API; a test says how it answers."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from llms.records import ModelSpec

Answer = Callable[[dict[str, Any]], Awaitable[web.StreamResponse]]


def completion(text: str | None, **message: Any) -> dict[str, Any]:
    """Return a chat completion that says `text`."""
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": message.pop("finish_reason", "stop"),
                "logprobs": message.pop("logprobs", None),
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


async def echo(body: dict[str, Any]) -> web.StreamResponse:
    """Answer with the last message."""
    return web.json_response(completion(f"echo {body['messages'][-1]['content']}"))


@dataclass
class FakeServer:
    """Where the server is, and what it was asked."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)

    def spec(self, **options: Any) -> ModelSpec:
        """Return the spec of a model on this server."""
        fields = {"kind": "http", "model": "m", "name": "m", "address": self.url, **options}
        return ModelSpec(**fields)


@contextmanager
def fake_server(
    answer: Answer = echo, routes: Callable[[web.Application], None] | None = None
) -> Iterator[FakeServer]:
    """Serve on a free port in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = FakeServer("")

    async def chat(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        server.asked.append(body)
        server.headers.append(dict(request.headers))
        server.targets.append(request.path_qs)
        return await answer(body)

    async def embeddings(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        server.asked.append(body)
        rows = [
            {"index": i, "embedding": [float(len(text)), 1.0]}
            for i, text in enumerate(body["input"])
        ]
        return web.json_response({"data": rows[::-1]})

    async def start() -> web.AppRunner:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", chat)
        app.router.add_post("/v1/embeddings", embeddings)
        if routes:
            routes(app)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}/v1"
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
