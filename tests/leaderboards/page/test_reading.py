"""What a reader does with the page, in a real browser."""

import csv
import io
import json
from dataclasses import replace

import polars as pl
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
ROWS = "#table tbody tr:visible"


def models(page):
    return page.locator(f"{ROWS} th bdi").all_inner_texts()


def scores(page):
    return [float(text) for text in page.locator(f"{ROWS} td.c-score").all_inner_texts()]


def test_the_page_opens_from_a_disk_with_the_verdict_on_top(visit, twelve):
    page = visit(twelve)
    expect(page.locator(".verdict")).to_contain_text("leads")
    expect(page.locator(".verdict")).to_contain_text("judge-x keeps its verdict on")
    expect(page.locator(".top .note")).to_have_text("Made-up data.")
    assert len(models(page)) == 12


def test_the_page_opens_battles_from_a_plain_web_server(visit, twelve, serve):
    page = visit(f"{serve(twelve)}/index.html", "#battle=q00/model-a/model-c")
    expect(page.locator("#battle-title")).to_contain_text("model-a against model-c")


def test_a_click_on_a_head_sorts_and_a_second_one_turns_round(visit, twelve):
    page = visit(twelve)
    page.get_by_role("button", name="Score").click()
    assert scores(page) == sorted(scores(page), reverse=True)
    page.get_by_role("button", name="Score").click()
    assert scores(page) == sorted(scores(page))
    assert page.locator("th[aria-sort]").all_inner_texts() == ["Score"]


def test_the_keyboard_sorts_too(visit, twelve):
    page = visit(twelve)
    page.get_by_role("button", name="Model", exact=True).focus()
    page.keyboard.press("Enter")
    assert models(page)[1:] == sorted(models(page)[1:])
    assert page.url.endswith("#sort=model")


def test_a_question_mark_shows_the_keys(visit, twelve):
    page = visit(twelve)
    page.keyboard.press("?")
    assert page.evaluate("document.activeElement.textContent").startswith("Keys: ?")
    page.get_by_placeholder("Find a model").press("?")
    assert page.get_by_placeholder("Find a model").input_value() == "?"


def test_the_style_switch_shows_both_scores_and_its_link_brings_it_back(visit, publish, run_of):
    tables = run_of(["model-a", "model-b", "model-c", "model-l"], 60)
    free = tables.answers.with_columns(tokens=pl.int_range(pl.len()) * 37 % 101)
    site = publish(replace(tables, answers=free), style=("length",))
    page = visit(site)
    plain = page.locator("td.c-score").all_inner_texts()
    page.get_by_role("switch", name="Style control").click()
    controlled = page.locator("td.c-score").all_inner_texts()
    assert sorted(controlled) != sorted(plain)
    assert page.locator(f"{ROWS} .other").count() == 4
    again = visit(site, "#style=1")
    assert again.locator("td.c-score").all_inner_texts() == controlled
    expect(again.get_by_role("switch")).to_have_attribute("aria-checked", "true")


def test_a_category_changes_the_scores_and_stands_in_the_address(visit, twelve):
    page = visit(twelve)
    before = scores(page)
    page.get_by_label("Category").first.select_option("maths")
    assert scores(page) != before
    assert "cat=maths" in page.url
    expect(page.locator("#status")).to_contain_text("category maths")


def test_search_narrows_the_table_and_says_how_far(visit, twelve):
    page = visit(twelve)
    page.get_by_label("Find a model").fill("model-c")
    assert models(page) == ["model-c"]
    expect(page.locator("#status")).to_contain_text("1 model shown")


def test_columns_can_be_put_away(visit, twelve):
    page = visit(twelve)
    page.get_by_text("Columns").click()
    page.get_by_role("checkbox", name="Games").uncheck()
    expect(page.locator("td.c-games").first).to_be_hidden()
    assert "cols=" in page.url


def test_a_permalink_opens_a_battle_with_both_orders_and_the_judges_words(visit, twelve):
    page = visit(twelve, "#battle=q03/model-a/model-d")
    expect(page.locator("#battle-title")).to_contain_text("model-a against model-d")
    assert page.locator("#battle .turn").all_inner_texts() == ["Question q03?", "And then?"]
    expect(page.locator("#battle .game")).to_have_count(2)
    expect(page.locator("#battle .earlier .raw").first).to_have_text("First, model-a said hello.")
    expect(page.locator("#battle .words").first).to_have_text("I looked at both answers to q03.")
    expect(page.locator("#battle .answer strong").first).to_have_text("answer")


