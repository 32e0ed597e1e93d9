"""Runs in which every model answers each prompt several times."""

import itertools
import json

import polars as pl
import pytest
import yaml
from aiohttp import web
from typer.testing import CliRunner

from benchbuilder.records import BenchmarkItem, write_benchmark
from judges.cli import app
from judges.planning import all_pairs, plan_games
from judges.repetition import largest_group
from judges.runs import read_run
from llms.files import read_jsonl, write_jsonl
from tests.judges.judge_server import judged
from tests.llms.fake_server import completion, fake_server

ITEMS = [
    BenchmarkItem(id="p0", turns=("Why?",)),
    BenchmarkItem(id="p1", turns=("How?", "And then?")),
]
numbers = itertools.count()


async def another_each_time(body):
    if body["model"] == "judge":
        return web.json_response(judged(body))
    return web.json_response(completion(f"{body['model']} {'so ' * next(numbers)}"))


@pytest.fixture(scope="module")
def server():
    with fake_server(another_each_time) as server:
        yield server


@pytest.fixture
def judge(server, tmp_path):
    def judge(*options, out="run"):
        write_benchmark(tmp_path / "benchmark.jsonl", ITEMS)
        server.asked.clear()
        names = {"--model": ("base", "new"), "--judge": ("judge",)}
        given = [
            x for flag, some in names.items() for n in some for x in (flag, f"{server.url}#{n}")
        ]
        files = ["--out", str(tmp_path / out), "--store", str(tmp_path / "store.sqlite")]
        command = ["run", str(tmp_path), *given, *files, "--baseline", "base", "--quiet"]
        command += [*([] if "--canaries" in options else ["--canaries", "0"]), *options]
        return CliRunner().invoke(app, command)

    return judge


def test_sample_i_of_a_model_meets_sample_i_of_the_other_in_both_orders(judge, server, tmp_path):
    assert judge("--samples", "3").exit_code == 0
    tables = read_run(tmp_path / "run")
    texts = {(row["prompt_id"], row["model"], row["sample"]): row["text"]
             for row in tables.answers.to_dicts()}  # fmt: skip
    assert len(set(texts.values())) == 2 * 2 * 3
    assert tables.judgments.height == 2 * 2 * 3
    for game in tables.judgments.to_dicts():
        longer = max(
            ("model_a", "model_b"),
            key=lambda side: len(texts[game["prompt_id"], game[side], game["sample"]]),
        )
        assert game["verdict"] == {"model_a": "A>B", "model_b": "B>A"}[longer]


def test_canaries_meet_the_first_sample(judge, tmp_path):
    judge("--samples", "2", "--canaries", "1")
    games = [row for _, row in read_jsonl(tmp_path / "run" / "canaries.jsonl")]
    assert {game["sample"] for game in games} == {0}
    assert all(game["verdict"] for game in games)


def test_a_budget_ends_on_prompts_whose_samples_are_all_played(server, tmp_path):
    # One prompt takes 8 replies, the other, of two turns, 12: two tokens each, 0.002 USD.
    def entry(name):
        prices = {"input": 0, "output": 1000}
        return {"model": f"{server.url}#{name}", "prices": prices, "params": {"max_tokens": 2}}

    write_benchmark(tmp_path / "benchmark.jsonl", ITEMS)
    (tmp_path / "models.yaml").write_text(yaml.safe_dump([entry("base"), entry("new")]))
    (tmp_path / "judge.yaml").write_text(yaml.safe_dump(entry("judge")))
    files = {
        "--model": "models.yaml",
        "--judge": "judge.yaml",
        "--store": "s.sqlite",
        "--out": "run",
    }
    places = [part for flag, file in files.items() for part in (flag, str(tmp_path / file))]
    options = ["--baseline", "base", "--samples", "2", "--canaries", "0", "--budget", "0.03"]
    found = CliRunner().invoke(app, ["run", str(tmp_path), *places, *options, "--yes"])
    judgments = read_run(tmp_path / "run").judgments
    played = judgments.drop_nulls("verdict").group_by("prompt_id").len()
    assert (found.exit_code, judgments.height) == (3, 2 * 2 * 2)
    assert played["len"].to_list() == [4]


def test_samples_with_the_same_words_are_judged_and_paid_once(tmp_path):
    async def always_the_same(body):
        if body["model"] == "judge":
            return web.json_response(judged(body))
        return web.json_response(completion(f"I am {body['model']}"))

    with fake_server(always_the_same) as server:
        entry = {"model": f"{server.url}#judge", "prices": {"input": 0, "output": 1000}}
        write_benchmark(tmp_path / "benchmark.jsonl", ITEMS[:1])
        (tmp_path / "judge.yaml").write_text(yaml.safe_dump(entry))
        files = {"--judge": "judge.yaml", "--store": "s.sqlite", "--out": "run"}
        places = [part for flag, file in files.items() for part in (flag, str(tmp_path / file))]
        models = ["--model", f"{server.url}#base", "--model", f"{server.url}#new"]
        options = ["--baseline", "base", "--samples", "3", "--canaries", "0", "--yes"]
        CliRunner().invoke(app, ["run", str(tmp_path), *models, *places, *options])
        assert len(server.asked) == 2 * 3 + 2
    costs = read_run(tmp_path / "run").judgments["cost"]
    assert (costs.len(), costs.sum()) == (6, pytest.approx(2 * 0.002))


