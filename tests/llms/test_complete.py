import asyncio
import socket
from pathlib import Path

import pytest
from aiohttp import web

from llms.complete import ask, complete
from llms.errors import UserError
from llms.lanes import Patience
from llms.records import Failure, ModelSpec, Prices, Reply, Request, Usage
from llms.store import ResponseStore
from tests.llms.fake_server import completion, fake_server


@pytest.fixture
def store(tmp_path: Path):
    with ResponseStore(tmp_path / "responses.sqlite") as store:
        yield store


def questions(spec: ModelSpec, *texts: str, **fields) -> list[Request]:
    return [
        Request(spec=spec, messages=[{"role": "user", "content": text}], **fields) for text in texts
    ]


def test_replies_come_back_in_the_order_of_the_requests(store):
    with fake_server() as server:
        results = ask(questions(server.spec(), *map(str, range(300))), store=store)
    assert [result.text for result in results] == [f"echo {i}" for i in range(300)]


def test_a_second_run_takes_every_reply_from_the_store(store):
    with fake_server() as server:
        requests = questions(server.spec(), "a", "b")
        first = ask(requests, store=store)
        second = ask(requests, store=store)
    assert len(server.asked) == 2
    assert [r.text for r in second] == [r.text for r in first]
    assert all(isinstance(r, Reply) and r.from_store for r in second)


def test_equal_requests_are_bought_once(store):
    with fake_server() as server:
        results = ask(questions(server.spec(), *["same"] * 50), store=store)
    assert len(server.asked) == 1
    assert [r.text for r in results] == ["echo same"] * 50


def test_a_reply_that_fails_the_check_is_kept_apart_and_asked_again(store):
    with fake_server() as server:
        requests = questions(server.spec(), "a")
        first = ask(requests, store=store, check=lambda reply: "unreadable")
        second = ask(requests, store=store, check=lambda reply: "unreadable")
    assert isinstance(first[0], Failure)
    assert (first[0].reason, first[0].text) == ("unreadable", "echo a")
    assert second[0].attempts == 2
    assert len(server.asked) == 2


def test_a_query_in_the_address_goes_with_every_request(store):
    with fake_server() as server:
        spec = server.spec(address=f"{server.url}?api-version=7")
        [result] = ask(questions(spec, "a"), store=store)
    assert result.text == "echo a"
    assert server.targets == ["/v1/chat/completions?api-version=7"]


def test_no_request_tells_of_the_machine_it_comes_from(store):
    with fake_server() as server:
        ask(questions(server.spec(), "a"), store=store)
    assert not [name for name in server.headers[0] if name.lower().startswith("x-stainless")]


def test_a_bad_request_is_never_retried(store):
    async def refuse(body):
        return web.json_response({"error": {"message": "unknown field"}}, status=400)

    with fake_server(refuse) as server:
        (result,) = ask(questions(server.spec(), "a"), store=store)
    assert result.reason == "bad_request"
    assert "unknown field" in result.detail
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        (400, "This model's maximum context length is 10 tokens", "context_too_long"),
        (400, "content_filter", "content_filter"),
        (401, "bad key", "auth"),
        (404, "no such model", "not_found"),
        (429, "insufficient_quota", "quota"),
    ],
)
def test_what_cannot_succeed_has_a_reason_of_its_own(store, status, said, reason):
    async def refuse(body):
        return web.json_response({"error": {"message": said}}, status=status)

    with fake_server(refuse) as server:
        (result,) = ask(questions(server.spec(), "a"), store=store)
    assert (result.reason, len(server.asked)) == (reason, 1)


def test_an_overloaded_server_is_asked_again_after_the_time_it_names(store):
    replies = iter([web.Response(status=429, headers={"Retry-After": "0"})])

    async def busy_once(body):
        return next(replies, None) or web.json_response(completion("fine"))

    with fake_server(busy_once) as server:
        (result,) = ask(questions(server.spec(), "a"), store=store)
    assert result.text == "fine"
    assert len(server.asked) == 2


def test_a_server_that_is_not_there_gives_failures_with_its_address(store):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        spec = ModelSpec(kind="http", model="m", name="m", address=address)
        results = ask(questions(spec, *map(str, range(100))), store=store)
    assert {result.reason for result in results} == {"unreachable"}
    assert address in results[-1].detail


