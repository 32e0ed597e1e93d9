import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from time import monotonic

import pytest
from aiohttp import web

from llms.budget import Budget
from llms.complete import ask
from llms.errors import UserError
from llms.prices import cost_of, prices_of
from llms.records import Failure, ModelSpec, Prices, Reply, Request, Usage
from llms.store import ResponseStore
from tests.llms.fake_server import completion, fake_server
from tests.llms.faults import counts, fault_server, total

A_CENT_A_TOKEN = Prices(10_000, 10_000)


@pytest.fixture
def store(tmp_path):
    with ResponseStore(tmp_path / "responses.sqlite") as store:
        yield store


def two_for_each_prompt(spec: ModelSpec, prompts: int) -> list[Request]:
    return [
        Request(
            spec=spec,
            messages=[{"role": "user", "content": f"{prompt} {part}"}],
            params={"max_tokens": 10},
            about={"prompt_id": str(prompt)},
        )
        for part in range(2)
        for prompt in range(prompts)
    ]


def test_spending_stays_below_the_cap_and_ends_on_whole_prompts(store):
    budget = Budget(limit=3.0)
    with fake_server() as server:
        spec = server.spec(prices=A_CENT_A_TOKEN)
        results = ask(two_for_each_prompt(spec, 60), store=store, budget=budget)
    answered = {r.request.about["prompt_id"] for r in results if isinstance(r, Reply)}
    refused = {r.request.about["prompt_id"] for r in results if isinstance(r, Failure)}
    assert 2.0 < budget.spent <= 3.0
    assert answered
    assert refused
    assert not answered & refused


def test_the_next_run_goes_on_where_the_money_ended(store):
    with fake_server() as server:
        requests = two_for_each_prompt(server.spec(prices=A_CENT_A_TOKEN), 20)
        first = ask(requests, store=store, budget=Budget(limit=1.0))
        second = ask(requests, store=store)
    assert any(isinstance(result, Failure) for result in first)
    assert all(isinstance(result, Reply) for result in second)
    assert len(server.asked) == 40


def test_a_reply_longer_than_its_limit_overshoots_by_no_more_than_one_request_a_slot(store):
    async def talkative(body):
        reply = completion("a lot")
        reply["usage"] = {"prompt_tokens": 10, "completion_tokens": 100}
        return web.json_response(reply)

    budget = Budget(limit=5.0)
    with fake_server(talkative) as server:
        spec = server.spec(prices=A_CENT_A_TOKEN, concurrency=4)
        ask(two_for_each_prompt(spec, 30), store=store, budget=budget)
    assert 5.0 < budget.spent < 5.0 + 4 * 1.1


def test_a_budget_for_a_model_of_unknown_price_is_refused_before_anything_is_sent(store):
    with fake_server() as server, pytest.raises(UserError, match="that of m is unknown"):
        ask(two_for_each_prompt(server.spec(), 1), store=store, budget=Budget(limit=1.0))
    assert server.asked == []


def test_replies_that_cannot_be_used_are_paid_too(store):
    async def refuse(body):
        return web.json_response(completion(None, refusal="no"))

    budget = Budget()
    with fake_server(refuse) as server:
        requests = two_for_each_prompt(server.spec(prices=A_CENT_A_TOKEN), 1)
        results = ask(requests, store=store, budget=budget)
    assert {r.reason for r in results} == {"refused"}
    assert budget.spent == pytest.approx(2 * 0.05)


def test_spending_is_told_by_stage_and_model(store):
    budget = Budget()
    with fake_server() as server:
        requests = two_for_each_prompt(server.spec(prices=A_CENT_A_TOKEN), 3)
        ask(requests, store=store, budget=budget, stage="answers")
        ask(requests, store=store, budget=budget, stage="answers")
    line = budget.lines["answers", "m"]
    assert (line.bought, line.stored, line.output_tokens) == (6, 6, 12)
    assert line.cost == pytest.approx(budget.spent) == pytest.approx(0.30)


def test_of_equal_requests_one_is_paid_and_the_others_come_from_the_store(store):
    budget = Budget()
    with fake_server() as server:
        twins = two_for_each_prompt(server.spec(prices=A_CENT_A_TOKEN), 1)[:1] * 5
        ask(twins, store=store, budget=budget, stage="answers")
    line = budget.lines["answers", "m"]
    assert (line.bought, line.stored, line.output_tokens) == (1, 4, 2)
    assert line.cost == pytest.approx(budget.spent) == pytest.approx(0.05)


def test_of_equal_requests_that_fail_one_is_paid(store):
    budget = Budget()
    with fake_server() as server:
        twins = two_for_each_prompt(server.spec(prices=A_CENT_A_TOKEN), 1)[:1] * 5
        ask(twins, store=store, budget=budget, stage="answers", check=lambda reply: "unreadable")
    line = budget.lines["answers", "m"]
    assert (line.bought, line.failed) == (0, 5)
    assert line.cost == pytest.approx(budget.spent) == pytest.approx(0.05)


def test_an_unknown_price_is_unknown_and_not_zero():
    spec = ModelSpec(kind="openai", model="some-new-model", name="x")
    assert cost_of(spec, Usage(10, 10)) is None


def test_the_users_price_wins_over_the_list():
    listed = ModelSpec(kind="openai", model="gpt-4.1-2025-04-14", name="x")
    own = ModelSpec(kind="openai", model="gpt-4.1", name="x", prices=Prices(1, 1))
    assert prices_of(listed) == Prices(2, 8, 0.5)
    assert prices_of(own) == Prices(1, 1)


def test_cached_input_has_its_own_price():
    spec = ModelSpec(kind="http", model="m", name="m", prices=Prices(2, 8, 0.5))
    assert cost_of(spec, Usage(input=1_000_000, output=0, cached=400_000)) == pytest.approx(1.4)


def test_requests_keep_to_the_rate_that_is_given(store):
    with fake_server() as server:
        requests = two_for_each_prompt(server.spec(requests_per_minute=600), 20)
        start = monotonic()
        ask(requests, store=store)
    assert monotonic() - start >= (40 - 1 - 30) / 10


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_what_is_under_way_at_the_end_of_a_program_is_stored(tmp_path, ending):
    store = tmp_path / "responses.sqlite"
    command = [sys.executable, "-m", "tests.llms.asker"]
    with fault_server(0) as url:
        numbers = ["100000", "32", "0", "60"]
        program = subprocess.Popen([*command, url, str(store), *numbers], stdout=subprocess.PIPE)
        while total(url) < 200:
            pass
        program.send_signal(ending)
        program.communicate()
        answered = len(counts(url)["answered"])
    with closing(sqlite3.connect(store)) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM replies").fetchone()
    assert stored == answered >= 200
    assert program.returncode in (-signal.SIGINT, 1, 128 + signal.SIGTERM)
