"""A run -> files of other tools: preference pairs for training, Arena-Hard's, plain tables."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Any
from urllib.parse import quote

import polars as pl

from judges.records import JUDGMENT_SCHEMA, VERDICTS, RunTables, with_samples
from leaderboards.battles import STRONG, points_of_a, readable
from leaderboards.encoding import json_lines, parquet
from leaderboards.records import RankingError
from leaderboards.runs import battles_of

Row = Mapping[str, Any]
_WINNERS = {1.0: "model_a", 0.5: "tie", 0.0: "model_b"}
_NO_TEXT = "text missing"


@dataclass(frozen=True, slots=True)
class Export:
    """Files (relative path, content), the rows they hold, and how many were left out by reason."""

    files: Mapping[str, bytes]
    rows: int
    left_out: Mapping[str, int] = field(default_factory=dict)


def export_preferences(tables: RunTables) -> Export:
    """Return preferences.jsonl: pairs of answers for preference training.

    A pair is taken where every verdict names the same winner: of every judge, in both orders where
    both were played. Ties, pairs whose verdicts differ and pairs with a verdict owed are left out
    and counted. Columns: prompt (the first user message), chosen and rejected (the messages that
    follow it, so that a later turn stays with the answers before it), the form that TRL calls
    conversational; prompt_id, category, sample, chosen_model, rejected_model, judges, and strong:
    whether all verdicts were strong ones.

    Raises:
        RankingError: the run lacks games, or the texts of prompts or answers.
    """
    texts = with_samples(tables.answers).select("prompt_id", "sample", "model", "earlier", "text")
    pairs = _judged_pairs(_games(tables)).join(
        tables.prompts.select("prompt_id", "turns", "category"), on="prompt_id", how="left"
    )
    for side in ("chosen", "rejected"):
        pairs = pairs.join(
            texts.select(
                "prompt_id",
                "sample",
                pl.all().exclude("prompt_id", "sample").name.prefix(f"{side}_"),
            ),
            on=["prompt_id", "sample", f"{side}_model"],
            how="left",
        )
    silent = pl.any_horizontal(pl.col("turns", "chosen_text", "rejected_text").is_null())
    left_out = pl.coalesce("left_out", pl.when(silent).then(pl.lit(_NO_TEXT)))
    pairs = pairs.with_columns(left_out).sort(
        "prompt_id", "sample", "chosen_model", "rejected_model"
    )
    rows = [_preference(row) for row in pairs.filter(pl.col("left_out").is_null()).to_dicts()]
    counts = Counter(pairs["left_out"].drop_nulls())
    if counts[_NO_TEXT] and not rows:
        raise RankingError("preference pairs need the texts of prompts and answers")
    return Export({"preferences.jsonl": json_lines(rows)}, len(rows), counts)


def export_arena_hard(tables: RunTables, *, baseline: str | None = None) -> Export:
    """Return question.jsonl, model_answer/ and model_judgment/ in the layout of Arena-Hard v2.

    A row's first game shows the baseline first, its second game the model; a game that is owed has
    no score. Games without the baseline, probabilities, and samples after the first have no place
    there: they are left out and counted.

    Raises:
        RankingError: the run lacks games, or no model is in all of them and none is named.
    """
    games = _games(tables)
    base = baseline or _in_every_game(games)
    why = [_no_place(game, base) for game in games.iter_rows(named=True)]
    kept = games.filter(pl.Series(why, dtype=pl.String).is_null())
    if not kept.height:
        raise RankingError(f"no game has a place in Arena-Hard's files with baseline {base!r}")
    questions = [
        {"uid": row["prompt_id"], "prompt": "\n\n".join(row["turns"])} | row
        for row in tables.prompts.sort("prompt_id").to_dicts()
    ]
    turns = {row["uid"]: row["turns"] for row in questions}
    files = {
        "question.jsonl": questions,
        **_by_file("model_judgment", ("judge", "model"), _arena_judgments(kept, base)),
        **_by_file("model_answer", ("model",), _arena_answers(tables, turns)),
    }
    return Export(
        {name: json_lines(rows) for name, rows in files.items()},
        kept.height,
        Counter(filter(None, why)),
    )


def export_games(tables: RunTables) -> Export:
    """Return games.parquet and answers.parquet, as `judge import games` reads them.

    Raises:
        RankingError: the run lacks games.
    """
    games = _games(tables).select(JUDGMENT_SCHEMA.names())
    answers = with_samples(tables.answers)
    files = {"games.parquet": parquet(games), "answers.parquet": parquet(answers)}
    return Export(files, games.height)


def export_battles(tables: RunTables) -> Export:
    """Return battles.parquet: what the run is ranked by, with the winner's name beside the outcome.

    `winner` (model_a, model_b, tie) is null where the outcome is a share of the point.
    """
    battles = battles_of(tables).sort(pl.all())
    winner = pl.col("outcome").replace_strict(_WINNERS, default=None, return_dtype=pl.String)
    return Export({"battles.parquet": parquet(battles.with_columns(winner=winner))}, battles.height)


EXPORTS: Mapping[str, Callable[[RunTables], Export]] = {
    "preferences": export_preferences,
    "arena-hard": export_arena_hard,
    "games": export_games,
    "battles": export_battles,
}
"""Formats by name."""


def _games(tables: RunTables) -> pl.DataFrame:
    if not tables.judgments.height:
        raise RankingError("the run has no games to export, only battles")
    readable(tables.judgments.filter(pl.col("verdict").is_not_null()))
    return with_samples(tables.judgments).sort(
        "prompt_id", "judge", "sample", "model_a", "model_b", maintain_order=True
    )


def _judged_pairs(games: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each two answers: who won, and why the pair says nothing where it does."""
    points = points_of_a(pl.col("verdict"))
    first = pl.min_horizontal("model_a", "model_b")
    swapped = pl.col("model_a") != first
    pairs = (
        games.with_columns(
            first=first,
            second=pl.max_horizontal("model_a", "model_b"),
            points=pl.when(swapped).then(1 - points).otherwise(points),
        )
        .group_by("prompt_id", "sample", "first", "second")
        .agg(
            low=pl.col("points").min(),
            high=pl.col("points").max(),
            owed=pl.col("verdict").is_null().any(),
            strong=pl.col("verdict").is_in(STRONG).all(),
            judges=pl.col("judge").unique().sort(),
        )
    )
    won, lost = pl.col("low") > 0.5, pl.col("high") < 0.5
    tied = (pl.col("low") == 0.5) & (pl.col("high") == 0.5)
    return pairs.select(
        *("prompt_id", "sample", "strong", "judges"),
        chosen_model=pl.when(lost).then("second").otherwise("first"),
        rejected_model=pl.when(lost).then("first").otherwise("second"),
        left_out=pl.when("owed")
        .then(pl.lit("verdict owed"))
        .when(tied)
        .then(pl.lit("tie"))
        .when(~(won | lost))
        .then(pl.lit("verdicts differ")),
    )


