"""Estimates and errors against independent implementations, on the same battles."""

import choix
import evalica
import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from leaderboards import style_control
from leaderboards.estimators import bradley_terry, style_controlled, win_rate
from leaderboards.evidence import gather
from leaderboards.features import style_features
from leaderboards.intervals import sandwich
from leaderboards.rank import rank
from leaderboards.scales import against, against_field, by_differences, ratings

MODELS = 6


@pytest.fixture(scope="module")
def battles():
    """All pairs of six models on 300 prompts, one game each, without ties."""
    rng = np.random.default_rng(5)
    strength = np.linspace(-1, 1, MODELS)
    rows = [
        (f"p{p:03}", "j", f"m{a}", f"m{b}", float(strength[a] - strength[b] > rng.logistic()), 1.0)
        for p in range(300)
        for a in range(MODELS)
        for b in range(a + 1, MODELS)
    ]
    names = ["prompt_id", "judge", "model_a", "model_b", "outcome", "weight"]
    return pl.DataFrame(rows, schema=names, orient="row")


@pytest.fixture(scope="module")
def answers():
    rng = np.random.default_rng(6)
    ids = [(f"p{p:03}", f"m{m}") for p in range(300) for m in range(MODELS)]
    table = pl.DataFrame(ids, schema=["prompt_id", "model"], orient="row")
    counts = {name: rng.poisson(5, table.height) for name in ("headers", "lists", "bold")}
    return table.with_columns(tokens=rng.integers(50, 500, table.height), **counts)


def effects(battles):
    return bradley_terry(lambda _: against_field)(gather(battles)).parameters


def test_effects_equal_those_of_choix(battles):
    won = battles.with_columns(
        winner=pl.when(pl.col("outcome") == 1).then("model_a").otherwise("model_b"),
        loser=pl.when(pl.col("outcome") == 1).then("model_b").otherwise("model_a"),
    )
    data = [(int(a[1:]), int(b[1:])) for a, b in won.select("winner", "loser").rows()]
    theirs = choix.opt_pairwise(MODELS, data, method="Newton-CG", tol=1e-12)
    assert effects(battles) == pytest.approx(theirs - theirs.mean(), abs=1e-6)


def test_effects_equal_those_of_evalica(battles):
    winners = [evalica.Winner.X if won else evalica.Winner.Y for won in battles["outcome"]]
    result = evalica.bradley_terry(
        battles["model_a"], battles["model_b"], winners, tolerance=1e-14, limit=100_000
    )
    theirs = np.log(result.scores.sort_index().to_numpy())
    assert effects(battles) == pytest.approx(theirs - theirs.mean(), abs=1e-6)


def test_effects_equal_those_of_arena_rank(battles):
    """arena-rank pins a numpy of its own and brings jax, so tests do without it."""
    pytest.importorskip("arena_rank", reason="needs arena-rank, which is no test dependency")
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    table = battles.select("model_a", "model_b", "outcome").to_pandas()
    data = PairDataset.from_pandas(table, outcome_col="outcome", outcome_map=lambda x: x)
    model = BradleyTerry(n_competitors=MODELS, ftol=0.0, gtol=1e-13, max_iter=10_000)
    found = model.compute_ratings_and_cis(data)
    rated = dict(zip(found["competitors"], found["ratings"], strict=True))
    theirs = np.array([float(rated[f"m{m}"]) for m in range(MODELS)]) * np.log(10) / 400
    assert effects(battles) == pytest.approx(theirs - theirs.mean(), abs=1e-6)


def test_win_rates_against_a_baseline_are_bradley_terry_there(battles):
    only = battles.filter((pl.col("model_a") == "m0") | (pl.col("model_b") == "m0"))
    evidence = gather(only)
    plain, fitted = win_rate(0)(evidence), bradley_terry(lambda _: against(0))(evidence)
    scores = fitted.scores(fitted.parameters[None])[0]
    assert scores == pytest.approx(100 * plain.parameters, abs=1e-6)


def glm(battles, values, groups):
    """Statsmodels' logistic regression on model indicators (m0 left out) and features."""
    evidence = gather(battles)
    rows = np.arange(len(evidence.first))
    design = np.zeros((len(rows), MODELS))
    design[rows, evidence.first] += 1
    design[rows, evidence.second] -= 1
    model = sm.GLM(
        evidence.won / evidence.weight,
        np.hstack([design[:, 1:], values]),
        family=sm.families.Binomial(),
    )
    return model.fit(
        tol=1e-12, cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )


