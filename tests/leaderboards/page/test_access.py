"""The pages can be used by everyone: no violation that axe knows, light and dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def violations(page, part=None):
    found = Axe().run(page, part).response["violations"]
    return [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_violation_with_a_battle_open(visit, twelve, scheme):
    page = visit(twelve, "#battle=q03/model-a/model-d", color_scheme=scheme)
    expect(page.locator("#battle-title")).to_be_visible()
    assert violations(page) == []


def test_the_page_has_no_violation_on_a_phone(visit, twelve):
    assert violations(visit(twelve, viewport={"width": 390, "height": 800})) == []


def test_the_map_of_prompts_has_no_violation(visit, publish, run_of):
    tables = run_of(["a", "b"], 9)
    table = tables.prompts.with_row_index("x").with_columns(
        y=tables.prompts["prompt_id"].str.len_chars(), kept=True
    )
    page = visit((publish(tables, prompts=table, style=()) / "prompts.html").as_uri())
    expect(page.locator("html")).to_have_attribute("data-ready", "1")
    assert violations(page) == []


def test_many_models_and_their_matrix_have_no_violation(visit, many):
    page = visit(many)
    page.locator("#matrix").scroll_into_view_if_needed()
    assert violations(page, "#win-rates") == []


def test_the_battle_heading_takes_the_focus_and_escape_closes(visit, twelve):
    page = visit(twelve, "#battle=q03/model-a/model-d")
    expect(page.locator("#battle-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#battle")).to_be_hidden()
