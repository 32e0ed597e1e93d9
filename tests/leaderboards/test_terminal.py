import io
import json

import polars as pl
import pytest
from rich.console import Console

from leaderboards.rank import rank
from leaderboards.records import BATTLE_SCHEMA
from leaderboards.terminal import ranking_csv, ranking_json, ranking_table

NASTY = "[red]m[/red]\x1b[31m\u202e"


@pytest.fixture(scope="module")
def ranking():
    rows = [(f"p{n}", "judge", NASTY, "base", float(n % 2), 1.0) for n in range(8)]
    return rank(pl.DataFrame(rows, BATTLE_SCHEMA, orient="row"), baseline="base", draws=100)


def shown(ranking) -> str:
    screen = io.StringIO()
    Console(file=screen, width=100).print(ranking_table(ranking))
    return screen.getvalue()


def test_a_model_name_cannot_colour_or_turn_the_terminal(ranking):
    text = shown(ranking)
    assert "[red]m[/red]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_table_names_the_level_of_its_intervals(ranking):
    assert "95% interval" in shown(ranking)


def test_json_and_csv_hold_the_same_rows(ranking):
    rows = json.loads(ranking_json(ranking))["rows"]
    table = pl.read_csv(io.StringIO(ranking_csv(ranking)))
    assert table["model"].to_list() == [row["model"] for row in rows]
    assert table["score"].to_list() == pytest.approx([row["score"] for row in rows])
