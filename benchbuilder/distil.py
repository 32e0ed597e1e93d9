"""Annotation by few LLM calls: seven calibrated heads on the embeddings decide whom to ask.

The LLM labels a sample drawn evenly over the clusters. On it, one logistic regression per
criterion is fitted and calibrated, and the lowest estimate is looked for at which the wanted
recall of good prompts is still reached out of fold. The LLM is then asked about the prompts above
it: those the heads say yes to or are not sure of. What that cost in recall is measured on a random
audit sample that the heads never saw.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchbuilder.embed import Vectors
from benchbuilder.records import Criteria
from llms.files import digest

Estimates = NDArray[np.float64]
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows (indices) whose labels are bought in any case: to fit on, and to audit with."""

    training: list[int]
    audit: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """What the heads say of every prompt.

    `expected` is the expected number of criteria met, `chance` the estimated probability that a
    prompt reaches the score wanted; above `cut` the LLM is asked.
    """

    expected: Estimates
    chance: Estimates
    cut: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """Share of good prompts that the heads let through, on the audit sample (Wilson interval)."""

    good: int
    found: int
    recall: float | None
    low: float
    high: float
    asked: int
    """LLM calls made, samples included."""
    of: int
    """Prompts that would have been asked about without the heads."""


def draw_samples(prompts: pl.DataFrame, *, training: int, audit: int, seed: int) -> Samples:
    """Draw the samples from `prompts` (id, cluster): the audit at random, the training by turns.

    The training sample takes clusters in turn, so that small topics are seen; no row is in both.
    """
    table = prompts.with_row_index("at").with_columns(
        draw=pl.Series([digest([seed, key]) for key in prompts["id"]], dtype=pl.String)
    )
    audited = table.sort("draw").head(audit)["at"]
    rest = table.filter(~pl.col("at").is_in(audited.implode()))
    turns = rest.with_columns(turn=pl.col("draw").rank("ordinal").over("cluster"))
    chosen = turns.sort("turn", "draw").head(training)["at"]
    return Samples(sorted(chosen.to_list()), sorted(audited.to_list()))


def fit_heads(
    vectors: Vectors,
    labelled: Sequence[int],
    criteria: NDArray[np.bool_],
    *,
    min_score: float,
    recall: float,
    seed: int,
) -> Heads:
    """Fit seven heads on the rows `labelled`, whose labels are `criteria` (n, 7).

    The cut is the highest at which out-of-fold estimates still reach `recall`; 0 where fewer than
    ten labelled prompts are good, as nothing can be learned from so few.
    """
    known = vectors[list(labelled)]
    good = criteria.sum(axis=1) >= min_score
    chances = np.column_stack(
        [_head(known, column, vectors, seed) for column in criteria.T.astype(np.int64)]
    )
    held_out = np.column_stack(
        [_out_of_fold(known, column, seed) for column in criteria.T.astype(np.int64)]
    )
    out_of_fold = at_least(held_out, min_score)
    enough = int(good.sum()) >= 10
    cut = float(np.quantile(out_of_fold[good], 1 - recall, method="lower")) if enough else 0.0
    return Heads(expected=chances.sum(axis=1), chance=at_least(chances, min_score), cut=cut)


def at_least(chances: Estimates, score: float) -> Estimates:
    """Return the probability that at least `score` of independent events happen.

    `chances` is (n, events); the Poisson binomial distribution is built up event by event.
    """
    exactly = np.zeros((len(chances), chances.shape[1] + 1))
    exactly[:, 0] = 1.0
    for chance in chances.T[:, :, None]:
        exactly[:, 1:] = exactly[:, 1:] * (1 - chance) + exactly[:, :-1] * chance
        exactly[:, :1] *= 1 - chance
    return np.asarray(exactly[:, math.ceil(score) :].sum(axis=1))


def measured_recall(
    heads: Heads,
    audit: Sequence[int],
    scores: Sequence[int | None],
    *,
    min_score: float,
    asked: int,
) -> Recall:
    """Return the share of the audited good prompts that the heads would have let through."""
    good = [
        row
        for row, score in zip(audit, scores, strict=True)
        if score is not None and score >= min_score
    ]
    found = sum(bool(heads.chance[row] >= heads.cut) for row in good)
    low, high = wilson(found, len(good))
    return Recall(
        good=len(good),
        found=found,
        recall=found / len(good) if good else None,
        low=low,
        high=high,
        asked=asked,
        of=len(heads.chance),
    )


def wilson(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share (Wilson 1927); (0, 1) without trials."""
    if not trials:
        return 0.0, 1.0
    share = successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = (
        z
        * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
        / (1 + z * z / trials)
    )
    return max(0.0, middle - half), min(1.0, middle + half)


def criteria_matrix(annotated: pl.DataFrame) -> NDArray[np.bool_]:
    """Return the seven criteria of annotated rows as booleans, (n, 7)."""
    return annotated.select(Criteria._fields).to_numpy().astype(bool)


def _head(known: Vectors, met: NDArray[np.int64], vectors: Vectors, seed: int) -> Estimates:
    if not _learnable(met):
        return np.full(len(vectors), met.mean())
    return np.asarray(_model(seed).fit(known, met).predict_proba(vectors)[:, 1])


def _out_of_fold(known: Vectors, met: NDArray[np.int64], seed: int) -> Estimates:
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    if not _learnable(met):
        return np.full(len(known), met.mean())
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return np.asarray(
        cross_val_predict(_model(seed), known, met, cv=folds, method="predict_proba")[:, 1]
    )


def _model(seed: int) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import LogisticRegression

    logistic = LogisticRegression(C=3.0, max_iter=500, random_state=seed)
    return CalibratedClassifierCV(logistic, method="sigmoid", cv=3)


def _learnable(met: NDArray[np.int64]) -> bool:
    """Tell whether both answers occur often enough to fit, calibrate and hold out."""
    return min(int(met.sum()), int((1 - met).sum())) >= 2 * FOLDS
