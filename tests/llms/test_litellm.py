import json
import sys
from dataclasses import replace
from math import exp

import pytest

from llms.complete import ask
from llms.embeddings import embed_texts
from llms.errors import UserError
from llms.records import ModelSpec, Reply, Request
from llms.store import ResponseStore
from tests.llms.fake_server import fake_server
from tests.llms.test_vllm import VERDICT

# Newer versions of litellm build a type at its first use, of which pydantic warns.
pytestmark = pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class:UserWarning")


@pytest.fixture
def store(tmp_path):
    with ResponseStore(tmp_path / "responses.sqlite") as store:
        yield store


@pytest.fixture(scope="session")
def litellm():
    return pytest.importorskip("litellm", reason="needs the extra [litellm]")


def questions(url: str, count: int, **params) -> list[Request]:
    spec = ModelSpec(
        kind="litellm",
        model="hosted_vllm/tiny",
        name="tiny",
        params={"api_base": url, "max_tokens": 16},
    )
    return [
        Request(spec=spec, messages=[{"role": "user", "content": str(number)}], params=params)
        for number in range(count)
    ]


def test_a_missing_extra_is_named(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(UserError, match=r"benchbuilder\[litellm\]"):
        ask(questions("http://nowhere/v1", 1), store=store)


def test_replies_come_through_litellm(litellm, store):
    with fake_server() as server:
        results = ask(questions(server.url, 20), store=store)
    assert [result.text for result in results] == [f"echo {number}" for number in range(20)]


def test_a_missing_key_of_a_provider_is_named(litellm, store, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    spec = ModelSpec(kind="litellm", model="anthropic/claude-3-5-haiku-20241022", name="haiku")
    with pytest.raises(UserError, match="ANTHROPIC_API_KEY"):
        ask([Request(spec=spec, messages=[{"role": "user", "content": "hi"}])], store=store)


@pytest.mark.vllm
def test_real_vllm_answers_through_litellm(litellm, tiny_vllm, store):
    replies = ask(questions(tiny_vllm, 20, response_format=VERDICT, max_tokens=64), store=store)
    assert all(isinstance(reply, Reply) for reply in replies)
    assert {json.loads(reply.text)["verdict"] for reply in replies} <= {"A", "B"}


@pytest.mark.vllm
def test_log_probabilities_of_a_verdict_come_through_litellm(litellm, tiny_vllm, store):
    choice = {"structured_outputs": {"choice": ["A", "B"]}, "logprobs": True, "top_logprobs": 5}
    for reply in ask(questions(tiny_vllm, 5, **choice), store=store):
        first = {top["token"]: exp(top["logprob"]) for top in reply.logprobs[0]["top_logprobs"]}
        assert first["A"] + first["B"] == pytest.approx(1, abs=1e-3)


def test_embeddings_come_through_litellm(litellm, store):
    with fake_server() as server:
        spec = questions(server.url, 1)[0].spec
        ours = embed_texts(["one", "two"], spec=server.spec(), store=store)
        theirs = embed_texts(
            ["one", "two"], spec=replace(spec, params={"api_base": server.url}), store=store
        )
    assert theirs.tolist() == ours.tolist()
