import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from leaderboards.shares import draws_of, share_of


def shares(values, *, least=0):
    """The share of one unit a prompt."""
    table = pl.DataFrame({"prompt_id": [f"p{n}" for n in range(len(values))], "hit": values})
    share = share_of(draws_of(table["prompt_id"], level=0.95, draws=500, seed=0))
    return share(table, pl.col("hit"), least=least)


@pytest.mark.parametrize(("hits", "n"), [(0, 12), (12, 12), (0, 500), (0, 1)])
def test_none_or_all_of_n_has_the_interval_of_clopper_and_pearson(hits, n):
    found = shares([float(hits > 0)] * n)
    low, high = proportion_confint(hits, n, method="beta")
    assert (found.low, found.high) == pytest.approx((low, high))


def test_ties_on_every_prompt_leave_open_what_other_prompts_may_say():
    found = shares([0.5] * 20)
    reach = proportion_confint(0, 20, method="beta")[1] / 2
    assert (found.low, found.high) == pytest.approx((0.5 - reach, 0.5 + reach))


def test_no_difference_on_any_prompt_may_be_one_to_either_side():
    found = shares([0.0] * 20, least=-1)
    assert found.low == pytest.approx(-found.high)
    assert found.high == pytest.approx(proportion_confint(0, 20, method="beta")[1])


def test_a_share_between_is_inside_an_interval_that_resamples_prompts():
    found = shares([1.0, 0.0, 1.0, 1.0] * 10)
    assert 0.5 < found.low < found.value == 0.75 < found.high < 0.95