def test_a_missing_key_is_named_before_anything_is_sent(store, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with fake_server() as server:
        spec = server.spec(kind="openai")
        with pytest.raises(UserError, match="OPENAI_API_KEY"):
            ask(questions(spec, "a"), store=store)
    assert server.asked == []


def test_a_server_that_takes_no_schema_is_asked_without_one(store):
    async def picky(body):
        if "response_format" in body:
            return web.json_response({"error": "response_format is not supported"}, status=400)
        return web.json_response(completion("fine"))

    with fake_server(picky) as server:
        params = {"response_format": {"type": "json_schema"}}
        results = ask(questions(server.spec(concurrency=1), "a", "b", params=params), store=store)
    assert [result.text for result in results] == ["fine", "fine"]
    assert len(server.asked) == 3


def test_all_that_a_reply_holds_is_kept(store):
    async def rich(body):
        said = completion(
            "answer \ud800",
            reasoning_content="thinking",
            finish_reason="length",
            logprobs={"content": [{"token": "a", "logprob": -1.0}]},
        )
        said["usage"]["completion_tokens_details"] = {"reasoning_tokens": 7}
        said["usage"]["prompt_tokens_details"] = {"cached_tokens": 1}
        return web.json_response(said)

    with fake_server(rich) as server:
        requests = questions(server.spec(prices=Prices(1e6, 1e6)), "a")
        ask(requests, store=store)
        (reply,) = ask(requests, store=store)
    assert (reply.text, reply.reasoning, reply.finish_reason) == (
        "answer \ufffd",
        "thinking",
        "length",
    )
    assert reply.usage == Usage(3, 2, 7, 1)
    assert reply.cost == 5.0
    assert reply.logprobs == [{"token": "a", "logprob": -1.0}]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"text": None, "refusal": "no"}, "refused"),
        ({"text": "half", "finish_reason": "content_filter"}, "content_filter"),
        ({"text": "", "finish_reason": "length"}, "truncated"),
        ({"text": None}, "empty"),
    ],
)
def test_what_is_no_answer_is_a_failure_with_its_reason(store, message, reason):
    async def say(body):
        return web.json_response(completion(**message))

    with fake_server(say) as server:
        quick = Patience(wait_initial=0.01, wait_jitter=0)
        (result,) = ask(questions(server.spec(), "a"), store=store, patience=quick)
    assert isinstance(result, Failure)
    assert result.reason == reason


def test_what_is_sent_is_the_request_overridden_by_the_model(store):
    content = [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "x"}}]
    with fake_server() as server:
        spec = server.spec(system="Be brief.", params={"temperature": 0, "top_k": 5, "seed": 1})
        message = {"role": "user", "content": content}
        params = {"temperature": 1, "max_tokens": 9}
        ask([Request(spec=spec, messages=[message], params=params, sample=2)], store=store)
    (body,) = server.asked
    assert body.pop("messages") == [{"role": "system", "content": "Be brief."}, message]
    assert body == {"model": "m", "temperature": 0, "max_tokens": 9, "top_k": 5, "seed": 3}


def test_reasoning_models_are_not_sent_what_they_refuse(store, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with fake_server() as server:
        spec = server.spec(kind="openai", model="o4-mini")
        params = {"temperature": 0, "max_tokens": 9, "reasoning_effort": "low"}
        ask(questions(spec, "a", params=params), store=store)
    assert server.asked[0].keys() - {"model", "messages"} == {
        "max_completion_tokens",
        "reasoning_effort",
    }


def test_no_more_requests_are_under_way_than_the_model_allows(store):
    under_way, most = 0, 0

    async def count(body):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return web.json_response(completion("fine"))

    with fake_server(count) as server:
        ask(questions(server.spec(concurrency=7), *map(str, range(60))), store=store)
    assert most == 7


def test_what_is_under_way_is_kept_when_another_model_has_no_key(store, monkeypatch):
    async def slowly(body):
        await asyncio.sleep(0.2)
        return web.json_response(completion("fine"))

    async def exhaust(requests):
        async for _ in complete(requests, store=store):
            pass

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with fake_server(slowly) as server:
        paid = questions(server.spec(), *map(str, range(300)))
        keyless = questions(server.spec(kind="openai", name="keyless"), "a")
        with pytest.raises(UserError, match="keyless needs a key"):
            asyncio.run(exhaust([*paid, *keyless]))
    assert len(store.get_many(paid)) == len(server.asked)


def test_a_stalled_reply_ends_at_the_time_limit(store):
    async def stall(body):
        response = web.StreamResponse()
        await asyncio.sleep(60)
        return response

    with fake_server(stall) as server:
        (result,) = ask(
            questions(server.spec(timeout=0.05), "a"), store=store, patience=Patience(attempts=1)
        )
    assert (result.reason, result.detail) == ("timeout", "no reply in 0.05 s")
