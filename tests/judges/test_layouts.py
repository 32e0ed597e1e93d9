"""Importing the files of other tools."""

import json

import pytest

from judges.layouts import import_alpaca_eval, import_arena_hard, import_mt_bench
from judges.runs import read_run
from llms.errors import UserError


def lines(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def verdicts(run):
    return read_run(run).judgments.select("model_a", "model_b", "verdict").rows()


def test_arena_hard_v01_comes_with_answers_and_its_baseline_is_the_model_never_judged(tmp_path):
    row = {
        "question_id": "q",
        "model": "x",
        "judge": "j",
        "games": [{"score": "A>B"}, {"score": None}],
    }
    lines(tmp_path / "data/model_judgment/j/x.jsonl", row)
    for model in ("x", "base"):
        said = {"question_id": "q", "model_id": model, "choices": [{"turns": [{"content": "# T"}]}]}
        lines(tmp_path / f"data/model_answer/{model}.jsonl", said)
    report = import_arena_hard([tmp_path / "data"], out=tmp_path / "run")
    assert verdicts(tmp_path / "run") == [("base", "x", "A>B"), ("x", "base", None)]
    assert [str(row).split(": ", 1)[1] for row in report.bad] == ["game 2: no verdict"]
    assert read_run(tmp_path / "run").answers["headers"].to_list() == [1, 1]


def test_arena_hard_v2_names_its_baseline_and_has_more_labels(tmp_path):
    row = {
        "uid": "q",
        "model": "x",
        "baseline": "o",
        "judge": "j",
        "games": [{"score": "A<<B", "judgment": {"answer": "why"}}, None],
    }
    file = lines(tmp_path / "x.jsonl", row)
    answer = {
        "uid": "q",
        "model": "x",
        "messages": [
            {"role": "user", "content": "?"},
            {"role": "assistant", "content": {"answer": "- a"}},
        ],
    }
    lines(tmp_path / "d/model_answer/x.jsonl", answer)
    import_arena_hard([file], out=tmp_path / "run")
    assert verdicts(tmp_path / "run") == [("o", "x", "B>>A"), ("x", "o", None)]


def test_alpaca_eval_preferences_are_probabilities_for_the_first_answer(tmp_path):
    file = tmp_path / "annotations.json"
    row = {
        "instruction": "i",
        "output_1": "a",
        "generator_1": "base",
        "output_2": "b",
        "generator_2": "x",
        "annotator": "gpt",
        "preference": 1.75,
    }
    file.write_text(json.dumps([row, row | {"instruction": "k", "preference": None}]))
    report = import_alpaca_eval([file], out=tmp_path / "run")
    assert sorted(verdicts(tmp_path / "run"), key=str) == [
        ("base", "x", "0.25"),
        ("base", "x", None),
    ]
    assert report.answers == 4
    assert report.bad[0].line == 2


def test_mt_bench_errors_are_owed_never_ties(tmp_path):
    row = {
        "question_id": 81,
        "model_1": "x",
        "model_2": "y",
        "g1_winner": "model_1",
        "g2_winner": "error",
        "judge": ["gpt-4", "pair-v2"],
        "turn": 1,
    }
    report = import_mt_bench([lines(tmp_path / "pair.jsonl", row)], out=tmp_path / "run")
    assert verdicts(tmp_path / "run") == [("x", "y", "A>B"), ("y", "x", None)]
    assert len(report.bad) == 1


def test_a_run_that_was_not_imported_is_never_overwritten(tmp_path):
    row = {
        "question_id": 81,
        "model_1": "x",
        "model_2": "y",
        "g1_winner": "tie",
        "g2_winner": "tie",
        "judge": "j",
    }
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UserError, match="not imported"):
        import_mt_bench([lines(tmp_path / "pair.jsonl", row)], out=tmp_path)
