"""How sure: intervals of scores, of differences and of style coefficients.

Prompts are what is drawn, never battles. The bootstrap draws prompts with replacement, the same
draws for every model; the sandwich (Liang and Zeger 1986) adds up how each prompt moves the
estimate. Both take differences within a draw or within a prompt, so a hard prompt does not count
as noise between two models that both met it.
"""

from dataclasses import dataclass
from math import ceil
from statistics import NormalDist

import numpy as np
from scipy import sparse
from scipy.special import ndtr, stdtr, stdtrit

from leaderboards.estimators import Estimator
from leaderboards.evidence import Floats, Ints, slices

SMALL = 200
"""Below this many prompts, intervals are widened (see `tails` and `quantiles`)."""
_CHUNK = 250_000
"""Numbers in one (pairs x draws) array: it then stays near the processor."""
_SPARSE = 1 / 16
"""Below this share of numbers that are not zero, a product without the zeros is faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """Of N numbers (scores, then style coefficients): interval ends `low` and `high` (N,), and
    for pairs `first` < `second` of the M scores the ends of the difference, its standard error
    and the degrees of freedom that this is known with (K,). `deviations` (D, M) are simulated
    errors of the scores, for simultaneous statements."""

    low: Floats
    high: Floats
    first: Ints
    second: Ints
    pair_low: Floats
    pair_high: Floats
    pair_error: Floats
    freedom: Floats
    deviations: Floats


def prompt_draws(prompts: int, draws: int, seed: int) -> Floats:
    """Return how often each prompt is in each draw, (draws, prompts): each row sums to prompts."""
    generator = np.random.default_rng(seed)
    counts = np.empty((draws, prompts))
    for row in counts:
        row[:] = np.bincount(generator.integers(prompts, size=prompts), minlength=prompts)
    return counts


def tails(level: float, prompts: Ints) -> Floats:
    """Return the share of draws to leave out at each end, for each of several prompt counts.

    Under 200 prompts n it is the normal tail beyond sqrt(n / (n - 1)) times Student's t with n - 1
    degrees of freedom (Hesterberg 2015, the expanded percentile interval), since the bootstrap of
    few prompts is too narrow; else (1 - level) / 2.
    """
    plain = (1 - level) / 2
    few = np.clip(prompts, 2, SMALL)
    spread = np.sqrt(few / (few - 1)) * stdtrit(few - 1, plain)
    return np.where(prompts >= SMALL, plain, ndtr(spread))


def quantiles(level: float, prompts: Ints) -> Floats:
    """Return the two-sided quantile for each of several prompt counts: Student's t with n - 1
    degrees of freedom under 200 prompts, else normal."""
    few = np.clip(prompts, 2, SMALL)
    student = stdtrit(few - 1, (1 + level) / 2)
    return np.where(prompts >= SMALL, NormalDist().inv_cdf((1 + level) / 2), student)


def percentile_interval(draws: Floats, level: float, prompts: Ints) -> tuple[Floats, Floats]:
    """Return the low and high ends (N,) of percentile intervals of `draws` (D, N).

    `prompts` (N,) are the prompts behind each number. Draws without evidence (NaN) are left out.
    """
    return _row_intervals(np.ascontiguousarray(draws.T), level, prompts)


def _row_intervals(rows: Floats, level: float, prompts: Ints) -> tuple[Floats, Floats]:
    """Return the ends of the intervals of numbers whose draws are rows (N, D)."""
    ordered = np.sort(rows, axis=1)
    last = np.maximum((~np.isnan(ordered)).sum(axis=1) - 1, 0)
    out = tails(level, prompts)
    return _at(ordered, out * last), _at(ordered, (1 - out) * last)


def by_bootstrap(
    scores: Floats, drawn: Floats, *, level: float, prompts: Ints, models: int
) -> Uncertainty:
    """Return the uncertainty of `scores` (N,) from what they are in each draw (D, N).

    `prompts` (N,) are the prompts behind each number; the first `models` numbers are scores.
    """
    low, high = percentile_interval(drawn, level, prompts)
    first, second = np.triu_indices(models, 1)
    behind = np.minimum(prompts[first], prompts[second])
    ends = np.empty((3, len(first)))
    rows = np.ascontiguousarray(drawn.T)
    deviation = np.nanstd if np.isnan(rows).any() else np.std
    for at in slices(len(first), max(1, _CHUNK // len(drawn))):
        difference = rows[first[at]] - rows[second[at]]
        ends[0, at], ends[1, at] = _row_intervals(difference, level, behind[at])
        ends[2, at] = deviation(difference, axis=1)
    return Uncertainty(
        low=low,
        high=high,
        first=first,
        second=second,
        pair_low=ends[0],
        pair_high=ends[1],
        pair_error=ends[2] * np.sqrt(behind / np.maximum(behind - 1, 1)),
        freedom=freedom(behind, len(drawn)),
        deviations=np.nan_to_num(drawn[:, :models] - scores[:models])
        * np.sqrt(prompts[:models] / np.maximum(prompts[:models] - 1, 1)),
    )


def sandwich(estimator: Estimator, prompts: int) -> Floats:
    """Return the prompt-clustered covariance (N, N) of the scores, then the style coefficients.

    The scores of a prompt are summed before they are squared; the whole is scaled by n / (n - 1)
    for n prompts.
    """
    linear = estimator.linear()
    slope = _outputs(estimator) @ linear.bread
    meat = _squares(linear.prompt_scores)
    return np.asarray(slope @ meat @ slope.T * (prompts / max(prompts - 1, 1)))


def by_sandwich(
    scores: Floats,
    covariance: Floats,
    *,
    level: float,
    prompts: Ints,
    models: int,
    percent: bool,
    draws: int,
    seed: int,
) -> Uncertainty:
    """Return the uncertainty of `scores` (N,) from their covariance (N, N).

    Where scores are percentages their intervals are taken on the logit scale, so that they stay
    between 0 and 100. Deviations are normal draws.
    """
    error = np.sqrt(np.maximum(np.diag(covariance), 0))
    half = quantiles(level, prompts)
    low, high = scores - half * error, scores + half * error
    if percent:
        low[:models], high[:models] = _logit_interval(
            scores[:models], error[:models], half[:models]
        )
    first, second = np.triu_indices(models, 1)
    variance = np.diag(covariance)
    pair_error = np.sqrt(
        np.maximum(variance[first] + variance[second] - 2 * covariance[first, second], 0)
    )
    behind = np.minimum(prompts[first], prompts[second])
    reach = quantiles(level, behind) * pair_error
    difference = scores[first] - scores[second]
    return Uncertainty(
        low=low,
        high=high,
        first=first,
        second=second,
        pair_low=difference - reach,
        pair_high=difference + reach,
        pair_error=pair_error,
        freedom=np.maximum(behind - 1, 1).astype(np.float64),
        deviations=_normal_draws(covariance[:models, :models], draws, seed),
    )


def p_values(difference: Floats, error: Floats, prompts: Ints) -> Floats:
    """Return two-sided p values of differences with these standard errors: Student's t with
    n - 1 degrees of freedom for n prompts. Without any error: 0, or 1 where nothing differs."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(difference) / error
    value = 2 * stdtr(np.maximum(prompts - 1, 1), -np.nan_to_num(ratio, nan=0.0))
    return np.asarray(value)


