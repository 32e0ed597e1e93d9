"""Several samples of a prompt are one prompt's evidence, whatever is computed from them."""

import numpy as np
import polars as pl
import pytest

from judges.records import ANSWER_SCHEMA, PROMPT_SCHEMA, RunTables
from leaderboards.agreement import agree_with_votes
from leaderboards.audit import audit
from leaderboards.battles import battles_from_judgments
from leaderboards.preferences import preferences
from leaderboards.runs import rank_tables

MODELS = ("base", "new", "old")
LABELS = ("A>>B", "A>B", "A=B", "B>A", "B>>A")
STYLE = ("length", "lists")


def run(samples=1, prompts=40, seed=0, missing=0.0, judges=("j", "k")):
    """Return a run of random verdicts and style counts, other ones for each sample."""
    rng = np.random.default_rng(seed)
    pairs = [(a, b) for a in MODELS for b in MODELS if a != b]
    games = [
        {"prompt_id": f"p{p}", "judge": judge, "model_a": a, "model_b": b, "sample": sample,
         "verdict": None if rng.random() < missing else str(rng.choice(LABELS))}
        for p in range(prompts) for sample in range(samples) for judge in judges for a, b in pairs
    ]  # fmt: skip
    answers = [
        {"prompt_id": f"p{p}", "model": model, "sample": sample, "tokens": int(tokens),
         "headers": 0, "lists": int(tokens) % 7, "bold": 0}
        for p in range(prompts) for sample in range(samples) for model in MODELS
        for tokens in rng.integers(10, 900, 1)
    ]  # fmt: skip
    return RunTables(
        meta={},
        prompts=pl.DataFrame(schema=PROMPT_SCHEMA),
        answers=pl.DataFrame(answers, ANSWER_SCHEMA),
        judgments=pl.DataFrame(games).with_columns(error=pl.lit(None, pl.String)),
    )


def copied(tables):
    """Return the run with every answer and verdict once more, as another sample."""
    last = tables.judgments["sample"].max() + 1
    answers, judgments = (
        pl.concat([table, table.with_columns(sample=pl.col("sample") + last)])
        for table in (tables.answers, tables.judgments)
    )
    return RunTables(meta={}, prompts=tables.prompts, answers=answers, judgments=judgments)


def same(left, right):
    """Return whether scores, intervals and pairs are equal but for rounding."""
    numbers = [
        [[*(row.score, row.low, row.high), *(row.if_lost or 0, row.if_won or 0)] for row in r.rows]
        + [[row.difference, row.low, row.high, row.p] for row in r.pairs]
        + [[row.coefficient, row.low, row.high] for row in r.style]
        for r in (left, right)
    ]
    return [x for row in numbers[0] for x in row] == pytest.approx(
        [x for row in numbers[1] for x in row], abs=1e-7
    )


@pytest.mark.parametrize(
    ("samples", "style", "interval"),
    [(1, (), "bootstrap"), (3, (), "sandwich"), (3, STYLE, "bootstrap"), (1, STYLE, "sandwich")],
)
def test_a_copy_of_every_sample_changes_no_score_and_narrows_no_interval(samples, style, interval):
    tables = run(samples, missing=0.1)
    options = {"style": style, "interval": interval, "draws": 100, "baseline": "base"}
    assert same(rank_tables(tables, **options), rank_tables(copied(tables), **options))


def test_a_copy_of_every_sample_changes_nothing_about_the_judges():
    once, twice = run(missing=0.1), copied(run(missing=0.1))
    for found in (audit, lambda judgments: preferences(judgments, once.answers).agreement):
        left, right = found(once.judgments), found(twice.judgments)
        assert [shares(one) for one in left] == [shares(one) for one in right]


def shares(record):
    names = ("consistent", "first_twice", "ties", "failed", "same")
    found = [getattr(record, name) for name in names if hasattr(record, name)]
    return [round(end, 9) for share in found for end in (share.value, share.low, share.high)]


def test_a_prompt_weighs_the_same_however_many_samples_it_has():
    for judges in (("j",), ("j", "k")):
        totals = [
            battles_from_judgments(run(n, judges=judges).judgments, strong_weight=1)["weight"].sum()
            for n in (1, 4)
        ]
        assert totals[1] == pytest.approx(totals[0])


def test_a_sample_without_verdict_adds_nothing_to_the_others():
    judgments = run(2, prompts=1, judges=("j",)).judgments
    second = pl.when(pl.col("sample") == 1).then(None).otherwise("verdict")
    battles = battles_from_judgments(judgments.with_columns(verdict=second), strong_weight=1)
    assert set(battles["weight"]) == {0.5}


def test_style_compares_the_answers_of_the_same_sample():
    tables = run(2)
    lengths = pl.when(pl.col("sample") == 0).then(pl.lit(None, pl.Int64)).otherwise("tokens")
    ranking = rank_tables(
        RunTables(
            meta={},
            prompts=tables.prompts,
            answers=tables.answers.with_columns(tokens=lengths),
            judgments=tables.judgments,
        ),
        style=("length",),
        draws=100,
    )
    assert ranking.counts["without_style"] == ranking.counts["games"] == 40 * 2 * 6


def test_a_ranking_says_how_many_samples_there_are():
    assert rank_tables(run(3), draws=100).settings["samples"] == 3
    assert "samples" not in rank_tables(run(), draws=100).settings


def test_another_sample_is_no_repeat_of_a_game():
    assert {found.repeated.n for found in audit(run(3).judgments)} == {0}


def test_answers_are_joined_with_the_verdicts_on_their_own_sample():
    tables = run(2, judges=("j",))
    longer = tables.judgments.join(
        tables.answers.select("prompt_id", "sample", model_a="model", a="tokens"),
        on=["prompt_id", "sample", "model_a"],
    ).join(
        tables.answers.select("prompt_id", "sample", model_b="model", b="tokens"),
        on=["prompt_id", "sample", "model_b"],
    )
    label = pl.when(pl.col("a") > pl.col("b")).then(pl.lit("A>B")).otherwise(pl.lit("B>A"))
    found = preferences(longer.with_columns(verdict=label), tables.answers)
    assert {row.share.value for row in found.style if row.feature == "tokens"} == {1.0}


def test_people_are_agreed_with_where_most_samples_are():
    said = (("A>B", "A>B", "B>A"), ("B>A", "A=B", "B>A"))
    games = [
        {"prompt_id": f"p{p}", "judge": "j", "model_a": "x", "model_b": "y", "sample": sample,
         "verdict": label, "error": None}
        for p in range(40) for sample, label in enumerate(said[p % 2])
    ]  # fmt: skip
    votes = pl.DataFrame(
        [(f"p{p}", "x", "y", ("model_a", "model_b")[p % 2]) for p in range(40)],
        schema=["prompt_id", "model_a", "model_b", "winner"],
        orient="row",
    )
    empty = run(prompts=0)
    tables = RunTables(
        meta={}, prompts=empty.prompts, answers=empty.answers, judgments=pl.DataFrame(games)
    )
    measures = {row.name: row.value for row in agree_with_votes(tables, votes, draws=50).measures}
    assert measures["accuracy against the votes"] == 1.0
