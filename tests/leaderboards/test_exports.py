"""A run given to other tools."""

import json

import polars as pl
import pytest

from judges.imports import IMPORTS
from judges.records import ANSWER_SCHEMA, JUDGMENT_SCHEMA, PROMPT_SCHEMA, RunTables
from judges.runs import read_run
from leaderboards.exports import export_arena_hard, export_battles, export_games, export_preferences
from leaderboards.records import RankingError
from leaderboards.runs import battles_of


def game(prompt, first, second, verdict, judge="j", sample=0):
    return {
        "prompt_id": prompt, "judge": judge, "model_a": first, "model_b": second,
        "sample": sample, "verdict": verdict, "text": f"{first} first", "cost": None,
        "error": None if verdict else "no verdict",
    }  # fmt: skip


def run(*games, turns=("question",), texts=True):
    played = pl.DataFrame(list(games), JUDGMENT_SCHEMA)
    prompts = sorted(set(played["prompt_id"]))
    models = sorted(set(played["model_a"]) | set(played["model_b"]))
    answers = [
        {"prompt_id": p, "model": m, "sample": 0, "text": f"{m} on {p}" if texts else None,
         "earlier": [f"{m} earlier"] * (len(turns) - 1)}
        for p in prompts
        for m in models
    ]  # fmt: skip
    known = [{"prompt_id": p, "turns": list(turns), "category": "all"} for p in prompts]
    return RunTables(
        meta={},
        prompts=pl.DataFrame(known, PROMPT_SCHEMA),
        answers=pl.DataFrame(answers, ANSWER_SCHEMA),
        judgments=played,
    )


def preferences(tables):
    export = export_preferences(tables)
    return [json.loads(line) for line in export.files["preferences.jsonl"].splitlines()], export


def test_a_pair_that_both_orders_agree_on_has_its_winner_chosen():
    rows, _ = preferences(run(game("p", "x", "y", "B>>A"), game("p", "y", "x", "A>>B")))
    assert [(row["chosen_model"], row["rejected_model"], row["strong"]) for row in rows] == [
        ("y", "x", True)
    ]
    assert rows[0]["prompt"] == [{"role": "user", "content": "question"}]
    assert rows[0]["chosen"] == [{"role": "assistant", "content": "y on p"}]


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ("A>B", "A>B", "verdicts differ"),
        ("A>B", "A=B", "verdicts differ"),
        ("A=B", "0.5", "tie"),
        ("A>B", None, "verdict owed"),
    ],
)
def test_a_pair_that_says_nothing_sure_is_left_out_and_counted(first, second, reason):
    rows, export = preferences(run(game("p", "x", "y", first), game("p", "y", "x", second)))
    assert (rows, export.left_out) == ([], {reason: 1})


def test_one_judge_of_a_panel_who_disagrees_keeps_a_pair_out():
    _, export = preferences(run(game("p", "x", "y", "A>B"), game("p", "x", "y", "0.4", judge="k")))
    assert export.left_out == {"verdicts differ": 1}


def test_a_later_turn_stays_with_the_answer_it_followed():
    rows, _ = preferences(run(game("p", "x", "y", "A>B"), turns=("one", "two")))
    assert [message["content"] for message in rows[0]["rejected"]] == ["y earlier", "two", "y on p"]


def test_a_run_without_texts_has_no_preference_pairs():
    with pytest.raises(RankingError, match="texts"):
        export_preferences(run(game("p", "x", "y", "A>B"), texts=False))


def imported(kind, export, folder):
    for name, content in export.files.items():
        (folder / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "files" / name).write_bytes(content)
    names = {"games": "files/games.parquet", "battles": "files/battles.parquet"}
    IMPORTS[kind]([folder / names.get(kind, "files")], out=folder / "run")
    return read_run(folder / "run")


GAMES = [
    game("p", "base", "org/x", "A>B"),
    game("p", "org/x", "base", "A>>B"),
    game("q", "org/x", "base", None),
    game("q", "base", "y", "A=B"),
    game("q", "y", "base", "B>A"),
]


@pytest.mark.parametrize(
    ("kind", "export"),
    [("arena-hard", export_arena_hard), ("games", export_games), ("battles", export_battles)],
)
def test_what_is_exported_is_imported_again_as_the_same_battles(tmp_path, kind, export):
    tables = run(*GAMES)
    again = imported(kind, export(tables), tmp_path)
    columns = ["prompt_id", "judge", "model_a", "model_b", "outcome", "weight"]
    assert sorted(battles_of(again).select(columns).rows()) == sorted(
        battles_of(tables).select(columns).rows()
    )


def test_arena_hards_files_bring_the_texts_back(tmp_path):
    again = imported("arena-hard", export_arena_hard(run(*GAMES)), tmp_path)
    assert again.prompts["turns"].to_list() == [["question"], ["question"]]
    assert set(again.answers["model"]) == {"base", "org/x", "y"}
    assert again.judgments.filter(pl.col("model_b") == "org/x")["text"].to_list()[0] == "base first"


def test_what_has_no_place_in_arena_hards_files_is_counted():
    tables = run(*GAMES, game("p", "y", "org/x", "A>B"), game("q", "base", "y", "0.7"))
    assert export_arena_hard(tables, baseline="base").left_out == {
        "without the baseline": 1,
        "a probability": 1,
    }
    with pytest.raises(RankingError, match="--baseline"):
        export_arena_hard(tables)


@pytest.mark.parametrize("export", [export_preferences, export_games, export_battles])
def test_a_verdict_that_cannot_be_read_is_never_exported_as_one(export):
    with pytest.raises(RankingError, match="verdict 'A is fine'"):
        export(run(game("p", "x", "y", "A is fine")))
