"""How few prompts carry a ranking: the number whose removal flips two neighbours.

Prompts are removed in the order in which, to first order, each holds the difference up (Broderick,
Giordano and Meager 2020); the scores are then computed anew, so the number given does flip them.
It may not be the smallest such number.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from leaderboards.estimators import Build, Estimator, without_prompts
from leaderboards.evidence import Evidence, Floats


def flips(
    build: Build, evidence: Evidence, estimator: Estimator, order: Sequence[int]
) -> dict[int, int]:
    """Return, for each model but the last in `order`, how many prompts flip it with the next one.

    A model is left out where taking away all prompts that favour it does not flip them.
    """
    linear = estimator.linear()
    slope = estimator.scores.slope(estimator.parameters) @ linear.bread
    scores = estimator.scores(estimator.parameters[None])[0]
    found: dict[int, int] = {}
    for above, below in pairwise(order):
        held = np.asarray(linear.prompt_scores @ (slope[above] - slope[below]))
        gap = float(scores[above] - scores[below])
        if count := _count(build, evidence, held, gap, above, below):
            found[above] = count
    return found


def _count(
    build: Build, evidence: Evidence, held: Floats, gap: float, above: int, below: int
) -> int | None:
    strongest = np.argsort(-held, kind="stable")
    helpful = int((held > 0).sum())
    enough = np.cumsum(held[strongest]) >= gap
    count = int(np.argmax(enough)) + 1 if enough.any() else helpful
    while 0 < count <= helpful:
        rest = build(without_prompts(evidence, strongest[:count]))
        scores = rest.scores(rest.parameters[None])[0]
        if scores[above] <= scores[below]:
            return count
        count += max(1, count // 10)
    return None
