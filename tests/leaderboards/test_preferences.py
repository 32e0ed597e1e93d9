import numpy as np
import polars as pl
import pytest

from judges.records import ANSWER_SCHEMA, JUDGMENT_SCHEMA
from leaderboards.audit import audit
from leaderboards.preferences import family, preferences, tied_pairs


def judgments(verdict, judges=("gpt-judge", "claude-judge"), prompts=40):
    models = ("gpt-x", "claude-x")
    rows = [
        (f"p{i}", judge, a, b, 0, verdict(judge, a, i), None, None, None)
        for i in range(prompts)
        for judge in judges
        for a, b in (models, models[::-1])
    ]
    return pl.DataFrame(rows, JUDGMENT_SCHEMA, orient="row")


NO_ANSWERS = pl.DataFrame(schema=ANSWER_SCHEMA)


def kin(judge, model_a, prompt):
    return "A>B" if family(judge) == family(model_a) else "B>A"


def test_judges_that_favour_their_own_family_stand_out_by_all_the_points():
    found = preferences(judgments(kin), NO_ANSWERS)
    own = [row for row in found.families if row.own]
    assert [row.points.value for row in own] == [1.0, 1.0]
    assert [row.beyond_others.value for row in own] == [1.0, 1.0]


def test_judges_that_agree_have_nothing_beyond_each_other():
    found = preferences(judgments(lambda j, a, i: "A>B" if a == "gpt-x" else "B>A"), NO_ANSWERS)
    assert {row.beyond_others.value for row in found.families} == {0.0}
    assert [row.same.value for row in found.agreement] == [1.0]


def test_two_judges_that_toss_coins_agree_by_chance_only():
    rng = np.random.default_rng(0)
    found = preferences(
        judgments(lambda j, a, i: rng.choice(["A>B", "B>A"]), prompts=500), NO_ANSWERS
    )
    (pair,) = found.agreement
    assert pair.kappa == pytest.approx(0, abs=0.1)
    assert pair.kappa_low < 0 < pair.kappa_high
    assert pair.same.low < 0.5 < pair.same.high


def noisy(rng):
    """Return what two judges say of the same 200 prompts: the second differs on 3 of 10."""
    said = rng.choice(["A>B", "B>A"], 200)
    turned = {"A>B": "B>A", "B>A": "A>B"}
    other = [turned[label] if rng.random() < 0.3 else label for label in said]

    def verdict(judge, model_a, prompt):
        label = (said if judge == "gpt-judge" else other)[prompt]
        return label if model_a == "gpt-x" else turned[label]

    return preferences(judgments(verdict, prompts=200), NO_ANSWERS, draws=200).agreement[0]


def test_the_interval_of_kappa_draws_prompts_and_covers_the_truth():
    rng = np.random.default_rng(0)
    found = [noisy(rng) for _ in range(25)]
    covered = sum(pair.kappa_low <= 0.4 <= pair.kappa_high for pair in found)
    # Both orders of a prompt say the same here, so 200 prompts are what is known.
    widths = [pair.kappa_high - pair.kappa_low for pair in found]
    assert covered >= 21
    assert np.mean(widths) == pytest.approx(2 * 1.96 * 2 * np.sqrt(0.3 * 0.7 / 200), rel=0.1)


def test_kappa_of_judges_that_always_agree_is_not_certain():
    found = preferences(judgments(lambda j, a, i: "A>B" if a == "gpt-x" else "B>A"), NO_ANSWERS)
    (pair,) = found.agreement
    assert (pair.kappa, pair.kappa_high) == (1, 1)
    assert 0.5 < pair.kappa_low < 0.95


def test_a_judge_of_length_is_seen_to_favour_it():
    answers = pl.DataFrame(
        [
            {"prompt_id": f"p{i}", "model": m, "tokens": n, "headers": 0, "lists": 1, "bold": 0}
            for i in range(40)
            for m, n in (("gpt-x", 10), ("claude-x", 500))
        ]
    )
    found = preferences(judgments(lambda j, a, i: "A>B" if a == "claude-x" else "B>A"), answers)
    shares = {row.feature: row.share for row in found.style if row.judge == "gpt-judge"}
    assert shares["tokens"].value == 1.0
    assert shares["lists"].n == 0


def test_style_can_be_compared_where_people_see_no_difference():
    votes = pl.DataFrame(
        [
            {"prompt_id": "p0", "model_a": "gpt-x", "model_b": "claude-x", "winner": "model_a"},
            {"prompt_id": "p0", "model_a": "claude-x", "model_b": "gpt-x", "winner": "model_a"},
            {"prompt_id": "p1", "model_a": "gpt-x", "model_b": "claude-x", "winner": "model_a"},
        ]
    )
    assert set(tied_pairs(votes)["prompt_id"]) == {"p0"}


def test_games_judged_again_tell_how_steady_a_judge_is():
    once = judgments(kin, judges=("gpt-judge",))
    again = once.with_columns(
        verdict=pl.when(pl.col("prompt_id") < "p2").then(pl.lit("A=B")).otherwise("verdict")
    )
    (found,) = audit(pl.concat([once, again]))
    steady = once.filter(pl.col("prompt_id") >= "p2").height
    assert found.repeated.value == pytest.approx(steady / once.height)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt-4.1", "gpt"),
        ("Qwen/Qwen2.5-7B-Instruct", "qwen"),
        ("Meta-Llama-3", "meta"),
        ("./checkpoint-500", "checkpoint"),
        ("007", "007"),
    ],
)
def test_a_family_is_the_first_word_of_a_name(name, expected):
    assert family(name) == expected
