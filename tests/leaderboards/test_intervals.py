"""Intervals: what they cover, and what they may not depend on."""

from functools import cache

import numpy as np
import polars as pl
import pytest
from scipy.special import stdtrit

from leaderboards.estimators import style_controlled, win_rate
from leaderboards.evidence import Evidence
from leaderboards.intervals import (
    by_bootstrap,
    by_sandwich,
    critical_values,
    prompt_draws,
    sandwich,
)
from leaderboards.multiplicity import benjamini_hochberg, holm, rank_sets
from leaderboards.rank import rank
from leaderboards.records import RankingError
from leaderboards.scales import against_field

PROMPTS, MODELS, LEVEL = 500, 8, 0.95


def random_battles(seed=0, prompts=60, models=4):
    rng = np.random.default_rng(seed)
    rows = [
        (
            f"p{p:02}",
            "j",
            f"m{a}",
            f"m{b}",
            float(rng.choice([0, 0.5, 1])),
            float(rng.choice([1, 3])),
        )
        for p in range(prompts)
        for a in range(models)
        for b in range(models)
        if a != b
    ]
    names = ["prompt_id", "judge", "model_a", "model_b", "outcome", "weight"]
    return pl.DataFrame(rows, schema=names, orient="row")


def simulate(rng, prompts=PROMPTS, spread=0.8):
    """Two games of seven models against model 0 on each prompt; strong verdicts count three times.

    Models have a strength on each prompt, and all share how well the baseline did there.
    """
    shared = rng.normal(0, 0.7, (prompts, 1))
    edge = (
        np.linspace(-spread, spread, MODELS - 1) + rng.normal(0, 1, (prompts, MODELS - 1)) + shared
    )
    weight, won = np.zeros_like(edge), np.zeros_like(edge)
    for _ in range(2):
        margin = edge + rng.logistic(size=edge.shape)
        strong = np.where(np.abs(margin) > 2, 3.0, 1.0)
        weight += strong
        won += strong * np.where(np.abs(margin) < 0.2, 0.5, margin > 0)
    return weight, won


def as_evidence(weight, won):
    prompts, others = weight.shape
    cells = np.arange(weight.size)
    none = np.zeros(weight.size, dtype=np.int64)
    return Evidence(
        models=tuple(f"m{m}" for m in range(others + 1)),
        prompts=pl.Series([f"p{p:04}" for p in range(prompts)]),
        prompt=cells // others, first=none, second=cells % others + 1, sample=none,
        weight=weight.ravel(), won=(weight - won).ravel(), tied=np.zeros(weight.size),
        games=none + 2, ties=none, owed=none,
    )  # fmt: skip


@cache
def truth():
    weight, won = simulate(np.random.default_rng(99), 1_000_000)
    return 100 * np.append(0.5, won.sum(axis=0) / weight.sum(axis=0))


def unsure(evidence, kind, seed):
    estimator = win_rate(0)(evidence)
    scores = 100 * estimator.parameters
    prompts = np.full(len(evidence.models), len(evidence.prompts))
    options = {"level": LEVEL, "prompts": prompts, "models": len(evidence.models)}
    if kind == "bootstrap":
        drawn = 100 * estimator.redraw(prompt_draws(len(evidence.prompts), 300, 10_000 + seed))
        return scores, by_bootstrap(scores, drawn, **options)
    covariance = sandwich(estimator, len(evidence.prompts))
    return scores, by_sandwich(
        scores, covariance, percent=True, draws=300, seed=10_000 + seed, **options
    )


@pytest.mark.parametrize(
    ("kind", "prompts"),
    [("bootstrap", 500), ("sandwich", 500), ("bootstrap", 25), ("sandwich", 25)],
)
def test_nominal_95_percent_intervals_cover_the_truth_93_to_97_times_in_100(kind, prompts):
    true, hits, pair_hits, set_hits = truth(), [], [], []
    place = (-true).argsort().argsort() + 1
    for seed in range(200):
        evidence = as_evidence(*simulate(np.random.default_rng(seed), prompts))
        scores, sure = unsure(evidence, kind, seed)
        hits.append((sure.low <= true)[1:] & (true <= sure.high)[1:])
        difference = true[sure.first] - true[sure.second]
        pair_hits.append((sure.pair_low <= difference) & (difference <= sure.pair_high))
        low, high = rank_sets(scores, sure, LEVEL)
        set_hits.append(((low <= place) & (place <= high)).all())
    assert 0.93 <= np.mean(hits) <= 0.97
    assert 0.93 <= np.mean(pair_hits) <= 0.97
    assert np.mean(set_hits) >= 0.93


