"""Counting the style of an answer."""

import pytest

from judges.style import StyleCounts, count_style, count_word_pieces, token_counter


def elements(text):
    counts = count_style(text)
    return counts.headers, counts.lists, counts.bold


def test_headers_list_items_and_bold_spans_are_counted():
    text = "# One\n\n- a **b**\n- c\n  1. d\n\n## Two __e__\n\n3) f\n"
    assert elements(text) == (2, 4, 2)


def test_marks_inside_a_fence_do_not_count():
    assert elements("# a\n```md\n# b\n- c\n**d**\n```\n- e") == (1, 1, 0)


def test_an_inner_fence_does_not_end_a_longer_outer_one():
    assert elements("````\n```\n# in\n```\n# still in\n````\n# out") == (1, 0, 0)


def test_an_empty_fence_hides_nothing_after_it():
    assert elements("```\n```\n# a\n- **b**") == (1, 1, 1)


def test_a_fence_never_closed_hides_the_rest():
    assert elements("# a\n~~~\n# b\n```\n# c") == (1, 0, 0)


def test_bold_in_inline_code_does_not_count():
    assert elements("`**a**` and ***b***") == (0, 0, 1)


@pytest.mark.parametrize("text", ["#hash", "a * b * c", "** not bold **", "1.5 apples", "-5"])
def test_marks_that_are_not_markdown_do_not_count(text):
    assert elements(text) == (0, 0, 0)


def test_an_empty_text_has_no_style():
    assert count_style("") == StyleCounts(tokens=0, headers=0, lists=0, bold=0)


def test_word_pieces_are_letters_by_ten_digits_by_three_and_marks_by_two():
    assert count_word_pieces("internationalization 12345 ... привет _") == 2 + 2 + 2 + 3 + 1


def test_without_its_table_at_hand_tiktoken_is_not_asked(monkeypatch, tmp_path):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    token_counter.cache_clear()
    assert token_counter().name == "word-pieces"
    token_counter.cache_clear()
