from pathlib import Path

import pytest

from judges.asking import live
from judges.labelled import (
    FIRST,
    SECOND,
    accuracy,
    judge_pairs,
    read_pairs,
    recorded_verdicts,
    verdicts_on,
)
from judges.protocols import protocol
from judges.thoughts import THINK_TAGS
from llms.budget import Budget
from llms.files import write_jsonl
from llms.progress import Silent
from llms.specs import parse_spec
from llms.store import ResponseStore

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "judgebench"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.exists(), reason=f"needs the public data in {DATA}"),
]


@pytest.fixture(scope="module")
def pairs():
    return read_pairs(DATA / "judged_o1-mini.jsonl")


def test_recorded_replies_give_the_published_accuracies(pairs):
    whole, *by_source = accuracy(pairs, recorded_verdicts(pairs))
    assert whole.as_given == pytest.approx(0.709, abs=0.0005)
    assert whole.swapped == pytest.approx(0.746, abs=0.0005)
    assert whole.combined == pytest.approx(0.6571, abs=0.00005)
    assert sum(part.pairs for part in by_source) == whole.pairs == 350


def test_a_judge_asked_through_the_store_gives_the_same(pairs, tmp_path):
    rows = [
        {"prompt_id": p.id, "judge": "o1-mini", "model_a": a, "model_b": b, "text": text}
        for p in pairs
        for (a, b), text in zip([(FIRST, SECOND), (SECOND, FIRST)], p.recorded, strict=True)
    ]
    write_jsonl(tmp_path / "judgments.jsonl", rows)
    with ResponseStore(tmp_path / "store.sqlite") as store:
        judgments = judge_pairs(
            pairs,
            judge=parse_spec(f"recorded:{tmp_path}#o1-mini"),
            protocol=protocol("pairwise"),
            think_tags=THINK_TAGS,
            ask=live(store, Budget(), Silent()),
            progress=Silent(),
        )
    assert verdicts_on(pairs, judgments) == recorded_verdicts(pairs)


def test_pairs_without_replies_are_read_from_the_published_file_too():
    pairs = read_pairs(DATA / "pairs_gpt-4o.jsonl")
    assert {pair.label for pair in pairs} == {"A>B", "B>A"}
