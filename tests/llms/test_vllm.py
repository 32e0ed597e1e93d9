import json
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
