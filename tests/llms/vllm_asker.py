"""A program that asks many questions of a vLLM server of its own, for tests that end it.

python -m tests.llms.vllm_asker MODEL STORE [ENGINE ARGUMENT…]
"""

import sys
from pathlib import Path

from llms.complete import ask
from llms.records import ModelSpec, Request
from llms.store import ResponseStore


def main(model: str, store: Path, arguments: list[str]) -> None:
    """Ask until ended, and print a line for each reply."""
    spec = ModelSpec(kind="vllm", model=model, name="tiny", engine_args=tuple(arguments))
    requests = [
        Request(
            spec=spec,
            messages=[{"role": "user", "content": f"question {number}"}],
            params={"max_tokens": 16},
        )
        for number in range(50_000)
    ]
    with ResponseStore(store) as opened:
        ask(requests, store=opened, on_result=lambda result: print("arrived", flush=True))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