def freedom(prompts: Ints, draws: int) -> Floats:
    """Return the degrees of freedom, 1 / (1 / (n - 1) + 1 / (D - 1)), of a standard error that
    D draws of n prompts give, for each of several n (Satterthwaite 1946)."""
    return np.asarray(1 / (1 / np.maximum(prompts - 1, 1) + 1 / max(draws - 1, 1)))


def critical_values(largest: Floats, level: float, freedom: Floats) -> Floats:
    """Return what the largest of several |t| stays below with probability `level`, for errors known
    with these degrees of freedom.

    `largest` are D simulated ones, their errors taken as known. One more exceeds the
    ceil((D + 1) · level)-th smallest with probability 1 - level (Davison and Hinkley 1997, section
    4.2). That normal value is exchanged for the value of Student's t with the same tail: far out,
    where many pairs are tested, the two differ at any number of prompts.
    """
    place = min(ceil((len(largest) + 1) * level), len(largest)) - 1
    normal = float(np.partition(largest, place)[place])
    kinds, which = np.unique(freedom, return_inverse=True)
    student = -stdtrit(kinds, ndtr(-normal))
    return np.asarray(np.where(np.isfinite(student), student, normal)[which])


def certain_low(level: float, prompts: Ints) -> Floats:
    """Return the lowest true percentage for which winning all of n prompts has probability
    (1 - level) / 2: the lower end of a score of 100 (Clopper and Pearson 1934)."""
    return np.asarray(100 * ((1 - level) / 2) ** (1 / np.maximum(prompts, 1)))


def _outputs(estimator: Estimator) -> Floats:
    """Return the derivative (M + F, k) of scores and style coefficients by the parameters."""
    by_score = estimator.scores.slope(estimator.parameters)
    size = by_score.shape[1]
    return np.concatenate([by_score, np.eye(size)[size - estimator.coefficients :]])


def _squares(scores: sparse.csr_array) -> Floats:
    """Return the products (k, k) of the columns of a table (P, k); zeros are worth skipping only
    where nearly all are."""
    rows, columns = scores.shape
    if scores.nnz < _SPARSE * rows * columns:
        return np.asarray((scores.T @ scores).toarray())
    total = np.zeros((columns, columns))
    for some in slices(rows, max(1, _CHUNK // columns)):
        full = scores[some].toarray()
        total += full.T @ full
    return total


def _logit_interval(scores: Floats, error: Floats, half: Floats) -> tuple[Floats, Floats]:
    share = np.clip(scores / 100, 1e-12, 1 - 1e-12)
    logit = np.log(share / (1 - share))
    reach = half * error / (100 * share * (1 - share))
    low, high = 100 / (1 + np.exp(reach - logit)), 100 / (1 + np.exp(-logit - reach))
    still = error == 0
    return np.where(still, scores, low), np.where(still, scores, high)


def _normal_draws(covariance: Floats, draws: int, seed: int) -> Floats:
    normal = np.random.default_rng(seed).standard_normal((draws, len(covariance)))
    jitter = 1e-12 * max(float(np.trace(covariance)), 1e-300)
    try:
        root = np.linalg.cholesky(covariance + jitter * np.eye(len(covariance)))
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0))
    return np.asarray(normal @ root.T)


def _at(ordered: Floats, position: Floats) -> Floats:
    """Return the values (N,) at fractional positions of sorted rows (N, D)."""
    below = np.floor(position).astype(np.int64)
    above = np.ceil(position).astype(np.int64)
    row = np.arange(len(ordered))
    low, high = ordered[row, below], ordered[row, above]
    return np.asarray(low + (position - below) * (high - low))
