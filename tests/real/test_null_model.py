from pathlib import Path

import pytest

from judges.repetition import largest_group
from llms.files import read_jsonl

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.exists(), reason=f"needs the public data in {DATA}"),
]


def test_the_null_model_that_deceived_a_published_judge_repeats_itself_805_times():
    rows = [row for _, row in read_jsonl(DATA / "attacks" / "null_model.jsonl")]
    prompts = [str(number) for number in range(len(rows))]
    assert largest_group([row["answer"] for row in rows], prompts) == len(rows) == 805


def test_the_answers_of_an_honest_model_to_the_same_prompts_differ():
    rows = [row for _, row in read_jsonl(DATA / "attacks" / "null_model.jsonl")]
    prompts = [str(number) for number in range(len(rows))]
    assert largest_group([row["baseline_answer"] for row in rows], prompts) <= 2
