"""What the section Reproduce promises: the files of a site are enough to get its numbers again."""

import json
import re
import shlex
from html import unescape

import polars as pl
import pytest
from typer.testing import CliRunner

from benchbuilder.records import read_benchmark
from judges import folders
from judges.cli import app
from judges.config import RunConfig
from leaderboards.page.reproduce import commands, config
from llms.records import ModelSpec


def judge(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code in (0, 3), result.output
    return result.output


def test_the_commands_on_the_page_give_its_ranking_again(twelve, tmp_path, monkeypatch):
    (tmp_path / "data").symlink_to(twelve / "data")
    monkeypatch.chdir(tmp_path)
    page = (twelve / "index.html").read_text()
    printed = unescape(re.search(r'<pre class="command"[^>]*><code>(.*?)</code>', page, re.S)[1])
    for line in printed.splitlines():
        judge(*shlex.split(line)[1:])
    again = json.loads((tmp_path / "run" / "ranking.json").read_text())
    published = json.loads((twelve / "data" / "leaderboard.json").read_text())["boards"][0]["raw"]
    for row, other in zip(again["rows"], published, strict=True):
        assert (row["model"], row["games"]) == (other["model"], other["games"])
        assert row["score"] == pytest.approx(other["score"], abs=1e-5)
        assert row["low"] == pytest.approx(other["low"], abs=1e-5)


def test_the_config_of_a_site_is_that_of_its_run():
    specs = (
        ModelSpec(kind="openai", model="a", name="a", params={"temperature": 0.5}, system="Hi"),
        ModelSpec(kind="http", model="b", name="b", address="http://localhost:1/v1"),
    )
    run = RunConfig(models=specs, judges=specs[:1], baseline="a", repeats=2, rubric="Be fair.")
    published = json.loads(json.dumps(config({"config": run.resolved()})))
    assert RunConfig.model_validate(published).resolved() == run.resolved()


def test_what_must_be_there_before_the_command_of_the_whole_run_is_said():
    spec = {"kind": "recorded", "model": "m", "name": "m", "address": None}
    run = {"config": {"models": [spec, spec], "judges": [spec]}}
    data = {"digests": {}, "run": run, "settings": {}}
    (whole,) = commands(data, with_prompts=False)
    assert whole.command == "judge run prompts.jsonl --config data/config.json --out run"
    assert "put them into a folder named replies first" in whole.said
    assert "put them into prompts.jsonl first" in whole.said


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


def test_publish_says_when_a_site_is_larger_than_hosts_like(tmp_path, twelve, monkeypatch):
    monkeypatch.setattr(folders, "LARGE", 10)
    judge("import", "games", twelve / "data" / "games.parquet", "--out", tmp_path / "run")
    options = ("--out", tmp_path / "site", "--interval", "sandwich", "--single-file", "0")
    assert "GitHub Pages takes 1,000 MB" in judge("publish", tmp_path / "run", *options)
