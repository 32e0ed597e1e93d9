"""The verdict parser over what real judges wrote, against what was recorded then."""

import re
from pathlib import Path

import polars as pl
import pytest

from judges.verdicts import read_label
from llms.files import read_jsonl

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.exists(), reason=f"needs the public data in {DATA}"),
]


def once(verdict):
    return verdict and verdict.replace(">>", ">")


def test_every_recorded_judgebench_decision_is_read_again():
    games = [
        (once(read_label(judged["judgment"]["response"])), judged["decision"])
        for _, row in read_jsonl(DATA / "judgebench" / "judged_o1-mini.jsonl")
        for judged in row["judgments"]
    ]
    assert len(games) == 700
    assert [read for read, _ in games] == [recorded for _, recorded in games]


def test_every_label_of_arena_ta_is_read_again_and_null_rows_stay_failures():
    games = [
        (read_label(game["judgment"]), game["score"])
        for file in sorted((DATA / "arena_ta" / "model_judgment").glob("*/*.jsonl"))
        for _, row in read_jsonl(file)
        for game in row["games"]
    ]
    assert len(games) == 7000
    assert sum(recorded is None for _, recorded in games) == 966
    assert [read for read, _ in games] == [recorded for _, recorded in games]


def test_the_texts_of_vicuna80_say_what_their_verdicts_say():
    # That judge was asked for 1 (first), 2 (second) or 3 (tie) on a line of its own at the end.
    labels = {"1": "A>B", "2": "B>A", "3": "A=B"}
    games = pl.read_parquet(DATA / "vicuna80" / "games.parquet").select("text", "verdict")
    read = [re.findall(r"^\W*([123])\W*$", text.strip(), re.MULTILINE) for text in games["text"]]
    assert [labels[found[-1]] if found else None for found in read] == games["verdict"].to_list()
