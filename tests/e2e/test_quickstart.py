"""The quick start, as a newcomer runs it."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest


def quickstart(out: Path, store: Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(out, store), capture_output=True, text=True, check=False, timeout=120, **options
    )


def command(out: Path, store: Path) -> list[str]:
    program = "from benchbuilder.cli import main; main()"
    arguments = ["quickstart", "--out", str(out), "--store", str(store)]
    return [sys.executable, "-c", program, *arguments]


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    result = quickstart(folder / "out", folder / "store.sqlite")
    assert result.returncode == 0, result.stderr
    return folder, result


def test_it_ends_with_the_ranking_and_the_page_to_open(first):
    folder, result = first
    assert (folder / "out" / "site" / "index.html").exists()
    assert str(folder / "out" / "site" / "index.html") in result.stdout.replace("\n", "")
    for model in ("sample-aspen", "sample-birch", "sample-cedar", "sample-dogwood", "sample-elder"):
        assert model in result.stdout


def test_it_says_that_the_replies_are_recorded(first):
    folder, result = first
    assert "recorded" in result.stdout
    assert "recorded" in (folder / "out" / "site" / "index.html").read_text()


def test_every_game_of_the_sample_has_a_verdict(first):
    folder, _ = first
    games = (folder / "out" / "run" / "judgments").glob("*.jsonl")
    rows = [json.loads(line) for file in games for line in file.read_text().splitlines()]
    assert len(rows) == 512
    assert all(row["verdict"] and not row["error"] for row in rows)


def test_a_second_run_takes_every_reply_from_the_store_and_writes_the_same_bytes(first, tmp_path):
    folder, _ = first
    again = quickstart(tmp_path / "elsewhere", folder / "store.sqlite")
    assert again.returncode == 0, again.stderr
    assert contents(tmp_path / "elsewhere") == contents(folder / "out")
    assert "replies: 0 asked now" in again.stderr


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_any_moment_and_run_again_it_ends_the_same(first, tmp_path, seed):
    folder, _ = first
    out, store = tmp_path / "out", tmp_path / "store.sqlite"
    with subprocess.Popen(
        command(out, store), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            process.wait(timeout=random.Random(seed).uniform(1, 6))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
    result = quickstart(out, store)
    assert result.returncode == 0, result.stderr
    assert contents(out) == contents(folder / "out")


def test_no_byte_it_writes_names_the_folder_it_was_written_to(first):
    folder, _ = first
    needle = str(folder).encode()
    files = [file for file in (folder / "out").rglob("*") if file.is_file()]
    assert not [file.name for file in files if needle in file.read_bytes()]
