import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llms.complete import ask
from llms.endpoints.managed_vllm import stop_servers
from llms.errors import UserError
from llms.records import ModelSpec, Reply, Request
from llms.store import ResponseStore
from tests.conftest import TINY_ARGUMENTS, TINY_ENVIRONMENT

pytestmark = pytest.mark.vllm

PROGRAM = """
import sys
from pathlib import Path
from llms.complete import ask
from llms.records import ModelSpec, Request
from llms.store import ResponseStore
model, store, *arguments = sys.argv[1:]
spec = ModelSpec(kind="vllm", model=model, name="tiny", engine_args=tuple(arguments))
def requests():
    for number in range(100000):
        message = {"role": "user", "content": f"question {number}"}
        yield Request(spec=spec, messages=[message], params={"max_tokens": 16})
with ResponseStore(Path(store)) as opened:
    ask(list(requests()), store=opened, on_result=lambda result: print("arrived", flush=True))
"""


@pytest.fixture
def environment(vllm_python, monkeypatch, tmp_path: Path) -> Path:
    settings = {"BENCHBUILDER_VLLM_PYTHON": vllm_python, **TINY_ENVIRONMENT}
    settings["BENCHBUILDER_STORE"] = str(tmp_path / "responses.sqlite")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield tmp_path
    stop_servers()


def ask_vllm(model: Path, folder: Path, *arguments: str):
    spec = ModelSpec(kind="vllm", model=str(model), name="tiny", engine_args=arguments)
    message = {"role": "user", "content": "hello " * 50}
    with ResponseStore(folder / "responses.sqlite") as store:
        requests = [Request(spec=spec, messages=[message], sample=i) for i in range(4)]
        return ask(requests, store=store)


def processes_with(word: str) -> list[str]:
    listed = subprocess.run(
        ["ps", "-eww", "-o", "pid,args"], capture_output=True, text=True, check=True
    )
    return [line for line in listed.stdout.splitlines() if word in line]


def wait_until_none(word: str) -> list[str]:
    deadline = time.monotonic() + 20
    while (left := processes_with(word)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def test_a_server_is_started_reused_and_leaves_nothing_behind(environment, tiny_model):
    first = ask_vllm(tiny_model, environment, *TINY_ARGUMENTS, "--max-model-len", "1024")
    assert all(isinstance(result, Reply) for result in first)
    assert processes_with(str(tiny_model))
    stop_servers()
    assert wait_until_none(str(tiny_model)) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--no-such-argument"], "does not take these arguments"),
        (["--max-model-len", "99999999"], "vLLM could not serve"),
    ],
)
def test_a_server_that_cannot_start_says_why(environment, tiny_model, arguments, reason):
    with pytest.raises(UserError, match=reason):
        ask_vllm(tiny_model, environment, *arguments)
    assert wait_until_none(str(tiny_model)) == []


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_server_outlives_the_program_that_started_it(environment, tiny_model, ending):
    store = environment / "store.sqlite"
    command = [sys.executable, "-c", PROGRAM, str(tiny_model), str(store), *TINY_ARGUMENTS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        program.stdout.readline()
        program.send_signal(ending)
        program.communicate()
    assert wait_until_none(str(tiny_model)) == []
