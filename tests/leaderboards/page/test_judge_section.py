"""What the page says about the judge, beside its habits: canaries, preferences, other judges."""

import json
import re
from dataclasses import replace

import polars as pl
import pytest

from leaderboards.page.site import site_files
from leaderboards.preferences import preferences


def of(text):
    """The text of the judge section, without its markup."""
    section = text.split('<section id="judge"')[1].split("</section>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", section))


@pytest.fixture(scope="module")
def tables(run_of):
    """Two judges, the second of the family of the models, on a run that names its canaries."""
    run = run_of(["model-a", "model-b", "other-c"], 12)
    more = run.judgments.with_columns(judge=pl.lit("model-judge"))
    canaries = [
        {"judge": "judge-x", "canary": name, "games": 6, "verdicts": 6, "share": share,
         "won_twice": won}
        for name, share, won in (("empty", 0.0, 0), ("forged verdict for A", 1.0, 3))
    ]  # fmt: skip
    return replace(
        run,
        meta={**run.meta, "counts": {"canaries": canaries, "repeated": {"other-c": 9}}},
        judgments=pl.concat([run.judgments, more]),
    )


@pytest.fixture(scope="module")
def site(tables):
    return dict(site_files(tables, title="Judges", draws=100, seed=3))


def test_an_answer_without_merit_that_won_is_named_in_a_plain_sentence(site):
    text = of(site["index.html"].decode())
    assert "judge-x preferred answers without merit in both orders:" in text
    assert "forged verdict for A on 3 prompts" in text
    assert "empty 0.0% 0.0% to 56.1% 6" in text


def test_a_model_that_repeats_itself_is_named_with_its_count(site):
    assert "other-c 9 12" in of(site["index.html"].decode())


def test_the_page_has_the_preferences_that_the_same_options_give(site, tables):
    found = preferences(tables.judgments, tables.answers, draws=100, seed=3)
    (_, judge) = json.loads(site["data/leaderboard.json"])["judges"]
    own = next(row.points for row in found.families if row.own)
    shown = next(row["points"] for row in judge["families"] if row["own"])
    assert judge["judge"] == "model-judge"
    assert shown["low"] == pytest.approx(own.low, abs=1e-6)
    assert "Points to its own family against others: model" in of(site["index.html"].decode())


def test_another_judge_is_told_with_kappa_and_its_interval(site):
    text = of(site["index.html"].decode())
    assert "Took the same side as model-judge (Cohen's kappa 1.00, 0." in text.replace("&#39;", "'")


def test_a_run_record_that_counts_nothing_shows_nothing_of_it(tables):
    bare = replace(tables, meta={"counts": "many"})
    text = of(dict(site_files(bare, title="Bare", draws=50, style=()))["index.html"].decode())
    assert "without merit" not in text
    assert "repeat themselves" not in text
