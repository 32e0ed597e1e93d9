"""Judges of a panel with weights of their own, from the config to the score."""

from dataclasses import replace

import polars as pl
import pytest
from pydantic import ValidationError

from benchbuilder.records import BenchmarkItem, write_benchmark
from judges.run import RunConfig, run
from judges.runs import read_run
from leaderboards.page.battles import battle_table, games_table
from leaderboards.runs import judge_weights, rank_tables
from llms.files import write_jsonl
from llms.progress import Silent
from llms.store import ResponseStore

WIN, LOSS = ("A>B", "B>A"), ("B>A", "A>B")


@pytest.fixture
def panel(tmp_path):
    """Return what runs 20 recorded prompts with two judges of these weights and opinions."""
    ids = [f"p{i}" for i in range(20)]
    items = [BenchmarkItem(id=name, turns=(f"Question {name}?",)) for name in ids]
    write_benchmark(tmp_path / "benchmark.jsonl", items)
    answers = [
        {"prompt_id": name, "model": model, "text": f"{model} {name}"}
        for name in ids
        for model in ("new", "base")
    ]
    write_jsonl(tmp_path / "records" / "answers.jsonl", answers)

    def panel(weights, said):
        orders = (("new", "base"), ("base", "new"))
        games = [
            {"prompt_id": name, "judge": judge, "model_a": a, "model_b": b, "text": f"[[{label}]]"}
            for name in ids
            for judge, labels in said.items()
            for (a, b), label in zip(orders, labels, strict=True)
            if label
        ]
        write_jsonl(tmp_path / "records" / "games.jsonl", games)
        here = f"recorded:{tmp_path / 'records'}"
        config = RunConfig(
            models=(f"{here}#new", f"{here}#base"),
            judges=(f"{here}#keen", f"{here}#stern"),
            baseline="base",
            judge_weights=weights,
        )
        with ResponseStore(tmp_path / "store.sqlite") as store:
            out = tmp_path / "run"
            run(tmp_path, out=out, config=config, store=store, progress=Silent())
        return read_run(out)

    return panel


def score(tables, model="new", **options):
    rows = rank_tables(tables, draws=100, **options).rows
    return next(row.score for row in rows if row.model == model)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [({}, 50), ({"keen": 2}, 200 / 3), ({"keen": 2, "stern": 2}, 50), ({"stern": 3}, 25)],
)
def test_a_judge_moves_the_score_by_its_weight(panel, weights, expected):
    tables = panel(weights, {"keen": WIN, "stern": LOSS})
    assert score(tables) == pytest.approx(expected)
    assert tables.meta["config"]["judge_weights"] == weights


def test_a_judge_that_owes_half_its_verdicts_keeps_its_weight(panel):
    tables = panel({"keen": 2}, {"keen": (None, "B>A"), "stern": LOSS})
    assert score(tables) == pytest.approx(200 / 3)


def test_a_judge_of_weight_two_is_as_two_judges_of_one_mind(panel):
    tables = panel({"keen": 2}, {"keen": ("A>>B", "A=B"), "stern": LOSS})
    twin = tables.judgments.filter(judge="keen").with_columns(judge=pl.lit("twin"))
    thrice = replace(tables, meta={}, judgments=pl.concat([tables.judgments, twin]))
    assert score(tables) == pytest.approx(score(thrice))


def test_a_prompt_weighs_the_same_when_the_heavy_judge_is_silent(panel):
    tables = panel({"keen": 2}, {"keen": WIN, "stern": LOSS})
    silent = (pl.col("judge") == "keen") & (pl.col("prompt_id") < "p2")
    verdict = pl.when(~silent).then("verdict")
    silenced = replace(tables, judgments=tables.judgments.with_columns(verdict=verdict))
    without = tables.judgments.filter(silent)["prompt_id"].n_unique()
    assert score(silenced) == pytest.approx((20 - without) * 100 / 20 * 2 / 3)


def test_the_page_shows_battles_by_the_same_weights(panel):
    tables = panel({"keen": 2}, {"keen": WIN, "stern": LOSS})
    battles = battle_table(games_table(tables, ["new", "base"]), judge_weights(tables))
    assert battles["share"].to_list() == pytest.approx([2 / 3] * 20)


def test_a_weight_for_nobody_is_refused():
    values = {"models": ("openai:a", "openai:b"), "judges": "openai:c", "pairs": "all"}
    with pytest.raises(ValidationError, match="one of the judges: c"):
        RunConfig(**values, judge_weights={"d": 2})
    with pytest.raises(ValidationError, match="greater than 0"):
        RunConfig(**values, judge_weights={"c": 0})
