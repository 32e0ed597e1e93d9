"""Judges by category: steady in one, led by the first place in another."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from benchbuilder.records import BenchmarkItem
from judges.cli import app
from judges.records import ANSWER_SCHEMA, PROMPT_SCHEMA, Judgment, RunTables
from judges.runs import write_judgments, write_meta, write_prompts
from leaderboards.audit import audit
from leaderboards.category_audits import audit_categories

ORDERS = (("x", "y"), ("y", "x"))
ITEMS = [
    BenchmarkItem(id=f"{kind}{i}", turns=("Why?",), category=kind)
    for kind in ("code", "verse")
    for i in range(20)
]
GAMES = [
    Judgment(
        prompt_id=item.id,
        judge="j",
        model_a=a,
        model_b=b,
        verdict="A>B" if item.category == "verse" or a == "x" else "B>A",
    )
    for item in ITEMS
    for a, b in ORDERS
]


def tables(categories=("code", "verse")):
    prompts = [{"prompt_id": i.id, "category": i.category} for i in ITEMS]
    known = pl.DataFrame(prompts).filter(pl.col("category").is_in(categories))
    games = [
        {"prompt_id": g.prompt_id, "judge": g.judge, "model_a": g.model_a, "model_b": g.model_b,
         "verdict": g.verdict, "error": None}
        for g in GAMES
    ]  # fmt: skip
    return RunTables(
        meta={},
        prompts=pl.concat([pl.DataFrame(schema=PROMPT_SCHEMA), known], how="diagonal"),
        answers=pl.DataFrame(schema=ANSWER_SCHEMA),
        judgments=pl.DataFrame(games),
    )


@pytest.fixture
def run(tmp_path):
    write_meta(tmp_path / "run", {})
    write_prompts(tmp_path / "run", ITEMS)
    write_judgments(tmp_path / "run", "j", GAMES)
    return str(tmp_path / "run")


def test_each_category_has_the_audit_of_its_own_prompts():
    code, verse = audit_categories(tables(), draws=100)
    own = tables().judgments.filter(pl.col("prompt_id").str.starts_with("code"))
    assert [code.category, verse.category] == ["code", "verse"]
    assert (code.audit,) == audit(own, draws=100)
    assert (code.audit.consistent.value, verse.audit.consistent.value) == (1, 0)
    assert verse.audit.first_twice.value == 1


def test_a_single_category_is_not_told_again():
    assert audit_categories(tables(["code"]), draws=100) == ()


def test_the_command_shows_all_categories_at_once(run):
    shown = CliRunner().invoke(app, ["audit", run, "--draws", "100"], env={"COLUMNS": "160"})
    assert "verse" in shown.output
    assert "100 (83–100)" in shown.output


def test_the_json_has_the_categories_of_each_judge_unless_one_is_chosen(run):
    def found(*options):
        return json.loads(CliRunner().invoke(app, ["audit", run, "--json", *options]).stdout)[0]

    assert [part["category"] for part in found()["categories"]] == ["code", "verse"]
    assert found("--category", "code")["categories"] == []
    assert found("--category", "code")["consistent"] == found()["categories"][0]["consistent"]
