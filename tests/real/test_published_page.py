"""GPT-4's verdicts on the Vicuna questions, published: every verdict can be opened."""

import base64
import gzip
import json
import re
from pathlib import Path

import polars as pl
import pytest

from judges.records import ANSWER_SCHEMA, JUDGMENT_SCHEMA, PROMPT_SCHEMA, RunTables
from leaderboards.page.site import site_files

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "vicuna80"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.exists(), reason=f"needs the public data in {DATA}"),
]


@pytest.fixture(scope="module")
def site():
    questions = pl.read_ndjson(DATA / "questions.jsonl")
    tables = RunTables(
        meta={},
        prompts=_shaped(
            questions.select(
                prompt_id=pl.col("question_id").cast(pl.String),
                turns=pl.concat_list("text"),
                category="category",
            ),
            PROMPT_SCHEMA,
        ),
        answers=_shaped(pl.read_parquet(DATA / "answers.parquet"), ANSWER_SCHEMA),
        judgments=_shaped(pl.read_parquet(DATA / "games.parquet"), JUDGMENT_SCHEMA),
    )
    return dict(site_files(tables, title="Vicuna", style=(), draws=100))


def _shaped(table: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    return table.select(
        pl.col(name) if name in table.columns else pl.lit(None, kind).alias(name)
        for name, kind in schema.items()
    )


def opened(content: bytes) -> dict:
    packed = re.fullmatch(rb'__shard\("[^"]+","([^"]+)"\)', content)
    return json.loads(gzip.decompress(base64.b64decode(packed[1])))


def test_all_4480_games_stand_in_the_battle_files_with_the_judges_words(site):
    shards = [opened(site[path]) for path in site if path.startswith("s/p")]
    assert len(shards) == 80
    assert sum(len(shard["games"]) for shard in shards) == 4480
    words = [game.get("text", "") for shard in shards for game in shard["texts"]["games"]]
    assert set(words) == set(pl.read_parquet(DATA / "games.parquet")["text"])


def test_the_verdict_names_the_leader_and_the_published_consistency(site):
    page = site["index.html"].decode()
    assert "gpt4 leads" in page
    assert "gpt-4 keeps its verdict on 61% of the pairs" in page


def test_the_flipped_battles_are_those_won_twice_by_one_place(site):
    """19.6 % first twice and 0.9 % second twice of the pairs with both verdicts."""
    data = json.loads(site["data/leaderboard.json"])
    twice = sum(data["judges"][0][name]["value"] for name in ("first_twice", "second_twice"))
    assert data["counts"]["flipped"] == round(twice * data["judges"][0]["consistent"]["n"])
