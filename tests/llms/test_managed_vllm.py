"""The managed server, against real vLLM."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llms.complete import ask
from llms.embeddings import embed_texts
from llms.endpoints.managed_vllm import stop_servers
from llms.errors import UserError
from llms.records import ModelSpec, Reply, Request
from llms.store import ResponseStore
from tests.conftest import TINY_ARGUMENTS, TINY_ENVIRONMENT
from tests.llms.processes import left_after_a_while, processes_with
from tests.llms.test_vllm_server import Notes

pytestmark = pytest.mark.vllm


@pytest.fixture
def tiny_model(tiny_model: Path, tmp_path: Path) -> Path:
    """Return a copy of the tiny model: its path tells these tests their own processes."""
    return shutil.copytree(tiny_model, tmp_path / "model")


@pytest.fixture
def environment(vllm_python, monkeypatch, tmp_path: Path):
    settings = {"BENCHBUILDER_VLLM_PYTHON": vllm_python, **TINY_ENVIRONMENT}
    settings["BENCHBUILDER_STORE"] = str(tmp_path / "responses.sqlite")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield tmp_path
    stop_servers()


def tiny(model: Path, *arguments: str) -> ModelSpec:
    return ModelSpec(kind="vllm", model=str(model), name="tiny", engine_args=arguments)


def test_a_server_answers_tells_its_hit_rate_and_leaves_nothing(environment, tiny_model):
    notes = Notes()
    message = {"role": "user", "content": "one long beginning " * 50}
    spec = tiny(tiny_model, *TINY_ARGUMENTS)
    requests = [Request(spec=spec, messages=[message], sample=sample) for sample in range(40)]
    with ResponseStore(environment / "responses.sqlite") as store:
        results = ask(requests, store=store, progress=notes)
    assert all(isinstance(result, Reply) for result in results)
    assert "prefix cache" in notes.lines[-1]
    assert processes_with(str(tiny_model))
    stop_servers()
    assert left_after_a_while(str(tiny_model)) == []


def test_embeddings_come_from_a_server_of_their_own(environment, tiny_model):
    spec = tiny(tiny_model, "--dtype", "float32", "--enforce-eager")
    with ResponseStore(environment / "responses.sqlite") as store:
        first = embed_texts(["one text", "another"], spec=spec, store=store)
        stop_servers()
        again = embed_texts(["one text"], spec=spec, store=store)
    assert first.shape == (2, 64)
    assert (again[0] == first[0]).all()


def test_a_server_that_cannot_start_says_why(environment, tiny_model):
    spec = tiny(tiny_model, "--no-such-argument")
    with (
        ResponseStore(environment / "responses.sqlite") as store,
        pytest.raises(UserError, match="does not take these arguments"),
    ):
        ask([Request(spec=spec, messages=[])], store=store)
    assert left_after_a_while(str(tiny_model)) == []


def test_no_server_outlives_a_program_that_is_killed(environment, tiny_model):
    store = str(environment / "responses.sqlite")
    command = [sys.executable, "-m", "tests.llms.vllm_asker", str(tiny_model), store]
    with subprocess.Popen([*command, *TINY_ARGUMENTS], stdout=subprocess.PIPE) as program:
        program.stdout.readline()
        program.send_signal(signal.SIGKILL)
        program.communicate()
    assert left_after_a_while(str(tiny_model)) == []
