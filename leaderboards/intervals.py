"""Bootstrap draws of prompts, and intervals from them."""

from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit

from leaderboards.evidence import Floats, Ints

SMALL = 200
"""Below this many prompts, percentiles are taken further out (see `tail`)."""


def prompt_draws(prompts: int, draws: int, seed: int) -> Floats:
    """Return how often each prompt is in each draw, (draws, prompts): each row sums to prompts."""
    generator = np.random.default_rng(seed)
    counts = np.empty((draws, prompts))
    for row in counts:
        row[:] = np.bincount(generator.integers(prompts, size=prompts), minlength=prompts)
    return counts


def tail(level: float, prompts: Ints) -> Floats:
    """Return the share of draws to leave out at each end, for each of several prompt counts.

    Under 200 prompts n it is widened from (1 - level) / 2 to the normal tail beyond
    sqrt(n / (n - 1)) times Student's t with n - 1 degrees of freedom (Hesterberg 2015, the
    expanded percentile interval), since a bootstrap of few prompts is too narrow.
    """
    plain = (1 - level) / 2
    few = np.clip(prompts, 2, SMALL)
    spread = np.sqrt(few / (few - 1)) * stdtrit(few - 1, plain)
    normal = NormalDist()
    return np.array(
        [plain if n >= SMALL else normal.cdf(z) for n, z in zip(prompts, spread, strict=True)]
    )


def percentile_interval(draws: Floats, level: float, prompts: Ints) -> tuple[Floats, Floats]:
    """Return the low and high ends (N,) of percentile intervals of `draws` (D, N).

    `prompts` (N,) are the prompts behind each number. Draws without evidence (NaN) are left out.
    """
    ordered = np.sort(draws, axis=0)
    last = np.maximum((~np.isnan(draws)).sum(axis=0) - 1, 0)
    tails = tail(level, prompts)
    return _at(ordered, tails * last), _at(ordered, (1 - tails) * last)


def _at(ordered: Floats, position: Floats) -> Floats:
    below = np.floor(position).astype(np.int64)
    above = np.ceil(position).astype(np.int64)
    low = np.take_along_axis(ordered, below[None], axis=0)[0]
    high = np.take_along_axis(ordered, above[None], axis=0)[0]
    between: Floats = low + (position - below) * (high - low)
    return between
