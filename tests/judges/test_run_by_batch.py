"""Runs that ask by the Batch API."""

import pytest
from pydantic import ValidationError

from benchbuilder.records import BenchmarkItem, write_benchmark
from judges.estimate import estimate
from judges.run import RunConfig, run
from judges.runs import read_run
from llms.progress import Silent
from llms.records import Prices
from llms.store import ResponseStore
from tests.judges.judge_server import judged, said
from tests.llms.batch_server import BatchServer
from tests.llms.fake_server import completion, fake_server

ITEMS = [BenchmarkItem(id=f"p{i}", turns=(f"Question number {i}?",)) for i in range(12)]


def answered(line):
    body = line["body"]
    question = body["messages"][-1]["content"]
    reply = judged(body) if body["model"] == "judge" else completion(said(body["model"], question))
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": reply}}


@pytest.fixture
def play(tmp_path):
    """Return what runs a benchmark by batch and gives the report, its tables and the batches."""
    write_benchmark(tmp_path / "benchmark.jsonl", ITEMS)

    def play(row=answered, **options):
        batches = BatchServer(row)
        out = tmp_path / "run"
        with (
            fake_server(routes=batches.add_routes) as server,
            ResponseStore(tmp_path / "store.sqlite") as store,
        ):

            def spec(name):
                prices = Prices(0, 1000)
                return server.spec(model=name, name=name, prices=prices, params={"max_tokens": 2})

            config = RunConfig(
                models=(spec("long-name"), spec("mid")),
                judges=(spec("judge"),),
                baseline="mid",
                batch=True,
                canaries=0,
                **options,
            )
            report = run(tmp_path, out=out, config=config, store=store, progress=Silent())
            assert not server.asked
        return report, read_run(out), batches

    return play


def test_a_run_by_batch_takes_one_batch_for_each_model_and_stage(play):
    report, tables, batches = play()
    assert (report.answers, report.games, report.owed) == (24, 24, 0)
    assert len(batches.batches) == 3
    assert set(tables.judgments.filter(model_a="mid")["verdict"]) == {"B>A"}


def test_what_a_batch_leaves_out_is_owed(play):
    def forgetful(line):
        reply = answered(line)
        return {**reply, "error": {"message": "lost"}} if "5?" in str(line["body"]) else reply

    report, tables, _ = play(forgetful)
    owed = tables.judgments.filter(tables.judgments["error"].is_not_null())
    assert report.answers_owed == {name: {"server_error": 1} for name in ("long-name", "mid")}
    assert set(owed["prompt_id"]) == {"p5"}


def test_a_budget_holds_for_batches_too(play):
    report, tables, batches = play(budget=0.05)
    played = tables.judgments.drop_nulls("verdict").group_by("prompt_id").len()
    assert report.cost <= 0.05
    assert set(played["len"]) == {2}
    assert played.height == 6
    assert len(batches.batches) <= 6


def test_games_over_the_very_same_answers_are_all_judged(tmp_path, play):
    def alike(line):
        body = {**line["body"], "model": line["body"]["model"].replace("long-name", "mid")}
        return answered({**line, "body": body})

    report, tables, _ = play(alike)
    assert report.owed == 0
    assert set(tables.judgments["verdict"]) == {"A=B"}


def test_a_dry_run_knows_the_price_of_batches(tmp_path):
    write_benchmark(tmp_path / "benchmark.jsonl", ITEMS)
    models = ("openai:gpt-4.1", "openai:gpt-4.1-mini")
    values = {"models": models, "judges": "openai:gpt-4.1", "baseline": "gpt-4.1"}
    with ResponseStore(tmp_path / "store.sqlite") as store:
        plain, batch = (
            estimate(tmp_path, config=RunConfig(**values, batch=batch), store=store).dollars
            for batch in (False, True)
        )
    assert batch == pytest.approx(plain / 2)


def test_models_without_a_batch_api_are_refused():
    with pytest.raises(ValidationError, match="not b"):
        RunConfig(models=("openai:a", "vllm:b"), judges="openai:c", pairs="all", batch=True)
