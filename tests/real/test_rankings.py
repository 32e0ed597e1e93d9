"""Rankings of public data against the figures that were published for them."""

import json
from pathlib import Path

import polars as pl
import pytest
from scipy.stats import spearmanr

from judges.imports import import_battles
from judges.layouts import import_arena_hard, import_mt_bench
from judges.runs import read_run
from judges.style import count_style
from leaderboards.estimators import win_rate
from leaderboards.evidence import gather
from leaderboards.intervals import sandwich
from leaderboards.rank import rank
from leaderboards.runs import rank_tables

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.exists(), reason="needs the public data beside the checkout"),
]
WINNERS = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5, "tie (bothbad)": 0.5}


@pytest.fixture(scope="module")
def alpaca():
    """AlpacaEval 2 as battles against its baseline; the preference 1..2 is for the second."""
    table = pl.read_parquet(DATA / "alpaca_eval/judgments.parquet")
    return table.select(
        "answer",
        prompt_id="prompt",
        judge=pl.lit("gpt-4-turbo"),
        model_a="model",
        model_b=pl.lit("baseline"),
        outcome=pl.col("preference") - 1,
        weight=pl.lit(1.0),
    )


@pytest.fixture(scope="module")
def published():
    return pl.read_csv(DATA / "alpaca_eval/leaderboard.csv")


def test_arena_ta_scores_are_the_published_ones(tmp_path):
    report = import_arena_hard(
        [DATA / "arena_ta/model_judgment/gpt-4o_images"], out=tmp_path, baseline="gpt4_1106_preview"
    )
    table = pl.read_csv(DATA / "arena_ta/leaderboard_20241114_image.csv")
    scores = {row.model: row.score for row in rank_tables(read_run(tmp_path), draws=10).rows}
    shared = table.filter(pl.col("model").is_in(list(scores)))
    assert len(report.models) == 8
    for model, score in shared.select("model", "score").rows():
        assert scores[model] == pytest.approx(score, abs=0.05)


def test_alpaca_eval_win_rates_and_errors_are_the_published_ones(alpaca, published):
    evidence = gather(alpaca)
    estimator = win_rate(evidence.models.index("baseline"))(evidence)
    for model, prompts in alpaca.group_by("model_a").agg(pl.len()).rows():
        at = evidence.models.index(model)
        row = published.row(by_predicate=pl.col("model") == model, named=True)
        variance = sandwich(estimator, prompts)[at, at]
        assert 100 * estimator.parameters[at] == pytest.approx(row["win_rate"], abs=1e-6)
        assert variance**0.5 == pytest.approx(row["standard_error"], abs=1e-6)


def test_length_controlled_alpaca_eval_ranks_as_published(alpaca, published):
    own = alpaca.select("prompt_id", model="model_a", text="answer")
    base = pl.read_parquet(DATA / "alpaca_eval/baseline_answers.parquet").select(
        prompt_id="prompt", model=pl.lit("baseline"), text="answer"
    )
    answers = pl.concat([own, base]).with_columns(tokens=pl.col("text").str.len_chars())
    ranking = rank(alpaca, features=answers, style=("length",), interval="sandwich")
    scores = pl.DataFrame(
        [(row.model, row.score) for row in ranking.rows], schema=["model", "score"], orient="row"
    ).join(published, on="model")
    assert scores.height == 28
    assert spearmanr(scores["score"], scores["length_controlled_winrate"]).statistic >= 0.955


def test_ten_thousand_human_battles_rank_as_the_human_leaderboard():
    battles = pl.read_csv(DATA / "chatbot_arena/battles_10k.csv").select(
        "model_a",
        "model_b",
        prompt_id="question_id",
        judge=pl.lit("people"),
        outcome=pl.col("winner").replace_strict(WINNERS),
        weight=pl.lit(1.0),
    )
    rated = pl.read_csv(DATA / "chatbot_arena/ratings_20240904/english.csv").rename({"": "model"})
    rows = rank(battles, interval="sandwich").rows
    shared = pl.DataFrame(
        [(r.model, r.score) for r in rows], schema=["model", "score"], orient="row"
    )
    shared = shared.join(rated, on="model")
    assert shared.height == 52
    assert spearmanr(shared["score"], shared["rating"]).statistic >= 0.965


def test_a_merge_conflict_and_judge_errors_are_listed_and_the_rest_is_imported(tmp_path):
    battles = import_battles([DATA / "dirty/battles_with_merge_conflict.jsonl"], out=tmp_path / "b")
    pairs = import_mt_bench([DATA / "dirty/mt_bench_pair_with_errors.jsonl"], out=tmp_path / "p")
    assert [row.line for row in battles.bad] == [1, 2, 18390]
    assert battles.kept == 20_505
    assert (pairs.kept, len(pairs.bad)) == (150, 2)
    assert read_run(tmp_path / "p").judgments["verdict"].null_count() == 3


def test_style_counts_of_published_answers_are_near_arena_hards_own_tokens():
    file = DATA / "arena_ta/model_answer/Qwen2-7B-Instruct.jsonl"
    turns = [json.loads(line)["choices"][0]["turns"][0] for line in file.read_text().splitlines()]
    ours = sum(count_style(turn["content"]).tokens for turn in turns)
    assert ours == pytest.approx(sum(turn["token_len"] for turn in turns), rel=0.15)
