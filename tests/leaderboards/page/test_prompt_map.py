"""The map of a benchmark's prompts: what became of each, read with eyes, keys and links."""

import polars as pl
import pytest
from playwright.sync_api import expect

from leaderboards.page import prompts as drawing
from leaderboards.page.prompts import prompts_page


def prompts(count=30):
    return pl.DataFrame(
        {
            "prompt_id": [f"id{n}" for n in range(count)],
            "turns": [[f"Question number {n}?"] for n in range(count)],
            "language": ["en", "de"] * (count // 2),
            "topic": [("baking", "physics", None)[n % 3] for n in range(count)],
            "x": [float(n % 7) for n in range(count)],
            "y": [float(n % 5) for n in range(count)],
            "score": [n % 8 for n in range(count)],
            "kept": [n % 8 > 5 for n in range(count)],
            "reason": [None if n % 8 > 5 else "low_score" for n in range(count)],
        }
    )


CARD = {"name": "Kitchen", "licence": "CC0-1.0", "funnel": {"read": 30, "low_score": 24, "kept": 6}}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "prompts.html"
    path.write_bytes(prompts_page(prompts(), CARD))
    return path.as_uri()


def test_the_page_says_how_many_came_in_and_how_many_stayed():
    page = prompts_page(prompts(), CARD).decode()
    assert "30 prompts came in; 6 of them make the benchmark." in page
    assert '<h1 dir="auto">Kitchen</h1>' in page
    assert "CC0-1.0" in page


def test_the_same_prompts_give_the_same_bytes():
    assert prompts_page(prompts(), CARD) == prompts_page(prompts(), CARD)


def test_a_large_map_shows_a_sample_of_what_was_dropped(monkeypatch):
    monkeypatch.setattr(drawing, "MAP_POINTS", 20)
    assert "The map shows 20 of 30 prompts." in prompts_page(prompts(), {}).decode()


@pytest.mark.browser
def test_the_arrow_keys_read_prompts_from_the_map(visit, file):
    page = visit(file)
    expect(page.locator("html")).to_have_attribute("data-ready", "1")
    page.locator("#map-canvas").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#map-prompt p").first).to_contain_text("Question number")
    first = page.locator("#map-prompt p").first.inner_text()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#map-prompt p").first).not_to_have_text(first)


@pytest.mark.browser
def test_a_link_names_a_prompt_and_the_page_shows_it(visit, file):
    page = visit(file, "#id7")
    expect(page.locator("#map-prompt")).to_contain_text("Question number 7?")
    expect(page.locator("#map-prompt")).to_contain_text("in the benchmark")


@pytest.mark.browser
def test_the_topics_sort_by_their_heads(visit, file):
    page = visit(file)
    page.get_by_role("button", name="Kept").click()
    kept = [int(text) for text in page.locator("#topic-table td:nth-child(3)").all_inner_texts()]
    assert kept == sorted(kept, reverse=True)


@pytest.mark.browser
def test_the_map_and_the_histograms_download_as_pictures(visit, file):
    page = visit(file)
    expect(page.locator("html")).to_have_attribute("data-ready", "1")
    got = {}
    for name in ("map.svg", "map.png", "length.svg"):
        with page.expect_download() as download:
            page.locator(f"[data-save='{name}']").click()
        got[name] = download.value.path().read_bytes()
    assert got["map.svg"].count(b"<circle") == 30
    assert b">baking</text>" in got["map.svg"]
    assert got["map.png"].startswith(b"\x89PNG")
    assert b">under 100</text>" in got["length.svg"]
