"""Bradley–Terry with ties as a third result: Davidson (1970), and Rao and Kupper (1967).

With d = theta_i - theta_j, Davidson has P(win) : P(tie) : P(loss) = e^(d/2) : e^tie : e^(-d/2).
Rao and Kupper have P(win) = 1 / (1 + e^(tie - d)) and P(loss) likewise with -d; the rest are ties.
Both fits run on all draws of a bootstrap together.
"""

from dataclasses import dataclass
from math import log
from typing import Literal

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
from leaderboards.evidence import Floats
from leaderboards.records import RankingError
from leaderboards.scales import Scale, by_differences

TieModel = Literal["davidson", "rao-kupper"]


@dataclass(frozen=True, slots=True)
class Results:
    """Weights (D, K) of the three results of each pair, for its first model."""

    win: Floats
    tie: Floats
    loss: Floats


@dataclass(frozen=True, slots=True)
class TieSlopes:
    """Derivatives (D, K) of the log-likelihood by d and by the tie parameter: first ones, and
    negative second ones."""

    d: Floats
    tie: Floats
    d_d: Floats
    d_tie: Floats
    tie_tie: Floats


def fit_ties(
    model: TieModel,
    pairs: Pairs,
    results: Results,
    *,
    start: Floats | None = None,
    tolerance: float = 1e-6,
) -> Floats:
    """Return the parameters (D, M + 1): effects, each row summing to zero, and the tie parameter.

    Newton begins at `start` (M + 1,). A draw is done when a step moves nothing by more than
    `tolerance`.

    Raises:
        RankingError: there are no ties, or the steps do not come to rest.
    """
    if start is None:
        start = np.append(np.zeros(pairs.models), _first_guess(model, results))
    estimate = np.repeat(start[None], len(results.win), axis=0)
    done = estimate.copy()
    moving = np.arange(len(estimate))
    for _ in range(MOST_STEPS):
        gradient, hessian = tie_derivatives(model, pairs, estimate, results)
        step = solve(hessian, gradient)
        length = np.abs(step).max(axis=1)
        moved = estimate + step * shortening(length)
        if model == "rao-kupper":
            moved[:, -1] = np.maximum(moved[:, -1], estimate[:, -1] / 3)
        estimate = moved
        done[moving] = estimate
        still = length > tolerance
        if not still.any():
            return done
        moving, estimate = moving[still], estimate[still]
        results = Results(results.win[still], results.tie[still], results.loss[still])
    raise RankingError(f"the {model} fit does not converge on these battles")


def tie_derivatives(
    model: TieModel, pairs: Pairs, estimate: Floats, results: Results
) -> tuple[Floats, Floats]:
    """Return the gradient (D, M + 1) and negative Hessian of the log-likelihood."""
    slopes = tie_slopes(model, pairs, estimate, results)
    models = pairs.models
    hessian = np.empty((len(estimate), models + 1, models + 1))
    hessian[:, :models, :models] = laplacian(pairs, slopes.d_d)
    cross = to_models(pairs, slopes.d_tie, sign=-1)
    hessian[:, :models, models] = cross
    hessian[:, models, :models] = cross
    hessian[:, models, models] = slopes.tie_tie.sum(axis=1) + RIDGE
    by_effect = to_models(pairs, slopes.d, sign=-1)
    gradient = np.concatenate([by_effect, slopes.tie.sum(axis=1, keepdims=True)], axis=1)
    return gradient - RIDGE * estimate, hessian


def tie_slopes(model: TieModel, pairs: Pairs, estimate: Floats, results: Results) -> TieSlopes:
    """Return the derivatives of each pair's part of the log-likelihood."""
    effects, tie = estimate[:, :-1], estimate[:, -1:]
    d = effects[:, pairs.first] - effects[:, pairs.second]
    return _davidson(d, tie, results) if model == "davidson" else _rao_kupper(d, tie, results)


def expected_points(model: TieModel, d: Floats, tie: Floats) -> Floats:
    """Return P(win) + P(tie) / 2 at differences `d` of effects."""
    if model == "davidson":
        win, even, _ = _davidson_shares(d, tie)
        return np.asarray(win + even / 2)
    return np.asarray((logistic(d - tie) + 1 - logistic(-d - tie)) / 2)


def tie_scale(model: TieModel, baseline: int | None) -> Scale:
    """Return the scale of expected points in percent against a baseline, or against the field."""

    def against_all(parameters: Floats) -> Floats:
        rows = [
            expected_points(model, row[:-1, None] - row[None, :-1], row[-1:]).sum(axis=1)
            for row in parameters
        ]
        return np.asarray(100 * (np.stack(rows) - 0.5) / (parameters.shape[1] - 2))

    if baseline is None:
        return by_differences(against_all)
    return by_differences(
        lambda parameters: (
            100
            * expected_points(
                model,
                parameters[:, :-1] - parameters[:, baseline : baseline + 1],
                parameters[:, -1:],
            )
        )
    )


def _first_guess(model: TieModel, results: Results) -> float:
    ties = float(results.tie[0].sum())
    decided = float((results.win[0] + results.loss[0]).sum())
    if not ties or not decided:
        raise RankingError(f"{model} needs both ties and decided verdicts; use ties half")
    return log(2 * ties / decided) if model == "davidson" else log(1 + 2 * ties / decided)


def _davidson_shares(d: Floats, tie: Floats) -> tuple[Floats, Floats, Floats]:
    win, even, loss = np.exp(d / 2), np.exp(tie + 0 * d), np.exp(-d / 2)
    total = win + even + loss
    return win / total, even / total, loss / total


def _davidson(d: Floats, tie: Floats, results: Results) -> TieSlopes:
    win, even, loss = _davidson_shares(d, tie)
    total = results.win + results.tie + results.loss
    return TieSlopes(
        d=(results.win - results.loss - total * (win - loss)) / 2,
        tie=results.tie - total * even,
        d_d=total * (win + loss - (win - loss) ** 2) / 4,
        d_tie=-total * even * (win - loss) / 2,
        tie_tie=total * even * (1 - even),
    )


def _rao_kupper(d: Floats, tie: Floats, results: Results) -> TieSlopes:
    """The likelihood is P(win)^(W + T)·P(loss)^(L + T)·(e^(2·tie) - 1)^T."""
    win, loss = logistic(d - tie), logistic(-d - tie)
    not_lost, not_won = results.win + results.tie, results.loss + results.tie
    bend_win, bend_loss = not_lost * win * (1 - win), not_won * loss * (1 - loss)
    width = -np.expm1(-2 * tie)
    return TieSlopes(
        d=not_lost * (1 - win) - not_won * (1 - loss),
        tie=2 * results.tie / width - not_lost * (1 - win) - not_won * (1 - loss),
        d_d=bend_win + bend_loss,
        d_tie=bend_loss - bend_win,
        tie_tie=bend_win + bend_loss + 4 * results.tie * (1 - width) / width**2,
    )
