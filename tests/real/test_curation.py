"""Curation on public data: what is read, how fast, and how well topics are found."""

import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from benchbuilder.languages import identify
from benchbuilder.sources import find_sources, read_prompts

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.exists(), reason=f"needs the public data in {DATA}"),
]


def read(name, **options):
    return read_prompts(find_sources([DATA / name]), **options)


def test_conversations_of_lmsys_are_read_with_all_their_user_turns():
    table = read("user_prompts/lmsys_chat_1000.jsonl")
    with (DATA / "user_prompts/lmsys_chat_1000.jsonl").open() as lines:
        rows = sum(1 for line in lines if line.strip())
    assert (table.prompts.height, table.rejected) == (rows, [])
    assert table.prompts["turns"].list.len().max() > 5
    assert set(table.prompts["language"].drop_nulls()) >= {"en"}


def test_russian_prompts_are_read_and_known_as_russian():
    prompts = read("user_prompts/wildchat_hard_ru.json").prompts
    known = Counter(identify("\n\n".join(turns)) for turns in prompts["turns"])
    assert prompts.height == 1077
    assert known["ru"] >= 1070


def test_the_two_broken_lines_of_a_damaged_log_are_named():
    table = read("dirty/malformed_prompts.jsonl")
    assert table.prompts.height == 246
    assert [row.line for row in table.rejected] == [134, 168]


def test_arena_hard_questions_are_read_by_both_of_their_layouts():
    assert read("arena_hard/questions_v0.1.jsonl").prompts.height == 500
    assert read("arena_hard/questions_v2.0.jsonl").prompts.height == 750


def test_twenty_thousand_real_prompts_are_sorted_within_two_gigabytes(tmp_path):
    command = (
        "from benchbuilder.cli import main; "
        f"main(['cluster', '{DATA}/user_prompts/arena_text_webdev.parquet', "
        f"'--out', '{tmp_path}/topics', '--store', '{tmp_path}/store', '--quiet'])"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert usage.ru_utime - before < 90, "seconds of one core, whatever else is running"
    assert usage.ru_maxrss / 1024 < 2_000
    prompts = pl.read_parquet(tmp_path / "topics" / "prompts.parquet")
    assert prompts.height == 19_815
    given = pl.read_parquet(DATA / "user_prompts/arena_text_webdev.parquet")
    kept = prompts.filter(pl.col("kept")).with_columns(prompt=pl.col("turns").list.first())
    both = kept.join(given.unique("prompt"), on="prompt")
    agreement = adjusted_mutual_info_score(both["topic_right"], both["cluster"].fill_null(-1))
    assert agreement > 0.15
    assert np.load(tmp_path / "topics" / "embeddings.npy").shape[0] == kept.height
