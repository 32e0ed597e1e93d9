"""Stands where vLLM's API server stands, and starts in a moment.

It has a child process, as vLLM has, which ignores Ctrl-C. The model's name says
what happens: `out-of-memory` and `unknown` end as vLLM ends, `mortal` dies at its third request.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from aiohttp import web

CHILD = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"
LAST_WORDS = {
    "out-of-memory": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB.",
    "unknown": "ValueError: Model architectures ['OddModel'] are not supported for now.",
}
STATE = {"asked": 0, "tokens": 0}


async def health(request: web.Request) -> web.Response:
    return web.Response()


async def metrics(request: web.Request) -> web.Response:
    asked = STATE["tokens"]
    return web.Response(
        text=f'vllm:prefix_cache_queries_total{{engine="0"}} {asked}.0\n'
        f'vllm:prefix_cache_hits_total{{engine="0"}} {asked / 4}\n'
    )


async def chat(request: web.Request) -> web.Response:
    body = await request.json()
    STATE["asked"] += 1
    STATE["tokens"] += 100
    died = Path(os.environ["FAKE_VLLM_DIED"])
    if body["model"] == "mortal" and STATE["asked"] == 3 and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    message = {"role": "assistant", "content": f"served by {body['model']}"}
    return web.json_response({"choices": [{"message": message, "finish_reason": "stop"}]})


async def serve(host: str, port: int) -> None:
    app = web.Application()
    app.add_routes(
        [
            web.get("/health", health),
            web.get("/metrics", metrics),
            web.post("/v1/chat/completions", chat),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in ("--model", "--served-model-name", "--host", "--marker"):
        parser.add_argument(option)
    parser.add_argument("--port", type=int)
    parser.add_argument("--enable-prefix-caching", action="store_true")
    options = parser.parse_args()
    if options.model in LAST_WORDS:
        sys.exit(LAST_WORDS[options.model])
    subprocess.Popen([sys.executable, "-c", CHILD, options.marker or ""])
    asyncio.run(serve(options.host, options.port))


if __name__ == "__main__":
    main()
