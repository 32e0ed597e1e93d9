"""Games judged a second, all bookkeeping included, beside a bare loop over the same client.

Run from the repository's root: python benchmarks/judging.py [GAMES]. A server that answers at once
runs in a process of its own; both loops ask it the same prompts with 64 requests at a time.
"""

import asyncio
import json
import multiprocessing
import platform
import resource
import sys
import tempfile
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from aiohttp import web

from benchbuilder.records import BenchmarkItem
from judges.asking import live
from judges.judging import Bench, judge_games
from judges.planning import Game, all_pairs, plan_games
from judges.protocols import protocol
from judges.records import Answer
from judges.thoughts import THINK_TAGS
from llms.budget import Budget
from llms.progress import Silent
from llms.records import ModelSpec
from llms.store import ResponseStore

CONCURRENCY = 64
ROUNDS = 3
MODELS = [f"model-{i}" for i in range(5)]
ANSWER = "The capital of Peru is **Lima**.\n\n- It lies on the coast.\n- It has a port.\n" * 12
REPLY = {
    "id": "c",
    "object": "chat.completion",
    "created": 0,
    "model": "judge",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": "B is a little clearer. " * 20 + "[[B>A]]"},
        }
    ],
    "usage": {"prompt_tokens": 900, "completion_tokens": 120, "total_tokens": 1020},
}


def serve(port: "multiprocessing.Queue[int]") -> None:
    body = json.dumps(REPLY).encode()

    async def chat(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=body, content_type="application/json")

    async def start() -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", chat)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.put(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(start())


def bench(count: int, url: str, store: ResponseStore) -> tuple[list[Game], Bench]:
    """Return `count` games and what a judge needs to play them."""
    per_prompt = len(MODELS) * (len(MODELS) - 1)
    items = [
        BenchmarkItem(id=f"p{i}", turns=(f"What is the capital of Peru? ({i}) " + "word " * 100,))
        for i in range(-(-count // per_prompt))
    ]
    answers = {
        (item.id, model, 0): Answer(
            prompt_id=item.id, model=model, text=f"{model} {item.id} {ANSWER}"
        )
        for item in items
        for model in MODELS
    }
    games = plan_games(items, lambda _: all_pairs(MODELS))[:count]
    judge = ModelSpec(
        kind="http", model="judge", name="judge", address=url, concurrency=CONCURRENCY
    )
    return games, Bench(
        judge=judge,
        protocol=protocol("pairwise"),
        answers=answers,
        ask=live(store, Budget(), Silent()),
        think_tags=THINK_TAGS,
        on_result=lambda _: None,
    )


def bare_loop(prompts: list[str], url: str) -> float:
    """Return the requests a second of a plain loop over the client."""
    from openai import AsyncOpenAI, DefaultAioHttpClient

    async def loop() -> float:
        client = AsyncOpenAI(
            base_url=url, api_key="none", max_retries=0, http_client=DefaultAioHttpClient()
        )
        waiting = iter(prompts)

        async def worker() -> None:
            for prompt in waiting:
                await client.chat.completions.create(
                    model="judge", messages=[{"role": "user", "content": prompt}]
                )

        started = perf_counter()
        await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
        seconds = perf_counter() - started
        await client.close()
        return len(prompts) / seconds

    return asyncio.run(loop())


def our_loop(count: int, url: str, folder: Path) -> float:
    """Return the games judged a second: prompts built, replies stored and read."""
    with ResponseStore(folder / "store.sqlite") as store:
        games, judge = bench(count, url, store)
        started = perf_counter()
        judgments = judge_games(games, judge)
        seconds = perf_counter() - started
    assert all(judgment.verdict == "B>A" for judgment in judgments)
    return count / seconds


def prompt_of(judge: Bench, game: Game) -> str:
    models = {"A": game.model_a, "B": game.model_b}
    request = judge.request(game.item, models, {}, sample=0, repeat=0)
    return str(request.messages[0]["content"])


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(count: int) -> None:
    context = multiprocessing.get_context("spawn")
    port = context.Queue()
    server = context.Process(target=serve, args=(port,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{port.get()}/v1"
    with tempfile.TemporaryDirectory() as folder, ResponseStore(Path(folder) / "x") as store:
        games, judge = bench(count, url, store)
        prompts = [prompt_of(judge, game) for game in games]
        ratios: list[float] = []
        cpu: list[float] = []
        bare_loop(prompts[:500], url)
        for turn in range(ROUNDS):
            (Path(folder) / str(turn)).mkdir()
            marks = [process_time()]
            bare = bare_loop(prompts, url)
            marks.append(process_time())
            before = peak_mb()
            ours = our_loop(count, url, Path(folder) / str(turn))
            marks.append(process_time())
            spent = [1000 * (b - a) / count for a, b in pairwise(marks)]
            ratios.append(ours / bare)
            cpu.append(spent[0] / spent[1])
            print(
                f"round {turn + 1}: bare {bare:,.0f}/s, ours {ours:,.0f}/s, {ours / bare:.0%}; "
                f"CPU {spent[0]:.2f} and {spent[1]:.2f} ms each; "
                f"peak memory {before:.0f} -> {peak_mb():.0f} MB"
            )
    print(
        f"median of {ROUNDS} rounds with {count:,} games: {median(ratios):.0%} of the bare loop's"
    )
    print(f"speed; by CPU time, which other work on the machine blurs less: {median(cpu):.0%}")
    print(
        f"Python {platform.python_version()}, openai {version('openai')}, aiohttp "
        f"{version('aiohttp')}, {platform.machine()}"
    )
    server.terminate()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
