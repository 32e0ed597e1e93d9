"""The managed server, against a stand-in for vLLM that starts in a moment."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llms import watchdog
from llms.complete import ask
from llms.endpoints.managed_vllm import stop_servers
from llms.errors import UserError
from llms.records import ModelSpec, Reply, Request
from llms.specs import read_specs
from llms.store import ResponseStore
from llms.vllm_server import logs_in, vllm_command
from tests.llms.processes import left_after_a_while, processes_with

FAKE = Path(__file__).with_name("fake_vllm")


class Notes:
    """Keeps what it is told."""

    def __init__(self):
        self.lines = []

    def start(self, stage, total):
        pass

    def advance(self, stage, units=1):
        pass

    def note(self, text):
        self.lines.append(text)


@pytest.fixture
def folder(monkeypatch, tmp_path: Path):
    settings = {
        "BENCHBUILDER_VLLM_PYTHON": sys.executable,
        "PYTHONPATH": f"{FAKE}:{Path(__file__).parents[2]}",
        "BENCHBUILDER_STORE": str(tmp_path / "responses.sqlite"),
        "FAKE_VLLM_DIED": str(tmp_path / "died"),
        "CUDA_VISIBLE_DEVICES": "",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield tmp_path
    stop_servers()


def ask_models(folder: Path, *models: str, count: int = 8, notes: Notes | None = None):
    specs = [
        ModelSpec(kind="vllm", model=m, name=m, engine_args=("--marker", str(folder)))
        for m in models
    ]
    requests = [
        Request(spec=spec, messages=[{"role": "user", "content": f"{number}"}])
        for number in range(count)
        for spec in specs
    ]
    with ResponseStore(folder / "responses.sqlite") as store:
        return ask(requests, store=store, progress=notes or Notes())


def test_a_server_is_started_used_and_stopped(folder):
    results = ask_models(folder, "m")
    assert {result.text for result in results} == {"served by m"}
    assert processes_with(str(folder))
    stop_servers()
    assert left_after_a_while(str(folder)) == []


def test_the_next_run_finds_the_server_still_running(folder):
    notes = Notes()
    ask_models(folder, "m", notes=notes)
    ask_models(folder, "m", count=16, notes=notes)
    assert sum("starting" in line for line in notes.lines) == 1


def test_the_share_of_the_prefix_cache_is_told(folder):
    notes = Notes()
    ask_models(folder, "m", notes=notes)
    assert "m: 25% of 800 prompt tokens came from vLLM's prefix cache" in notes.lines


def test_models_that_do_not_fit_together_come_one_after_another(folder):
    notes = Notes()
    results = ask_models(folder, "m", "n", notes=notes)
    assert [r.text for r in results] == ["served by m", "served by n"] * 8
    assert sum("starting" in line for line in notes.lines) == 2
    assert processes_with("--model m ") == []


def test_a_server_that_dies_is_started_again_once(folder):
    notes = Notes()
    results = ask_models(folder, "mortal", count=20, notes=notes)
    assert all(isinstance(result, Reply) for result in results)
    assert sum("died" in line for line in notes.lines) == 1


@pytest.mark.parametrize(
    ("model", "reason"),
    [("out-of-memory", "not enough memory"), ("unknown", "does not know the model's architecture")],
)
def test_a_server_that_cannot_start_says_why_and_leaves_nothing(folder, model, reason):
    with pytest.raises(UserError, match=reason):
        ask_models(folder, model)
    assert left_after_a_while(str(folder)) == []


def test_the_log_is_where_the_caller_wants_it_and_a_failure_names_it(folder):
    log = folder / "run" / "logs" / "unknown.log"
    with logs_in(log.parent), pytest.raises(UserError, match=re.escape(str(log))):
        ask_models(folder, "unknown")
    assert "not supported" in log.read_text()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_program(folder, ending):
    store = str(folder / "responses.sqlite")
    command = [sys.executable, "-m", "tests.llms.vllm_asker", "m", store, "--marker", str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as program:
        program.stdout.readline()
        program.send_signal(ending)
        program.communicate()
    assert left_after_a_while(str(folder)) == []


def test_a_process_that_will_not_end_is_killed(tmp_path):
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); "
    command = [sys.executable, "-c", stubborn + "time.sleep(600)", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, watchdog.__file__, "0.1", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as watched:
        watched.stdout.readline()
        watched.stdin.close()
        watched.wait()
    assert left_after_a_while(str(tmp_path)) == []


def test_a_machine_without_vllm_says_what_to_install(monkeypatch):
    monkeypatch.delenv("BENCHBUILDER_VLLM_PYTHON", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"benchbuilder\[vllm\]"):
        vllm_command(ModelSpec(kind="vllm", model="m", name="m"))


def test_engine_arguments_and_interpreter_come_from_the_file(tmp_path):
    file = tmp_path / "model.yaml"
    file.write_text(
        f"model: vllm:org/m\npython: {sys.executable}\nengine_args: --max-model-len 2048\n"
    )
    (spec,) = read_specs([str(file)])
    assert spec.engine_args == ("--max-model-len", "2048")
    assert vllm_command(spec)[0] == sys.executable
