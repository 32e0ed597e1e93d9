"""Reading logs of every kind."""

import gzip
import json
import sys
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from benchbuilder.sources import find_sources, read_prompts
from llms.errors import UserError
from tests.benchbuilder.made_up import write_log

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SAID = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "no"}]
TWO = [*SAID, {"role": "user", "content": [{"type": "text", "text": "two"}]}]


def read(*paths, **options):
    return read_prompts(find_sources(paths), **options)


@pytest.mark.parametrize(
    ("row", "turns"),
    [
        ({"turns": ["one", "two"]}, ["one", "two"]),
        ({"turns": [{"content": "one"}], "cluster": "x"}, ["one"]),
        ({"conversation": TWO, "model": "m"}, ["one", "two"]),
        ({"conversation_a": TWO, "conversation_b": SAID, "winner": "tie"}, ["one", "two"]),
        (
            {"conversations": [{"from": "human", "value": "one"}, {"from": "gpt", "value": "x"}]},
            ["one"],
        ),
        ({"messages": [{"role": "system", "content": "s"}, *TWO]}, ["one", "two"]),
        ({"prompt": "one", "uid": "u"}, ["one"]),
        ({"prompt": TWO}, ["one", "two"]),
        ({"instruction": "one", "input": "two"}, ["one\n\ntwo"]),
        ({"question": "one"}, ["one"]),
    ],
)
def test_a_row_is_recognised_by_its_columns(tmp_path, row, turns):
    log = write_log(tmp_path / "log.jsonl", [row])
    assert read(log).prompts["turns"].to_list() == [turns]


def test_compressed_files_folders_and_globs_are_read(tmp_path):
    line = json.dumps({"prompt": "packed"}).encode() + b"\n"
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line))
    (tmp_path / "b.jsonl.zst").write_bytes(zstd.compress(line))
    pl.DataFrame({"prompt": ["plain"]}).write_parquet(tmp_path / "c.parquet")
    (tmp_path / "d.tsv").write_text("prompt\tid\ntabbed\t7\n")
    assert set(read(tmp_path).prompts["source"]) == {
        *("a.jsonl.gz", "b.jsonl.zst", "c.parquet", "d.tsv")
    }
    assert read(tmp_path / "*.gz").prompts.height == 1


@pytest.mark.parametrize("text", ['[{"prompt": "a"}]', '{"prompt":\n"a"}', '{"prompt": "a"}\n' * 2])
def test_a_json_file_may_hold_a_list_one_object_or_lines(tmp_path, text):
    (tmp_path / "log.json").write_text(text)
    assert set(read(tmp_path / "log.json").prompts["turns"].to_list()[0]) == {"a"}


def test_bad_rows_are_listed_with_file_line_and_reason(tmp_path):
    log = tmp_path / "log.jsonl"
    good = "".join(json.dumps({"prompt": f"prompt {n}"}) + "\n" for n in range(98))
    log.write_text(good + "{broken\n" + '{"answer": 3}\n')
    rejected = read(log).rejected
    assert [(row.file, row.line) for row in rejected] == [("log.jsonl", 99), ("log.jsonl", 100)]
    assert "answer" in rejected[1].reason


def test_more_than_one_bad_row_in_twenty_stops_unless_told_otherwise(tmp_path):
    log = write_log(tmp_path / "log.jsonl", [{"prompt": "a"}] * 9 + [{"x": 1}])
    with pytest.raises(UserError, match="1 of 10 rows"):
        read(log)
    assert read(log, max_bad=0.2).prompts.height == 9


def test_a_told_format_is_used_and_a_wrong_name_gets_a_hint(tmp_path):
    log = write_log(tmp_path / "log.jsonl", [{"prompt": "p", "turns": ["t"]}])
    assert read(log, form="prompt").prompts["turns"].to_list() == [["p"]]
    with pytest.raises(UserError, match="did you mean 'sharegpt'"):
        read(log, form="shargpt")


def test_half_a_surrogate_pair_does_not_stop_the_reading(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"prompt": "half \\ud83d of it"}\n')
    assert read(log).prompts["turns"].to_list() == [["half \ufffd of it"]]


@pytest.mark.skipif(find_spec("datasets") is not None, reason="the hf extra is installed")
def test_a_hub_name_without_its_extra_says_what_to_install():
    with pytest.raises(UserError, match=r"benchbuilder\[hf\]"):
        read(Path("hf:nobody/nothing"))


def test_a_damaged_archive_is_one_clear_error(tmp_path):
    packed = zstd.compress(b'{"prompt": "why is the sky blue?"}\n' * 99)
    (tmp_path / "cut.jsonl.zst").write_bytes(packed[:-9] + b"damage!!!")
    with pytest.raises(UserError, match=r"cannot read .*cut\.jsonl\.zst"):
        read_prompts(find_sources([tmp_path / "cut.jsonl.zst"]))
