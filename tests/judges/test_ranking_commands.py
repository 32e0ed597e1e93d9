"""judge import, rank, plan and agree, as typed."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from judges.cli import app


def judge(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An imported run of three models on twelve prompts of two categories."""
    folder = tmp_path_factory.mktemp("commands")
    labels = ["A>B", "A=B", "B>A", "A>>B"]
    games = [
        {"prompt_id": f"p{p}", "judge": "j", "model_a": a, "model_b": b,
         "verdict": labels[(7 * p + 3 * i) % 4]}
        for p in range(12)
        for i, (a, b) in enumerate([("x", "y"), ("y", "x"), ("x", "z"), ("z", "x"), ("y", "z")])
    ]  # fmt: skip
    pl.DataFrame(games).write_parquet(folder / "games.parquet")
    prompts = [{"id": f"p{p}", "prompt": "?", "category": "ab"[p % 2]} for p in range(12)]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in prompts))
    answers = [
        {"prompt_id": f"p{p}", "model": m, "text": "- a\n" * (p % 3 + i + 1)}
        for p in range(12)
        for i, m in enumerate("xyz")
    ]
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
    done = judge("import", "games", folder / "games.parquet", "--out", folder / "run", "--prompts",
                 folder / "prompts.jsonl", "--answers", folder / "answers.jsonl")  # fmt: skip
    assert done.exit_code == 0, done.output
    return folder / "run"


def ranked(run, *options):
    done = judge("rank", run, "--draws", "100", "--format", "json", *options)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_options_reach_the_ranking_and_are_recorded(run):
    options = {"interval": "sandwich", "cluster": "prompt", "anchor": "y", "ties": "davidson"}
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    settings = ranked(run, *flags)["settings"]
    assert {name: settings[name] for name in options} == options


def test_a_style_controlled_table_shows_the_plain_scores_beside_it(run):
    done = judge("rank", run, "--draws", "100", "--style", "length,lists")
    assert "plain" in done.stdout
    assert "style feature" in done.stdout


def test_categories_are_combined_by_the_rule_that_is_named(run):
    assert "Borda count over a, b" in judge("rank", run, "--combine", "borda").stdout


def test_influence_and_cycles_are_shown_on_request(run):
    done = judge("rank", run, "--draws", "100", "--influence", "--cycles")
    assert "flip" in done.stdout
    assert "no ranking explains" in done.stdout


def test_elo_without_timestamps_is_one_clear_line(run):
    done = judge("rank", run, "--elo", "4")
    assert (done.exit_code, "needs a timestamp" in done.stderr) == (1, True)


def test_a_plan_is_made_of_a_pilot_run_or_of_stated_variances(run):
    pilot = json.loads(judge("plan", run, "--json", "--prompts", "50,200").stdout)
    assert len(pilot["rows"]) == 2 * 3 * 2
    stated = judge("plan", "--pilot", "prompt=900,order=100", "--prompts", "100")
    assert "difference seen" in stated.stdout
    assert judge("plan").exit_code == 1


def test_agreement_uses_a_table_of_names(run, tmp_path):
    ratings = pl.DataFrame({"model": ["X-1", "y", "z"], "rating": [3.0, 2.0, 1.0]})
    ratings.write_csv(tmp_path / "people.csv")
    pl.DataFrame({"model": ["x"], "human": ["X-1"]}).write_csv(tmp_path / "names.csv")
    done = judge("agree", run, "--human", tmp_path / "people.csv", "--names",
                 tmp_path / "names.csv", "--draws", "100", "--json")  # fmt: skip
    assert json.loads(done.stdout)["matched"] == sorted("xyz", key=order_of(run).index)


def order_of(run):
    return [row["model"] for row in ranked(run)["rows"]]


def test_bad_rows_leave_exit_code_3_and_an_unknown_format_1(tmp_path):
    (tmp_path / "b.jsonl").write_text(
        '<<<<<<< HEAD\n{"model_a":"x","model_b":"y","winner":"tie"}\n'
    )
    done = judge("import", "battles", tmp_path / "b.jsonl", "--out", tmp_path / "run")
    assert done.exit_code == 3
    assert "line 1: the mark of a merge conflict" in done.stderr
    assert judge("import", "elo", tmp_path / "b.jsonl", "--out", tmp_path / "r").exit_code == 1


def test_an_export_says_what_it_left_out_and_a_second_one_takes_its_place(run, tmp_path):
    done = judge(
        "export", run, "--format", "arena-hard", "--baseline", "x", "--out", tmp_path / "e"
    )
    assert done.exit_code == 0, done.output
    assert "12 left out: without the baseline" in done.output
    done = judge("export", run, "--out", tmp_path / "e")
    assert done.exit_code == 0, done.output
    left = {file.name for file in (tmp_path / "e").iterdir() if file.is_file()}
    assert left == {"SHA256SUMS", "preferences.jsonl"}
    assert not list((tmp_path / "e").rglob("*/*.jsonl"))
