"""Has the judge changed? The same pairs judged again, round after round, and a test of the shift.

A judge behind an API can change without a new name. Each round asks anew (its number is part of
what the store keys by), and is compared with the round before, which the store still holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from judges.asking import Asker
from judges.labelled import Accuracy, LabelledPair, Verdicts, accuracy, judge_pairs, verdicts_on
from judges.protocols import Protocol
from judges.records import Judgment
from judges.thoughts import Tags
from judges.verdicts import POINTS
from llms.progress import Progress, Silent
from llms.records import ModelSpec

_DRAWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How the verdicts on the same pairs differ from the round before.

    `pairs` have all four verdicts. `changed` is the share of games with another label;
    `towards_first` the mean change in points (-2 to 2) given to the answer shown first,
    `towards_a` that given to answer A. The p values are two-sided, from sign flips by pair: how
    often chance alone would move the judge as far.
    """

    pairs: int
    changed: float
    towards_first: float
    p_first: float
    towards_a: float
    p_a: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One judge in one round: its accuracy, and its drift where the round before is known."""

    judge: str
    round: int
    accuracy: Accuracy
    drift: Drift | None

    def changed(self, level: float) -> bool:
        """Return whether chance alone would seldom (`level`) move a judge as far, either way."""
        return self.drift is not None and 2 * min(self.drift.p_first, self.drift.p_a) < level


def drift(before: Sequence[Verdicts], now: Sequence[Verdicts], *, seed: int = 0) -> Drift | None:
    """Return the change between two rounds over the same pairs; None where no pair has both.

    Each element holds the verdicts on a pair as given and swapped, as shown, None if owed.
    """
    both = [(*b, *n) for b, n in zip(before, now, strict=True) if None not in (*b, *n)]
    if not both:
        return None
    points = np.array([[_points(str(verdict)) for verdict in row] for row in both])
    moved = points[:, 2:] - points[:, :2]
    first, a = moved.mean(axis=1), (moved[:, 0] - moved[:, 1]) / 2
    return Drift(
        pairs=len(both),
        changed=float((moved != 0).mean()),
        towards_first=float(first.mean()),
        p_first=_p_value(first, seed),
        towards_a=float(a.mean()),
        p_a=_p_value(a, seed),
    )


def drift_line(found: Drift | None, round_: int) -> str:
    """Return in one line how a judge moved since the round before."""
    if found is None:
        return f"round {round_ - 1} is not in this store: nothing to compare with"
    return (
        f"since round {round_ - 1}, on {found.pairs} pairs: {found.changed:.1%} of the labels "
        f"changed; {found.towards_first:+.2f} points for the answer shown first "
        f"(p = {found.p_first:.3f}), {found.towards_a:+.2f} for answer A (p = {found.p_a:.3f})"
    )


def watch(
    pairs: Sequence[LabelledPair],
    *,
    judge: ModelSpec,
    protocol: Protocol,
    think_tags: Tags,
    ask: Asker,
    look_up: Asker,
    progress: Progress,
    round_: int,
) -> tuple[Watch, list[Judgment]]:
    """Have the judge judge the pairs in this round, and compare with the round before.

    Returns what came of it, and this round's judgments. `look_up` finds the round before.

    Raises:
        UserError: the protocol needs more than the two answers.
    """

    def judged(ask: Asker, round_: int, progress: Progress) -> list[Judgment]:
        return judge_pairs(
            pairs,
            judge=judge,
            protocol=protocol,
            think_tags=think_tags,
            ask=ask,
            progress=progress,
            round_=round_,
        )

    judgments = judged(ask, round_, progress)
    now = verdicts_on(pairs, judgments)
    before = verdicts_on(pairs, judged(look_up, round_ - 1, Silent())) if round_ else None
    found = Watch(
        judge=judge.name,
        round=round_,
        accuracy=accuracy(pairs, now)[0],
        drift=drift(before, now) if before else None,
    )
    return found, judgments


def _points(verdict: str) -> float:
    return POINTS[verdict] if verdict in POINTS else 4 * float(verdict) - 2


def _p_value(moved: "np.typing.NDArray[np.float64]", seed: int) -> float:
    """Return the p value of the mean by random sign flips, the observed one counted among them."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (_DRAWS, len(moved)))
    as_far = np.abs(signs @ moved) >= abs(moved.sum()) - 1e-9
    return float((as_far.sum() + 1) / (_DRAWS + 1))
