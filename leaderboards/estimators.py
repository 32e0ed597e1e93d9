"""The ways to score models, behind one interface: the estimate, the estimate of any draw of
prompts, and how each prompt moves it.

All of them solve a sum over prompts of scores to zero, which is what bootstrap and sandwich need.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from leaderboards.bradley_terry import Pairs, by_chunks, derivatives, fit_pairs, logistic, strength
from leaderboards.evidence import Evidence, Floats, Ints, summed
from leaderboards.scales import MakeScale, Scale, in_percent
from leaderboards.style_control import (
    Cells,
    fit_style,
    fit_style_draws,
    style_derivatives,
    style_design,
)
from leaderboards.ties import Results, TieModel, fit_ties, tie_derivatives, tie_slopes

_CHUNK = 1_000_000
"""Numbers in one (draws x anything) array."""
_NEAR = 0.02
"""The last step of a drawn fit: what is left is about a third of its square, a ten-thousandth of a
logit, or some thousandths of a point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """How prompts move the parameters: sums of `prompt_scores` (P, k) are zero at the estimate,
    and `bread` (k, k) is the inverse of their negative derivative."""

    prompt_scores: sparse.csr_array
    bread: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """One way to score, applied to one table of evidence.

    `parameters` (k,) begin with the M models and end with `coefficients` of style. `redraw` gives
    the parameters (D, k) for counts of prompts (D, P). `scores` turns parameters (D, k) into
    scores (D, M).
    """

    parameters: Floats
    redraw: Callable[[Floats], Floats]
    linear: Callable[[], Linear]
    scores: Scale
    coefficients: int = 0


Build = Callable[[Evidence], Estimator]


def win_rate(baseline: int) -> Build:
    """Return the estimator of weighted win rates against a model that is in every battle.

    The parameters are the rates; the baseline's is 1/2 by definition.
    """
    return lambda evidence: _win_rate(evidence, baseline)


def _win_rate(evidence: Evidence, baseline: int) -> Estimator:
    swapped = evidence.first == baseline
    model = np.where(swapped, evidence.second, evidence.first)
    won = np.where(swapped, evidence.weight - evidence.won, evidence.won)
    weight_by = _by_prompt(evidence, model, evidence.weight, len(evidence.models))
    won_by = _by_prompt(evidence, model, won, len(evidence.models))

    def rates(counts: Floats) -> Floats:
        weight = counts @ weight_by
        share = np.full(weight.shape, np.nan)
        np.divide(counts @ won_by, weight, out=share, where=weight > 0)
        share[:, baseline] = 0.5
        return share

    whole = rates(np.ones((1, len(evidence.prompts))))[0]

    def linear() -> Linear:
        expected = np.nan_to_num(whole)
        scores = sparse.csr_array(won_by - weight_by.multiply(expected[None, :]))
        total = np.asarray(weight_by.sum(axis=0))
        bread = np.divide(1, total, out=np.zeros_like(total), where=total > 0)
        return Linear(prompt_scores=scores, bread=np.diag(bread))

    return Estimator(
        parameters=whole,
        redraw=lambda counts: _chunked(rates, counts, len(evidence.models)),
        linear=linear,
        scores=in_percent(),
    )


def bradley_terry(scale: MakeScale) -> Build:
    """Return the Bradley–Terry estimator; `scale` makes the scale for the estimated effects."""
    return lambda evidence: _bradley_terry(evidence, scale)


def _bradley_terry(evidence: Evidence, scale: MakeScale) -> Estimator:
    pairs, over_prompts = pairs_of(evidence), evidence.over_prompts
    weight, won = over_prompts.weight, over_prompts.won
    whole = fit_pairs(pairs, weight[None], won[None])[0]

    def linear() -> Linear:
        expected = logistic(strength(pairs, whole[None]))[0]
        residual = evidence.won - evidence.weight * expected[_pair_of_cells(evidence)]
        _, hessian = derivatives(pairs, whole[None], weight[None], won[None])
        return Linear(
            prompt_scores=_model_scores(evidence, residual),
            bread=np.linalg.inv(hessian[0]),
        )

    def redraw(counts: Floats) -> Floats:
        pair, count = _pair_of_cells(evidence), len(pairs.first)
        weight_by = _by_prompt(evidence, pair, evidence.weight, count)
        won_by = _by_prompt(evidence, pair, evidence.won, count)
        return _chunked(
            lambda some: fit_pairs(
                pairs, some @ weight_by, some @ won_by, start=whole, tolerance=_NEAR
            ),
            counts,
            max(count, pairs.models**2),
        )

    return Estimator(parameters=whole, redraw=redraw, linear=linear, scores=scale(whole))


def style_controlled(features: Floats, scale: MakeScale) -> Build:
    """Return the style-controlled Bradley–Terry estimator for `features` (R, F) of the cells."""
    return lambda evidence: _style_controlled(evidence, features, scale)


