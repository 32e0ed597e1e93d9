"""Bradley–Terry with style features, for many weightings of the prompts at once.

A cell (prompt p, models i and j, features x, weight w, won y) has log-likelihood
c_p·(y·eta - w·log(1 + e^eta)) with eta = theta_i - theta_j + x·beta, c_p being how often the prompt
is drawn. Cells of one pair are one block: there eta has a single model effect, and every sum over
the block is a product of matrices, (draws x cells) times (cells x features).
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count

import numpy as np

from leaderboards.bradley_terry import (
    MOST_STEPS,
    RIDGE,
    Pairs,
    laplacian,
    logistic,
    shortening,
    solve,
    to_models,
)
from leaderboards.evidence import Floats, Ints
from leaderboards.records import RankingError

_CHUNK = 128
"""Draws taken together: a block of a few hundred cells then stays near the processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleDesign:
    """R cells sorted by pair; `start` (K + 1,) bounds each pair's cells; `features` is (R, F).

    `prompt` indexes the prompts, `weight` and `won` are of the cells.
    """

    pairs: Pairs
    start: Ints
    prompt: Ints
    weight: Floats
    won: Floats
    features: Floats
    even: Floats
    """(M,): the curvature of each model's effect if all of its games were even."""
    moments: Floats
    """(R, 1 + F + F·F): 1, the features, and their products."""

    @property
    def size(self) -> int:
        """Number of parameters: model effects, then feature coefficients."""
        return self.pairs.models + int(self.features.shape[1])


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over each pair's cells: residuals (D, K), curvatures times moments (D, K, 1 + F + F·F),
    and over all cells residuals times features (D, F)."""

    residual: Floats
    curvature: Floats
    by_feature: Floats


def fit_style(design: StyleDesign, counts: Floats) -> Floats:
    """Return the parameters (size,) of one weighting of the prompts (P,).

    Raises:
        RankingError: the steps do not come to rest.
    """
    return np.asarray(_newton(design, counts[None], np.zeros((1, design.size)), 1e-6)[0])


def fit_style_draws(design: StyleDesign, counts: Floats, whole: Floats) -> Floats:
    """Return the parameters (D, size) of D weightings (D, P), from the estimate `whole` (size,).

    A draw is done when a Newton step moves no model's win probabilities by more than about one
    point of a hundred; what the next step would move is about a hundredth of that.

    Raises:
        RankingError: the steps do not come to rest.
    """
    chunks = [counts[low : low + _CHUNK] for low in range(0, len(counts), _CHUNK)]
    with ThreadPoolExecutor(cpu_count()) as pool:
        parts = pool.map(lambda chunk: _newton(design, chunk, whole[None], 0.05), chunks)
        return np.concatenate(list(parts))


def _newton(design: StyleDesign, counts: Floats, start: Floats, tolerance: float) -> Floats:
    """Newton from one common start (1, size), where all draws share their probabilities."""
    done = np.empty((len(counts), design.size))
    moving, estimate = np.arange(len(counts)), start
    for _ in range(MOST_STEPS):
        gradient, hessian = style_derivatives(design, estimate, counts)
        step = solve(hessian, gradient)
        estimate = estimate + step * shortening(np.abs(step).max(axis=1))
        done[moving] = estimate
        still = _movement(design, step, hessian) > tolerance
        if not still.any():
            return done
        moving, estimate, counts = moving[still], estimate[still], counts[still]
    raise RankingError("the style-controlled fit does not converge on these battles")


def _movement(design: StyleDesign, step: Floats, hessian: Floats) -> Floats:
    """Return how far steps (D, size) move things: of a model's effect, as a part of the change
    that one logit makes where games are even; of a coefficient, in logits for one deviation."""
    models = design.pairs.models
    diagonal = np.arange(models)
    slope = hessian[:, diagonal, diagonal] / design.even
    movement = np.abs(step)
    movement[:, :models] *= np.minimum(slope, 1)
    return np.asarray(movement.max(axis=1))


def style_derivatives(
    design: StyleDesign, estimate: Floats, counts: Floats
) -> tuple[Floats, Floats]:
    """Return the gradient (D, size) and negative Hessian (D, size, size) at estimates (D, size),
    or at one estimate (1, size) for all of the counts (D, P)."""
    sums = _sums(design, estimate, counts)
    models, features = design.pairs.models, design.features.shape[1]
    gradient = np.concatenate(
        [to_models(design.pairs, sums.residual, sign=-1), sums.by_feature], axis=1
    )
    hessian = np.empty((len(counts), design.size, design.size))
    hessian[:, :models, :models] = laplacian(design.pairs, sums.curvature[:, :, 0])
    for feature in range(features):
        cross = to_models(design.pairs, sums.curvature[:, :, 1 + feature], sign=-1)
        hessian[:, :models, models + feature] = cross
        hessian[:, models + feature, :models] = cross
    products = sums.curvature[:, :, 1 + features :].sum(axis=1)
    hessian[:, models:, models:] = products.reshape(-1, features, features)
    hessian[:, models:, models:] += RIDGE * np.eye(features)
    return gradient - RIDGE * estimate, hessian


def _sums(design: StyleDesign, estimate: Floats, counts: Floats) -> _Sums:
    draws, pairs, features = len(counts), len(design.pairs.first), design.features.shape[1]
    effects, coefficients = estimate[:, : design.pairs.models], estimate[:, design.pairs.models :]
    strength = effects[:, design.pairs.first] - effects[:, design.pairs.second]
    residual = np.empty((draws, pairs))
    curvature = np.empty((draws, pairs, design.moments.shape[1]))
    by_feature = np.zeros((draws, features))
    for pair, cells in enumerate(_blocks(design)):
        x = design.features[cells]
        expected = logistic(strength[:, [pair]] + coefficients @ x.T)
        drawn = counts[:, design.prompt[cells]]
        rest = drawn * (design.won[cells] - design.weight[cells] * expected)
        residual[:, pair] = rest.sum(axis=1)
        by_feature += rest @ x
        bend = drawn * (design.weight[cells] * expected * (1 - expected))
        curvature[:, pair] = bend @ design.moments[cells]
    return _Sums(residual, curvature, by_feature)


def _blocks(design: StyleDesign) -> Iterator[slice]:
    for low, high in zip(design.start[:-1], design.start[1:], strict=True):
        yield slice(int(low), int(high))
