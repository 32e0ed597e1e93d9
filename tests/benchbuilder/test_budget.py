"""What annotation may cost, and what is owed when the money ends."""

import polars as pl
import pytest
from typer.testing import CliRunner

from benchbuilder.build import BuildConfig, build
from benchbuilder.cli import app
from benchbuilder.records import read_benchmark
from llms.errors import UserError
from llms.store import ResponseStore
from tests.benchbuilder.made_up import annotator, criteria_of, texts, write_log
from tests.llms.fake_server import fake_server

EACH = 0.002
"""Dollars for an annotation: the server says two output tokens, at 1,000 USD per million."""


@pytest.fixture
def asked(tmp_path):
    """Return a call of the command line on 120 prompts, and the server that annotates them."""
    log = write_log(tmp_path / "log.jsonl", [{"prompt": text} for _, text in texts(120)])
    (tmp_path / "build.yaml").write_text("near_duplicates: null\nmin_cluster_score: 0\n")
    with fake_server(annotator()) as server:
        spec = tmp_path / "annotator.yaml"
        spec.write_text(
            f"model: {server.url}#m\nname: m\nprices: {{input: 0, output: 1000}}\n"
            "params: {max_tokens: 2}\n"
        )

        def call(command, *options, out="out"):
            fixed = ("--config", tmp_path / "build.yaml", "--store", tmp_path / "store.sqlite")
            words = (*command, log, "--out", tmp_path / out, "--annotator", spec, *fixed, *options)
            return CliRunner().invoke(app, [str(word) for word in words])

        yield call, server


def test_a_build_never_spends_more_than_its_budget_and_lists_what_it_owes(asked, tmp_path):
    call, server = asked
    result = call(["build"], "--budget", "0.1")
    rows = pl.read_parquet(tmp_path / "out" / "prompts.parquet")
    left_out = rows.filter(annotation_error="over_budget")
    assert result.exit_code == 3
    assert len(server.asked) * EACH <= 0.1
    assert left_out.height == 120 - len(server.asked) >= 70
    assert f"{left_out.height} over_budget" in result.stderr
    assert "of $0.10 spent" in result.stderr


def test_what_was_left_out_is_annotated_by_the_next_run_and_nothing_twice(asked, tmp_path):
    call, server = asked
    assert call(["build"], "--budget", "0.1").exit_code == 3
    assert call(["build"], "--budget", "0.3").exit_code == 0
    assert len(server.asked) == 120
    items = read_benchmark(tmp_path / "out")
    assert [item.score for item in items] == [len(criteria_of(item.turns[0])) for item in items]
    finished = (tmp_path / "out" / "card.json").read_bytes()
    assert call(["build"]).exit_code == 0
    assert (tmp_path / "out" / "card.json").read_bytes() == finished


def test_a_refresh_keeps_to_its_budget_too(asked, tmp_path):
    call, server = asked
    call(["build"])
    log = write_log(tmp_path / "new" / "log.jsonl", [{"prompt": t} for _, t in texts(80, seed=1)])
    before = len(server.asked)
    result = call(["refresh", tmp_path / "out", log], "--budget", "0.05", out="two")
    assert result.exit_code == 3
    assert 0 < (len(server.asked) - before) * EACH <= 0.05


def test_a_budget_without_prices_is_refused_before_anything_is_read(tmp_path):
    config = BuildConfig(annotator="http://127.0.0.1:9/v1#m", budget=1.0)
    with ResponseStore(tmp_path / "s") as store, pytest.raises(UserError, match="prices"):
        build([tmp_path / "missing.jsonl"], out=tmp_path / "b", config=config, store=store)
