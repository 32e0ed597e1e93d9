"""Style features of a comparison, and control for them."""

import numpy as np
import polars as pl
import pytest

from leaderboards.evidence import gather
from leaderboards.features import style_features
from leaderboards.rank import rank
from leaderboards.records import RankingError

ANSWERS = pl.DataFrame(
    {
        "prompt_id": ["p", "p", "q", "q"],
        "model": ["base", "x", "base", "x"],
        "tokens": [100, 300, 200, 200],
        "headers": [0, 3, 2, 2],
        "lists": [4, 0, 0, 0],
        "bold": [0, 0, 1, 0],
        "seconds": [1.0, 3.5, 2.0, 2.0],
    }
)
BATTLES = pl.DataFrame(
    {"prompt_id": ["p", "q"], "judge": "j", "model_a": "x", "model_b": "base",
     "outcome": [1.0, 0.5], "weight": 1.0}
)  # fmt: skip


def raw(style, **options):
    """Features of x against base, in their own unit."""
    features = style_features(gather(BATTLES), ANSWERS, style, baseline=0, **options)
    return -(features.values * features.scale)


def test_the_ratio_form_compares_counts():
    found = raw(("length", "headers", "lists"))
    assert found.tolist() == [
        pytest.approx([200 / 400, 3 / 4, -4 / 5]),
        pytest.approx([0, 0, 0]),
    ]


def test_the_density_form_compares_counts_per_token():
    found = raw(("headers", "bold"), form="density")
    assert found[0, 0] == pytest.approx(0.01 / (0.01 + 1))
    assert found[1, 1] == pytest.approx(-0.005 / (0.005 + 1))


def test_any_other_number_of_an_answer_is_a_feature_by_its_name():
    assert raw(("seconds",))[:, 0].tolist() == [2.5, 0]


@pytest.mark.parametrize(
    ("style", "options", "message"),
    [
        (("colour",), {}, "no feature colour; there are tokens, headers"),
        (("headers",), {"form": "log"}, "neither ratio nor density"),
        (("length",), {"centre": True, "baseline": None}, "only against one baseline"),
    ],
)
def test_what_cannot_be_compared_is_refused(style, options, message):
    with pytest.raises(RankingError, match=message):
        style_features(gather(BATTLES), ANSWERS, style, **options)


def test_an_answer_given_twice_is_refused():
    with pytest.raises(RankingError, match="two answers of one model"):
        style_features(gather(BATTLES), pl.concat([ANSWERS, ANSWERS]), ("length",))


def simulated(models=4, prompts=200, seed=0):
    rng = np.random.default_rng(seed)
    tokens = rng.integers(100, 400, (prompts, models)) + 60 * np.arange(models)
    rows = []
    for p in range(prompts):
        for m in range(1, models):
            x = (tokens[p, m] - tokens[p, 0]) / (tokens[p, m] + tokens[p, 0])
            rows.append((f"p{p:03}", f"m{m}", "m0", float(2 * x > rng.logistic())))
    battles = pl.DataFrame(
        rows, schema=["prompt_id", "model_a", "model_b", "outcome"], orient="row"
    )
    answers = [
        (f"p{p:03}", f"m{m}", int(tokens[p, m])) for p in range(prompts) for m in range(models)
    ]
    return (
        battles.with_columns(judge=pl.lit("j"), weight=pl.lit(1.0)),
        pl.DataFrame(answers, schema=["prompt_id", "model", "tokens"], orient="row"),
    )


def test_models_that_are_only_longer_are_even_at_equal_length():
    battles, answers = simulated()
    plain = rank(battles, interval="sandwich")
    controlled = rank(battles, features=answers, style=("length",), interval="sandwich")
    assert plain.rows[0].score > 60
    assert all(row.low < 50 < row.high or row.model == "m0" for row in controlled.rows)
    assert controlled.style[0].low > 0


def test_centring_moves_all_models_alike_and_leaves_the_baseline_at_50():
    battles, answers = simulated()
    found = []
    for centre in (False, True):
        ranking = rank(battles, features=answers, style=("length",), style_centre=centre, draws=20)
        shares = {row.model: row.score / 100 for row in ranking.rows}
        found.append({model: np.log(s / (1 - s)) for model, s in shares.items()})
    moved = [found[1][model] - found[0][model] for model in ("m1", "m2", "m3")]
    assert moved == pytest.approx([moved[0]] * 3, abs=1e-6)
    assert moved[0] > 0.1
    assert found[1]["m0"] == 0


def test_battles_whose_answers_have_no_counts_are_left_out_and_a_model_without_any_is_named():
    battles, answers = simulated()
    some = answers.filter((pl.col("model") != "m1") | (pl.col("prompt_id") < "p150"))
    ranking = rank(battles, features=some, style=("length",), draws=20)
    assert next(row for row in ranking.rows if row.model == "m1").prompts == 150
    assert ranking.counts["without_style"] == 50
    with pytest.raises(RankingError, match="no style features for the answers of m1"):
        rank(battles, features=answers.filter(pl.col("model") != "m1"), style=("length",))