@pytest.mark.parametrize("kind", ["bootstrap", "sandwich"])
def test_rank_sets_of_equal_models_leave_a_place_out_5_times_in_100(kind):
    """The hardest case for them: every difference is zero, so any place excluded is an error."""
    held = []
    for seed in range(250):
        evidence = as_evidence(*simulate(np.random.default_rng(seed), spread=0.0))
        scores, sure = unsure(evidence, kind, seed)
        low, high = rank_sets(scores, sure, LEVEL)
        held.append((low == 1).all() and (high == MODELS).all())
    assert 0.93 <= np.mean(held) <= 0.97


def test_one_pairs_critical_value_is_students_at_any_degrees_of_freedom():
    largest = np.abs(np.random.default_rng(0).normal(size=200_000))
    found = critical_values(largest, 0.95, np.array([10.0, 400.0, 10.0]))
    assert found == pytest.approx(stdtrit([10, 400, 10], 0.975), abs=0.02)


def test_intervals_that_take_battles_for_independent_are_too_narrow():
    true, hits = truth(), []
    for seed in range(300):
        weight, won = simulate(np.random.default_rng(seed))
        share = won.sum(axis=0) / weight.sum(axis=0)
        error = 100 * np.sqrt(share * (1 - share) / weight.sum(axis=0))
        hits.append(np.abs(100 * share - true[1:]) <= 1.96 * error)
    assert np.mean(hits) < 0.85


def test_duplicating_every_game_leaves_the_intervals_as_they_are():
    battles = random_battles()
    twice = pl.concat([battles, battles])
    for kind in ("bootstrap", "sandwich"):
        once, again = (rank(table, interval=kind, draws=200) for table in (battles, twice))
        for name in ("score", "low", "high"):
            assert [getattr(row, name) for row in once.rows] == pytest.approx(
                [getattr(row, name) for row in again.rows], abs=1e-4
            )


def test_row_order_changes_nothing_with_or_without_prompt_ids():
    battles = random_battles().with_columns(outcome=pl.col("outcome") * 0.7 + 0.1)
    for table in (battles, battles.with_columns(prompt_id=pl.lit(None, pl.String))):
        shuffled = table.sample(fraction=1, shuffle=True, seed=3)
        assert rank(shuffled, draws=50) == rank(table, draws=50)


def test_showing_the_answers_the_other_way_round_changes_nothing():
    battles = random_battles()
    swapped = battles.with_columns(
        model_a="model_b", model_b="model_a", outcome=1 - pl.col("outcome")
    )
    assert rank(swapped, draws=50) == rank(battles, draws=50)


def test_turning_every_verdict_round_mirrors_the_ranking():
    battles = random_battles()
    lost = battles.with_columns(outcome=1 - pl.col("outcome"))
    mirrored = rank(lost, interval="sandwich").rows[::-1]
    for row, other in zip(rank(battles, interval="sandwich").rows, mirrored, strict=True):
        assert (row.model, row.rank_low) == (other.model, 5 - other.rank_high)
        assert (row.score, row.low) == pytest.approx((100 - other.score, 100 - other.high))


def test_categories_share_the_draws_of_the_whole():
    battles = random_battles()
    some = battles.filter(pl.col("prompt_id") < "p30")
    alone, shared = (
        rank(some, draws=50),
        rank(some, draws=50, prompts=battles["prompt_id"].unique()),
    )
    assert [row.score for row in alone.rows] == [row.score for row in shared.rows]
    assert [row.low for row in alone.rows] != [row.low for row in shared.rows]


def test_an_undefeated_model_is_finite_flagged_and_not_certain():
    battles = random_battles().filter(pl.col("model_a") != "m3", pl.col("model_b") != "m3")
    wins = pl.DataFrame(
        {
            "prompt_id": [f"p{p:02}" for p in range(20)],
            "judge": "j",
            "model_a": "m3",
            "model_b": "m1",
            "outcome": 1.0,
            "weight": 1.0,
        }
    )
    ranking = rank(pl.concat([battles, wins]), draws=100)
    assert ranking.settings["held_by_ridge"] == ["m3"]
    assert ranking.rows[0].low == pytest.approx(100 * 0.025 ** (1 / 20), abs=0.01)


