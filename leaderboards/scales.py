"""What a score means: from model effects (logits) to the numbers that are shown."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np

from leaderboards.bradley_terry import logistic
from leaderboards.evidence import Floats

POINTS_A_LOGIT = 400 / log(10)
"""Elo's scale: 400 points are odds of ten to one."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The `scores` (D, M) of parameters (D, k), and their `slope` (M, k) at parameters (k,)."""

    scores: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]

    def __call__(self, parameters: Floats) -> Floats:
        """Return the scores."""
        return self.scores(parameters)

    def without_last(self, others: int) -> "Scale":
        """Return the same scale for parameters that end with so many others."""
        return Scale(
            lambda parameters: self.scores(parameters[:, :-others]),
            lambda parameters: np.pad(self.slope(parameters[:-others]), ((0, 0), (0, others))),
        )


MakeScale = Callable[[Floats], Scale]
"""From the estimated effects (M,) to their scale."""


def in_percent() -> Scale:
    """Return the scale of parameters that are shares."""
    return Scale(lambda shares: 100 * shares, lambda shares: 100 * np.eye(len(shares)))


def against(baseline: int) -> Scale:
    """Return the scale of win rates against one model, in percent."""

    def slope(effects: Floats) -> Floats:
        share = logistic(effects - effects[baseline])
        by_own = np.diag(100 * share * (1 - share))
        by_own[:, baseline] -= 100 * share * (1 - share)
        return by_own

    return Scale(lambda effects: 100 * logistic(effects - effects[:, [baseline]]), slope)


def _against_all(effects: Floats) -> Floats:
    models = effects.shape[1]
    odds = np.exp(effects - effects.mean(axis=1, keepdims=True))
    beaten = np.stack([(row[:, None] / (row[:, None] + row[None, :])).sum(axis=1) for row in odds])
    return np.asarray(100 * (beaten - 0.5) / (models - 1))


def _slope_against_all(effects: Floats) -> Floats:
    share = logistic(effects[:, None] - effects[None, :])
    by_other = 100 * share * (1 - share) / (len(effects) - 1)
    return np.diag(by_other.sum(axis=1)) - by_other


against_field = Scale(_against_all, _slope_against_all)
"""Mean win rates against the other models, each weighing the same, in percent."""


def ratings(whole: Floats, *, anchor: int | None, anchor_rating: float) -> Scale:
    """Return the scale of Elo-like ratings for the estimated effects `whole` (M,).

    Effects are taken from their mean in every draw, so no model's interval has zero width; then
    all are shifted by what gives the anchor (the mean, without one) `anchor_rating` as estimated.
    """
    models = len(whole)
    centred = whole - whole.mean()
    shift = anchor_rating - (POINTS_A_LOGIT * centred[anchor] if anchor is not None else 0.0)
    return Scale(
        lambda effects: shift + POINTS_A_LOGIT * (effects - effects.mean(axis=1, keepdims=True)),
        lambda _: POINTS_A_LOGIT * (np.eye(models) - 1 / models),
    )


def by_differences(scores: Callable[[Floats], Floats]) -> Scale:
    """Return the scale of scores whose slope is found by central differences."""

    def slope(parameters: Floats) -> Floats:
        moves = 1e-5 * np.eye(len(parameters))
        return np.asarray((scores(parameters + moves) - scores(parameters - moves)).T / 2e-5)

    return Scale(scores, slope)
