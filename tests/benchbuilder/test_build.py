"""The whole path, on the bundled sample and on made-up prompts with a served annotator."""

import json
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from aiohttp import web

import benchbuilder
from benchbuilder.build import BuildConfig, build, cluster_prompts
from benchbuilder.records import prompt_id, read_benchmark
from llms.errors import UserError
from llms.files import read_jsonl
from llms.store import ResponseStore
from tests.benchbuilder.made_up import annotator, criteria_of, texts, write_log
from tests.llms.fake_server import completion, fake_server

SAMPLE = next(iter(benchbuilder.__path__)) + "/sample"
PAIRS = texts(200)
QUICK = {"annotator": f"recorded:{SAMPLE}#sample-annotator", "languages": ("en",)}


@pytest.fixture
def store(tmp_path):
    with ResponseStore(tmp_path / "store.sqlite") as opened:
        yield opened


@pytest.fixture
def log(tmp_path):
    rows = [{"prompt": text, "topic": topic} for topic, text in PAIRS]
    return write_log(tmp_path / "log.jsonl", rows)


def sample_log():
    return Path(SAMPLE, "prompts.jsonl")


def served(url, **options):
    return BuildConfig(annotator=f"{url}#m", min_cluster_score=0, near_duplicates=None, **options)


def table(out):
    return pl.read_parquet(out / "prompts.parquet")


def test_the_sample_gives_the_hard_english_prompts_that_have_answers(tmp_path, store):
    report = build(
        [sample_log()],
        out=tmp_path / "b",
        config=BuildConfig(**QUICK, min_cluster_score=0),
        store=store,
    )
    answered = {row["prompt_id"] for _, row in read_jsonl(sample_log().with_name("answers.jsonl"))}
    ids = {prompt_id(r["turns"]) for _, r in read_jsonl(sample_log()) if r["id"] in answered}
    assert {item.id for item in read_benchmark(tmp_path / "b")} == ids
    assert (report.items, report.owed) == (64, 0)


