"""The parts a page is drawn from: sentences, numbers, charts, trees, battle files."""

import base64
import gzip
import json
import random
import re

import polars as pl
import pytest

from leaderboards.page import shards
from leaderboards.page.battles import battle_table, games_table, sample
from leaderboards.page.charts import badge, cost_chart, score_axis, top_ten
from leaderboards.page.files import csv_bytes
from leaderboards.page.markdown import markdown_tree
from leaderboards.page.sections import funnel_steps
from leaderboards.page.shards import shard_files
from leaderboards.page.shell import dollars, fixed, inline_json, signed
from leaderboards.page.view import verdict


def data(tied, consistent=0.8):
    return {
        "boards": [{"raw": [{"model": "a"}], "tied_with_leader": tied}],
        "settings": {"level": 0.95},
        "judges": [{"judge": "j", "consistent": {"value": consistent}}],
        "counts": {"games": 3},
    }


@pytest.mark.parametrize(
    ("tied", "says"),
    [
        ([], "a leads, clear of every other model at 95% confidence."),
        (["b"], "a leads, but b cannot be told apart from it at 95% confidence."),
        (["b", "c"], "a leads, but 2 other models cannot be told apart from it at 95% confidence."),
    ],
)
def test_the_first_sentence_names_the_leader_and_who_is_level_with_it(tied, says):
    assert verdict(data(tied))[0] == says


def test_the_second_sentence_says_how_often_the_judge_keeps_its_verdict():
    says = "When the order of the two answers is swapped, j keeps its verdict on 80% of the pairs."
    assert verdict(data([]))[1] == says
    assert verdict(data([], consistent=None))[1].startswith("No pair was judged in both orders")


def test_numbers_are_rounded_half_away_from_zero_and_never_minus_nothing():
    assert [fixed(12.25), fixed(-0.25), fixed(-0.04), fixed(None)] == ["12.3", "−0.3", "0.0", "–"]
    assert [signed(0.04), signed(1.25), signed(-1)] == ["0.0", "+1.3", "−1.0"]
    assert [dollars(0.00123), dollars(12.345), dollars(0), dollars(None)] == [
        *("$0.0012", "$12.35", "$0.00", "–"),
    ]


def test_an_axis_has_round_ends_around_every_interval():
    axis = score_axis([{"low": 33.3, "high": 61.2, "score": 50.0}], others=[28.8])
    assert (axis.low, axis.high) == (28, 62)
    assert axis.place(28) == 0
    assert axis.place(1000) == 100


def test_the_line_of_the_best_leaves_out_what_is_dearer_and_worse():
    rows = [
        {"model": m, "score": s, "low": s, "high": s} for m, s in zip("abc", (9, 5, 7), strict=True)
    ]
    chart = cost_chart(rows, {"a": 3.0, "b": 2.0, "c": 1.0})
    assert [point["model"] for point in chart.points if point["best"]] == ["a", "c"]
    assert cost_chart(rows, {"a": 3.0, "b": None, "c": None}) is None


def test_a_model_without_an_interval_can_still_be_drawn():
    row = {"model": "a<b>", "score": 3.0, "low": None, "high": None, "rank_low": 1, "rank_high": 2}
    assert b"a&lt;b&gt;" in badge("T & U", row, 3)
    assert b"T &amp; U" in top_ten("T & U", [row], "won")


def test_a_funnel_from_read_to_kept_shows_what_each_reason_took():
    steps = funnel_steps({"read": 100, "too_short": 60, "kept": 40})
    assert [(step["label"], step["text"], step["start"]) for step in steps] == [
        ("read", "100", 0),
        ("too short", "−60", 40.0),
        ("kept", "40", 0),
    ]


def test_markdown_becomes_a_tree_of_known_elements():
    tree = markdown_tree("# Hi\n\n3. **one** `two`\n\n[x](https://y.z) ![pic](http://t/p.png)")
    assert tree[0] == ["h5", ["Hi"]]
    assert tree[1] == ["ol", [["li", [["strong", ["one"]], " ", ["code", ["two"]]]]], 3]
    assert tree[2] == ["p", [["a", ["x"], "https://y.z"], " [image: pic]"]]


def test_an_answer_of_a_hundred_thousand_characters_stays_raw():
    assert markdown_tree("x" * 100_001) is None


def test_inline_json_closes_no_element_and_reads_back_the_same():
    value = {"a": "</script><!--\u2028", "b": [1, None]}
    text = inline_json(value)
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text) == value


def test_cells_that_spreadsheets_would_run_get_an_apostrophe():
    assert csv_bytes(["a", "b"], [{"a": "=1+1", "b": -2.5}]) == b"a,b\r\n'=1+1,-2.5\r\n"


def test_a_prompt_with_much_text_is_split_and_no_text_is_lost(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_BYTES", 20_000)
    rng = random.Random(0)
    texts = ["".join(rng.choices("abcdefghij \n", k=3000)) for _ in range(40)]
    answers = [{"model": n, "text": text} for n, text in enumerate(texts)]
    files = shard_files(7, {"id": "p", "answers": answers, "games": []})
    assert [path for path, _ in files][:2] == ["s/p0007.js", "s/p0007-1.js"]
    assert max(len(content) for _, content in files) <= 20_000
    packed = [re.search(rb',"([^"]+)"', content)[1] for _, content in files]
    parts = [json.loads(gzip.decompress(base64.b64decode(one))) for one in packed]
    found = [part.get("texts", part)["answers"] for part in parts]
    assert [one["text"] for part in found for one in part] == texts


def test_an_order_that_flips_the_winner_is_told_from_one_that_makes_a_tie(run_of):
    tables = run_of(["a", "b"], 3)
    verdicts = ["A>B", "A>B", "A>B", "A=B", "A>>B", "B>A"]
    games = tables.judgments.with_columns(verdict=pl.Series(verdicts))
    changed = type(tables)(meta={}, prompts=tables.prompts, answers=tables.answers, judgments=games)
    battles = battle_table(games_table(changed, ["a", "b"]))
    assert battles["order"].to_list() == [2, 1, 0]
    assert battles["share"].to_list() == [0.5, 0.75, 1.0]


def test_a_sample_of_battles_is_half_flipped_ones_where_there_are_enough(run_of):
    tables = run_of([f"m{n}" for n in range(9)], 12)
    battles = battle_table(games_table(tables, [f"m{n}" for n in range(9)]))
    few = sample(battles, 10)
    assert few.height == 10
    assert (few["order"] == 2).sum() == 5
    assert sample(battles, 10_000).equals(battles)
