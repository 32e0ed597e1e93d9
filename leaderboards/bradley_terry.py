"""Bradley–Terry by maximum likelihood, with style features, for many weightings at once.

A cell r (models i and j, features x, weight w, won y <= w) has log-likelihood
y·eta - w·log(1 + e^eta) with eta = theta_i - theta_j + x·beta (Bradley and Terry 1952; style
features as in Chatbot Arena). Newton's method runs on all draws of a bootstrap together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaderboards.evidence import Floats, Ints
from leaderboards.records import RankingError

RIDGE = 1e-6
"""Keeps a model that never lost a point finite, and moves every other one by less than 1e-6."""
_MOST_STEPS = 100
_LONGEST_STEP = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """R cells sorted by pair: `first` and `second` index models; `features` is (R, F).

    `start` is where each of the K pairs begins; `signed` (K, M) has +1 and -1 at its two models.
    """

    models: int
    first: Ints
    second: Ints
    features: Floats
    start: Ints
    signed: Floats

    @property
    def size(self) -> int:
        """Number of parameters: model effects, then feature coefficients."""
        return self.models + int(self.features.shape[1])


def make_design(models: int, first: Ints, second: Ints, features: Floats | None = None) -> Design:
    """Return the design of cells that are sorted by (first, second)."""
    start = np.flatnonzero(np.diff(first * models + second, prepend=-1))
    signed = np.zeros((len(start), models))
    signed[np.arange(len(start)), first[start]] = 1
    signed[np.arange(len(start)), second[start]] = -1
    return Design(
        models=models,
        first=first,
        second=second,
        features=np.empty((len(first), 0)) if features is None else features,
        start=start,
        signed=signed,
    )


def fit(design: Design, weight: Floats, won: Floats) -> Floats:
    """Return the maximum-likelihood parameters (size,) of one weighting of the cells (R,)."""
    start = np.zeros((1, design.size))
    return np.asarray(fit_draws(design, weight[None], won[None], start=start)[0])


def fit_draws(
    design: Design, weight: Floats, won: Floats, *, start: Floats, tolerance: float = 1e-9
) -> Floats:
    """Return the parameters (D, size) of D weightings (D, R), from `start` (D, size).

    Model effects sum to zero. A draw is done when a Newton step moves no parameter by more than
    `tolerance`.

    Raises:
        RankingError: the steps do not come to rest.
    """
    estimate = start.copy()
    moving = np.arange(len(start))
    for _ in range(_MOST_STEPS):
        gradient, hessian = derivatives(design, estimate[moving], weight[moving], won[moving])
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        length = np.abs(step).max(axis=1)
        shorter = np.minimum(1, _LONGEST_STEP / np.maximum(length, _LONGEST_STEP))
        estimate[moving] += step * shorter[:, None]
        moving = moving[length > tolerance]
        if not len(moving):
            return estimate
    raise RankingError("the Bradley–Terry fit does not converge on these battles")


def derivatives(
    design: Design, estimate: Floats, weight: Floats, won: Floats
) -> tuple[Floats, Floats]:
    """Return the gradient (D, size) and negative Hessian (D, size, size) of the likelihood."""
    expected = 1 / (1 + np.exp(-linear_predictor(design, estimate)))
    residual = won - weight * expected
    curvature = weight * expected * (1 - expected)
    return (
        _gradient(design, residual) - RIDGE * estimate,
        _hessian(design, curvature),
    )


def linear_predictor(design: Design, estimate: Floats) -> Floats:
    """Return eta (D, R) for parameters (D, size)."""
    eta = estimate[:, design.first] - estimate[:, design.second]
    if design.features.shape[1]:
        eta += estimate[:, design.models :] @ design.features.T
    return eta


def _gradient(design: Design, residual: Floats) -> Floats:
    by_model = np.add.reduceat(residual, design.start, axis=1) @ design.signed
    return np.concatenate([by_model, residual @ design.features], axis=1)


def _hessian(design: Design, curvature: Floats) -> Floats:
    models, size, features = design.models, design.size, design.features
    first, second = design.first[design.start], design.second[design.start]
    by_pair = np.add.reduceat(curvature, design.start, axis=1)
    hessian = np.zeros((len(curvature), size, size))
    hessian[:, first, second] = -by_pair
    hessian[:, second, first] = -by_pair
    diagonal = np.arange(models)
    hessian[:, diagonal, diagonal] = by_pair @ np.abs(design.signed)
    level = by_pair.sum(axis=1) / models**2
    hessian[:, :models, :models] += level[:, None, None]
    for column, values in enumerate(features.T, start=models):
        cross = np.add.reduceat(curvature * values, design.start, axis=1) @ design.signed
        hessian[:, :models, column] = cross
        hessian[:, column, :models] = cross
        hessian[:, models:, column] = (curvature * values) @ features
    diagonal = np.arange(size)
    hessian[:, diagonal, diagonal] += RIDGE
    return hessian


def win_probabilities(effects: Floats) -> NDArray[np.float64]:
    """Return P(i beats j) for model effects (..., M) as (..., M, M)."""
    return np.asarray(1 / (1 + np.exp(effects[..., None, :] - effects[..., :, None])))