def test_a_field_in_two_pieces_is_refused_and_the_pieces_are_named():
    battles = random_battles(models=2)
    other = battles.with_columns(pl.col("model_a", "model_b") + "x")
    with pytest.raises(RankingError, match=r"m0, m1 \| m0x, m1x"):
        rank(pl.concat([battles, other]))


def test_ratings_are_anchored_and_no_interval_has_zero_width():
    ranking = rank(random_battles(), scale="rating", anchor="m2", anchor_rating=1200, draws=100)
    anchor = next(row for row in ranking.rows if row.model == "m2")
    assert anchor.score == pytest.approx(1200)
    assert anchor.low < 1190 < 1210 < anchor.high


def test_missing_verdicts_bound_the_score_and_mark_the_rank_they_could_change():
    battles = pl.DataFrame(
        {
            "prompt_id": ["p", "p", "q"],
            "judge": "j",
            "model_a": ["x", "y", "x"],
            "model_b": "base",
            "outcome": [1.0, 0.5, 0.0],
            "weight": 1.0,
        }
    )
    owed = pl.DataFrame({"prompt_id": ["q"], "model_a": ["y"], "model_b": ["base"]})
    ranking = rank(battles, missing=owed, draws=20)
    row = next(row for row in ranking.rows if row.model == "y")
    assert (row.if_lost, row.score, row.if_won) == (25, 50, 75)
    assert row.unsettled


def test_flips_counts_prompts_whose_removal_turns_two_neighbours():
    battles = random_battles()
    rows = rank(battles, influence=True, draws=20).rows
    assert rows[-1].flips is None
    assert all(1 <= row.flips < 30 for row in rows[:-1])


def test_voters_may_be_the_clusters_and_both_ways_is_no_narrower_than_either():
    battles = random_battles().with_columns(voter=pl.format("v{}", pl.int_range(pl.len()) % 17))
    width = {
        cluster: rank(battles, interval="sandwich", cluster=cluster).rows[0]
        for cluster in ("prompt", "voter", "both")
    }
    assert len({row.high - row.low for row in width.values()}) == 3
    with pytest.raises(RankingError, match="voters are not known"):
        rank(random_battles(), cluster="voter")


def test_holm_and_benjamini_hochberg_agree_with_statsmodels():
    from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(1)
    for p in (rng.uniform(size=40) ** 4, np.full(5, 0.001), np.full(5, 0.9)):
        assert (holm(p, 0.05) == multipletests(p, 0.05, "holm")[0]).all()
        assert (benjamini_hochberg(p, 0.05) == multipletests(p, 0.05, "fdr_bh")[0]).all()


def test_style_control_covers_the_strength_at_equal_style():
    hits = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        style = rng.normal(0.5, 1, (200, 3))
        edge = np.array([-0.5, 0, 0.5]) + 0.8 * style + rng.normal(0, 0.01, (200, 3))
        won = (edge > rng.logistic(size=edge.shape)).astype(float)
        evidence = as_evidence(np.ones_like(won), won)
        build = style_controlled(-style.reshape(-1, 1), lambda _: against_field)
        hits.append(style_interval_covers(build(evidence), -0.8))
    assert np.mean(hits) >= 0.88


def style_interval_covers(estimator, coefficient):
    error = np.sqrt(sandwich(estimator, 200)[-1, -1])
    return abs(-estimator.parameters[-1] - coefficient) <= 1.96 * error


def test_a_hard_prompt_is_no_noise_between_two_models_that_both_met_it():
    _, sure = unsure(as_evidence(*simulate(np.random.default_rng(0))), "sandwich", 0)
    at = (sure.first == 3) & (sure.second == 4)
    alone = (sure.high - sure.low)[[3, 4]]
    assert (sure.pair_high - sure.pair_low)[at] < np.hypot(*alone)


def test_the_fit_is_found_again_after_any_reordering_of_models():
    battles = random_battles()
    renamed = battles.with_columns(pl.col("model_a", "model_b").replace({"m0": "z"}))
    ours, theirs = (
        {row.model.replace("z", "m0"): row.score for row in rank(table, draws=20).rows}
        for table in (battles, renamed)
    )
    assert ours == pytest.approx(theirs)
