"""Ranking battles."""

import numpy as np
import polars as pl
import pytest

from leaderboards.battles import battles_from_judgments, owed
from leaderboards.rank import rank
from leaderboards.records import RankingError


def judgments(*rows):
    names = ["prompt_id", "judge", "model_a", "model_b", "verdict"]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def random_battles(seed=0, prompts=60, models=4):
    rng = np.random.default_rng(seed)
    rows = [
        (f"p{p}", "j", f"m{a}", f"m{b}", float(rng.choice([0, 0.5, 1], p=[0.3, 0.2, 0.5])), 1.0)
        for p in range(prompts)
        for a in range(models)
        for b in range(models)
        if a != b
    ]
    names = ["prompt_id", "judge", "model_a", "model_b", "outcome", "weight"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_a_strong_verdict_counts_three_times():
    ranking = rank(
        battles_from_judgments(
            judgments(
                ("p", "j", "x", "base", "A>>B"),
                ("p", "j", "base", "x", "A>B"),
                ("q", "j", "y", "base", "A=B"),
            )
        ),
        draws=20,
    )
    assert {row.model: row.score for row in ranking.rows} == {"x": 75, "base": 50, "y": 50}


def test_a_missing_verdict_is_owed_by_both_models_and_gives_no_battle():
    table = judgments(("p", "j", "x", "y", None), ("p", "j", "y", "x", "A>B"))
    assert owed(table) == {"x": 1, "y": 1}
    assert battles_from_judgments(table).height == 1


def test_a_judge_with_a_failure_weighs_as_much_as_one_without():
    battles = battles_from_judgments(
        judgments(
            ("p", "j", "x", "y", "A>B"),
            ("p", "j", "y", "x", None),
            ("p", "k", "x", "y", "B>A"),
            ("p", "k", "y", "x", "A>B"),
        )
    )
    assert battles.group_by("judge").agg(pl.col("weight").sum())["weight"].n_unique() == 1


def test_row_order_does_not_change_the_ranking():
    battles = random_battles()
    assert rank(battles.sample(fraction=1, shuffle=True, seed=3), draws=50) == rank(
        battles, draws=50
    )


def test_two_checkpoints_of_the_same_last_name_are_two_models():
    table = judgments(
        ("p", "j", "run1/checkpoint-500", "base", "A>B"),
        ("p", "j", "run2/checkpoint-500", "base", "B>A"),
    )
    assert len(rank(battles_from_judgments(table), draws=20).rows) == 3


def test_an_unknown_baseline_is_refused():
    with pytest.raises(RankingError, match="no battle of baseline 'z'"):
        rank(random_battles(), baseline="z")
