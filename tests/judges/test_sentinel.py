import json

import pytest
from typer.testing import CliRunner

from judges.cli import app
from judges.sentinel import drift
from llms.files import write_jsonl
from tests.judges.judge_server import answer
from tests.llms.fake_server import fake_server

PAIRS = [
    {"prompt": f"Q{i}", "answer_a": "short", "answer_b": "a longer one", "label": "B>A"}
    for i in range(5)
]


def test_a_judge_that_came_to_favour_the_first_place_is_found_out():
    before = [("A>B", "B>A")] * 40
    found = drift(before, [("A>B", "A>B")] * 40)
    assert found.towards_first == 1.0
    assert found.p_first < 0.001
    assert found.changed == 0.5


def test_the_same_verdicts_again_are_no_drift():
    found = drift([("A>B", "B>A"), ("0.7", "0.3")], [("A>B", "B>A"), ("0.7", "0.3")])
    assert (found.changed, found.p_first, found.p_a) == (0, 1, 1)


def test_pairs_with_a_missing_verdict_are_not_compared():
    assert drift([(None, "A>B")], [("A>B", "A>B")]) is None


def test_each_round_is_asked_anew_and_compared_with_the_one_before(tmp_path):
    write_jsonl(tmp_path / "pairs.jsonl", PAIRS)
    with fake_server(answer) as server:

        def judge(number):
            options = ["--judge", f"{server.url}#judge", "--store", str(tmp_path / "store.sqlite")]
            command = ["test-judge", str(tmp_path / "pairs.jsonl"), *options, "--quiet", "--json"]
            return json.loads(CliRunner().invoke(app, [*command, "--round", str(number)]).stdout)

        first, second, again = judge(0), judge(1), judge(1)
        assert len(server.asked) == 20
    assert first["drift"] is None
    assert second == again
    assert second["drift"]["changed"] == 0
    assert second["accuracy"][0]["combined"] == pytest.approx(1)
