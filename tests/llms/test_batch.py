import os
import subprocess
from pathlib import Path

import pytest

from llms.batch import ask_by_batch, batch_line, read_batch
from llms.errors import UserError
from llms.records import Failure, ModelSpec, Prices, Reply, Request
from llms.store import ResponseStore
from tests.conftest import TINY_ENVIRONMENT
from tests.llms.batch_server import BatchServer
from tests.llms.fake_server import completion, fake_server


@pytest.fixture
def store(tmp_path):
    with ResponseStore(tmp_path / "responses.sqlite") as store:
        yield store


def answered(line: dict) -> dict:
    text = f"echo {line['body']['messages'][-1]['content']}"
    response = {"status_code": 200, "body": completion(text)}
    return {"custom_id": line["custom_id"], "response": response, "error": None}


def questions(spec: ModelSpec, count: int) -> list[Request]:
    return [
        Request(spec=spec, messages=[{"role": "user", "content": str(n)}]) for n in range(count)
    ]


def test_a_batch_answers_every_request_in_order(store):
    batches = BatchServer(answered, looks=3)
    with fake_server(routes=batches.add_routes) as server:
        results = ask_by_batch(questions(server.spec(), 30), store=store, poll_seconds=0)
    assert [result.text for result in results] == [f"echo {n}" for n in range(30)]
    assert len(batches.batches) == 1


def test_what_was_bought_by_batch_is_not_bought_again(store):
    batches = BatchServer(answered)
    with fake_server(routes=batches.add_routes) as server:
        ask_by_batch(questions(server.spec(), 3), store=store, poll_seconds=0)
        again = ask_by_batch(questions(server.spec(), 5), store=store, poll_seconds=0)
    assert [result.from_store for result in again] == [True] * 3 + [False] * 2
    second = batches.batches["batch-1"]["input_file_id"]
    assert len(batches.files[second].splitlines()) == 2


def test_the_batches_of_all_models_are_submitted_before_any_is_waited_for(store):
    batches = BatchServer(answered, together=2)
    with fake_server(routes=batches.add_routes) as server:
        requests = [*questions(server.spec(), 3), *questions(server.spec(model="n", name="n"), 3)]
        results = ask_by_batch(requests, store=store, poll_seconds=0)
    assert [result.text for result in results] == ["echo 0", "echo 1", "echo 2"] * 2


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", ["open_batch", "name_batch", "commit"])
def test_a_run_that_was_killed_finds_its_batch_again(store, monkeypatch, moment):
    def die(*args):
        raise Killed

    batches = BatchServer(answered)
    with fake_server(routes=batches.add_routes) as server:
        requests = questions(server.spec(), 3)
        with monkeypatch.context() as dying:
            dying.setattr(ResponseStore, moment, die)
            with pytest.raises(Killed):
                ask_by_batch(requests, store=store, poll_seconds=0)
        results = ask_by_batch(requests, store=store, poll_seconds=0)
    assert [result.text for result in results] == ["echo 0", "echo 1", "echo 2"]
    assert len(batches.batches) == 1


def test_what_fails_within_a_batch_is_a_failure_row(store):
    def partly(line):
        question = line["body"]["messages"][-1]["content"]
        if question == "0":
            return {**answered(line), "response": None, "error": {"message": "server broke"}}
        return answered(line) if question == "1" else {}

    batches = BatchServer(partly, ends="expired")
    with fake_server(routes=batches.add_routes) as server:
        results = ask_by_batch(questions(server.spec(), 3), store=store, poll_seconds=0)
    assert isinstance(results[0], Failure)
    assert isinstance(results[1], Reply)
    assert [results[0].reason, results[2].reason] == ["server_error", "batch_expired"]


def test_a_batch_at_openai_costs_half(store, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    batches = BatchServer(answered)
    with fake_server(routes=batches.add_routes) as server:
        spec = server.spec(kind="openai", prices=Prices(1e6, 1e6))
        (result,) = ask_by_batch(questions(spec, 1), store=store, poll_seconds=0)
    assert result.cost == 2.5


def test_models_without_a_batch_api_are_refused(store):
    spec = ModelSpec(kind="vllm", model="m", name="m")
    with pytest.raises(UserError, match="only openai: and http://"):
        ask_by_batch(questions(spec, 1), store=store)


@pytest.mark.vllm
def test_vllm_reads_our_batch_file_and_we_read_its_answers(vllm_python, tiny_model, tmp_path: Path):
    spec = ModelSpec(kind="http", model="tiny", name="tiny", params={"max_tokens": 8})
    asked = {request.key: request for request in questions(spec, 5)}
    given, made = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    given.write_text("".join(map(batch_line, asked.values())))
    module = "vllm.entrypoints.openai.run_batch"
    command = [vllm_python, "-m", module, "-i", str(given), "-o", str(made)]
    options = ["--model", str(tiny_model), "--served-model-name", "tiny", "--enforce-eager"]
    environment = {**os.environ, **TINY_ENVIRONMENT}
    subprocess.run([*command, *options], env=environment, check=True, capture_output=True)
    results = dict(read_batch(made.read_bytes(), asked))
    assert results.keys() == asked.keys()
    assert all(isinstance(result, Reply) for result in results.values())
