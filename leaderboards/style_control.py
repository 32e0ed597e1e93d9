"""Bradley–Terry with style features, for many weightings of the prompts at once.

A cell (prompt p, models i and j, features x, weight w, won y) has log-likelihood
c_p·(y·eta - w·log(1 + e^eta)) with eta = theta_i - theta_j + x·beta, c_p being how often the prompt
is drawn. Cells are sorted by pair and taken a block at a time, as tables (cells x draws): sums over
a block are products with a matrix that is mostly zeros for the models, and full for the features.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

from leaderboards.bradley_terry import (
    MOST_STEPS,
    RIDGE,
    Pairs,
    by_chunks,
    laplacian,
    logistic,
    shortening,
    solve,
    strength,
    to_models,
)
from leaderboards.evidence import Floats, Ints, summed
from leaderboards.records import RankingError

_CHUNK = 32
"""Draws taken together."""
_CELLS = 2048
"""Cells of a block, about: with the draws they make tables that stay near the processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleDesign:
    """The cells of K pairs in blocks, F features each; `even` (M,) is the curvature of each model's
    effect if all of its games were even."""

    pairs: Pairs
    features: int
    even: Floats
    blocks: tuple["_Block", ...]

    @property
    def size(self) -> int:
        """Number of parameters: model effects, then feature coefficients."""
        return self.pairs.models + self.features


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """R cells: their pair and prompt, weight, won points, and features (R, F)."""

    pair: Ints
    prompt: Ints
    weight: Floats
    won: Floats
    features: Floats

    def at(self, which: Ints | slice) -> "Cells":
        """Return some of the cells."""
        return Cells(
            pair=self.pair[which],
            prompt=self.prompt[which],
            weight=self.weight[which],
            won=self.won[which],
            features=self.features[which],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """R cells of the pairs in the slice `pairs`, and what adds them up: `to_pairs` (K, R) by pair;
    `crossed` (F·M, R) each feature by model, minus it at the second; `products` (R, F·F)."""

    pairs: slice
    cells: Cells
    to_pairs: sparse.csr_array
    crossed: sparse.csr_array
    products: Floats


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over each pair's cells: residuals and curvatures (K, D); and over all cells residuals
    times features (F, D), and curvatures times features by model (F·M, D) and times their products
    (F·F, D)."""

    residual: Floats
    curvature: Floats
    by_feature: Floats
    crossed: Floats
    products: Floats


def style_design(pairs: Pairs, cells: Cells) -> StyleDesign:
    """Return the design of the cells."""
    ordered = cells.at(np.argsort(cells.pair, kind="stable"))
    starts = np.searchsorted(ordered.pair, np.arange(len(pairs.first) + 1))
    weight = summed(cells.pair, cells.weight, len(pairs.first))
    even = to_models(pairs, weight[None], sign=1)[0] / 4
    return StyleDesign(
        pairs=pairs,
        features=cells.features.shape[1],
        even=np.where(even > 0, even, 1.0),
        blocks=tuple(
            _block(pairs, slice(low, high), ordered.at(slice(starts[low], starts[high])))
            for low, high in pairwise(_cuts(starts))
        ),
    )


def _cuts(starts: Ints) -> list[int]:
    """Return where to cut the pairs, whose cells begin at `starts` (K + 1,), into blocks."""
    cuts = np.searchsorted(starts, np.arange(0, int(starts[-1]), _CELLS))
    return [int(cut) for cut in np.unique(np.append(cuts, len(starts) - 1))]


def _block(pairs: Pairs, which: slice, cells: Cells) -> _Block:
    count, features = cells.features.shape
    place, values = np.tile(np.arange(count), features), cells.features.T.ravel()
    crossed = [
        sparse.coo_array(
            (
                sign * values,
                ((np.arange(features)[:, None] * pairs.models + model[cells.pair]).ravel(), place),
            ),
            shape=(features * pairs.models, count),
        )
        for sign, model in ((1, pairs.first), (-1, pairs.second))
    ]
    own = (np.ones(count), (cells.pair - which.start, np.arange(count)))
    return _Block(
        pairs=which,
        cells=cells,
        to_pairs=sparse.csr_array(own, shape=(which.stop - which.start, count)),
        crossed=sparse.csr_array(crossed[0] + crossed[1]),
        products=(cells.features[:, :, None] * cells.features[:, None, :]).reshape(count, -1),
    )


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
    return by_chunks(lambda some: _newton(design, some, whole[None], 0.05), counts, rows=_CHUNK)


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
    models, features, draws = design.pairs.models, design.features, len(counts)
    by_model = to_models(design.pairs, _by_draw(sums.residual), sign=-1)
    gradient = np.concatenate([by_model, _by_draw(sums.by_feature)], axis=1)
    hessian = np.empty((draws, design.size, design.size))
    hessian[:, :models, :models] = laplacian(design.pairs, _by_draw(sums.curvature))
    crossed = _by_draw(sums.crossed).reshape(draws, features, models)
    hessian[:, models:, :models] = crossed
    hessian[:, :models, models:] = crossed.transpose(0, 2, 1)
    products = _by_draw(sums.products).reshape(draws, features, features)
    hessian[:, models:, models:] = products + RIDGE * np.eye(features)
    return gradient - RIDGE * estimate, hessian


def _by_draw(sums: Floats) -> Floats:
    return np.ascontiguousarray(sums.T)


def _sums(design: StyleDesign, estimate: Floats, counts: Floats) -> _Sums:
    draws, models, features = len(counts), design.pairs.models, design.features
    by_prompt = _by_draw(counts)
    apart = _by_draw(strength(design.pairs, estimate[:, :models]))
    coefficients = _by_draw(estimate[:, models:])
    by_feature = np.zeros((features, draws))
    crossed = np.zeros((features * models, draws))
    products = np.zeros((features * features, draws))
    residual, curvature = np.empty((2, len(design.pairs.first), draws))
    for block in design.blocks:
        cells = block.cells
        weight, won = cells.weight[:, None], cells.won[:, None]
        eta = np.take(apart, cells.pair, axis=0)
        eta += cells.features @ coefficients
        expected = logistic(eta)
        drawn = np.take(by_prompt, cells.prompt, axis=0)
        rest = drawn * (won - weight * expected)
        bend = drawn * (weight * expected * (1 - expected))
        residual[block.pairs] = block.to_pairs @ rest
        curvature[block.pairs] = block.to_pairs @ bend
        by_feature += cells.features.T @ rest
        crossed += block.crossed @ bend
        products += block.products.T @ bend
    return _Sums(residual, curvature, by_feature, crossed, products)