def test_more_samples_later_keep_what_was_paid_for(judge, server, tmp_path):
    judge("--samples", "1")
    judge("--samples", "2", out="more")
    first, more = (read_run(tmp_path / name).answers for name in ("run", "more"))
    assert len(server.asked) == (2 + 1) * 2 + 4
    assert more.filter(sample=0).equals(first)


def test_the_same_run_twice_asks_nothing_and_writes_the_same_bytes(judge, server, tmp_path):
    for out in ("one", "two"):
        judge("--samples", "2", out=out)
    assert server.asked == []
    files = [sorted((tmp_path / out).rglob("*.json*")) for out in ("one", "two")]
    assert [f.read_bytes() for f in files[0]] == [f.read_bytes() for f in files[1]]


def test_a_dry_run_counts_the_calls_of_all_samples(judge):
    planned = json.loads(judge("--samples", "3", "--repeats", "2", "--dry-run", "--json").stdout)
    calls = {row["model"]: row["calls"] for row in planned["stages"]}
    assert calls == {"base": 3 * 3, "new": 3 * 3, "judge": 2 * 2 * 3 * 2}


def test_pointwise_and_listwise_judges_see_every_sample(judge, tmp_path):
    for protocol in ("pointwise", "listwise"):
        assert judge("--samples", "2", "--protocol", protocol, out=protocol).exit_code == 0
        played = read_run(tmp_path / protocol).judgments.group_by("prompt_id", "sample").len()
        assert played.height == 2 * 2


def test_a_recording_with_samples_answers_each_of_them_and_one_without_answers_all(tmp_path):
    write_benchmark(tmp_path / "benchmark.jsonl", ITEMS)
    both = list(itertools.product(("p0", "p1"), range(2)))
    several = [{"prompt_id": p, "model": "a", "sample": s, "text": f"{p} {s}"} for p, s in both]
    single = [{"prompt_id": p, "model": "b", "text": p} for p in ("p0", "p1")]
    write_jsonl(tmp_path / "said" / "all.jsonl", [*several, *single])
    here = f"recorded:{tmp_path / 'said'}"
    command = ["run", str(tmp_path), "--model", f"{here}#a", "--model", f"{here}#b", "--judge",
               f"{here}#a", "--baseline", "b", "--samples", "3", "--store",
               str(tmp_path / "s.sqlite"), "--out", str(tmp_path / "run")]  # fmt: skip
    CliRunner().invoke(app, command)
    answers = read_run(tmp_path / "run").answers.sort("model", "prompt_id", "sample")
    assert answers["text"].to_list() == ["p0 0", "p0 1", None, "p1 0", "p1 1", None,
                                         *["p0"] * 3, *["p1"] * 3]  # fmt: skip


def test_files_without_samples_are_read_as_sample_0(judge, tmp_path):
    judge("--samples", "1")
    for file in (tmp_path / "run").glob("*/*.jsonl"):
        rows = [{k: v for k, v in row.items() if k != "sample"} for _, row in read_jsonl(file)]
        write_jsonl(file, rows)
    tables = read_run(tmp_path / "run")
    assert set(pl.concat([tables.answers["sample"], tables.judgments["sample"]])) == {0}


def test_imported_games_keep_their_samples(tmp_path):
    rows = [
        {
            "prompt_id": "p",
            "judge": "j",
            "model_a": "a",
            "model_b": "b",
            "verdict": "A>B",
            "sample": s,
        }
        for s in range(2)
    ]
    answers = [{"prompt_id": "p", "model": m, "sample": s, "tokens": s + 1, "headers": 0,
                "lists": 0, "bold": 0} for m in "ab" for s in range(2)]  # fmt: skip
    write_jsonl(tmp_path / "games.jsonl", rows)
    write_jsonl(tmp_path / "answers.jsonl", answers)
    names = [str(tmp_path / name) for name in ("games.jsonl", "answers.jsonl", "run")]
    CliRunner().invoke(app, ["import", "games", names[0], "--answers", names[1], "--out", names[2]])
    tables = read_run(tmp_path / "run")
    assert tables.judgments["sample"].to_list() == [0, 1]
    assert tables.answers.sort("model", "sample")["tokens"].to_list() == [1, 2, 1, 2]


def test_games_stand_by_prompt_and_sample():
    games = plan_games(ITEMS, lambda _: all_pairs(["a", "b"]), samples=2, repeats=2)
    assert [(game.item.id, game.sample) for game in games] == [
        (item.id, sample) for item in ITEMS for sample in range(2) for _ in range(4)
    ]


def test_samples_that_are_alike_are_no_repetition_over_prompts():
    assert largest_group(["the same words"] * 6, ["p0"] * 3 + ["p1"] * 3) == 2
