"""Importing verdicts that others made."""

import json

import polars as pl
import pytest

from judges.imports import import_battles, import_games, import_votes
from judges.runs import read_run
from llms.errors import UserError

GAME = {"prompt_id": "p", "judge": "j", "model_a": "x", "model_b": "y", "verdict": "A>B"}


def lines(path, *rows):
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    return path


def test_a_game_without_a_readable_verdict_is_listed_and_owed(tmp_path):
    file = lines(tmp_path / "games.jsonl", GAME, GAME | {"verdict": None}, GAME | {"verdict": "A"})
    report = import_games([file], out=tmp_path / "run")
    assert [(row.line, row.reason) for row in report.bad] == [
        (2, "no verdict"),
        (3, "unknown verdict 'A'"),
    ]
    assert read_run(tmp_path / "run").judgments["verdict"].null_count() == 2


def test_merge_conflicts_and_rows_without_models_are_listed_and_the_rest_goes_on(tmp_path):
    row = {"question_id": 3, "model_a": "x", "model_b": "y", "winner": "model_a"}
    file = lines(
        tmp_path / "b.jsonl", "<<<<<<< HEAD", row, {"winner": "tie"}, row | {"winner": "z"}
    )
    report = import_battles([file], out=tmp_path / "run")
    assert [row.line for row in report.bad] == [1, 3, 4]
    assert read_run(tmp_path / "run").battles["outcome"].to_list() == [1.0]


def test_answers_get_style_counts_and_a_model_without_answers_is_named(tmp_path):
    file = lines(tmp_path / "games.jsonl", GAME)
    answers = lines(tmp_path / "a.jsonl", {"prompt_id": "p", "model": "x", "text": "# T\n- **b**"})
    report = import_games([file], out=tmp_path / "run", answers=answers)
    assert "no answers of model y" in str(report.bad[0])
    assert read_run(tmp_path / "run").answers.select("headers", "lists", "bold").row(0) == (1, 1, 1)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_votes_are_read_from_other_kinds_of_file(tmp_path, suffix):
    file = tmp_path / f"votes.{suffix}"
    table = pl.DataFrame(
        {
            "prompt_id": ["1"],
            "model_a": ["x"],
            "model_b": ["y"],
            "winner": ["tie (bothbad)"],
            "voter": ["ann"],
        }
    )
    table.write_csv(file) if suffix == "csv" else table.write_parquet(file)
    import_votes([file], out=tmp_path / "run")
    assert read_run(tmp_path / "run").battles.select("outcome", "voter").row(0) == (0.5, "ann")


def test_a_file_without_a_usable_row_is_one_clear_error(tmp_path):
    with pytest.raises(UserError, match=r"no usable row.*line 1: not JSON"):
        import_games([lines(tmp_path / "g.jsonl", "{")], out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
