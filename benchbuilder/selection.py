"""Good prompts of good clusters, and which of them when there are more than wanted."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import polars as pl

from benchbuilder.clean import drop
from benchbuilder.embed import Vectors
from llms.files import digest

Within = Literal["random", "diverse"]
QuotaBy = Literal["category", "language", "topic"]

UNSCORED = "annotation_failed"


def judge_scores(
    prompts: pl.DataFrame, *, min_score: float, min_cluster_score: float
) -> pl.DataFrame:
    """Return `prompts` with cluster_score, and a reason for prompts that are not good enough.

    `cluster_score` is the mean over all prompts of the cluster that were still in before this
    step: of their scores, or of the scores expected of them (column `predicted`) where the
    annotator was not asked. Failed annotations are left out of the mean.
    """
    scored = prompts.join(_cluster_scores(prompts), on="cluster", how="left", maintain_order="left")
    judged = drop(scored, pl.col("cluster").is_null(), "outlier")
    judged = drop(judged, pl.col("score").is_null(), UNSCORED)
    judged = drop(judged, pl.col("score") < min_score, "low_score")
    return drop(judged, pl.col("cluster_score") < min_cluster_score, "low_cluster_score")


def take(
    prompts: pl.DataFrame,
    vectors: Vectors,
    *,
    within: Within,
    per_cluster: int | None,
    size: int | None,
    quota_by: QuotaBy | None,
    quotas: Mapping[str, int],
    seed: int,
) -> pl.DataFrame:
    """Give the reason `not_drawn` to prompts beyond what is wanted.

    Clusters take turns, those with the best mean first, until `size` is reached; no cluster gives
    more than `per_cluster`, and no value of `quota_by` more than its quota (values without one
    are not limited). A cluster's prompts come in an order drawn from the seed and their ids, so
    that it does not depend on what else is in the input; or, with `diverse`, each as unlike
    those before it as can be. `vectors` holds a row for each prompt with a `row`.
    """
    good = prompts.filter(pl.col("reason").is_null())
    draws = pl.Series([digest([seed, key]) for key in good["id"]], dtype=pl.String)
    drawn = good.with_columns(draw=draws).sort("cluster", "draw")
    turns = (
        _diverse_turns(drawn, vectors)
        if within == "diverse"
        else drawn.select(turn=pl.int_range(pl.len()).over("cluster"))["turn"]
    )
    ranked = drawn.with_columns(turn=turns).sort(
        "turn", "cluster_score", "draw", descending=[False, True, False], nulls_last=True
    )
    if per_cluster is not None:
        ranked = ranked.filter(pl.col("turn") < per_cluster)
    if quota_by is not None:
        limits = pl.col(quota_by).replace_strict(dict(quotas), default=None, return_dtype=pl.Int64)
        ranked = ranked.filter(limits.is_null() | (pl.int_range(pl.len()).over(quota_by) < limits))
    chosen = ranked["id"] if size is None else ranked["id"].head(size)
    return drop(prompts, ~pl.col("id").is_in(chosen.implode()), "not_drawn")


def _cluster_scores(prompts: pl.DataFrame) -> pl.DataFrame:
    still_in = prompts.filter(pl.col("reason").is_null() & pl.col("cluster").is_not_null())
    known = pl.coalesce("score", "predicted") if "predicted" in prompts.columns else pl.col("score")
    return still_in.group_by("cluster").agg(cluster_score=known.mean())


def _diverse_turns(drawn: pl.DataFrame, vectors: Vectors) -> pl.Series:
    """Return the turn of each row of `drawn`, which is sorted by cluster."""
    parts = [
        _farthest_first(vectors[part["row"].to_numpy()])
        for part in drawn.partition_by("cluster", maintain_order=True)
    ]
    return pl.Series(np.concatenate(parts) if parts else [], dtype=pl.Int64)


def _farthest_first(vectors: Vectors) -> np.ndarray:
    """Return each row's place in a farthest-first walk from the row nearest to the centre."""
    place = np.empty(len(vectors), dtype=np.int64)
    current = int(np.argmax(vectors @ vectors.mean(axis=0)))
    nearest = np.full(len(vectors), -np.inf)
    for turn in range(len(vectors)):
        place[current] = turn
        nearest = np.maximum(nearest, vectors @ vectors[current])
        nearest[current] = np.inf
        current = int(np.argmin(nearest))
    return place
