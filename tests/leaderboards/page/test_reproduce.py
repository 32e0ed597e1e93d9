"""What the section Reproduce promises: the files of a site are enough to get its numbers again."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from benchbuilder.records import read_benchmark
from judges.cli import app


def judge(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code in (0, 3), result.output
    return result.stdout


def test_the_games_of_a_site_give_its_ranking_again(twelve, tmp_path):
    data = twelve / "data"
    judge(
        *("import", "games", data / "games.parquet", "--answers", data / "answers.parquet"),
        *("--out", tmp_path / "run"),
    )
    again = json.loads(judge("rank", tmp_path / "run", "--draws", "100", "--format", "json"))
    published = json.loads((data / "leaderboard.json").read_text())["boards"][0]["raw"]
    assert [(row["model"], row["games"]) for row in again["rows"]] == [
        (row["model"], row["games"]) for row in published
    ]
    for row, other in zip(again["rows"], published, strict=True):
        assert row["score"] == pytest.approx(other["score"], abs=1e-5)
        assert row["low"] == pytest.approx(other["low"], abs=1e-5)


def test_the_prompts_of_a_site_are_a_benchmark(twelve):
    items = read_benchmark(twelve / "data" / "prompts.jsonl")
    assert [(item.id, item.turns) for item in items[:1]] == [
        ("q00", ("Question q00?", "And then?"))
    ]


def test_the_tables_of_a_site_say_the_same_in_every_format(twelve):
    data = twelve / "data"
    parquet = pl.read_parquet(data / "leaderboard.parquet")
    text = pl.read_csv(data / "leaderboard.csv", infer_schema_length=None)
    boards = json.loads((data / "leaderboard.json").read_text())["boards"]
    assert parquet.columns[:3] == text.columns[:3] == ["category", "style_control", "model"]
    assert parquet["score"].to_list() == text["score"].to_list()
    assert parquet.height == sum(len(one["raw"]) + len(one["controlled"] or ()) for one in boards)


def test_publish_leaves_nothing_of_an_earlier_site_that_the_new_one_keeps_back(tmp_path, twelve):
    data, run, site = twelve / "data", tmp_path / "run", tmp_path / "site"
    judge("import", "games", data / "games.parquet", "--out", run)
    judge("publish", run, "--out", site, "--style", "none", "--draws", "100", "--quiet")
    assert list(site.glob("s/p*.js"))
    judge("publish", run, "--out", site, "--style", "none", "--draws", "100", "--single-file", "5")
    assert sorted(path.name for path in site.rglob("*") if path.is_file()) == [
        "SHA256SUMS",
        "index.html",
    ]
