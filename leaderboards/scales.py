"""What a score means: from model effects (logits) to the numbers that are shown.

A scale turns effects (D, M) into scores (D, M).
"""

from collections.abc import Callable
from math import log

import numpy as np

from leaderboards.bradley_terry import logistic
from leaderboards.evidence import Floats

Scale = Callable[[Floats], Floats]
MakeScale = Callable[[Floats], Scale]
"""From the estimated effects (M,) to their scale."""
POINTS_A_LOGIT = 400 / log(10)
"""Elo's scale: 400 points are odds of ten to one."""


def against(baseline: int) -> Scale:
    """Return the scale of win rates against one model, in percent."""
    return lambda effects: 100 * logistic(effects - effects[:, [baseline]])


def against_field(effects: Floats) -> Floats:
    """Return mean win rates against the other models, each weighing the same, in percent."""
    models = effects.shape[1]
    odds = np.exp(effects - effects.mean(axis=1, keepdims=True))
    beaten = np.stack([(row[:, None] / (row[:, None] + row[None, :])).sum(axis=1) for row in odds])
    return np.asarray(100 * (beaten - 0.5) / (models - 1))


def ratings(whole: Floats, *, anchor: int | None, anchor_rating: float) -> Scale:
    """Return the scale of Elo-like ratings for the estimated effects `whole` (M,).

    Effects are taken from their mean in every draw, so no model's interval has zero width; then
    all are shifted by what gives the anchor (the mean, without one) `anchor_rating` as estimated.
    """
    centred = whole - whole.mean()
    shift = anchor_rating - (POINTS_A_LOGIT * centred[anchor] if anchor is not None else 0.0)
    return lambda effects: shift + POINTS_A_LOGIT * (effects - effects.mean(axis=1, keepdims=True))
