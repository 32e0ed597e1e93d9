"""Real GPT-4 verdicts and human votes through the commands, as a user would run them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from judges.cli import app

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "vicuna80"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.exists(), reason=f"needs the public data in {DATA}"),
]


def judge(*arguments: object, expect: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == expect, result.output
    return result.stdout


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    run = tmp_path_factory.mktemp("vicuna") / "run"
    given = judge(
        *("import", "games", DATA / "games.parquet", "--answers", DATA / "answers.parquet"),
        *("--prompts", DATA / "questions.jsonl", "--out", run, "--json"),
        expect=3,
    )
    return run, json.loads(given)


def test_the_thirteen_unreadable_verdicts_are_listed_and_the_rest_imported(imported):
    _, report = imported
    assert (report["kept"], len(report["models"]), len(report["bad"])) == (4480, 8, 13)


def test_the_ranking_is_written_and_counts_every_readable_verdict(imported):
    run, _ = imported
    ranking = json.loads(judge("rank", run, "--format", "json"))
    assert ranking == json.loads((run / "ranking.json").read_text())
    assert ranking["counts"]["games"] == 4467
    assert ranking["rows"][0]["model"] == "gpt4"


def test_agreement_with_the_votes_is_the_published_one(imported):
    """Accuracy 45.8 %, κ 0.233, n = 2,002: ../shared/data/README.md, from artidoro/qlora's data."""
    run, _ = imported
    agreement = json.loads(judge("agree", run, "--human", DATA / "votes.parquet", "--json"))
    measures = {measure["name"]: measure for measure in agreement["measures"]}
    accuracy = measures["accuracy against the majority"]
    assert (round(accuracy["value"], 3), accuracy["n"]) == (0.458, 2002)
    assert round(measures["Cohen's κ against the majority"]["value"], 3) == 0.233
    assert agreement["only_human"] == ["claude"]


def test_the_judge_keeps_its_verdict_in_swapped_order_on_the_published_share(imported):
    """61.4 % consistent, first twice 19.6 %, second twice 0.9 %: ../shared/data/README.md."""
    run, _ = imported
    (audit,) = json.loads(judge("audit", run, "--json"))
    shares = [audit[name]["value"] for name in ("consistent", "first_twice", "second_twice")]
    assert [round(100 * share, 1) for share in shares] == [61.4, 19.6, 0.9]


def test_publishing_twice_writes_the_same_bytes(imported, tmp_path):
    run, _ = imported
    for name in ("one", "two"):
        judge("publish", run, "--title", "Vicuna 80", "--out", tmp_path / name, "--quiet")
    one, two = (
        {
            file.relative_to(tmp_path / name): file.read_bytes()
            for file in (tmp_path / name).rglob("*")
            if file.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two
    assert Path("index.html") in one