def test_raw_text_shows_what_the_judge_saw(visit, twelve):
    page = visit(twelve, "#battle=q03/model-a/model-d")
    page.get_by_role("button", name="Raw text").click()
    expect(page.locator("#battle .answer.raw").first).to_contain_text("The **answer** to q03")


def test_next_and_previous_walk_through_the_battles_and_back_returns(visit, twelve):
    page = visit(twelve, "#battle=q03/model-a/model-d")
    title = page.locator("#battle-title")
    expect(title).to_contain_text("against model-d")
    first = title.inner_text()
    page.get_by_role("button", name="Next").click()
    expect(title).not_to_have_text(first)
    page.keyboard.press("k")
    expect(title).to_have_text(first)
    page.go_back()
    expect(title).not_to_have_text(first)


def test_the_flipped_filter_shows_only_battles_whose_winner_hangs_on_the_order(visit, twelve):
    page = visit(twelve, "#order=flipped")
    expect(page.locator(".battle-row").first).to_be_visible()
    said = page.locator(".battle-row .how").all_inner_texts()
    assert set(said) <= {"winner flipped", "verdict missing"}
    page.locator(".battle-row").first.click()
    expect(page.locator(".order-mark")).to_contain_text("order flipped the winner")


def test_filters_narrow_by_pair_outcome_and_words(visit, twelve):
    page = visit(twelve, "#pair=model-a,model-b")
    expect(page.locator("#battle-status")).to_have_text("12 battles of 132.")
    page.get_by_label("Prompt", exact=True).fill("q05")
    expect(page.locator("#battle-status")).to_have_text("1 battle of 132.")
    page.get_by_label("Prompt", exact=True).fill("")
    page.get_by_label("Outcome").select_option("failed")
    expect(page.locator("#battle-status")).not_to_have_text("12 battles of 132.")


def test_an_unknown_battle_is_announced_and_nothing_breaks(visit, twelve):
    page = visit(twelve, "#battle=../../etc/model-a/model-b")
    expect(page.locator("#battle-status")).to_have_text("There is no such battle on this page.")


def test_the_view_downloads_as_csv_in_its_order(visit, twelve):
    page = visit(twelve, "#sort=score&q=model-")
    page.get_by_text("Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="This view as CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert [row["model"] for row in rows] == models(page)
    assert [float(row["score"]) for row in rows] == scores(page)


def test_the_view_downloads_as_json_and_as_pictures(visit, twelve):
    page = visit(twelve)
    got = {}
    for kind in ("JSON", "SVG", "PNG"):
        page.get_by_text("Export").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=f"as {kind}").first.click()
        got[kind] = download.value.path().read_bytes()
    assert len(json.loads(got["JSON"])) == 12
    assert got["SVG"].startswith(b"<svg")
    assert got["PNG"].startswith(b"\x89PNG")


def saved(page, name):
    """What the button of a picture downloads."""
    with page.expect_download() as download:
        page.locator(f"[data-save='{name}']").click()
    assert download.value.suggested_filename == name
    return download.value.path().read_bytes()


def test_every_chart_downloads_as_svg_and_as_png(visit, twelve):
    page = visit(twelve)
    names = page.locator("[data-save]").evaluate_all("(all) => all.map((one) => one.dataset.save)")
    charts = ("categories", "win-rates", "cost", "selection")
    assert names == [f"{chart}.{kind}" for chart in charts for kind in ("svg", "png")]
    for name in names:
        assert saved(page, name).startswith(b"<svg" if name.endswith("svg") else b"\x89PNG")


def test_a_saved_chart_shows_what_the_page_shows(visit, twelve):
    page = visit(twelve)
    cells = page.locator("#categories td").all_inner_texts()
    picture = saved(page, "categories.svg").decode()
    assert all(f">{text}</text>" in picture for text in cells)
    assert saved(page, "cost.svg").count(b"<circle") == page.locator("#cost circle").count() > 0


