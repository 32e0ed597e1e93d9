"""Heads that decide whom the annotator is asked about."""

import itertools
import json

import numpy as np
import polars as pl
import pytest

from benchbuilder.build import BuildConfig, build
from benchbuilder.distil import at_least, draw_samples, fit_heads, measured_recall, wilson
from llms.store import ResponseStore
from tests.benchbuilder.made_up import annotator, texts, write_log
from tests.llms.fake_server import fake_server


def learnable(count, *, seed=0):
    """Return vectors, and seven criteria that depend on them with some noise."""
    draws = np.random.default_rng(seed)
    vectors = draws.normal(size=(count, 16)).astype(np.float32)
    hard = vectors[:, :7] + 1.5 * vectors[:, 7:8]
    return vectors, hard + draws.normal(size=(count, 7)) * 0.3 > 0.3


def test_the_chance_of_enough_criteria_is_that_of_all_combinations():
    chances = np.array([[0.1, 0.5, 0.9, 0.3]])
    by_hand = sum(
        np.prod([p if yes else 1 - p for p, yes in zip(chances[0], met, strict=True)])
        for met in itertools.product([0, 1], repeat=4)
        if sum(met) >= 3
    )
    assert at_least(chances, 2.5)[0] == pytest.approx(by_hand)


def test_the_heads_ask_about_few_and_lose_few():
    vectors, met = learnable(4_000)
    heads = fit_heads(vectors, range(600), met[:600], min_score=6, recall=0.95, seed=0)
    scores = met.sum(axis=1)
    audit = range(600, 4_000)
    recall = measured_recall(heads, audit, scores[600:].tolist(), min_score=6, asked=0)
    assert recall.recall is not None
    assert recall.recall > 0.88
    assert (heads.chance >= heads.cut).mean() < 0.5


def test_chances_are_calibrated():
    vectors, met = learnable(6_000)
    heads = fit_heads(vectors, range(2_000), met[:2_000], min_score=6, recall=0.95, seed=0)
    assert heads.expected[2_000:].mean() == pytest.approx(met[2_000:].sum(axis=1).mean(), abs=0.15)


def test_too_few_good_prompts_to_learn_from_means_asking_about_all():
    vectors, met = learnable(200)
    heads = fit_heads(vectors, range(100), met[:100] & False, min_score=6, recall=0.95, seed=0)
    assert heads.cut == 0


def test_the_samples_do_not_meet_and_reach_every_cluster():
    table = pl.DataFrame(
        {"id": [f"p{n}" for n in range(500)], "cluster": [n % 50 for n in range(500)]}
    )
    samples = draw_samples(table, training=100, audit=60, seed=0)
    assert not set(samples.training) & set(samples.audit)
    assert len({row % 50 for row in samples.training}) == 50


def test_failed_replies_are_no_evidence_of_recall():
    vectors, met = learnable(300)
    heads = fit_heads(vectors, range(200), met[:200], min_score=4, recall=0.9, seed=0)
    recall = measured_recall(heads, [0, 1], [None, None], min_score=4, asked=2)
    assert (recall.good, recall.recall) == (0, None)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)


def test_a_distilled_build_reports_what_it_asked_and_found(tmp_path):
    log = write_log(tmp_path / "log.jsonl", [{"prompt": text} for _, text in texts(400)])
    with ResponseStore(tmp_path / "s") as store, fake_server(annotator()) as server:
        config = BuildConfig(
            annotator=f"{server.url}#m",
            distil=120,
            distil_audit=60,
            distil_recall=0.5,
            near_duplicates=None,
        )
        build([log], out=tmp_path / "b", config=config, store=store)
        asked = len(server.asked)
    distilled = json.loads((tmp_path / "b" / "card.json").read_text())["annotation"]["distilled"]
    rows = pl.read_parquet(tmp_path / "b" / "prompts.parquet")
    assert distilled["asked"] == asked < 400
    assert distilled["of"] == 400
    assert rows.filter(pl.col("reason") == "predicted_low_score").height == 400 - asked
    assert rows["predicted"].null_count() == 0
