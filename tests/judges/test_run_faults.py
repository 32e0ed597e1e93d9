"""Runs against a server that fails in every way, killed at any moment, twice at once."""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from benchbuilder.records import BenchmarkItem, write_benchmark
from judges.run import RunConfig, run
from judges.runs import read_run
from llms.files import digest
from llms.progress import Silent
from llms.store import ResponseStore
from tests.judges.faulty_server import FaultyServer
from tests.judges.judge_server import answer
from tests.llms.fake_server import fake_server

ROOT = Path(__file__).parents[2]
MODELS = ("alpha", "beta-2", "gamma-three", "delta-number-4")
CONCURRENCY = 4


def items(count):
    return [BenchmarkItem(id=f"p{i}", turns=(f"Question number {i}?",)) for i in range(count)]


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_a_failing_server_owes_is_listed_and_only_that_is_asked_again(tmp_path):
    faulty = FaultyServer()
    write_benchmark(tmp_path / "benchmark.jsonl", items(200))
    with fake_server(faulty) as server, ResponseStore(tmp_path / "store.sqlite") as store:

        def play():
            config = RunConfig(
                models=tuple(server.spec(model=m, name=m, timeout=1.0) for m in MODELS),
                judges=(server.spec(model="judge", name="judge", timeout=1.0),),
                baseline="beta-2",
            )
            out = tmp_path / "run"
            return run(tmp_path, out=out, config=config, store=store, progress=Silent())

        first = play()
        tables = read_run(tmp_path / "run")
        answered = faulty.served.copy()
        faulty.healed = True
        second = play()
    assert (first.answers, first.games) == (800, 1200)
    assert first.owed == tables.answers["error"].count() + tables.judgments["error"].count() > 0
    assert (tables.judgments["verdict"].is_null() == tables.judgments["error"].is_not_null()).all()
    assert second.owed == 0
    assert all(faulty.served[key] == count for key, count in answered.items())


class Watched:
    """The plain judge server, telling how many requests it has been sent."""

    def __init__(self):
        self.keys = []
        self._more = threading.Condition()

    async def __call__(self, body):
        with self._more:
            self.keys.append(digest(body))
            self._more.notify_all()
        return await answer(body)

    def wait_for(self, count):
        with self._more:
            assert self._more.wait_for(lambda: len(self.keys) >= count, timeout=60)


@pytest.fixture
def command(tmp_path):
    write_benchmark(tmp_path / "benchmark.jsonl", items(60))

    def command(server, *, out, store):
        specs = [
            {"model": f"{server.url}#{name}", "name": name, "concurrency": CONCURRENCY}
            for name in (*MODELS, "judge")
        ]
        (tmp_path / "models.yaml").write_text(yaml.safe_dump(specs[:-1]))
        (tmp_path / "judge.yaml").write_text(yaml.safe_dump(specs[-1]))
        options = {
            "--model": tmp_path / "models.yaml",
            "--judge": tmp_path / "judge.yaml",
            "--baseline": "beta-2",
            "--canaries": 0,
            "--out": tmp_path / out,
            "--store": tmp_path / store,
        }
        given = [str(part) for option in options.items() for part in option]
        code = "from judges.cli import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, "run", str(tmp_path), "--quiet", *given],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    return command


def test_a_run_killed_ten_times_ends_as_an_undisturbed_one(command, tmp_path):
    watched, total = Watched(), 60 * 4 + 60 * 6
    kills = sorted(random.Random(0).sample(range(20, total - 20), 10))
    with fake_server(watched) as server:
        killed_at = []
        for moment in kills:
            process = command(server, out="killed", store="killed.sqlite")
            watched.wait_for(moment + len(killed_at) * CONCURRENCY)
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed_at.append(len(watched.keys))
        assert command(server, out="killed", store="killed.sqlite").wait() == 0
        asked = list(watched.keys)
        assert command(server, out="calm", store="calm.sqlite").wait() == 0
    in_flight = CONCURRENCY * (len(MODELS) + 1)
    lost = {key for at in killed_at for key in asked[max(0, at - 2 * in_flight) : at]}
    assert files(tmp_path / "killed") == files(tmp_path / "calm")
    assert {key for key in asked if asked.count(key) > 1} <= lost
    assert len(asked) <= total + len(kills) * in_flight


def test_two_processes_on_one_run_ask_everything_once(command, tmp_path):
    watched = Watched()
    with fake_server(watched) as server:
        both = [command(server, out="run", store="store.sqlite") for _ in range(2)]
        assert [process.wait() for process in both] == [0, 0]
    assert len(watched.keys) == len(set(watched.keys)) == 60 * 4 + 60 * 6
    assert read_run(tmp_path / "run").judgments["verdict"].null_count() == 0