def _style_controlled(evidence: Evidence, features: Floats, scale: MakeScale) -> Estimator:
    models = len(evidence.models)
    pairs = pairs_of(evidence)
    cells = Cells(
        pair=_pair_of_cells(evidence),
        prompt=evidence.prompt,
        weight=evidence.weight,
        won=evidence.won,
        features=features,
    )
    design = style_design(pairs, cells)
    ones = np.ones(len(evidence.prompts))
    whole = fit_style(design, ones)
    of_effects = scale(whole[:models])

    def linear() -> Linear:
        effects = whole[:models]
        eta = effects[evidence.first] - effects[evidence.second] + features @ whole[models:]
        residual = evidence.won - evidence.weight * logistic(eta)
        by_feature = np.column_stack(
            [summed(evidence.prompt, residual * x, len(evidence.prompts)) for x in features.T]
        )
        by_effect = _model_scores(evidence, residual)
        _, hessian = style_derivatives(design, whole[None], ones[None])
        return Linear(
            prompt_scores=_beside(by_effect, by_feature),
            bread=np.linalg.inv(hessian[0]),
        )

    return Estimator(
        parameters=whole,
        redraw=lambda counts: fit_style_draws(design, counts, whole),
        linear=linear,
        scores=of_effects.without_last(features.shape[1]),
        coefficients=features.shape[1],
    )


def with_ties(model: TieModel, scale: MakeScale) -> Build:
    """Return the estimator that takes ties as a result of their own."""
    return lambda evidence: _with_ties(evidence, model, scale)


def _with_ties(evidence: Evidence, model: TieModel, scale: MakeScale) -> Estimator:
    pairs, pair = pairs_of(evidence), _pair_of_cells(evidence)
    count = len(pairs.first)
    win = evidence.won - evidence.tied / 2
    parts = (win, evidence.tied, evidence.weight - evidence.tied - win)
    results = Results(*(summed(pair, part, count)[None] for part in parts))
    whole = fit_ties(model, pairs, results)[0]

    def linear() -> Linear:
        cell_pairs = Pairs(pairs.models, evidence.first, evidence.second)
        slopes = tie_slopes(model, cell_pairs, whole[None], Results(*(p[None] for p in parts)))
        by_tie = summed(evidence.prompt, slopes.tie[0], len(evidence.prompts))
        _, hessian = tie_derivatives(model, pairs, whole[None], results)
        return Linear(
            prompt_scores=_beside(_model_scores(evidence, slopes.d[0]), by_tie[:, None]),
            bread=np.linalg.inv(hessian[0]),
        )

    def redraw(counts: Floats) -> Floats:
        by_prompt = [_by_prompt(evidence, pair, part, count) for part in parts]
        return _chunked(
            lambda some: fit_ties(
                model,
                pairs,
                Results(*(some @ part for part in by_prompt)),
                start=whole,
                tolerance=1e-4,
            ),
            counts,
            max(count, pairs.models**2),
        )

    return Estimator(parameters=whole, redraw=redraw, linear=linear, scores=scale(whole))


def without_prompts(evidence: Evidence, prompts: Ints) -> Evidence:
    """Return the evidence with the weight of these prompts set to zero."""
    kept = ~np.isin(evidence.prompt, prompts)
    return replace(evidence, weight=evidence.weight * kept, won=evidence.won * kept)


def pairs_of(evidence: Evidence) -> Pairs:
    """Return the pairs that the cells are of."""
    whole = evidence.over_prompts
    return Pairs(len(evidence.models), whole.first, whole.second)


def _pair_of_cells(evidence: Evidence) -> Ints:
    """Return the number of each cell's pair (R,)."""
    models, whole = len(evidence.models), evidence.over_prompts
    number = np.zeros(models * models, dtype=np.int64)
    number[whole.first * models + whole.second] = np.arange(len(whole.first))
    return np.asarray(number[evidence.first * models + evidence.second])


def _by_prompt(evidence: Evidence, unit: Ints, values: Floats, units: int) -> sparse.csr_array:
    """Return the sums (P, units) of the cells' values by prompt and unit."""
    shape = (len(evidence.prompts), units)
    return sparse.csr_array(sparse.coo_array((values, (evidence.prompt, unit)), shape=shape))


def _model_scores(evidence: Evidence, residual: Floats) -> sparse.csr_array:
    """Return the scores (P, M): residuals at the first model, minus them at the second."""
    shape = prompts, models = (len(evidence.prompts), len(evidence.models))
    if prompts * models < len(residual):
        row = evidence.prompt * models
        total = summed(row + evidence.first, residual, prompts * models)
        total -= summed(row + evidence.second, residual, prompts * models)
        return sparse.csr_array(total.reshape(shape))
    start = np.searchsorted(evidence.prompt, np.arange(prompts + 1))
    column = np.empty((len(residual), 2), dtype=np.int32)
    column[:, 0], column[:, 1] = evidence.first, evidence.second
    value = np.empty((len(residual), 2))
    value[:, 0], value[:, 1] = residual, -residual
    return sparse.csr_array((value.ravel(), column.ravel(), 2 * start), shape=shape)


def _beside(left: sparse.csr_array, right: Floats) -> sparse.csr_array:
    return sparse.csr_array(sparse.hstack([left, sparse.csr_array(right)]))


def _chunked(estimate: Callable[[Floats], Floats], counts: Floats, width: int) -> Floats:
    return by_chunks(estimate, counts, rows=max(1, _CHUNK // width))