@pytest.mark.parametrize(
    "style", [("length",), ("headers", "bold"), ("length", "headers", "lists", "bold")]
)
def test_style_control_and_its_sandwich_equal_statsmodels(battles, answers, style):
    evidence = gather(battles)
    values = style_features(evidence, answers, style).values
    ours = style_controlled(values, lambda _: against(0))(evidence)
    theirs = glm(battles, values, evidence.prompt)
    parameters = np.append(ours.parameters[1:MODELS] - ours.parameters[0], ours.parameters[MODELS:])
    share = 1 / (1 + np.exp(-parameters[: MODELS - 1]))
    slope = np.append(100 * share * (1 - share), np.ones(len(style)))
    error = np.sqrt(np.diag(sandwich(ours, 300))[1:] * 299 / 300)
    assert parameters == pytest.approx(theirs.params, abs=1e-5)
    assert error == pytest.approx(slope * theirs.bse, rel=1e-5)


def test_the_plain_sandwich_equals_statsmodels(battles):
    evidence = gather(battles)
    ours = bradley_terry(lambda _: against(0))(evidence)
    theirs = glm(battles, np.empty((len(evidence.first), 0)), evidence.prompt)
    share = 1 / (1 + np.exp(-theirs.params))
    error = np.sqrt(np.diag(sandwich(ours, 300))[1:] * 299 / 300)
    assert error == pytest.approx(100 * share * (1 - share) * theirs.bse, rel=1e-5)


@pytest.mark.parametrize(
    "scale", [against(2), against_field, ratings(np.zeros(5), anchor=1, anchor_rating=1000)]
)
def test_the_slope_of_a_scale_is_its_derivative(scale):
    effects = np.array([-1.0, 0.3, 0.8, 2.0, -0.4])
    assert scale.slope(effects) == pytest.approx(by_differences(scale).slope(effects), abs=1e-5)


def test_style_sums_do_not_depend_on_how_cells_are_cut_into_blocks(battles, answers, monkeypatch):
    evidence = gather(battles)
    values = style_features(evidence, answers, ("length", "bold")).values
    counts = np.random.default_rng(0).poisson(1, (40, 300)).astype(float)
    drawn = []
    for cells in (2048, 100):
        monkeypatch.setattr(style_control, "_CELLS", cells)
        drawn.append(style_controlled(values, lambda _: against_field)(evidence).redraw(counts))
    assert drawn[0] == pytest.approx(drawn[1], abs=1e-9)


def test_bootstrap_and_sandwich_agree(battles, answers):
    for style in ((), ("length", "bold")):
        both = [
            rank(battles, features=answers, style=style, interval=kind)
            for kind in ("bootstrap", "sandwich")
        ]
        widths = [[row.high - row.low for row in ranking.rows] for ranking in both]
        assert widths[0] == pytest.approx(widths[1], rel=0.12)


def test_drawn_style_fits_are_the_fits_of_those_draws(battles, answers):
    evidence = gather(battles)
    values = style_features(evidence, answers, ("length", "bold")).values
    ours = style_controlled(values, lambda _: against_field)(evidence)
    counts = np.random.default_rng(0).poisson(1, (3, 300)).astype(float)
    for draw, drawn in zip(counts, ours.redraw(counts), strict=True):
        repeats = np.repeat(np.arange(300), draw.astype(int))
        parts = [battles.filter(pl.col("prompt_id") == f"p{p:03}") for p in repeats]
        cells = np.concatenate([np.flatnonzero(evidence.prompt == p) for p in repeats])
        fresh = glm_parameters(pl.concat(parts), values[cells])
        assert ours.scores(drawn[None])[0] == pytest.approx(fresh, abs=0.05)


def glm_parameters(battles, values):
    """Scores against the field of statsmodels' fit to a table of repeated prompts."""
    design = np.zeros((battles.height, MODELS))
    for side, sign in (("model_a", 1), ("model_b", -1)):
        design[np.arange(battles.height), [int(m[1:]) for m in battles[side]]] = sign
    fit = sm.GLM(
        battles["outcome"].to_numpy(),
        np.hstack([design[:, 1:], values]),
        family=sm.families.Binomial(),
    ).fit()
    return against_field(np.append(0, fit.params[: MODELS - 1])[None])[0]
