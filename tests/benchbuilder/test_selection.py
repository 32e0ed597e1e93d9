"""Which good prompts are taken."""

import numpy as np
import polars as pl

from benchbuilder.selection import judge_scores, take

DEFAULTS = {
    "within": "random",
    "per_cluster": None,
    "size": None,
    "quota_by": None,
    "quotas": {},
    "seed": 0,
}
NO_VECTORS = np.zeros((0, 1), dtype=np.float32)


def prompts(scores, clusters):
    count = len(scores)
    return pl.DataFrame(
        {
            "id": [f"p{n:02}" for n in range(count)],
            "row": range(count),
            "reason": [None] * count,
            "cluster": clusters,
            "score": scores,
            "language": ["en" if n % 2 else "de" for n in range(count)],
        },
        schema_overrides={"reason": pl.String},
    )


def judged(scores, clusters):
    return judge_scores(prompts(scores, clusters), min_score=5.5, min_cluster_score=4.2)


def kept(table):
    return table.filter(pl.col("reason").is_null())


def test_good_prompts_of_good_clusters_stay_and_thresholds_may_be_decimals():
    table = judged([6, 7, 5, 6, 1, None], [0, 0, 0, 1, 1, 0])
    assert table["reason"].to_list() == [
        *(None, None, "low_score", "low_cluster_score", "low_score", "annotation_failed")
    ]
    assert table["cluster_score"].to_list() == [6, 6, 6, 3.5, 3.5, 6]


def test_clusters_take_turns_until_the_size_is_reached():
    table = judged([7] * 9, [0] * 6 + [1, 1, 2])
    chosen = kept(take(table, NO_VECTORS, **{**DEFAULTS, "size": 5}))
    assert chosen["cluster"].value_counts().sort("cluster")["count"].to_list() == [2, 2, 1]


def test_no_cluster_gives_more_than_told_and_no_language_more_than_its_quota():
    table = judged([7] * 8, [0] * 4 + [1] * 4)
    assert kept(take(table, NO_VECTORS, **{**DEFAULTS, "per_cluster": 3})).height == 6
    limited = {**DEFAULTS, "quota_by": "language", "quotas": {"de": 1}}
    languages = kept(take(table, NO_VECTORS, **limited))["language"].to_list()
    assert (languages.count("de"), languages.count("en")) == (1, 4)


def test_what_is_taken_does_not_depend_on_what_else_was_good():
    table = judged([7] * 8, [0] * 8)
    options = {**DEFAULTS, "per_cluster": 4}
    first = kept(take(table, NO_VECTORS, **options))["id"].to_list()
    fewer = table.filter(pl.col("id").is_in(first))
    assert kept(take(fewer, NO_VECTORS, **options))["id"].to_list() == first


def test_diverse_prompts_are_those_unlike_each_other():
    vectors = np.array([[1, 0], [1, 0.01], [1, 0.02], [0, 1]], dtype=np.float32)
    table = judged([7] * 4, [0] * 4)
    chosen = kept(take(table, vectors, **{**DEFAULTS, "within": "diverse", "per_cluster": 2}))
    assert "p03" in chosen["id"].to_list()


def test_cluster_means_use_expected_scores_where_nobody_was_asked():
    table = prompts([7, None], [0, 0]).with_columns(predicted=pl.Series([1.0, 3.0]))
    assert judge_scores(table, min_score=6, min_cluster_score=5)["cluster_score"][0] == 5
