"""Many comparisons at once: adjusted marks, and rank sets that hold together."""

import numpy as np
from numpy.typing import NDArray

from leaderboards.evidence import Floats, Ints
from leaderboards.intervals import Uncertainty, critical_values

Marks = NDArray[np.bool_]


def holm(p_values: Floats, alpha: float) -> Marks:
    """Return which of K hypotheses are rejected with family-wise error `alpha` (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    passed = p_values[order] <= alpha / np.arange(len(p_values), 0, -1)
    rejected = np.zeros(len(p_values), dtype=bool)
    rejected[order[: int(np.argmin(passed)) if not passed.all() else len(passed)]] = True
    return rejected


def benjamini_hochberg(p_values: Floats, alpha: float) -> Marks:
    """Return which of K hypotheses are rejected with false discovery rate `alpha`
    (Benjamini and Hochberg 1995)."""
    order = np.argsort(p_values, kind="stable")
    count = len(p_values)
    passed = np.flatnonzero(p_values[order] <= alpha * np.arange(1, count + 1) / count)
    rejected = np.zeros(count, dtype=bool)
    if len(passed):
        rejected[order[: passed[-1] + 1]] = True
    return rejected


def rank_sets(scores: Floats, unsure: Uncertainty, level: float) -> tuple[Ints, Ints]:
    """Return the lowest and highest rank (M,) of each model, holding for all at once.

    Differences of all pairs are tested by the step-down max-|t| method on the simulated
    deviations; a model's rank is bounded by the models surely above and surely below it
    (Mogstad, Romano, Shaikh and Wilhelm 2024).

    Args:
        scores: (M,).
        unsure: the deviations and pair errors of the scores.
        level: probability that all rank sets hold.
    """
    models = len(scores)
    first, second = unsure.first, unsure.second
    difference = scores[first] - scores[second]
    sure = _step_down(difference, unsure, level)
    upper = np.where(difference > 0, first, second)[sure]
    lower = np.where(difference > 0, second, first)[sure]
    below = np.bincount(upper, minlength=models)
    above = np.bincount(lower, minlength=models)
    return 1 + above, models - below


def _step_down(difference: Floats, unsure: Uncertainty, level: float) -> Marks:
    """Return which differences (K,) are not zero, with family-wise error 1 - level."""
    error = unsure.pair_error
    fixed = error <= 1e-12 * max(float(np.abs(difference).max(initial=0)), 1e-300)
    sure = fixed & (np.abs(difference) > 0)
    ratio = np.abs(difference) / np.where(fixed, 1.0, error)
    open_ = ~fixed
    while open_.any():
        largest = _largest(unsure, np.flatnonzero(open_))
        rejected = open_ & (ratio > critical_values(largest, level, unsure.freedom))
        if not rejected.any():
            break
        sure |= rejected
        open_ &= ~rejected
    return sure


def _largest(unsure: Uncertainty, pairs: Ints) -> Floats:
    """Return the largest |t| (D,) of the pairs in each simulated draw."""
    deviations = np.ascontiguousarray(unsure.deviations.T, dtype=np.float32)
    largest = np.zeros(deviations.shape[1], dtype=np.float32)
    scale = (1 / unsure.pair_error[pairs]).astype(np.float32)
    first, second = unsure.first[pairs], unsure.second[pairs]
    step = max(1, 200_000 // len(largest))
    for low in range(0, len(pairs), step):
        some = slice(low, low + step)
        moved = deviations[first[some]]
        moved -= deviations[second[some]]
        moved *= scale[some, None]
        np.maximum(largest, np.abs(moved, out=moved).max(axis=0), out=largest)
    return largest.astype(np.float64)
