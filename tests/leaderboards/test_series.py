import numpy as np
import polars as pl
import pytest

from leaderboards.records import RankingError
from leaderboards.series import series


def battles(shares, seed=0, prompts=300):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        [
            {
                "prompt_id": f"p{prompt}",
                "judge": "j",
                "model_a": model,
                "model_b": "base",
                "outcome": float(rng.random() < share),
                "weight": 1.0,
            }
            for prompt in range(prompts)
            for model, share in shares.items()
        ]
    )


def test_a_last_checkpoint_that_lost_twenty_points_is_worse():
    found = series(battles({"c1": 0.6, "c2": 0.6, "c3": 0.4}), ["c1", "c2", "c3"], baseline="base")
    assert found.worse
    assert found.rows[0].difference == found.rows[0].low == found.rows[0].high == 0
    assert found.rows[1].low < 0 < found.rows[1].high


def test_equal_checkpoints_are_not_worse():
    found = series(battles({"c1": 0.5, "c2": 0.5}), ["c1", "c2"], baseline="base")
    assert not found.worse


def test_bands_of_all_checkpoints_hold_together_at_their_level():
    shares = {f"c{i}": 0.5 for i in range(5)}
    missed = 0
    for seed in range(100):
        rows = series(
            battles(shares, seed, prompts=60), list(shares), baseline="base", draws=300
        ).rows
        missed += any(row.low > 0 or row.high < 0 for row in rows)
    assert missed <= 12


def test_the_baseline_may_be_the_first_of_the_series():
    found = series(battles({"c2": 0.7}), ["base", "c2"], baseline="base")
    assert found.rows[0].score == 50
    assert found.rows[1].low > 0


def test_a_checkpoint_that_never_met_the_baseline_is_named():
    with pytest.raises(RankingError, match="c9"):
        series(battles({"c1": 0.5}), ["c1", "c9"], baseline="base")