def test_without_javascript_the_ranking_and_the_audit_can_be_read(visit, twelve):
    page = visit(twelve, java_script_enabled=False)
    assert len(models(page)) == 12
    expect(page.get_by_text("Pairs with the same verdict in both orders")).to_be_visible()
    expect(page.get_by_role("link", name="data/leaderboard.json")).to_be_visible()
    expect(page.get_by_label("Find a model")).to_be_hidden()


def test_dark_comes_from_the_system_and_from_the_button(visit, twelve):
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = visit(twelve)
    dark = visit(twelve, color_scheme="dark")
    assert light.evaluate(ground) != dark.evaluate(ground)
    light.get_by_role("button", name="Switch between light and dark").click()
    assert light.evaluate(ground) == dark.evaluate(ground)


def test_forced_colours_keep_the_bars_visible(visit, twelve):
    page = visit(twelve, forced_colors="active")
    stroke = page.locator(".bar .span").first.evaluate("node => getComputedStyle(node).stroke")
    assert stroke not in ("none", "rgb(255, 255, 255)")


def test_the_page_prints(visit, twelve):
    page = visit(twelve)
    assert page.pdf().startswith(b"%PDF")
    page.emulate_media(media="print")
    expect(page.get_by_label("Find a model")).to_be_hidden()
    assert len(models(page)) == 12


@pytest.mark.parametrize("width", [320, 390, 768, 1440])
def test_the_page_never_scrolls_sideways(visit, twelve, width):
    page = visit(twelve, "#battle=q03/model-a/model-d", viewport={"width": width, "height": 800})
    expect(page.locator("#battle-title")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") == width


def test_a_single_file_holds_a_sample_of_the_battles(visit, publish, run_of):
    site = publish(run_of(["a", "b", "c"], 8), single_file=6, style=())
    assert sorted(file.name for file in site.iterdir()) == ["SHA256SUMS", "index.html"]
    page = visit(site, "#order=")
    page.locator("#battles").scroll_into_view_if_needed()
    expect(page.locator("#battles .lede")).to_contain_text("6 of 16 battles are included")
    page.locator(".battle-row").first.click()
    expect(page.locator("#battle .game")).to_have_count(2)


def test_many_models_get_a_matrix_that_the_arrow_keys_move_in(visit, many):
    page = visit(many)
    page.locator("#matrix").scroll_into_view_if_needed()
    page.locator("#matrix").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#matrix-text")).to_contain_text("takes")
    assert saved(page, "matrix.svg").count(b"<text") == 25
    page.locator("#matrix").press("Enter")
    expect(page.locator("#battle-status")).to_have_text("4 battles of 92.")


def test_a_long_table_is_folded_until_asked_and_whole_in_print(visit, publish, run_of):
    site = publish(run_of([f"m{number:02d}" for number in range(28)], 2), style=())
    page = visit(site)
    assert len(models(page)) == 25
    page.emulate_media(media="print")
    assert len(models(page)) == 28
    page.emulate_media(media="screen")
    page.get_by_role("button", name="Show all 28 models").click()
    assert len(models(page)) == 28


def test_an_embedded_table_follows_its_address(visit, twelve):
    page = visit((twelve / "embed.html").as_uri(), "#top=3&theme=dark&cat=coding")
    assert page.locator("tbody tr:visible").count() == 3
    assert page.evaluate("() => document.documentElement.className") == "js dark"


def test_the_style_switch_says_where_nothing_can_be_told(visit, twelve):
    page = visit(twelve, "#style=1")
    expect(page.locator("#style-unknown")).to_be_visible()
    expect(page.locator("#style-unknown")).to_contain_text("Nothing can be told here.")
    page.get_by_role("switch", name="Style control").click()
    expect(page.locator("#style-unknown")).to_be_hidden()
    assert set(page.locator(f"{ROWS} td.c-style").all_inner_texts()) == {"–"}


def test_a_battle_shows_elements_only_and_no_stray_words(visit, twelve):
    page = visit(twelve, "#order=steady")
    page.locator(".battle-row").first.click()
    expect(page.locator("#battle")).to_be_visible()
    stray = "(battle) => [...battle.childNodes].filter((node) => node.nodeType === 3).length"
    assert page.locator("#battle").evaluate(stray) == 0
