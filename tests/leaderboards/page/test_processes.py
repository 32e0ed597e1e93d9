"""Battle files made by several processes: the same bytes, no text lost, nobody left behind."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leaderboards.page import shards
from leaderboards.page.shards import all_shard_files

ROOT = Path(__file__).parents[3]


def contents(prompts=4):
    return [
        {
            "id": f"p{number}",
            "answers": [
                {"model": model, "error": None, "text": f"**{number}** says\n\n- {model}\n"}
                for model in range(3)
            ],
            "games": [{"a": 0, "b": 1, "first": True, "text": "I looked."}],
        }
        for number in range(prompts)
    ]


def test_more_processes_give_the_same_files_in_the_same_order():
    alone = list(all_shard_files(contents(), processes=1))
    assert list(all_shard_files(contents(), processes=2)) == alone
    assert [files[0][0] for files in alone] == [f"s/p000{number}.js" for number in range(1, 5)]


def test_what_a_killed_process_leaves_undone_is_done_by_the_parent(monkeypatch):
    pools = []
    make = shards._pool
    monkeypatch.setattr(shards, "_pool", lambda count: pools.append(make(count)) or pools[0])
    coming = all_shard_files(contents(9), processes=2)
    files = [next(coming)]
    for worker in list(pools[0]._processes.values()):
        worker.kill()
    assert [*files, *coming] == list(all_shard_files(contents(9), processes=1))


ENDLESS = """
import itertools, os, sys
from leaderboards.page.shards import all_shard_files
content = {"id": "p", "answers": [], "games": []}
if __name__ == "__main__":
    for _ in all_shard_files(itertools.repeat(content), processes=2):
        children = open(f"/proc/self/task/{os.getpid()}/children").read()
        print(children, flush=True)
        sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads children from /proc")
def test_a_parent_that_is_killed_leaves_no_process_behind(tmp_path):
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    with subprocess.Popen(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        children = [int(child) for child in parent.stdout.readline().split()]
        ends = [os.pidfd_open(child) for child in children]
        parent.send_signal(signal.SIGKILL)
    assert len(ends) >= 2
    for end in ends:
        assert ended(end)


def ended(process, patience=20):
    found, _, _ = select.select([process], [], [], patience)
    os.close(process)
    return bool(found)
