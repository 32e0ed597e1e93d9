"""Battles of models that answered each prompt several times, as readers open them."""

from dataclasses import replace

import polars as pl
import pytest
from playwright.sync_api import expect

from leaderboards.page.battles import battle_table, games_table, win_rates

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def twice(run_of):
    first, second = run_of(["a", "b"], 3), run_of(["a", "b"], 3, seed=1)
    later = second.answers.with_columns(pl.lit("another").alias("text"), sample=pl.lit(1, pl.Int64))
    again = second.judgments.with_columns(sample=pl.lit(1, pl.Int64))
    return replace(
        first,
        answers=pl.concat([first.answers.with_columns(sample=pl.lit(0, pl.Int64)), later]),
        judgments=pl.concat([first.judgments.with_columns(sample=pl.lit(0, pl.Int64)), again]),
    )


@pytest.fixture(scope="module")
def site(twice, publish):
    return publish(twice)


def test_a_link_names_the_sample_and_opens_its_answers_and_games(visit, site):
    page = visit(site, "#battle=q01/a/b/1")
    expect(page.locator("#battle-title")).to_contain_text("a against b")
    expect(page.locator("#battle .answer").first).to_have_text("another")
    expect(page.locator("#battle .game")).to_have_count(2)
    expect(page.locator("#battle")).to_contain_text("prompt q01 · sample 1")


def test_a_link_without_a_sample_opens_the_first(visit, site):
    page = visit(site, "#battle=q01/a/b")
    expect(page.locator("#battle .answer strong").first).to_have_text("answer")
    expect(page.locator("#battle")).to_contain_text("sample 0")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#battle .answer").first).to_have_text("another")
    assert page.url.endswith("#battle=q01/a/b/1")


def test_a_single_file_carries_the_samples_too(visit, twice, publish):
    page = visit(publish(twice, single_file=6), "#battle=q02/a/b/1")
    expect(page.locator("#battle .answer").first).to_have_text("another")


def test_a_pair_met_on_as_many_prompts_however_many_samples_there_are(twice):
    rates = win_rates(battle_table(games_table(twice, ["a", "b"])))
    assert rates["prompts"].to_list() == [3]
