import pytest

from llms.errors import UserError
from llms.files import digest, read_jsonl, write_jsonl, write_whole


def test_equal_values_have_equal_digests_whatever_the_order_of_their_keys():
    assert digest({"a": 1, "b": "ü"}) == digest({"b": "ü", "a": 1})
    assert digest(["1"]) != digest([1])


def test_what_is_written_is_read_back_with_line_numbers(tmp_path):
    rows = [{"text": "a\u2028b"}, {"text": "後"}]
    write_jsonl(tmp_path / "new" / "rows.jsonl", rows)
    assert list(read_jsonl(tmp_path / "new" / "rows.jsonl")) == list(enumerate(rows, start=1))


@pytest.mark.parametrize("line", ["{", "[1]", "<<<<<<< HEAD", "null"])
def test_a_broken_line_is_named_by_file_and_number(tmp_path, line):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"a": 1}\n\n' + line + "\n")
    with pytest.raises(UserError, match=r"rows\.jsonl, line 3"):
        list(read_jsonl(file))


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    file = tmp_path / "whole.txt"
    write_whole(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "\ud800")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_path_through_a_file_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write .*file/x"):
        write_whole(tmp_path / "file" / "x", "content")
