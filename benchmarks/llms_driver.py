"""How fast the door drives a server, against a bare loop over the same client.

    python benchmarks/llms_driver.py [--requests 10000] [--concurrency 128] [--latency 0]

Starts its own server, in a process of its own, which answers at once or after `--latency` seconds.
Prints requests/s and CPU milliseconds for each request of aiohttp alone, which tells what the
server can do, of a bare asyncio loop over AsyncOpenAI with the aiohttp transport, and of
`llms.complete` with the store on, then the look-up of 100,000 replies.
"""

import argparse
import asyncio
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import aiohttp
import openai

from llms.complete import complete
from llms.records import ModelSpec, Reply, Request
from llms.store import ResponseStore

BODY = {
    "id": "c",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "A short answer."},
        }
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}


class Answering(asyncio.Protocol):
    """One connection to a server that answers every request alike: as little work as it can be."""

    latency = 0.0
    answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n") + 4) >= 4:
            head = self.received[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self.received) < end + length:
                return
            self.received = self.received[end + length :]
            loop = asyncio.get_running_loop()
            loop.call_later(self.latency, self.transport.write, self.answer)


def serve(latency: float, tell: Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Answering, "127.0.0.1", 0, backlog=2048)
        tell.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    body = json.dumps(BODY).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    Answering.latency, Answering.answer = latency, f"{head}\r\n\r\n".encode() + body
    asyncio.run(main())


async def raw(url: str, count: int, concurrency: int) -> None:
    """Ask by aiohttp alone: what the server can do."""
    numbers = iter(range(count))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def worker() -> None:
            for number in numbers:
                body = {"messages": [{"role": "user", "content": f"question {number}"}]}
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    await response.json()

        await asyncio.gather(*(worker() for _ in range(concurrency)))


async def bare(url: str, count: int, concurrency: int) -> None:
    async with openai.AsyncOpenAI(
        api_key="none", base_url=url, max_retries=0, http_client=openai.DefaultAioHttpClient()
    ) as client:
        numbers = iter(range(count))

        async def worker() -> None:
            for number in numbers:
                await client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": f"question {number}"}]
                )

        await asyncio.gather(*(worker() for _ in range(concurrency)))


async def door(url: str, count: int, concurrency: int, path: Path) -> None:
    spec = ModelSpec(kind="http", model="m", name="m", address=url, concurrency=concurrency)
    with ResponseStore(path) as store:
        async for result in complete(questions(spec, count), store=store):
            if not isinstance(result, Reply):
                raise SystemExit(f"a request failed: {result.reason} {result.detail}")


def questions(spec: ModelSpec, count: int) -> Iterator[Request]:
    for number in range(count):
        message = {"role": "user", "content": f"question {number}"}
        yield Request(spec=spec, messages=[message])


def measured(name: str, count: int, run: Coroutine[Any, Any, None]) -> float:
    start, cpu = perf_counter(), process_time()
    asyncio.run(run)
    seconds = perf_counter() - start
    rate = count / seconds
    print(f"{name:28} {rate:8.0f} requests/s {1000 * (process_time() - cpu) / count:6.2f} ms CPU")
    return rate


def look_up(folder: Path, count: int = 100_000) -> None:
    spec = ModelSpec(kind="http", model="m", name="m", address="http://nowhere/v1")
    requests = list(questions(spec, count))
    with ResponseStore(folder / "many.sqlite") as store:
        for start in range(0, count, 10_000):
            part = requests[start : start + 10_000]
            store.commit({r.key: Reply(request=r, text="A short answer.") for r in part})
        start_time, cpu = perf_counter(), process_time()
        found = store.find({request.key: request for request in requests})
        seconds, busy = perf_counter() - start_time, process_time() - cpu
        print(f"look-up of {len(found):,} stored replies: {seconds:.2f} s ({busy:.2f} s CPU)")

    async def stream() -> int:
        with ResponseStore(folder / "many.sqlite") as store:
            return len([r async for r in complete(requests, store=store)])

    start_time = perf_counter()
    passed = asyncio.run(stream())
    print(f"through the door, {passed:,}: {perf_counter() - start_time:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--latency", type=float, default=0.0)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(options.latency, there), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}/v1"
    count, concurrency = options.requests, options.concurrency
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(bare(url, 500, concurrency))
        measured("aiohttp alone", count, raw(url, count, concurrency))
        loop = measured("bare loop", count, bare(url, count, concurrency))
        path = Path(folder, "store.sqlite")
        ours = measured("llms.complete, store on", count, door(url, count, concurrency, path))
        print(f"share of the bare loop: {ours / loop:.0%}")
        look_up(Path(folder))
    server.terminate()


if __name__ == "__main__":
    main()
