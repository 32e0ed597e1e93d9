"""Agreement of rankings and verdicts with people."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import cohen_kappa_score

from judges.records import ANSWER_SCHEMA, JUDGMENT_SCHEMA, PROMPT_SCHEMA, RunTables
from leaderboards.agreement import agree_by_category, agree_with_ratings, agree_with_votes
from leaderboards.audit import audit
from leaderboards.records import PairRow, Ranking, RankingError, RankingRow


def ranking(scores, separated=True):
    rows = [
        RankingRow(model=m, score=s, low=s - 1, high=s + 1, rank_low=1, rank_high=1, prompts=9,
                   games=9, missing=0)
        for m, s in scores.items()
    ]  # fmt: skip
    pairs = [
        PairRow(model_a=a, model_b=b, difference=scores[a] - scores[b], separated=separated,
                low=scores[a] - scores[b] - 2, high=scores[a] - scores[b] + 2,
                p=0.01 if separated else 0.5, holm=separated, fdr=separated)
        for a in scores for b in scores if a < b
    ]  # fmt: skip
    return Ranking(settings={"level": 0.95}, counts={}, rows=tuple(rows), pairs=tuple(pairs))


def ratings(**values):
    rows = [(model, float(v), v - 5.0, v + 5.0) for model, v in values.items()]
    return pl.DataFrame(rows, schema=["model", "rating", "low", "high"], orient="row")


def figures(agreement):
    return {measure.name: measure.value for measure in agreement.measures}


SCORES = {"a": 90.0, "b": 60.0, "c": 40.0, "d": 10.0}


def test_perfect_agreement_is_bounded_by_what_people_separate():
    found = figures(agree_with_ratings(ranking(SCORES), ratings(a=100, b=80, c=78, d=20)))
    assert found["Spearman"] == found["Kendall τ-b"] == 1
    assert found["separability of people"] == pytest.approx(5 / 6)
    assert found["agreement with confidence, all pairs"] == pytest.approx(5 / 6)
    assert found["agreement with confidence, pairs people separate"] == 1


def test_a_pair_separated_the_other_way_counts_against():
    found = figures(agree_with_ratings(ranking(SCORES), ratings(a=80, b=100, c=40, d=20)))
    assert found["agreement with confidence, all pairs"] == pytest.approx(4 / 6)
    assert (found["pairs alike (+1)"], found["pairs against (-1)"]) == (5, 1)


def test_a_ranking_that_separates_nothing_agrees_with_confidence_on_nothing():
    found = figures(
        agree_with_ratings(ranking(SCORES, separated=False), ratings(a=9, b=8, c=7, d=6))
    )
    assert found["agreement with confidence, all pairs"] == 0


def test_models_are_matched_by_name_or_table_and_the_rest_are_listed():
    people = ratings(**{"A-2024": 100, "b": 80, "c": 70, "z": 60})
    agreement = agree_with_ratings(ranking(SCORES), people, names={"a": "A-2024"})
    assert agreement.matched == ("a", "b", "c")
    assert (agreement.only_here, agreement.only_human) == (("d",), ("z",))


def test_too_few_shared_models_are_refused():
    with pytest.raises(RankingError, match="only 1 models have a human rating"):
        agree_with_ratings(ranking(SCORES), ratings(a=1, y=2, z=3))


def run(rows, categories=None):
    names = ["prompt_id", "judge", "model_a", "model_b", "verdict"]
    games = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    extra = [pl.lit(None, kind).alias(n) for n, kind in JUDGMENT_SCHEMA.items() if n not in names]
    prompts = pl.DataFrame(schema=PROMPT_SCHEMA)
    if categories:
        ids = pl.DataFrame({"prompt_id": list(categories), "category": list(categories.values())})
        prompts = pl.concat([prompts, ids], how="diagonal")
    return RunTables(
        meta={},
        prompts=prompts,
        answers=pl.DataFrame(schema=ANSWER_SCHEMA),
        judgments=games.with_columns(extra),
    )


def vote_table(rows):
    return pl.DataFrame(rows, schema=["prompt_id", "model_a", "model_b", "winner"], orient="row")


TURNED = {"A>B": "B>A", "B>A": "A>B", "A=B": "A=B"}


def random_case(seed=0, prompts=60):
    rng = np.random.default_rng(seed)
    games, votes = [], []
    for p in range(prompts):
        for a, b in (("x", "y"), ("x", "z"), ("y", "z")):
            label = str(rng.choice(["A>B", "A=B", "B>A"]))
            again = TURNED[label] if rng.random() < 0.7 else "A=B"
            games += [(f"p{p}", "j", a, b, label), (f"p{p}", "j", b, a, again)]
            votes += [(f"p{p}", a, b, str(w)) for w in rng.choice(["model_a", "tie", "model_b"], 3)]
    return games, votes


def test_kappa_against_votes_is_that_of_scikit_learn():
    games, votes = random_case()
    swap = {"A>B": "model_a", "B>A": "model_b", "A=B": "tie"}
    said = {}
    for p, _, a, b, v in games:
        said.setdefault((p, *sorted((a, b))), []).append(
            swap[v] if a < b else {"model_a": "model_b", "model_b": "model_a"}.get(swap[v], "tie")
        )
    judged = [said[p, a, b][0] if len(set(said[p, a, b])) == 1 else "tie" for p, a, b, _ in votes]
    found = figures(agree_with_votes(run(games), vote_table(votes), draws=50))
    people = [v[3] for v in votes]
    assert found["Cohen's κ against the votes"] == pytest.approx(cohen_kappa_score(judged, people))


def test_a_pair_with_a_missing_verdict_decides_nothing():
    games = [("p", "j", "x", "y", "A>B"), ("p", "j", "y", "x", None), ("q", "j", "x", "y", "A>B")]
    votes = vote_table([("p", "x", "y", "model_a"), ("q", "x", "y", "model_b")])
    agreement = agree_with_votes(run(games), votes, draws=50)
    assert figures(agreement)["accuracy against the votes"] == 0


def test_agreement_is_given_for_each_category():
    games, votes = random_case()
    categories = {f"p{p}": "even" if p % 2 == 0 else "odd" for p in range(60)}
    parts = agree_by_category(run(games, categories), vote_table(votes), draws=50)
    assert list(parts) == ["even", "odd"]
    assert parts["even"].measures[0].n == 270


def test_votes_without_a_column_or_on_other_prompts_are_refused():
    games, votes = random_case()
    with pytest.raises(RankingError, match="lack the column winner"):
        agree_with_votes(run(games), vote_table(votes).drop("winner"))
    with pytest.raises(RankingError, match="no vote is on"):
        agree_with_votes(run(games), vote_table([("other", "x", "y", "tie")]))


def test_an_audit_counts_orders_places_ties_and_reasons():
    games = [
        ("p", "j", "x", "y", "A>B"), ("p", "j", "y", "x", "B>A"),
        ("q", "j", "x", "y", "A>B"), ("q", "j", "y", "x", "A>>B"),
        ("r", "j", "x", "y", "B>A"), ("r", "j", "y", "x", "B>A"),
        ("s", "j", "x", "y", "A=B"), ("s", "j", "y", "x", None),
    ]  # fmt: skip
    table = run(games).judgments.with_columns(
        error=pl.when(pl.col("verdict").is_null()).then(pl.lit("refused"))
    )
    (found,) = audit(table, draws=100)
    shares = (found.consistent, found.first_twice, found.second_twice)
    assert [(s.value, s.n) for s in shares] == [(pytest.approx(1 / 3), 3)] * 3
    assert (found.ties.value, dict(found.failures)) == (pytest.approx(1 / 7), {"refused": 1})
