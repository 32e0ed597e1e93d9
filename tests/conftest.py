"""The order of the tests, and one real vLLM server for all those marked `vllm`."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from llms.vllm_server import VllmServer

# The workers share the cores already: threads of numeric libraries would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

TINY_ARGUMENTS = [
    *("--dtype", "float32", "--max-model-len", "8192", "--max-num-seqs", "64", "--enforce-eager"),
    *("--structured-outputs-config", '{"backend":"xgrammar","disable_any_whitespace":true}'),
]
TINY_ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files, each of which goes to one worker whole.

    Those with tests of vLLM start first, being slow. Those with browser tests come last: playwright
    leaves an event loop running, where no other can start.
    """
    turns = {item.path: 1 for item in items}
    for mark, turn in (("vllm", 0), ("browser", 2)):
        turns |= {item.path: turn for item in items if item.get_closest_marker(mark)}
    items.sort(key=lambda item: turns[item.path])


@pytest.fixture(scope="session")
def vllm_python() -> str:
    """Return the interpreter that has vLLM, or skip."""
    python = os.environ.get("BENCHBUILDER_TEST_VLLM")
    if not python:
        pytest.skip("needs vLLM: BENCHBUILDER_TEST_VLLM names no interpreter that has it")
    return python


@pytest.fixture(scope="session")
def tiny_model(vllm_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny model with random weights."""
    folder = tmp_path_factory.mktemp("tiny")
    script = Path(__file__).with_name("tiny_model.py")
    subprocess.run([vllm_python, str(script), str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def tiny_vllm(
    vllm_python: str, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return the base URL (…/v1) of a real vLLM that serves the tiny model as `tiny`."""
    server = VllmServer(
        "tiny",
        command=[
            vllm_python,
            "-m",
            "vllm.entrypoints.openai.api_server",
            "--model",
            str(tiny_model),
        ],
        log=tmp_path_factory.mktemp("vllm") / "server.log",
        arguments=TINY_ARGUMENTS,
        environment=TINY_ENVIRONMENT,
    )
    server.start()
    asyncio.run(server.wait_until_healthy(300))
    yield server.url
    server.stop()
