"""Clusters, topics and the map."""

import sys

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from benchbuilder.cluster import (
    NONE,
    cluster_vectors,
    modularity,
    stratified_rows,
)
from benchbuilder.embed import tfidf_vectors, unit
from benchbuilder.neighbours import nearest
from benchbuilder.quality import measure
from benchbuilder.topics import keyword_topics
from llms.errors import UserError
from tests.benchbuilder.made_up import TOPICS, texts

PAIRS = texts(300)


def blobs(count, *, clusters=8, noise=0, seed=0):
    draws = np.random.default_rng(seed)
    middles = draws.normal(size=(clusters, 24))
    labels = np.arange(count) % clusters
    points = middles[labels] + draws.normal(size=(count, 24)) * 0.25
    lost = draws.normal(size=(noise, 24)) * 2
    return unit(np.concatenate([points, lost])), np.append(labels, np.full(noise, -1))


def clustered(vectors, **options):
    settings = {
        "reducer": "neighbours",
        "min_cluster_size": 10,
        "outlier_similarity": 0.0,
        "sample_size": 20_000,
        "seed": 0,
    }
    return cluster_vectors(vectors, **{**settings, **options})


@pytest.mark.parametrize("reducer", ["neighbours", "pca", "umap"])
def test_separate_groups_are_found(reducer):
    vectors, truth = blobs(400)
    assert adjusted_mutual_info_score(truth, clustered(vectors, reducer=reducer).labels) > 0.98


def test_the_smallest_topic_is_found_where_none_is_given():
    for clusters in (6, 40):
        vectors, truth = blobs(960, clusters=clusters)
        found = clustered(vectors, min_cluster_size=None)
        assert adjusted_mutual_info_score(truth, found.labels) > 0.95


def test_modularity_is_high_for_topics_and_zero_for_one_or_for_chance():
    vectors, truth = blobs(400)
    near = nearest(vectors, vectors, k=11)
    assert modularity(near, truth) > 0.8
    assert modularity(near, np.zeros_like(truth)) == pytest.approx(0)
    assert abs(modularity(near, np.random.default_rng(0).permutation(truth))) < 0.15


def test_outliers_stay_out_when_told_so_and_are_few_when_not():
    vectors, _ = blobs(400, noise=40)
    kept_out = clustered(vectors, outlier_similarity=None)
    assert (kept_out.labels == NONE).sum() > 0
    assert (clustered(vectors).labels != NONE).all()


def test_a_sample_gives_the_rest_the_cluster_of_their_neighbours():
    vectors, truth = blobs(4_000)
    found = clustered(vectors, sample_size=500, min_cluster_size=50)
    assert adjusted_mutual_info_score(truth, found.labels) > 0.98


def test_a_stratified_sample_has_the_size_asked_and_reaches_small_groups():
    vectors, truth = blobs(4_000)
    rows = stratified_rows(vectors, size=400, seed=0)
    assert len(rows) == 400
    assert np.bincount(truth[rows]).min() > 30


def test_clusters_are_numbered_by_size():
    sizes = np.bincount(clustered(blobs(403)[0]).labels)
    assert (np.diff(sizes) <= 0).all()


def test_too_few_prompts_are_one_cluster():
    vectors, _ = blobs(8)
    assert clustered(vectors).labels.tolist() == [0] * 8


def test_neighbours_in_blocks_are_those_of_all_at_once(monkeypatch):
    vectors, _ = blobs(300)
    whole = nearest(vectors, vectors, k=5)
    monkeypatch.setattr("benchbuilder.neighbours.BLOCK_BYTES", 4 * 300 * 7)
    assert (nearest(vectors, vectors, k=5).rows == whole.rows).all()
    assert (whole.rows[:, 0] == np.arange(300)).all()


def test_made_up_topics_are_found_and_named_by_their_words():
    rows = [text for _, text in PAIRS]
    found = clustered(tfidf_vectors(rows, seed=0))
    names = keyword_topics(rows, found.labels)
    truth = [topic for topic, _ in PAIRS]
    assert adjusted_mutual_info_score(truth, found.labels) > 0.9
    vocabulary = {word for words in TOPICS.values() for word in words}
    assert {word for name in names for word in name.split(", ")} <= vocabulary


def test_a_name_has_no_function_words_of_any_language_and_no_word_twice():
    rows = [
        "wie backe ich ein brot und die brote",
        "как испечь это",
        "im functions of the function",
    ]
    names = keyword_topics(rows, np.arange(3), words=3)
    assert [set(name.split(", ")) for name in names] == [
        {"backe", "brot"},
        {"испечь"},
        {"function"},
    ]


def test_quality_figures_tell_good_clusters_from_random_ones():
    vectors, truth = blobs(400)
    good = measure(vectors, truth, assigned=0, seed=0)
    bad = measure(vectors, np.random.default_rng(1).permutation(truth), assigned=0, seed=0)
    assert good.stability is not None
    assert good.stability > 0.9
    assert bad.stability is not None
    assert bad.stability < 0.2


def test_umap_of_one_seed_gives_the_same_clusters_twice():
    vectors, _ = blobs(300, noise=30)
    first, again = (clustered(vectors, reducer="umap") for _ in range(2))
    assert (first.labels == again.labels).all()


@pytest.mark.parametrize("reducer", ["neighbours", "pca", "umap"])
@pytest.mark.parametrize("rows", [1, 2, 5, 11])
def test_a_handful_of_prompts_is_one_topic(reducer, rows):
    vectors, _ = blobs(rows, clusters=1)
    found = clustered(vectors, reducer=reducer, min_cluster_size=None)
    assert found.labels.tolist() == [0] * rows


def test_without_umap_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(UserError, match=r"pip install 'benchbuilder\[embed\]'"):
        clustered(blobs(100)[0], reducer="umap")
