import fcntl
import subprocess
import sys

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


def test_what_a_killed_writer_left_is_taken_away_by_the_next(tmp_path):
    script = "import os, sys; from pathlib import Path; from unittest.mock import patch\n"
    script += "from llms.files import write_whole\n"
    script += "with patch('os.fsync', lambda _: os.kill(os.getpid(), 9)):\n"
    script += "    write_whole(Path(sys.argv[1]), 'half')\n"
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.txt")], check=False)
    assert [file.suffix for file in tmp_path.iterdir()] == [".unfinished"]
    write_whole(tmp_path / "a.txt", "whole")
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_the_file_of_a_living_writer_is_left_alone(tmp_path):
    with (tmp_path / ".a.txt.x7.unfinished").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        write_whole(tmp_path / "a.txt", "mine")
        assert sorted(file.name for file in tmp_path.iterdir()) == [
            ".a.txt.x7.unfinished",
            "a.txt",
        ]
