"""Bradley–Terry by maximum likelihood, for many weightings of the same battles at once.

A pair k of models i and j with weight w and won points y <= w has log-likelihood
y·eta - w·log(1 + e^eta), eta = theta_i - theta_j (Bradley and Terry 1952). Newton's method runs on
all draws of a bootstrap together.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from os import cpu_count

import numpy as np
from threadpoolctl import threadpool_limits

from leaderboards.evidence import Floats, Ints
from leaderboards.records import RankingError

RIDGE = 1e-6
"""Keeps a model that never lost a point finite, and moves every other one by less than 1e-6."""
MOST_STEPS = 100
LONGEST_STEP = 3.0


@dataclass(frozen=True, slots=True)
class Pairs:
    """K pairs of M models, sorted: `first` < `second` index models."""

    models: int
    first: Ints
    second: Ints


def fit_pairs(
    pairs: Pairs,
    weight: Floats,
    won: Floats,
    *,
    start: Floats | None = None,
    tolerance: float = 1e-6,
) -> Floats:
    """Return the effects (D, M), each summing to zero, of D weightings (D, K) of the pairs.

    Newton begins at `start` (M,), or at zero. A draw is done when a step moved no effect by more
    than `tolerance`; what is left then is about its square.

    Raises:
        RankingError: the steps do not come to rest.
    """
    begin = np.zeros(pairs.models) if start is None else start
    estimate = np.repeat(begin[None], len(weight), axis=0)
    done = estimate.copy()
    moving = np.arange(len(weight))
    for _ in range(MOST_STEPS):
        gradient, hessian = derivatives(pairs, estimate, weight, won)
        step = solve(hessian, gradient)
        length = np.abs(step).max(axis=1)
        estimate = estimate + step * shortening(length)
        done[moving] = estimate
        still = length > tolerance
        if not still.any():
            return done
        moving, estimate, weight, won = moving[still], estimate[still], weight[still], won[still]
    raise RankingError("the Bradley–Terry fit does not converge on these battles")


def derivatives(
    pairs: Pairs, effects: Floats, weight: Floats, won: Floats
) -> tuple[Floats, Floats]:
    """Return the gradient (D, M) and the negative Hessian (D, M, M) at effects (D, M)."""
    expected = logistic(strength(pairs, effects))
    gradient = to_models(pairs, won - weight * expected, sign=-1)
    return gradient - RIDGE * effects, laplacian(pairs, weight * expected * (1 - expected))


def strength(pairs: Pairs, effects: Floats) -> Floats:
    """Return theta_i - theta_j (D, K) of the pairs, for effects (D, M)."""
    apart = np.take(effects, pairs.first, axis=1)
    apart -= np.take(effects, pairs.second, axis=1)
    return np.asarray(apart)


def laplacian(pairs: Pairs, curvature: Floats) -> Floats:
    """Return the negative Hessian (D, M, M) of the effects for the pairs' curvatures (D, K).

    Its null direction, a shift of all effects, is filled in: a step never takes it.
    """
    models, places = pairs.models, len(pairs.first)
    shift = curvature.sum(axis=1, keepdims=True) / models**2
    place = np.full((models, models), places)
    place[pairs.first, pairs.second] = place[pairs.second, pairs.first] = np.arange(places)
    matrix = np.take(np.concatenate([shift - curvature, shift], axis=1), place, axis=1)
    diagonal = np.arange(models)
    matrix[:, diagonal, diagonal] += RIDGE + models * shift - matrix.sum(axis=2)
    return matrix


def to_models(pairs: Pairs, values: Floats, *, sign: int) -> Floats:
    """Return (D, M) sums over pairs of `values` (D, K): as they are at `first`, times `sign` at
    `second`."""
    total = np.zeros((len(values), pairs.models))
    by_second = np.argsort(pairs.second, kind="stable")
    for model, moved, weight in (
        (pairs.first, values, 1),
        (pairs.second[by_second], np.take(values, by_second, axis=1), sign),
    ):
        start = np.flatnonzero(np.diff(model, prepend=-1))
        total[:, model[start]] += weight * np.add.reduceat(moved, start, axis=1)
    return total


def solve(hessian: Floats, gradient: Floats) -> Floats:
    """Return the Newton steps (D, size) for (D, size, size) and (D, size)."""
    return np.asarray(np.linalg.solve(hessian, gradient[..., None])[..., 0])


def shortening(length: Floats) -> Floats:
    """Return what to multiply steps of these lengths (D,) by, as a column, to bound them."""
    return np.asarray(np.minimum(1, LONGEST_STEP / np.maximum(length, LONGEST_STEP))[:, None])


def logistic(eta: Floats) -> Floats:
    """Return 1 / (1 + e^-eta), to 1e-16: by tanh, which the processor takes several of at once."""
    share = np.tanh(eta / 2)
    share /= 2
    share += 0.5
    return np.asarray(share)


def by_chunks(estimate: Callable[[Floats], Floats], counts: Floats, *, rows: int) -> Floats:
    """Return `estimate` of the counts (D, P), so many rows at a time: chunks that stay near the
    processor are many times faster than all at once, and every core takes some."""
    chunks = [counts[low : low + rows] for low in range(0, len(counts), rows)]
    with ThreadPoolExecutor(cpu_count()) as pool:
        return np.concatenate(list(pool.map(estimate, chunks)))


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep the linear algebra library from starting threads below our own: they would wait for
    one another, most of all on a busy machine."""
    with threadpool_limits(1, user_api="blas"):
        yield
