import json
from math import exp
from pathlib import Path

import pytest

from llms.complete import ask
from llms.records import ModelSpec, Reply, Request
from llms.store import ResponseStore

pytestmark = pytest.mark.vllm
VERDICT = {
    "type": "json_schema",
    "json_schema": {
        "name": "verdict",
        "schema": {
            "type": "object",
            "properties": {"verdict": {"enum": ["A", "B"]}},
            "required": ["verdict"],
            "additionalProperties": False,
        },
    },
}


@pytest.fixture
def store(tmp_path: Path):
    with ResponseStore(tmp_path / "responses.sqlite") as store:
        yield store


def questions(url: str, count: int, **params) -> list[Request]:
    spec = ModelSpec(kind="http", model="tiny", name="tiny", address=url)
    return [
        Request(
            spec=spec,
            messages=[{"role": "user", "content": f"question {number}"}],
            params={"max_tokens": 8, **params},
        )
        for number in range(count)
    ]


def test_a_real_server_answers_every_request(tiny_vllm, store):
    replies = ask(questions(tiny_vllm, 50), store=store)
    assert all(isinstance(r, Reply) and r.usage.output for r in replies)


def test_verdicts_are_forced_into_the_schema(tiny_vllm, store):
    replies = ask(questions(tiny_vllm, 50, response_format=VERDICT, max_tokens=64), store=store)
    assert {json.loads(reply.text)["verdict"] for reply in replies} <= {"A", "B"}


def test_log_probabilities_of_a_choice_add_up_to_one(tiny_vllm, store):
    choice = {"structured_outputs": {"choice": ["A", "B"]}, "logprobs": True, "top_logprobs": 5}
    replies = ask(questions(tiny_vllm, 20, **choice), store=store)
    for reply in replies:
        first = {top["token"]: exp(top["logprob"]) for top in reply.logprobs[0]["top_logprobs"]}
        assert first.keys() >= {"A", "B"}
        assert first["A"] + first["B"] == pytest.approx(1, abs=1e-3)
