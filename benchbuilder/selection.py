"""Good prompts of good clusters, and which of them when there are more than wanted."""

import polars as pl

from benchbuilder.clean import drop
from llms.files import digest

UNSCORED = "annotation_failed"


def select(
    prompts: pl.DataFrame,
    *,
    min_score: float,
    min_cluster_score: float,
    per_cluster: int | None,
    size: int | None,
    seed: int,
) -> pl.DataFrame:
    """Return `prompts` with the column cluster_score and a reason for each prompt not chosen.

    `cluster_score` is the mean score over all annotated prompts of the cluster that were still in
    before this step. Chosen prompts are those whose `reason` is still null.
    """
    scored = prompts.join(_cluster_scores(prompts), on="cluster", how="left", maintain_order="left")
    judged = drop(scored, pl.col("cluster").is_null(), "outlier")
    judged = drop(judged, pl.col("score").is_null(), UNSCORED)
    judged = drop(judged, pl.col("score") < min_score, "low_score")
    judged = drop(judged, pl.col("cluster_score") < min_cluster_score, "low_cluster_score")
    return _thin(judged, per_cluster=per_cluster, size=size, seed=seed)


def _cluster_scores(prompts: pl.DataFrame) -> pl.DataFrame:
    still_in = prompts.filter(pl.col("reason").is_null() & pl.col("cluster").is_not_null())
    return still_in.group_by("cluster").agg(cluster_score=pl.col("score").mean())


def _thin(
    prompts: pl.DataFrame, *, per_cluster: int | None, size: int | None, seed: int
) -> pl.DataFrame:
    """Keep at most `per_cluster` of a cluster and `size` in all, taking clusters in turn.

    Within a cluster the order is drawn from the seed and the prompt's id, so it does not depend
    on what else is in the input. In each turn the clusters with the best mean go first.
    """
    draws = pl.Series([digest([seed, key]) for key in prompts["id"]], dtype=pl.String)
    candidates = (
        prompts.with_columns(draw=draws)
        .filter(pl.col("reason").is_null())
        .with_columns(turn=pl.col("draw").rank("ordinal").over("cluster"))
    )
    if per_cluster is not None:
        candidates = candidates.filter(pl.col("turn") <= per_cluster)
    ranked = candidates.sort("turn", "cluster_score", "draw", descending=[False, True, False])
    chosen = ranked.head(size)["id"] if size is not None else ranked["id"]
    return drop(prompts, ~pl.col("id").is_in(chosen.implode()), "not_drawn")