def _preference(row: Row) -> dict[str, Any]:
    turns = row["turns"]
    kept = ("prompt_id", "category", "sample", "chosen_model", "rejected_model", "judges", "strong")
    return {
        "prompt": [_message("user", turns[0])],
        "chosen": _conversation(turns, row["chosen_earlier"], row["chosen_text"])[1:],
        "rejected": _conversation(turns, row["rejected_earlier"], row["rejected_text"])[1:],
    } | {name: row[name] for name in kept}


def _conversation(turns: Sequence[str], earlier: Sequence[str], text: str) -> list[dict[str, str]]:
    said = zip_longest(turns, (*earlier, text), fillvalue="")
    pairs = ((_message("user", turn), _message("assistant", reply)) for turn, reply in said)
    return list(chain.from_iterable(pairs))


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _in_every_game(games: pl.DataFrame) -> str:
    """Return the baseline: the one model that is in all games."""
    pairs = games.select("model_a", "model_b").unique().rows()
    everywhere: set[str] = set.intersection(*map(set, pairs))
    if len(everywhere) != 1:
        raise RankingError("Arena-Hard's files compare with one model: name it with --baseline")
    return everywhere.pop()


def _no_place(game: Row, base: str) -> str | None:
    if base not in (game["model_a"], game["model_b"]):
        return "without the baseline"
    if game["sample"]:
        return "a sample after the first"
    if game["verdict"] is not None and game["verdict"] not in VERDICTS:
        return "a probability"
    return None


def _arena_judgments(games: pl.DataFrame, base: str) -> Iterable[dict[str, Any]]:
    rows: dict[tuple[str, str, str], tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for game in games.iter_rows(named=True):
        second = game["model_a"] != base
        model = game["model_a"] if second else game["model_b"]
        orders = rows[game["judge"], model, game["prompt_id"]]
        orders[second].append({"score": game["verdict"], "judgment": {"answer": game["text"]}})
    owed = {"score": None, "judgment": {"answer": None}}
    for (judge, model, prompt), orders in sorted(rows.items()):
        rounds = zip_longest(*orders, fillvalue=owed)
        yield {
            "uid": prompt,
            "judge": judge,
            "model": model,
            "baseline": base,
            "games": list(chain.from_iterable(rounds)),
        }


def _arena_answers(
    tables: RunTables, turns: Mapping[str, Sequence[str]]
) -> Iterable[dict[str, Any]]:
    spoken = with_samples(tables.answers).filter(
        pl.col("text").is_not_null() & (pl.col("sample") == 0)
    )
    for row in spoken.sort("model", "prompt_id").iter_rows(named=True):
        asked = turns.get(row["prompt_id"], [""])
        messages = _conversation(asked, row["earlier"] or (), row["text"])
        said = [
            message | {"content": {"answer": message["content"]}}
            if message["role"] == "assistant"
            else message
            for message in messages
        ]
        yield {"uid": row["prompt_id"], "model": row["model"], "messages": said}


def _by_file(
    folder: str, names: Sequence[str], rows: Iterable[dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    files: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        path = "/".join(quote(row[name], safe="") for name in names)
        files[f"{folder}/{path}.jsonl"].append(row)
    return files
