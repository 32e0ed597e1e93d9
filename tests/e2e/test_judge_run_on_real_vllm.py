"""A judge run on a real OpenAI-compatible server: vLLM on the CPU, with random weights.

The verdicts are forced into their form by structured output; what they say means nothing.
"""

from pathlib import Path

import pytest

from benchbuilder.records import read_benchmark, write_benchmark
from judges.run import RunConfig, run
from judges.runs import read_run
from llms.progress import Silent
from llms.records import ModelSpec
from llms.store import ResponseStore

QUESTIONS = Path(__file__).parents[2].parent / "shared/data/arena_hard/questions_v0.1.jsonl"
NOTE = "The models and the judge have random weights: the verdicts mean nothing."
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.real,
    pytest.mark.skipif(not QUESTIONS.exists(), reason=f"needs the public data in {QUESTIONS}"),
]


def spec(url, name, **params):
    return ModelSpec(kind="http", address=url, model="tiny", name=name, params=params)


@pytest.fixture(scope="module")
def finished_run(tiny_vllm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    items = sorted(read_benchmark(QUESTIONS), key=lambda item: len(item.turns[0]))[:20]
    write_benchmark(folder / "benchmark.jsonl", items)
    config = RunConfig(
        models=(
            spec(tiny_vllm, "random-warm", min_tokens=24, max_tokens=24, temperature=1.0),
            spec(tiny_vllm, "random-hot", min_tokens=24, max_tokens=24, temperature=1.5),
        ),
        judges=(spec(tiny_vllm, "random-judge", max_tokens=40),),
        baseline="random-warm",
        protocol="verdict-only",
        structured=True,
        keep_truncated=True,
        note=NOTE,
    )
    with ResponseStore(folder / "store.sqlite") as store:
        report = run(folder, out=folder / "out", config=config, store=store, progress=Silent())
    return report, read_run(folder / "out")


def test_every_game_has_a_verdict_in_form(finished_run):
    report, tables = finished_run
    assert (report.answers, report.games, report.owed) == (40, 40, 0)
    assert set(tables.judgments["text"].str.json_path_match("$.verdict")) == set(
        tables.judgments["verdict"]
    )


def test_the_record_says_that_the_weights_are_random(finished_run):
    _, tables = finished_run
    assert tables.meta["note"] == NOTE


def test_the_two_models_gave_answers_of_their_own(finished_run):
    _, tables = finished_run
    texts = tables.answers.pivot("model", index="prompt_id", values="text")
    assert (texts["random-warm"] != texts["random-hot"]).all()
