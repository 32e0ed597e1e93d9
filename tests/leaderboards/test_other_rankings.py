"""Ties as results, online Elo, combined rankings, cycles."""

from itertools import permutations

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize

from leaderboards.combine import combine, disagreements
from leaderboards.cycles import find_cycles
from leaderboards.elo import online_elo
from leaderboards.rank import rank
from leaderboards.records import RankingError


def battles(rows, weight=1.0):
    names = ["prompt_id", "model_a", "model_b", "outcome"]
    table = pl.DataFrame(rows, schema=names, orient="row")
    return table.with_columns(judge=pl.lit("j"), weight=pl.lit(weight))


def with_ties(seed=0, prompts=80, models=4):
    rng = np.random.default_rng(seed)
    strength = np.linspace(-0.7, 0.7, models)
    rows = [
        (f"p{p:02}", f"m{a}", f"m{b}", 0.5 if abs(edge) < 0.8 else float(edge > 0))
        for p in range(prompts)
        for a in range(models)
        for b in range(a)
        for edge in [strength[a] - strength[b] + rng.logistic()]
    ]
    return battles(rows)


def likelihood(model, parameters, rows):
    """The log-likelihood as the papers have it, one battle at a time."""
    *effects, tie = parameters
    total = 0.0
    for _, a, b, outcome in rows:
        pi, pj = np.exp(effects[int(a[1])]), np.exp(effects[int(b[1])])
        if model == "davidson":
            even = np.exp(tie) * np.sqrt(pi * pj)
            shares = {1.0: pi, 0.5: even, 0.0: pj}
            total += np.log(shares[outcome] / (pi + pj + even))
        else:
            eta = np.exp(tie)
            won, lost = pi / (pi + eta * pj), pj / (pj + eta * pi)
            total += np.log({1.0: won, 0.5: 1 - won - lost, 0.0: lost}[outcome])
    return total


@pytest.mark.parametrize("model", ["davidson", "rao-kupper"])
def test_tie_models_maximise_the_likelihood_of_their_papers(model):
    table = with_ties()
    rows = table.select("prompt_id", "model_a", "model_b", "outcome").rows()
    best = minimize(lambda x: -likelihood(model, x, rows), [0, 0, 0, 0, 0.5], method="BFGS")
    theirs = 400 / np.log(10) * (best.x[:4] - best.x[:4].mean())
    ours = {
        row.model: row.score - 1000
        for row in rank(table, ties=model, scale="rating", interval="sandwich").rows
    }
    assert [ours[f"m{m}"] for m in range(4)] == pytest.approx(theirs, abs=0.05)


@pytest.mark.parametrize("model", ["davidson", "rao-kupper"])
def test_bootstrap_and_sandwich_agree_on_tie_models(model):
    spans = [
        [row.high - row.low for row in rank(with_ties(), ties=model, interval=kind).rows]
        for kind in ("bootstrap", "sandwich")
    ]
    assert spans[0] == pytest.approx(spans[1], rel=0.15)


def test_tie_models_refuse_probabilities_and_battles_without_ties():
    with pytest.raises(RankingError, match="not probabilities"):
        rank(battles([("p", "x", "y", 0.3)]), ties="davidson")
    with pytest.raises(RankingError, match="needs both ties"):
        rank(battles([("p", "x", "y", 1.0), ("q", "x", "y", 0.0)]), ties="davidson")


def test_elo_follows_the_timestamps_whatever_the_row_order():
    table = battles([("p", "x", "y", 1.0), ("q", "y", "x", 1.0)]).with_columns(
        timestamp=pl.Series([2, 1])
    )
    first, second = online_elo(table, k=32)
    assert (first.model, second.model) == ("x", "y")
    assert online_elo(table.reverse(), k=32) == (first, second)
    expected = 1000 - 16 + 32 * (1 - 1 / (1 + 10 ** (32 / 400)))
    assert first.rating == pytest.approx(expected)


def test_elo_without_timestamps_is_refused():
    with pytest.raises(RankingError, match="needs a timestamp"):
        online_elo(battles([("p", "x", "y", 1.0)]))


PARTS = {
    "code": {"a": 90.0, "b": 60.0, "c": 50.0},
    "maths": {"a": 10.0, "b": 60.0, "c": 50.0},
    "prose": {"a": 10.0, "b": 40.0, "c": 50.0},
}


def test_each_rule_combines_in_its_own_way_and_says_so():
    orders = {
        rule: [row.model for row in combine(PARTS, rule).rows]
        for rule in ("mean", "borda", "kemeny")
    }
    assert orders == {"mean": ["b", "c", "a"], "borda": ["b", "c", "a"], "kemeny": ["b", "c", "a"]}
    assert combine(PARTS, "kemeny").rule == "Kemeny–Young order"


def test_the_kemeny_order_is_the_best_of_all_orders():
    rng = np.random.default_rng(0)
    parts = {f"c{c}": {f"m{m}": float(rng.normal()) for m in range(6)} for c in range(5)}
    order = [int(row.model[1]) for row in combine(parts, "kemeny").rows]
    scores = np.array([list(part.values()) for part in parts.values()])
    won = (scores[:, :, None] > scores[:, None, :]).sum(axis=0).astype(float)
    best = min(disagreements(some, won) for some in permutations(range(6)))
    assert disagreements(order, won) == best


def test_above_twelve_models_kemeny_is_a_search_and_says_so():
    part = {f"m{m:02}": float(-m) for m in range(20)}
    combined = combine({"a": part, "b": part}, "kemeny")
    assert [row.model for row in combined.rows] == list(part)
    assert not combined.exact
    assert combined.rule.endswith("(local search)")


def test_parts_with_different_models_are_refused():
    with pytest.raises(RankingError, match="b does not score y"):
        combine({"a": {"x": 1.0, "y": 2.0}, "b": {"x": 1.0}})


def test_scissors_paper_stone_is_all_residual_and_one_cycle():
    cycles = find_cycles(
        battles([("p", "a", "b", 1.0), ("p", "b", "c", 1.0), ("p", "c", "a", 1.0)])
    )
    assert cycles.residual == pytest.approx(1)
    assert cycles.worst[0].models == ("a", "b", "c")
    assert cycles.worst[0].margins == (0.5, 0.5, 0.5)


def test_margins_that_are_differences_leave_no_residual():
    rows = [("p", "a", "b", 0.6), ("p", "b", "c", 0.7), ("p", "a", "c", 0.8)]
    cycles = find_cycles(battles(rows))
    assert cycles.residual == pytest.approx(0, abs=1e-20)
    assert cycles.count == 0
