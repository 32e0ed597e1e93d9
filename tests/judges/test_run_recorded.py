"""Runs over the bundled sample, through the very path that any model takes."""

from pathlib import Path

import pytest

from benchbuilder.records import BenchmarkItem, prompt_id, write_benchmark
from judges.run import RunConfig, run
from judges.runs import read_run
from llms.files import read_jsonl
from llms.progress import Silent
from llms.store import ResponseStore

SAMPLE = Path(__file__).parents[2] / "benchbuilder" / "sample"
NAMES = ("sample-aspen", "sample-birch", "sample-cedar")


@pytest.fixture
def benchmark(tmp_path):
    answered = {row["prompt_id"] for _, row in read_jsonl(SAMPLE / "answers.jsonl")}
    prompts = [row for _, row in read_jsonl(SAMPLE / "prompts.jsonl") if row["id"] in answered]
    items = [BenchmarkItem(id=prompt_id(r["turns"]), turns=tuple(r["turns"])) for r in prompts]
    write_benchmark(tmp_path / "benchmark.jsonl", items)
    return tmp_path / "benchmark.jsonl"


@pytest.fixture
def store(tmp_path):
    with ResponseStore(tmp_path / "store.sqlite") as store:
        yield store


def config(**changes):
    values = {
        "models": [f"recorded:{SAMPLE}#{name}" for name in NAMES],
        "judges": [f"recorded:{SAMPLE}#sample-judge"],
        "baseline": "sample-birch",
    }
    return RunConfig(**{**values, **changes})


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_recorded_models_answer_and_are_judged_in_both_orders(benchmark, store, tmp_path):
    report = run(benchmark, out=tmp_path / "run", config=config(), store=store, progress=Silent())
    tables = read_run(tmp_path / "run")
    assert (report.answers, report.games, report.owed) == (64 * 3, 64 * 2 * 2, 0)
    assert tables.judgments["verdict"].null_count() == 0
    assert tables.answers.filter(model="sample-aspen")["headers"].sum() > 0


def test_the_same_run_twice_writes_the_same_bytes_wherever_it_writes(benchmark, store, tmp_path):
    for name in ("one", "two"):
        run(benchmark, out=tmp_path / name, config=config(), store=store, progress=Silent())
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert str(tmp_path) not in (tmp_path / "one" / "run.json").read_text()
    assert str(SAMPLE) not in (tmp_path / "one" / "run.json").read_text()


def test_games_that_nobody_recorded_are_owed_and_have_no_verdict(benchmark, store, tmp_path):
    asked = config(pairs="all")
    report = run(benchmark, out=tmp_path / "run", config=asked, store=store, progress=Silent())
    judgments = read_run(tmp_path / "run").judgments
    owed = judgments.filter(model_a="sample-aspen", model_b="sample-cedar")
    assert report.owed == 64 * 2
    assert owed["verdict"].null_count() == owed["error"].len() == 64


def test_a_prompt_without_answers_is_owed_by_every_model_and_game(store, tmp_path):
    item = BenchmarkItem(id="new", turns=("Something nobody was ever asked.",))
    write_benchmark(tmp_path / "benchmark.jsonl", [item])
    report = run(tmp_path, out=tmp_path / "run", config=config(), store=store, progress=Silent())
    assert set(report.answers_owed) == set(NAMES)
    assert report.games_owed == {"sample-judge": {"no_answer": 4}}


def test_a_model_that_was_left_out_is_gone_from_the_folder(benchmark, store, tmp_path):
    for names in (NAMES, NAMES[:2]):
        asked = config(models=[f"recorded:{SAMPLE}#{name}" for name in names])
        run(benchmark, out=tmp_path / "run", config=asked, store=store, progress=Silent())
    assert set(read_run(tmp_path / "run").answers["model"]) == set(NAMES[:2])
