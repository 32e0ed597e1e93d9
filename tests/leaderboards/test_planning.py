"""Planning from a pilot: variance parts, and what they let a design see."""

import numpy as np
import polars as pl
import pytest

from leaderboards.planning import Costs, Variances, plan, stated_variances, variances_of
from leaderboards.rank import rank
from leaderboards.records import RankingError

SPREAD = {"prompt": 6.0, "order": 3.0, "judge": 4.0, "repeat": 5.0}
AMONG_SAMPLES = 4.0


def pilot(prompts=2000, judges=("j", "k"), seed=0, samples=1):
    """Soft verdicts of models x and y against a baseline, with known parts (in points)."""
    rng = np.random.default_rng(seed)
    rows = []
    for model in ("x", "y"):
        size = {
            "prompt": (prompts, 1, 1, 1),
            "order": (prompts, 1, 2, 1),
            "judge": (prompts, 1, 1, len(judges)),
            "repeat": (prompts, samples, 2, len(judges)),
        }
        points = sum(rng.normal(0, SPREAD[part], shape) for part, shape in size.items()) + 50
        if samples > 1:
            points = points + rng.normal(0, AMONG_SAMPLES, (prompts, samples, 1, 1))
        for (p, s, o, j), value in np.ndenumerate(np.clip(points / 100, 0, 1)):
            sides = (model, "base") if o == 0 else ("base", model)
            verdict = str(value if o == 0 else 1 - value)
            rows.append((f"p{p}", judges[j], *sides, s, verdict))
    names = ["prompt_id", "judge", "model_a", "model_b", "sample", "verdict"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_the_parts_of_a_simulated_pilot_are_found_again():
    found = variances_of(pilot())
    for part, spread in SPREAD.items():
        assert getattr(found, part) == pytest.approx(2 * spread**2, rel=0.15)


@pytest.mark.parametrize("judges", [("j", "k"), ("j",)])
def test_samples_tell_what_varies_within_a_prompt_from_what_varies_between(judges):
    found = variances_of(pilot(judges=judges, samples=2))
    shared = SPREAD["prompt"] ** 2 + (SPREAD["judge"] ** 2 if len(judges) == 1 else 0)
    assert found.sample == pytest.approx(2 * AMONG_SAMPLES**2, rel=0.15)
    assert found.prompt == pytest.approx(2 * shared, rel=0.15)
    assert found.order == pytest.approx(2 * SPREAD["order"] ** 2, rel=0.15)
    assert found.repeat == pytest.approx(2 * SPREAD["repeat"] ** 2, rel=0.15)


def test_more_samples_help_as_far_as_answers_vary():
    variances = Variances(prompt=100, order=None, judge=None, repeat=None, sample=300)
    rows = plan(variances, prompts=[100], samples=[1, 3], games=[2], judges=[1]).rows
    assert rows[0].detectable == pytest.approx(rows[1].detectable * 2**0.5)
    assert [row.calls for row in rows] == [200, 600]


def test_with_one_judge_the_order_part_holds_what_cannot_be_told_apart():
    found = variances_of(pilot(judges=("j",)))
    assert (found.judge, found.repeat) == (None, None)
    assert found.prompt == pytest.approx(2 * (6**2 + 4**2), rel=0.15)
    assert found.order == pytest.approx(2 * (3**2 + 5**2), rel=0.15)


def test_the_detectable_difference_is_what_the_paired_interval_of_such_a_run_shows():
    games = pilot(prompts=400, judges=("j",))
    battles = games.with_columns(outcome=pl.col("verdict").cast(float), weight=pl.lit(1.0))
    pair = next(row for row in rank(battles).pairs if {row.model_a, row.model_b} == {"x", "y"})
    error = (pair.high - pair.low) / (2 * 1.96)
    (row,) = plan(variances_of(games), prompts=[400], games=[2], judges=[1]).rows
    assert row.detectable == pytest.approx((1.96 + 0.8416) * error, rel=0.06)


def test_more_prompts_and_more_judges_see_smaller_differences_and_cost_more():
    rows = plan(
        Variances(prompt=900, order=100, judge=100, repeat=400),
        costs=Costs(answer=0.01, game=0.002),
        prompts=[100, 400],
        games=[2],
        judges=[1, 2],
    ).rows
    assert [row.calls for row in rows] == [200, 400, 800, 1600]
    assert rows[0].detectable == pytest.approx(2 * rows[2].detectable)
    assert rows[1].detectable < rows[0].detectable
    assert rows[3].dollars == pytest.approx(400 * 0.01 + 1600 * 0.002)


def test_without_prices_a_plan_has_no_dollars():
    assert plan(Variances(prompt=1, order=1, judge=None, repeat=None)).rows[0].dollars is None


def test_a_pilot_of_one_prompt_is_refused():
    with pytest.raises(RankingError, match="no two models"):
        variances_of(pilot(prompts=1))


def test_variances_may_be_stated_and_must_be_readable():
    stated = stated_variances("prompt=900, order=100")
    assert stated == Variances(prompt=900, order=100, judge=None, repeat=None)
    for text in ("", "order=1", "prompt=-1", "prompt=x", "prompt=1,colour=2"):
        with pytest.raises(RankingError, match="expected variances like"):
            stated_variances(text)
