"""Budgets, dry runs, series and canaries, as the command line gives them."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from benchbuilder.records import BenchmarkItem, write_benchmark
from judges.cli import app
from judges.config import RunConfig
from judges.planning import all_pairs, plan_games
from judges.runs import read_run
from tests.judges.judge_server import answer
from tests.llms.fake_server import fake_server

ITEMS = [BenchmarkItem(id=f"p{i}", turns=(f"Question number {i}?",)) for i in range(30)]


@pytest.fixture(scope="module")
def server():
    with fake_server(answer) as server:
        yield server


@pytest.fixture
def judge(server, tmp_path):
    def judge(
        *options,
        models=("mid", "first-checkpoint", "last"),
        price=1000.0,
        panel=False,
        quiet=True,
    ):
        def entry(name):
            prices = {"input": 0.0, "output": price}
            limits = {"params": {"max_tokens": 2}, "prices": prices}
            return {"model": f"{server.url}#{name}", "name": name, **limits}

        write_benchmark(tmp_path / "benchmark.jsonl", ITEMS)
        (tmp_path / "models.yaml").write_text(yaml.safe_dump([entry(name) for name in models]))
        judges = [entry("judge"), {**entry("judge"), "name": "second", "system": "Be fair."}]
        (tmp_path / "judge.yaml").write_text(yaml.safe_dump(judges[: 1 + panel]))
        server.asked.clear()
        files = {"--model": "models.yaml", "--judge": "judge.yaml", "--store": "store.sqlite"}
        given = [part for name, file in files.items() for part in (name, str(tmp_path / file))]
        command = ["run", str(tmp_path), "--out", str(tmp_path / "run"), *given, *options]
        command += ["--baseline", models[0], *["--quiet"][:quiet]]
        return CliRunner().invoke(app, command)

    return judge


def test_a_dry_run_asks_nothing_and_counts_everything(judge, server, tmp_path):
    result = judge("--dry-run", "--json", "--canaries", "0")
    stages = {row["model"]: row for row in json.loads(result.stdout)["stages"]}
    assert result.exit_code == 0
    assert (stages["mid"]["calls"], stages["judge"]["calls"]) == (30, 120)
    assert server.asked == []
    assert not (tmp_path / "run").exists()


def test_after_the_run_a_dry_run_finds_everything_paid(judge):
    assert judge("--canaries", "0", "--yes").exit_code == 0
    planned = json.loads(judge("--dry-run", "--json", "--canaries", "0").stdout)
    assert planned["dollars"] == 0
    assert all(row["calls"] == row["stored"] for row in planned["stages"])


def test_without_a_terminal_an_expensive_run_needs_yes(judge, server):
    result = judge("--confirm-above", "1")
    assert result.exit_code == 1
    assert "--yes" in result.output
    assert server.asked == []


def test_a_budget_stops_at_whole_prompts_that_every_model_answered(judge, tmp_path):
    # One prompt: three answers and four games, two output tokens each, at 1000 USD per million.
    result = judge("--budget", "0.2", "--canaries", "0", "--yes")
    tables = read_run(tmp_path / "run")
    played = tables.judgments.drop_nulls("verdict").group_by("prompt_id").len()
    assert result.exit_code == 3
    assert set(played["len"]) == {4}
    assert 1 < played.height <= 0.2 / 0.014
    assert set(tables.judgments["error"].drop_nulls()) == {"over_budget"}


def test_a_panel_within_a_budget_judges_the_same_prompts(judge, tmp_path, server):
    result = judge("--budget", "0.25", "--canaries", "1", "--yes", panel=True)
    judgments = read_run(tmp_path / "run").judgments
    spent = sum(2 * 1000 / 1e6 for _ in server.asked)
    played = judgments.drop_nulls("verdict").group_by("prompt_id").len()
    assert result.exit_code == 3
    assert spent <= 0.25
    assert set(played["len"]) == {8}
    assert played.height >= 0.6 * 0.25 / 0.022


def test_the_record_has_the_cost_of_each_stage_model_and_judge(judge, tmp_path):
    judge("--canaries", "1", "--yes")
    first = (tmp_path / "run" / "run.json").read_bytes()
    judge("--canaries", "1", "--yes")
    counts = json.loads(first)["counts"]
    costs = {(part["stage"], part["name"]): part["cost"] for part in counts["costs"]}
    assert costs["answers", "mid"] == pytest.approx(30 * 0.002)
    assert costs["games", "judge"] == pytest.approx(120 * 0.002)
    assert costs["canaries", "judge"] == pytest.approx(14 * 0.002)
    assert counts["cost"] == pytest.approx(sum(costs.values()))
    assert (tmp_path / "run" / "run.json").read_bytes() == first


def test_what_a_run_spends_is_said_as_it_goes(judge, monkeypatch):
    monkeypatch.setattr("judges.asking.TELL_SECONDS", 0.0)
    assert "of $0.20 spent" in judge("--budget", "0.2", "--yes", quiet=False).stderr


def test_listed_prices_are_enough_for_a_budget():
    models = ("openai:gpt-4.1", "openai:gpt-4.1-mini")
    config = RunConfig(models=models, judges="openai:gpt-4.1", baseline="gpt-4.1", budget=1)
    assert config.budget == 1


def test_what_a_budget_left_over_is_played_by_the_next_run(judge):
    judge("--budget", "0.2", "--canaries", "0", "--yes")
    assert judge("--canaries", "0", "--yes").exit_code == 0


def test_a_budget_without_prices_is_refused(server, judge, tmp_path):
    judge("--dry-run")
    unpriced = [f"{server.url}#one", f"{server.url}#two"]
    models = [part for name in unpriced for part in ("--model", name)]
    command = ["run", str(tmp_path), "--out", str(tmp_path / "x"), *models, "--judge", unpriced[0]]
    result = CliRunner().invoke(app, [*command, "--baseline", "one", "--budget", "1"])
    assert result.exit_code == 1
    assert "prices" in result.output


def test_a_series_whose_last_checkpoint_is_worse_leaves_with_4(judge):
    names = ("first", "better-one", "bad")
    result = judge("--series", "--json", "--canaries", "0", "--yes", models=names)
    rows = json.loads(result.stdout)["series"]["rows"]
    assert result.exit_code == 4
    assert [row["model"] for row in rows] == list(names)
    assert [row["score"] for row in rows] == [50, 100, 0]


def test_a_judge_that_falls_for_filler_leaves_with_5(judge):
    result = judge("--canaries", "1", "--yes")
    assert result.exit_code == 5
    assert "without merit" in result.output


def test_games_of_many_prompts_are_found_without_comparing_them():
    items = [BenchmarkItem(id=f"p{number}", turns=("?",)) for number in range(500)]
    games = plan_games(items, lambda _: all_pairs(["a", "b"]))
    assert len({hash(game) for game in games}) == len(games) == 1000
