"""A program that asks many questions of the fault server, for tests that measure or kill it.

    python -m tests.llms.asker URL STORE COUNT CONCURRENCY [FIRST [TIMEOUT]]
    python -m tests.llms.asker

Prints a JSON object: results by kind, wrong texts, and the peak of its memory in MB. Without
arguments it reads those of many programs, as JSON lists, from standard input, and starts a process
for each that has nothing left to import; it prints their ids first.
"""

import asyncio
import importlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from llms.complete import complete
from llms.lanes import Patience
from llms.records import ModelSpec, Reply, Request
from llms.store import ResponseStore

PATIENCE = Patience(
    attempts=20, attempts_by_reason={}, wait_initial=0.02, wait_max=0.5, wait_jitter=0.05
)


def questions(
    url: str, count: int, concurrency: int, first: int, timeout: float
) -> Iterator[Request]:
    """Yield `count` requests, from number `first` on."""
    spec = ModelSpec(
        kind="http",
        model="m",
        name="m",
        address=url + "/v1",
        concurrency=concurrency,
        timeout=timeout,
    )
    for number in range(first, first + count):
        yield Request(spec=spec, messages=[{"role": "user", "content": f"question {number}"}])


async def main(
    url: str, path: Path, count: int, concurrency: int, first: int = 0, timeout: float = 1.5
) -> None:
    """Ask, and print what came, on one line with the process's id."""
    kinds: Counter[str] = Counter()
    wrong = 0
    with ResponseStore(path) as store:
        requests = questions(url, count, concurrency, first, timeout)
        async for result in complete(requests, store=store, patience=PATIENCE):
            if isinstance(result, Reply):
                kinds["stored" if result.from_store else "bought"] += 1
                question = result.request.messages[-1]["content"]
                wrong += not result.text.startswith(f"answer to {question}")
            else:
                kinds[result.reason] += 1
    came = {"pid": os.getpid(), "kinds": kinds, "wrong": wrong, "megabytes": _peak()}
    print(json.dumps(came), flush=True)


def _peak() -> float:
    """Return the most memory used, in MB; ru_maxrss would begin with that of the parent process."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def start_many() -> None:
    """Start a process for each line of standard input."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        url, path, *numbers = json.loads(line)
        if os.fork() == 0:
            print(json.dumps({"pid": os.getpid()}), flush=True)
            asyncio.run(main(url, Path(path), *numbers))
            os._exit(0)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        importlib.import_module("llms.endpoints.openai_api")
        start_many()
    else:
        url, path, *numbers = sys.argv[1:]
        asyncio.run(main(url, Path(path), *map(int, numbers)))
