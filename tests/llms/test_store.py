import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from llms.complete import ask
from llms.errors import UserError
from llms.lanes import Patience
from llms.records import Failure, ModelSpec, Reply, Request, Usage
from llms.store import ResponseStore
from tests.llms.fake_server import fake_server

SPEC = ModelSpec(kind="openai", model="m", name="m")
REQUEST = Request(spec=SPEC, messages=[{"role": "user", "content": "hello"}])
REPLY = Reply(
    request=REQUEST,
    text="héllo \x00",
    reasoning="hm",
    finish_reason="stop",
    usage=Usage(1, 2, 3, None),
    logprobs=[{"token": "h", "logprob": -0.5}],
    cost=0.25,
    seconds=1.5,
    created="2025-01-01T00:00:00+00:00",
)


def test_a_reply_comes_back_whole_after_reopening(tmp_path):
    with ResponseStore(tmp_path / "s") as store:
        store.commit({REQUEST.key: REPLY})
    with ResponseStore(tmp_path / "s") as store:
        found = store.find({REQUEST.key: REQUEST})
    assert found == {REQUEST.key: replace(REPLY, from_store=True)}


def test_the_reply_that_was_stored_first_stays(tmp_path):
    with ResponseStore(tmp_path / "s") as store:
        store.commit({REQUEST.key: REPLY})
        stored = store.commit({REQUEST.key: replace(REPLY, text="later")})
    assert stored[REQUEST.key].text == REPLY.text


def test_failures_are_no_replies_and_their_attempts_add_up(tmp_path):
    failure = Failure(request=REQUEST, reason="timeout", attempts=3)
    with ResponseStore(tmp_path / "s") as store:
        store.commit({REQUEST.key: failure})
        again = store.commit({REQUEST.key: failure})
        assert store.find({REQUEST.key: REQUEST}) == {}
    assert again[REQUEST.key].attempts == 6


@pytest.mark.parametrize(
    ("change", "changes_the_key"),
    [
        ({"about": {"prompt_id": "p"}}, False),
        ({"sample": 1}, True),
        ({"params": {"temperature": 0}}, True),
        ({"spec": replace(SPEC, name="other", concurrency=1, timeout=1)}, False),
        ({"spec": replace(SPEC, revision="abc")}, True),
        ({"spec": replace(SPEC, system="Be brief.")}, True),
        ({"spec": replace(SPEC, kind="litellm")}, True),
    ],
)
def test_the_key_holds_all_that_determines_a_reply_and_nothing_else(change, changes_the_key):
    assert (replace(REQUEST, **change).key != REQUEST.key) is changes_the_key


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "s").write_bytes(b"not a database at all" * 100)
    with pytest.raises(UserError, match="not a response store"):
        ResponseStore(tmp_path / "s")


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path):
    with closing(sqlite3.connect(tmp_path / "s")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(UserError, match="not a response store"):
        ResponseStore(tmp_path / "s")


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    with ResponseStore(tmp_path / "s"):
        pass
    with closing(sqlite3.connect(tmp_path / "s")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(UserError, match="newer version"):
        ResponseStore(tmp_path / "s")


def test_a_damaged_store_is_named_as_such(tmp_path):
    path = tmp_path / "s"
    with ResponseStore(path) as store:
        store.commit({f"{n:064x}": replace(REPLY, text="x" * 5000) for n in range(50)})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(60_000))
    with pytest.raises(UserError, match="damaged"), ResponseStore(path) as store:
        store.commit({f"{n:064x}": REPLY for n in range(50, 100)})


def test_a_locked_store_says_so(tmp_path, monkeypatch):
    path = tmp_path / "s"
    monkeypatch.setattr("llms.store.LOCK_SECONDS", 0.05)
    with ResponseStore(path) as store, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UserError, match="locked"):
            store.commit({REQUEST.key: REPLY})


def test_a_full_disk_is_named_and_what_was_stored_stays(tmp_path):
    path = tmp_path / "s"
    with ResponseStore(path) as store:
        store.commit({REQUEST.key: REPLY})
        store._connection.execute("PRAGMA max_page_count = 20")
        with pytest.raises(UserError, match="disk is full"):
            store.commit({"ab" * 32: replace(REPLY, text="x" * 1_000_000)})
        assert store.find({REQUEST.key: REQUEST})


def test_a_store_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="response store"):
        ResponseStore(tmp_path / "file" / "s")


def test_no_key_is_ever_written(tmp_path: Path, monkeypatch, caplog):
    async def tell_the_key(body):
        return web.json_response({"error": f"bad key {secret}"}, status=body["status"])

    secret = "sk-very-secret-0123456789"
    caplog.set_level(1)
    monkeypatch.setenv("SOME_API_KEY", secret)
    with fake_server(tell_the_key) as server, ResponseStore(tmp_path / "s") as store:
        for status in (400, 401, 429):
            spec = server.spec(key_env="SOME_API_KEY", params={"status": status})
            ask([replace(REQUEST, spec=spec)], store=store, patience=Patience(attempts=1))
        written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert server.headers[0]["Authorization"] == f"Bearer {secret}"
    assert b"very-secret" not in written
    assert b"[SOME_API_KEY]" in written
    assert "very-secret" not in caplog.text


def test_what_one_asks_another_leaves_alone_until_it_is_released_or_stored(tmp_path):
    key, other = REQUEST.key, "ab" * 32
    with ResponseStore(tmp_path / "s") as first, ResponseStore(tmp_path / "s") as second:
        assert first.claim([key, other]) == set()
        assert second.claim([key, other]) == {key, other}
        first.release([other])
        first.commit({key: REPLY})
        assert second.claim([key, other]) == set()


def test_a_claim_ends_with_its_holder_and_leaves_no_file(tmp_path):
    with ResponseStore(tmp_path / "s") as second:
        with ResponseStore(tmp_path / "s") as first:
            first.claim([REQUEST.key])
        assert second.claim([REQUEST.key]) == set()
    assert [file.name for file in tmp_path.iterdir()] == ["s"]
