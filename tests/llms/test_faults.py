import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

from tests.llms.faults import fault_server

NO_HURRY = 60


def asker(url: str, store: Path, *numbers: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.llms.asker", url, str(store), *map(str, numbers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def outcome(program: subprocess.Popen) -> dict:
    printed, _ = program.communicate()
    return json.loads(printed)


def counts(url: str) -> dict:
    with urlopen(f"{url}/counts") as response:
        return json.load(response)


def total(url: str) -> int:
    with urlopen(f"{url}/total") as response:
        return int(response.read())


def contents(store: Path) -> list[tuple]:
    with closing(sqlite3.connect(store)) as connection:
        (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert sound == "ok"
        return connection.execute("SELECT key, text FROM replies ORDER BY key").fetchall()


def test_nothing_is_lost_or_wrong_where_a_third_of_all_attempts_fail(tmp_path):
    store = tmp_path / "responses.sqlite"
    with fault_server(0.3) as url:
        came = outcome(asker(url, store, 2000, 128))
    assert came["kinds"] == {"bought": 2000}
    assert came["wrong"] == 0
    assert came["megabytes"] < 300
    assert len(contents(store)) == 2000


def test_after_ten_kills_the_content_is_the_same_and_little_was_bought_twice(tmp_path):
    whole, killed = tmp_path / "whole.sqlite", tmp_path / "killed.sqlite"
    with fault_server(0) as url:
        outcome(asker(url, whole, 400, 16, 0, NO_HURRY))
        before = total(url)
        for kill in range(10):
            program = asker(url, killed, 400, 16, 0, NO_HURRY)
            while total(url) < before + 35 * (kill + 1):
                pass
            program.kill()
            program.communicate()
        outcome(asker(url, killed, 400, 16, 0, NO_HURRY))
        bought_twice = total(url) - before - 400
    assert contents(killed) == contents(whole)
    assert bought_twice <= 10 * 16


def test_two_programs_share_a_store(tmp_path):
    store = tmp_path / "responses.sqlite"
    with fault_server(0) as url:
        both = [asker(url, store, 400, 16, first, NO_HURRY) for first in (0, 200)]
        came = [outcome(program) for program in both]
    assert [one["wrong"] for one in came] == [0, 0]
    assert len(contents(store)) == 600


def test_what_one_program_bought_another_takes_from_the_store(tmp_path):
    store = tmp_path / "responses.sqlite"
    with fault_server(0) as url:
        outcome(asker(url, store, 200, 16, 0, NO_HURRY))
        came = outcome(asker(url, store, 200, 16, 100, NO_HURRY))
    assert came["kinds"] == {"stored": 100, "bought": 100}
