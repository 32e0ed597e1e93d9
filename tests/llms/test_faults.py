import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.llms.faults import fault_server, total

NO_HURRY = 60


class Programs:
    """Starts programs that ask, and reads what came to them."""

    def __init__(self, starter: subprocess.Popen):
        self.starter = starter
        self.came = {}

    def start(self, url: str, store: Path, *numbers: int) -> int:
        """Return the id of a new program that asks COUNT, CONCURRENCY, FIRST, TIMEOUT."""
        self.starter.stdin.write(json.dumps([url, str(store), *numbers]) + "\n")
        self.starter.stdin.flush()
        while True:
            told = json.loads(self.starter.stdout.readline())
            if "kinds" not in told:
                return told["pid"]
            self.came[told["pid"]] = told

    def outcome(self, program: int) -> dict:
        """Return what came to a program, once it has ended."""
        while program not in self.came:
            told = json.loads(self.starter.stdout.readline())
            self.came[told["pid"]] = told
        return self.came[program]


@pytest.fixture(scope="module")
def programs():
    command = [sys.executable, "-m", "tests.llms.asker"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        yield Programs(starter)


def contents(store: Path) -> list[tuple]:
    with closing(sqlite3.connect(store)) as connection:
        (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert sound == "ok"
        return connection.execute("SELECT key, text FROM replies ORDER BY key").fetchall()


def test_nothing_is_lost_or_wrong_where_a_third_of_all_attempts_fail(programs, tmp_path):
    store = tmp_path / "responses.sqlite"
    with fault_server(0.3) as url:
        came = programs.outcome(programs.start(url, store, 1000, 128))
    assert came["kinds"] == {"bought": 1000}
    assert came["wrong"] == 0
    assert came["megabytes"] < 300
    assert len(contents(store)) == 1000


def test_after_ten_kills_the_content_is_the_same_and_little_was_bought_twice(programs, tmp_path):
    whole, killed = tmp_path / "whole.sqlite", tmp_path / "killed.sqlite"
    with fault_server(0) as url:
        programs.outcome(programs.start(url, whole, 240, 8, 0, NO_HURRY))
        for kill in range(10):
            program = programs.start(url, killed, 240, 8, 0, NO_HURRY)
            while total(url) < 240 + 20 * (kill + 1):
                pass
            os.kill(program, signal.SIGKILL)
        programs.outcome(programs.start(url, killed, 240, 8, 0, NO_HURRY))
        bought_twice = total(url) - 2 * 240
    assert contents(killed) == contents(whole)
    assert bought_twice <= 10 * 8


def test_what_two_programs_ask_at_once_is_bought_once(programs, tmp_path):
    store = tmp_path / "responses.sqlite"
    with fault_server(0) as url:
        both = [programs.start(url, store, 300, 16, first, NO_HURRY) for first in (0, 100)]
        came = [programs.outcome(program) for program in both]
        assert total(url) == 400
    assert [one["wrong"] for one in came] == [0, 0]
    assert len(contents(store)) == 400


def test_a_program_that_is_killed_holds_up_no_other(programs, tmp_path):
    store = tmp_path / "responses.sqlite"
    with fault_server(0) as url:
        first, second = (programs.start(url, store, 300, 16, 0, NO_HURRY) for _ in range(2))
        while total(url) < 50:
            pass
        os.kill(first, signal.SIGKILL)
        assert sum(programs.outcome(second)["kinds"].values()) == 300
        assert total(url) <= 300 + 16


def test_what_one_program_bought_another_takes_from_the_store(programs, tmp_path):
    store = tmp_path / "responses.sqlite"
    with fault_server(0) as url:
        programs.outcome(programs.start(url, store, 200, 16, 0, NO_HURRY))
        came = programs.outcome(programs.start(url, store, 200, 16, 100, NO_HURRY))
    assert came["kinds"] == {"stored": 100, "bought": 100}
