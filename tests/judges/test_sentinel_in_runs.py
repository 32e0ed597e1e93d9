"""Labelled pairs that the judges of a run judge anew each round."""

import json

import pytest
from aiohttp import web
from typer.testing import CliRunner

from benchbuilder.records import BenchmarkItem, write_benchmark
from judges.cli import app
from llms.files import write_jsonl
from tests.judges.judge_server import answer
from tests.llms.fake_server import completion, fake_server

PAIRS = [
    {"prompt": f"Q{i}", "answer_a": "short", "answer_b": "a longer one", "label": "B>A"}
    for i in range(20)
]


class ChangingJudge:
    """Prefers the longer answer, and once changed the one shown first."""

    def __init__(self):
        self.changed = False

    async def __call__(self, body):
        if self.changed and body["model"] == "judge":
            return web.json_response(completion("[[A>B]]"))
        return await answer(body)


@pytest.fixture
def judge():
    return ChangingJudge()


@pytest.fixture
def play(judge, tmp_path):
    """Return what makes a run of one round, by the command, and gives its result."""
    write_benchmark(tmp_path / "benchmark.jsonl", [BenchmarkItem(id="p", turns=("Why?",))])
    write_jsonl(tmp_path / "pairs.jsonl", PAIRS)
    with fake_server(judge) as server:

        def play(round_, *options):
            server.asked.clear()
            paths = {"--out": "run", "--store": "store.sqlite", "--sentinel": "pairs.jsonl"}
            given = [part for name, file in paths.items() for part in (name, str(tmp_path / file))]
            for kind, name in (("model", "one"), ("model", "three"), ("judge", "judge")):
                given += [f"--{kind}", f"{server.url}#{name}"]
            given += ["--baseline", "one", "--canaries", "0", "--sentinel-round", str(round_)]
            command = ["run", str(tmp_path), *given, "--quiet", "--json", *options]
            return CliRunner().invoke(app, command)

        play.server = server
        yield play


def test_a_judge_that_changed_between_two_rounds_is_named(play, judge):
    first = play(0)
    judge.changed = True
    second = play(1)
    (watch,) = json.loads(second.stdout)["sentinel"]
    assert (first.exit_code, first.stderr) == (0, "")
    assert "changed since the last round: judge" in second.stderr
    assert watch["drift"]["towards_first"] == 1
    assert watch["accuracy"]["combined"] == 0


def test_a_judge_that_stayed_the_same_is_not_named(play):
    play(0)
    second = play(1)
    (watch,) = json.loads(second.stdout)["sentinel"]
    assert second.stderr == ""
    assert (watch["accuracy"]["combined"], watch["drift"]["changed"]) == (1, 0)


def test_the_same_round_again_asks_nothing_and_writes_the_same_record(play, tmp_path):
    play(0)
    play(1)
    record = (tmp_path / "run" / "run.json").read_bytes()
    again = play(1)
    assert (again.exit_code, play.server.asked) == (0, [])
    assert (tmp_path / "run" / "run.json").read_bytes() == record
    assert str(tmp_path) not in record.decode()


def test_a_new_round_judges_the_pairs_only(play):
    play(0)
    play(1)
    assert len(play.server.asked) == 2 * len(PAIRS)


def test_a_dry_run_counts_the_labelled_pairs(play):
    stages = {row["stage"]: row for row in json.loads(play(0, "--dry-run").stdout)["stages"]}
    assert stages["labelled pairs"]["calls"] == 2 * len(PAIRS)
    assert stages["games"]["calls"] == 2


def test_pairs_are_not_judged_by_a_protocol_that_shows_more(play):
    result = play(0, "--protocol", "reference")
    assert result.exit_code == 1
    assert "choose another protocol than reference" in result.output
    assert play.server.asked == []
