"""A site is a pure function of a run: same tables, same bytes, and every file accounted for."""

import hashlib
import re

import polars as pl
import pytest

from judges.records import ANSWER_SCHEMA, JUDGMENT_SCHEMA, PROMPT_SCHEMA, RunTables
from leaderboards.page.prompts import prompts_page
from leaderboards.page.site import site_files

MODELS = ("ash", "beech", "cherry")


def small_run() -> RunTables:
    prompts = [
        {"prompt_id": f"p{n}", "turns": [f"Question {n}?"], "category": "all"} for n in range(6)
    ]
    answers = [
        {"prompt_id": f"p{n}", "model": model, "text": f"**{model}** says {n}", "tokens": 5 + n}
        for n in range(6)
        for model in MODELS
    ]
    games = [
        {
            "prompt_id": f"p{n}",
            "judge": "judge",
            "model_a": a,
            "model_b": b,
            "verdict": ("A>B", "A=B", "B>A")[(n + len(a)) % 3],
            "text": f"{a} or {b}?",
        }
        for n in range(6)
        for a in MODELS
        for b in MODELS
        if a != b
    ]
    return RunTables(
        meta={"command": "judge run"},
        prompts=pl.DataFrame(prompts, PROMPT_SCHEMA),
        answers=pl.DataFrame(answers, ANSWER_SCHEMA),
        judgments=pl.DataFrame(games, JUDGMENT_SCHEMA),
    )


@pytest.fixture(scope="module")
def site() -> dict[str, bytes]:
    return dict(site_files(small_run(), title="Small", draws=50))


def test_a_rebuild_gives_the_same_bytes(site):
    assert dict(site_files(small_run(), title="Small", draws=50)) == site


def test_every_file_but_the_list_itself_is_in_the_list_of_digests(site):
    listed = dict(reversed(line.split("  ")) for line in site["SHA256SUMS"].decode().splitlines())
    assert listed == {
        path: hashlib.sha256(content).hexdigest()
        for path, content in site.items()
        if path != "SHA256SUMS"
    }


def test_a_battle_file_is_one_call_with_base64_and_nothing_else(site):
    shards = [content for path, content in site.items() if path.startswith("s/")]
    assert len(shards) == 7
    assert all(re.fullmatch(rb'__shard\("[a-z0-9-]+","[A-Za-z0-9+/=]+"\)', one) for one in shards)


def test_the_page_carries_the_note_and_no_address_of_another_host(site):
    page = dict(site_files(small_run(), title="Small", note="Recorded data.", draws=50))
    text = page["index.html"].decode()
    assert "Recorded data." in text
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)


def test_a_prompts_page_needs_no_more_than_ids_and_turns():
    table = pl.DataFrame({"prompt_id": ["a", "b"], "turns": [["One"], ["Two", "more"]]})
    assert "2 prompts came in." in prompts_page(table, {}).decode()


def test_battles_without_any_text_make_a_ranking_and_no_battle_files():
    rows = [(None, "people", "ash", "beech", n % 3 / 2, 1.0) for n in range(40)]
    columns = ("prompt_id", "judge", "model_a", "model_b", "outcome", "weight")
    kinds = (pl.String, pl.String, pl.String, pl.String, pl.Float64, pl.Float64)
    battles = pl.DataFrame(rows, dict(zip(columns, kinds, strict=True)), orient="row")
    tables = RunTables(
        meta={},
        prompts=pl.DataFrame(schema=PROMPT_SCHEMA),
        answers=pl.DataFrame(schema=ANSWER_SCHEMA),
        judgments=pl.DataFrame(schema=JUDGMENT_SCHEMA),
        battles=battles,
    )
    site = dict(site_files(tables, title="Votes", draws=50))
    assert not [path for path in site if path.startswith("s/")]
    assert "40 games, none of them played in both orders" in site["index.html"].decode()