def test_the_same_input_and_seed_give_the_same_bytes(tmp_path, store):
    config = BuildConfig(**QUICK, min_cluster_score=2.5, size=30)
    for name in ("one", "two"):
        build([sample_log()], out=tmp_path / name, config=config, store=store)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_shuffled_rows_give_the_same_selected_set(tmp_path, store):
    rows = [row for _, row in read_jsonl(sample_log())]
    random.Random(1).shuffle(rows)
    config = BuildConfig(**QUICK, min_cluster_score=2.5, size=30)
    build([sample_log()], out=tmp_path / "one", config=config, store=store)
    shuffled = write_log(tmp_path / "log" / "prompts.jsonl", rows)
    build([shuffled], out=tmp_path / "two", config=config, store=store)
    one, two = (tmp_path / name / "benchmark.jsonl" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_topics_and_criteria_stay_with_their_prompts(tmp_path, store, log):
    with fake_server(annotator()) as server:
        build([log], out=tmp_path / "b", config=served(server.url, min_score=5.5), store=store)
    truth = {text: topic for topic, text in PAIRS}
    rows = table(tmp_path / "b").filter(pl.col("score").is_not_null())
    for row in rows.iter_rows(named=True):
        assert row["score"] == len(criteria_of(row["text"]))
    by_topic = rows.with_columns(truth=pl.col("text").replace_strict(truth))
    assert by_topic.group_by("topic").agg(pl.col("truth").n_unique())["truth"].mean() < 1.3
    assert all(item.score > 5.5 for item in read_benchmark(tmp_path / "b"))


def test_failed_annotations_are_counted_and_never_selected(tmp_path, store, log):
    refused = {text for _, text in PAIRS[::5]}
    with fake_server(annotator(unreadable=refused.__contains__)) as server:
        config = served(server.url, min_score=0)
        report = build([log], out=tmp_path / "b", config=config, store=store)
    rows = table(tmp_path / "b")
    assert report.owed == 40
    assert set(rows.filter(pl.col("reason") == "annotation_failed")["text"]) == refused
    assert report.items == 160


def test_a_cascade_asks_the_dear_annotator_about_survivors_only(tmp_path, store, log):
    with fake_server(annotator()) as cheap, fake_server(annotator()) as dear:
        config = served(dear.url, cheap_annotator=f"{cheap.url}#cheap", cheap_min_score=5)
        build([log], out=tmp_path / "b", config=config, store=store)
        survivors = sum(len(criteria_of(text)) >= 5 for _, text in PAIRS)
        assert (len(cheap.asked), len(dear.asked)) == (200, survivors)
    reasons = table(tmp_path / "b")["reason"].value_counts()
    assert dict(reasons.iter_rows())["low_cheap_score"] == 200 - survivors


def test_a_second_annotator_is_compared_criterion_by_criterion(tmp_path, store, log):
    wrong = {text for _, text in PAIRS[::4]}
    with fake_server(annotator()) as one, fake_server(annotator(wrong=wrong.__contains__)) as two:
        config = served(one.url, second_annotator=f"{two.url}#two", second_size=200)
        build([log], out=tmp_path / "b", config=config, store=store)
    second = json.loads((tmp_path / "b" / "card.json").read_text())["annotation"]["second"]
    assert second["prompts"] == 200
    assert all(0.2 < value < 0.95 for value in second["kappa"].values())
    assert second["kept_by_first_only"] == 0 < second["kept_by_second_only"]


def test_topics_are_named_by_a_model_and_fall_back_to_keywords(tmp_path, store, log):
    async def name(body):
        asked = body["messages"][-1]["content"]
        return web.json_response(completion("Baking bread" if "oven" in asked else "x" * 500))

    with fake_server(name) as server:
        config = BuildConfig(topic_namer=f"{server.url}#n", near_duplicates=None)
        report = cluster_prompts([log], out=tmp_path / "c", config=config, store=store)
    assert "Baking bread" in report.topics
    assert any(", " in topic for topic in report.topics)


def test_prompts_of_a_given_benchmark_are_reported_and_tagged(tmp_path, store, log):
    known = write_log(
        tmp_path / "known.jsonl",
        [{"prompt": PAIRS[0][1].upper()}, {"prompt": PAIRS[1][1] + " and so on"}],
    )
    with fake_server(annotator()) as server:
        config = served(server.url, against=(known,), min_score=0).model_copy(
            update={"near_duplicates": 0.7, "similar": 1.0}
        )
        build([log], out=tmp_path / "b", config=config, store=store)
    rows = table(tmp_path / "b")
    found = dict(
        rows.filter(pl.col("contaminated").is_not_null())["text", "contaminated"].iter_rows()
    )
    assert found == {PAIRS[0][1]: "exact", PAIRS[1][1]: "near"}
    tagged = [item.turns[0] for item in read_benchmark(tmp_path / "b") if item.tags]
    assert set(tagged) == set(found)


def test_each_vector_belongs_to_the_prompt_that_names_its_row(tmp_path, store, log):
    cluster_prompts([log], out=tmp_path / "c", config=BuildConfig(), store=store)
    vectors = np.load(tmp_path / "c" / "embeddings.npy")
    rows = table(tmp_path / "c").filter(pl.col("row").is_not_null())
    assert vectors.shape[0] == rows.height
    assert vectors.dtype == np.float32
    assert sorted(rows["row"]) == list(range(rows.height))


def test_no_output_names_a_folder_of_this_machine(tmp_path, store):
    config = BuildConfig(**QUICK, min_cluster_score=0)
    build([sample_log()], out=tmp_path / "b", config=config, store=store)
    for name in ("card.json", "README.md", "benchmark.jsonl"):
        assert str(tmp_path) not in (tmp_path / "b" / name).read_text()
        assert SAMPLE not in (tmp_path / "b" / name).read_text()


def test_embeddings_of_an_endpoint_are_asked_once(tmp_path, store, log):
    with fake_server() as server:
        config = BuildConfig(embedder=f"{server.url}#e", min_cluster_size=20)
        for name in ("one", "two"):
            cluster_prompts([log], out=tmp_path / name, config=config, store=store)
        assert sum(len(body["input"]) for body in server.asked) <= 200


def test_nothing_left_says_where_the_prompts_went(tmp_path, store):
    config = BuildConfig(**QUICK, min_cluster_score=7)
    with pytest.raises(UserError, match="low_cluster_score"):
        build([sample_log()], out=tmp_path / "b", config=config, store=store)
    assert not (tmp_path / "b").exists()
