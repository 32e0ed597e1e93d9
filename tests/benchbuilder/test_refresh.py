"""The next version of a benchmark."""

import json

import polars as pl
import pytest

from benchbuilder.build import BuildConfig, build
from benchbuilder.records import read_benchmark
from benchbuilder.refresh import refresh
from llms.errors import UserError
from llms.store import ResponseStore
from tests.benchbuilder.made_up import annotator, texts, write_log
from tests.llms.fake_server import fake_server

STARS = [
    "comet",
    "orbit",
    "telescope",
    "galaxy",
    "nebula",
    "eclipse",
    "planet",
    "crater",
    "meteor",
    "lunar",
]


@pytest.fixture
def first(tmp_path):
    """Build version 1, and return its folder, its config and an open store."""
    log = write_log(tmp_path / "old.jsonl", [{"prompt": text} for _, text in texts(200)])
    with ResponseStore(tmp_path / "s") as store, fake_server(annotator()) as server:
        config = BuildConfig(annotator=f"{server.url}#m", min_cluster_score=0, near_duplicates=None)
        build([log], out=tmp_path / "one", config=config, store=store)
        yield tmp_path / "one", config, store


def stars(count):
    return [
        f"{' '.join(STARS[(n + k) % 10] for k in range(6))} number{n} meets 1234567"
        for n in range(count)
    ]


def test_new_prompts_join_old_topics_or_found_new_ones_and_ids_stay(first, tmp_path):
    folder, config, store = first
    added = [text for _, text in texts(60, seed=5)]
    log = write_log(tmp_path / "new.jsonl", [{"prompt": text} for text in [*added, *stars(40)]])
    report = refresh(folder, [log], out=tmp_path / "two", config=config, store=store)
    old = {item.id: item for item in read_benchmark(folder)}
    new = {item.id: item for item in read_benchmark(tmp_path / "two")}
    assert all(new[key] == item for key, item in old.items())
    assert report.new_topics >= 1
    topics = {item.topic for item in new.values() if "telescope" in item.turns[0]}
    assert not topics & {item.topic for item in old.values()}


def test_prompts_of_the_old_version_do_not_come_in_again(first, tmp_path):
    folder, config, store = first
    rows = [{"prompt": text.upper()} for _, text in texts(200)] + [{"prompt": stars(1)[0]}]
    log = write_log(tmp_path / "new.jsonl", rows)
    refresh(folder, [log], out=tmp_path / "two", config=config, store=store)
    table = pl.read_parquet(tmp_path / "two" / "prompts.parquet").filter(pl.col("version") == 2)
    assert table.filter(pl.col("reason") == "in_old_version").height == 200


def test_items_retire_by_list_by_saturation_and_by_leak(first, tmp_path):
    folder, config, store = first
    items = read_benchmark(folder)
    listed, dull, leaked, mixed = items[:4]
    retire = write_log(tmp_path / "retire.jsonl", [{"id": listed.id, "reason": "wrong"}])
    games = [{"prompt_id": dull.id, "outcome": 1.0}] * 4
    games += [{"prompt_id": mixed.id, "outcome": n % 2} for n in range(4)]
    battles = write_log(tmp_path / "battles.jsonl", games)
    known = write_log(tmp_path / "known.jsonl", [{"prompt": leaked.turns[0]}])
    log = write_log(tmp_path / "new.jsonl", [{"prompt": text} for text in stars(3)])
    report = refresh(
        folder,
        [log],
        out=tmp_path / "two",
        config=config.model_copy(update={"against": (known,)}),
        store=store,
        retire=retire,
        battles=battles,
    )
    diff = json.loads((tmp_path / "two" / "diff.json").read_text())
    assert {row["id"]: row["reason"] for row in diff["retired"]} == {
        listed.id: "wrong",
        dull.id: "saturated",
        leaked.id: "leaked",
    }
    assert report.unchanged == len(items) - 3
    assert report.version == diff["version"] == 2


def test_the_size_wanted_counts_the_items_that_stay(first, tmp_path):
    folder, config, store = first
    count = len(read_benchmark(folder))
    log = write_log(tmp_path / "new.jsonl", [{"prompt": text} for text in stars(30)])
    config = config.model_copy(update={"size": count + 5})
    refresh(folder, [log], out=tmp_path / "two", config=config, store=store)
    assert len(read_benchmark(tmp_path / "two")) == count + 5


def test_a_refreshed_benchmark_can_be_refreshed_again(first, tmp_path):
    folder, config, store = first
    log = write_log(tmp_path / "a.jsonl", [{"prompt": text} for text in stars(20)])
    refresh(folder, [log], out=tmp_path / "two", config=config, store=store)
    more = write_log(tmp_path / "b.jsonl", [{"prompt": text} for _, text in texts(20, seed=9)])
    report = refresh(tmp_path / "two", [more], out=tmp_path / "three", config=config, store=store)
    assert report.version == 3
    versions = pl.read_parquet(tmp_path / "three" / "prompts.parquet")["version"].unique()
    assert sorted(versions) == [1, 2, 3]


def test_a_folder_that_is_no_benchmark_is_refused(first, tmp_path):
    _, config, store = first
    with pytest.raises(UserError, match="benchbuild build"):
        refresh(tmp_path, [tmp_path], out=tmp_path / "two", config=config, store=store)
