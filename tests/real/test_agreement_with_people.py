"""GPT-4's verdicts on 80 questions against 7,040 human votes, computed twice."""

from collections import Counter
from pathlib import Path

import evalica
import polars as pl
import pytest
from scipy.stats import kendalltau
from sklearn.metrics import cohen_kappa_score

from judges.imports import import_games
from judges.runs import read_run
from leaderboards.agreement import agree_with_votes
from leaderboards.audit import audit

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.exists(), reason="needs the public data beside the checkout"),
]


@pytest.fixture(scope="module")
def votes():
    return pl.read_parquet(DATA / "vicuna80/votes.parquet")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    out = tmp_path_factory.mktemp("vicuna80")
    import_games([DATA / "vicuna80/games.parquet"], out=out)
    return read_run(out)


@pytest.fixture(scope="module")
def measures(tables, votes):
    return {measure.name: measure for measure in agree_with_votes(tables, votes).measures}


def test_kappa_against_the_human_majority_is_the_published_one(tables, votes, measures):
    sides = {"model_a": 1, "model_b": -1, "tie": 0}
    people, judge = {}, {}
    for prompt, a, b, winner, _ in votes.rows():
        key = (prompt, *sorted((a, b)))
        people.setdefault(key, []).append(sides[winner] * (1 if a < b else -1))
    for prompt, _, a, b, _, verdict, *_ in tables.judgments.rows():
        side = {"A>B": 1, "B>A": -1, "A=B": 0, None: None}[verdict]
        judge.setdefault((prompt, *sorted((a, b))), []).append(
            side if side is None or a < b else -side
        )
    pairs = []
    for key, said in judge.items():
        top = Counter(people.get(key, ())).most_common(2)
        if None not in said and top and (len(top) == 1 or top[0][1] > top[1][1]):
            pairs.append((said[0] if len(set(said)) == 1 else 0, top[0][0]))
    ours = measures["Cohen's κ against the majority"]
    assert ours.n == len(pairs) == 2002
    assert ours.value == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)), abs=1e-9)
    assert ours.value == pytest.approx(0.233, abs=5e-4)
    assert ours.low < ours.value < ours.high


def test_kendall_tau_of_the_two_rankings_is_that_of_evalica(tables, votes, measures):
    turn = {"A>B": "model_a", "B>A": "model_b", "A=B": "tie"}
    judged = tables.judgments.drop_nulls("verdict").with_columns(
        winner=pl.col("verdict").replace_strict(turn)
    )
    scores = [strengths(table) for table in (judged, votes)]
    shared = sorted(set(scores[0]) & set(scores[1]))
    theirs = kendalltau([scores[0][m] for m in shared], [scores[1][m] for m in shared]).statistic
    assert len(shared) == 8
    assert measures["Kendall τ-b"].value == pytest.approx(theirs, abs=1e-9)
    assert measures["Kendall τ-b"].low < theirs < measures["Kendall τ-b"].high


def strengths(table):
    kinds = {"model_a": evalica.Winner.X, "model_b": evalica.Winner.Y, "tie": evalica.Winner.Draw}
    winners = [kinds[winner] for winner in table["winner"]]
    result = evalica.bradley_terry(table["model_a"], table["model_b"], winners, limit=10_000)
    return result.scores.to_dict()


def test_human_votes_agree_among_themselves_as_published(votes, tables):
    every = agree_with_votes(tables, votes)
    ceiling = next(m for m in every.measures if m.name == "Krippendorff's α among people")
    assert ceiling.value == pytest.approx(0.184, abs=0.003)
    assert len(every.only_human) == 1


def test_the_audit_of_gpt4_gives_the_published_shares(tables):
    (found,) = audit(tables.judgments)
    shares = [found.consistent.value, found.first_twice.value, found.second_twice.value]
    assert shares == pytest.approx([0.614, 0.196, 0.009], abs=5e-4)
    assert found.failures == {"no verdict": 13}
