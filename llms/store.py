"""The response store: every reply ever paid for, found again by what determines it.

One SQLite file in WAL mode that several processes may share. A key is in `replies` once it has
been answered usably; `failures` keeps, apart from them, how often a key failed and why; `claims`
says which process asks a key just now, so that others wait for its reply. Requests are stored as
digests only, and nothing that could hold a secret is stored at all.
"""

import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from llms.claims import hold, is_held, let_go
from llms.errors import UserError
from llms.records import Failure, Reply, Request, Result, Usage

T = TypeVar("T")
SCHEMA_VERSION = 1
LOOKUP_BATCH = 500
INSERT_BATCH = 64
LOCK_SECONDS = 60.0
_SCHEMA = """
CREATE TABLE replies (
    key BLOB PRIMARY KEY, model TEXT NOT NULL, text TEXT NOT NULL, reasoning TEXT,
    finish_reason TEXT, input_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER,
    cached_tokens INTEGER, logprobs TEXT, cost REAL, seconds REAL, created TEXT);
CREATE TABLE failures (
    key BLOB PRIMARY KEY, model TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    attempts INTEGER NOT NULL, text TEXT, cost REAL);
CREATE TABLE embeddings (key BLOB PRIMARY KEY, model TEXT NOT NULL, vector BLOB NOT NULL);
CREATE TABLE batches (token TEXT NOT NULL, key BLOB NOT NULL PRIMARY KEY, batch_id TEXT)
"""
_CLAIMS = "CREATE TABLE IF NOT EXISTS claims (key BLOB PRIMARY KEY, owner TEXT NOT NULL)"
_REPLY_FIELDS = (
    "text, reasoning, finish_reason, input_tokens, output_tokens, reasoning_tokens, cached_tokens,"
    " logprobs, cost, seconds, created"
)


def default_store_path() -> Path:
    """Return where the store is: $BENCHBUILDER_STORE, or results/responses.sqlite."""
    return Path(os.environ.get("BENCHBUILDER_STORE") or Path("results", "responses.sqlite"))


class ResponseStore:
    """An open response store; use it as a context manager. Safe to call from several threads.

    Raises:
        UserError: the file cannot be made, read or written, is locked for long, damaged, not a
            response store, or was written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found = 0
        """Replies that were found here since the store was opened."""
        self.asked = 0
        """Requests that ended in a reply or a failure, and were committed, since then."""
        self._lock = threading.Lock()
        self._owner = uuid.uuid4().hex
        self._held: int | None = None
        with _errors_of(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and leave what was claimed to others."""
        with self._lock:
            self._connection.close()
            if self._held is not None:
                let_go(self._sign(self._owner), self._held)
                self._held = None

    def get_many(self, requests: Sequence[Request]) -> dict[str, Reply]:
        """Return the stored replies to `requests`, by key; a key that is missing has none."""
        return self.find({request.key: request for request in requests})

    def put_many(self, results: Sequence[Result]) -> list[Result]:
        """Commit `results` in one transaction and return them as the store now has them."""
        keyed = {result.request.key: result for result in results}
        return list(self.commit(keyed).values())

    def find(self, asked: Mapping[str, Request]) -> dict[str, Reply]:
        """Return the stored replies to the requests `asked`, both by key."""
        columns = f"key, {_REPLY_FIELDS}"
        replies = {
            key: _reply(asked[key], values)
            for key, *values in self._rows("replies", columns, list(asked))
        }
        self.found += len(replies)
        return replies

    def commit(self, results: Mapping[str, Result]) -> dict[str, Result]:
        """Commit `results` in one transaction and return them as the store now has them, by key.

        Where another process stored a reply to the same request first, that one is returned. A
        failure with a text is a reply that cannot be used: it takes the place of a stored one.
        """
        self.asked += len(results)
        with self._transaction() as connection:
            self._unclaim(connection, list(results))
            replies = {key: r for key, r in results.items() if isinstance(r, Reply)}
            failures = {key: r for key, r in results.items() if isinstance(r, Failure)}
            return {
                **_put_replies(connection, replies),
                **{
                    key: _put_failure(connection, bytes.fromhex(key), failure)
                    for key, failure in failures.items()
                },
            }

    def claim(self, keys: Sequence[str]) -> set[str]:
        """Note that this store's holder asks `keys`; return those that another one asks already.

        A claim ends when a result is committed, when it is released, or with its process.
        """
        theirs: set[str] = set()
        with self._transaction() as connection:
            if self._held is None:
                self._held = hold(self._sign(self._owner))
            for (owner,) in connection.execute("SELECT DISTINCT owner FROM claims").fetchall():
                if owner != self._owner and not is_held(self._sign(owner)):
                    connection.execute("DELETE FROM claims WHERE owner = ?", (owner,))
            for some in _parts(keys, LOOKUP_BATCH):
                marks = ",".join("?" * len(some))
                query = f"SELECT key FROM claims WHERE owner != ? AND key IN ({marks})"
                found = connection.execute(query, [self._owner, *map(bytes.fromhex, some)])
                theirs.update(key.hex() for (key,) in found.fetchall())
            rows = [(bytes.fromhex(key), self._owner) for key in keys if key not in theirs]
            _insert(connection, "INSERT OR IGNORE INTO claims", rows)
        return theirs

    def release(self, keys: Sequence[str]) -> None:
        """Leave the asking of `keys` to others."""
        if keys and self._held is not None:
            with self._transaction() as connection:
                self._unclaim(connection, keys)

    def get_vectors(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the stored embeddings, little-endian float32, by key."""
        return dict(self._rows("embeddings", "key, vector", keys))

    def put_vectors(self, model: str, vectors: Mapping[str, bytes]) -> None:
        """Commit embeddings by key."""
        rows = [(bytes.fromhex(key), model, vector) for key, vector in vectors.items()]
        with self._transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO embeddings VALUES (?, ?, ?)", rows)

    def batches_of(self, keys: Sequence[str]) -> dict[str, list[str]]:
        """Return the open batches that hold any of `keys`: those of the keys, by token."""
        batches: dict[str, list[str]] = {}
        for key, token in self._rows("batches", "key, token", keys):
            batches.setdefault(token, []).append(key)
        return batches

    def batch_id(self, token: str) -> str | None:
        """Return the id that the server gave a batch, None where it is not known to have one."""
        with self._lock, _errors_of(self.path):
            row = self._connection.execute(
                "SELECT batch_id FROM batches WHERE token = ? LIMIT 1", (token,)
            ).fetchone()
        return row[0] if row else None

    def open_batch(self, token: str, keys: Sequence[str]) -> None:
        """Note, before it is submitted, which requests a batch holds."""
        rows = [(token, bytes.fromhex(key)) for key in keys]
        with self._transaction() as connection:
            connection.executemany("INSERT INTO batches (token, key) VALUES (?, ?)", rows)

    def name_batch(self, token: str, batch_id: str) -> None:
        """Note the id that the server gave a batch."""
        with self._transaction() as connection:
            connection.execute("UPDATE batches SET batch_id = ? WHERE token = ?", (batch_id, token))

    def leave_batch(self, keys: Sequence[str]) -> None:
        """Forget that `keys` are in a batch, once their results are stored."""
        rows = [(bytes.fromhex(key),) for key in keys]
        with self._transaction() as connection:
            connection.executemany("DELETE FROM batches WHERE key = ?", rows)

    def _rows(self, table: str, columns: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for some in _parts(keys, LOOKUP_BATCH):
            marks = ",".join("?" * len(some))
            query = f"SELECT {columns} FROM {table} WHERE key IN ({marks})"
            with self._lock, _errors_of(self.path):
                found = self._connection.execute(query, list(map(bytes.fromhex, some))).fetchall()
            for key, *values in found:
                yield key.hex(), *values

    def _unclaim(self, connection: sqlite3.Connection, keys: Sequence[str]) -> None:
        if self._held is not None:
            for some in _parts(keys, LOOKUP_BATCH):
                marks = ",".join("?" * len(some))
                statement = f"DELETE FROM claims WHERE owner = ? AND key IN ({marks})"
                connection.execute(statement, [self._owner, *map(bytes.fromhex, some)])

    def _sign(self, owner: str) -> Path:
        return self.path.with_name(f"{self.path.name}-asking-{owner}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _errors_of(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _prepare(self) -> None:
        connection = self._connection
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._check_schema()
            connection.execute(_CLAIMS)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _check_schema(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if version == 0 and tables == 0:
            for statement in _SCHEMA.split(";"):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif version > SCHEMA_VERSION:
            raise UserError(
                f"{self.path} was written by a newer version of this program "
                f"(schema {version}, this one knows {SCHEMA_VERSION}); update, or name another "
                "file with --store"
            )
        elif version != SCHEMA_VERSION:
            raise UserError(f"{self.path} is not a response store; name another with --store")


def _put_replies(connection: sqlite3.Connection, replies: Mapping[str, Reply]) -> dict[str, Reply]:
    """Put `replies` in; return those that were there before in their place."""
    stored = dict(replies)
    for some in _parts(list(replies), LOOKUP_BATCH):
        marks = ",".join("?" * len(some))
        query = f"SELECT key, {_REPLY_FIELDS} FROM replies WHERE key IN ({marks})"
        for key, *values in connection.execute(query, list(map(bytes.fromhex, some))).fetchall():
            stored[key.hex()] = _reply(replies[key.hex()].request, values)
    new = [_row(key, reply) for key, reply in replies.items() if stored[key] is reply]
    _insert(connection, "INSERT INTO replies", new)
    return stored


def _insert(connection: sqlite3.Connection, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows by one statement.

    For each statement the interpreter's lock is let go of, and has to be got back from a thread
    that is busy.
    """
    for some in _parts(rows, INSERT_BATCH):
        row = f"({','.join('?' * len(some[0]))})"
        statement = f"{into} VALUES {','.join([row] * len(some))}"
        connection.execute(statement, list(chain.from_iterable(some)))


def _parts(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _row(key: str, reply: Reply) -> tuple[Any, ...]:
    usage = reply.usage
    return (
        bytes.fromhex(key),
        reply.request.spec.model,
        reply.text,
        reply.reasoning,
        reply.finish_reason,
        usage.input,
        usage.output,
        usage.reasoning,
        usage.cached,
        json.dumps(reply.logprobs) if reply.logprobs is not None else None,
        reply.cost,
        reply.seconds,
        reply.created,
    )


def _put_failure(connection: sqlite3.Connection, key: bytes, failure: Failure) -> Result:
    if failure.text is not None:
        connection.execute("DELETE FROM replies WHERE key = ?", (key,))
    (attempts,) = connection.execute(
        "INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
        " reason = excluded.reason, detail = excluded.detail, text = excluded.text,"
        " attempts = attempts + excluded.attempts,"
        " cost = CASE WHEN cost IS NULL AND excluded.cost IS NULL THEN NULL"
        " ELSE coalesce(cost, 0) + coalesce(excluded.cost, 0) END RETURNING attempts",
        (
            key,
            failure.request.spec.model,
            failure.reason,
            failure.detail,
            failure.attempts,
            failure.text,
            failure.cost,
        ),
    ).fetchone()
    return replace(failure, attempts=attempts)


def _reply(request: Request, values: Sequence[Any]) -> Reply:
    text, reasoning, finish, given, made, thought, cached, logprobs, cost, seconds, at = values
    return Reply(
        request=request,
        text=text,
        reasoning=reasoning,
        finish_reason=finish,
        usage=Usage(given, made, thought, cached),
        logprobs=json.loads(logprobs) if logprobs is not None else None,
        cost=cost,
        seconds=seconds,
        created=at,
        from_store=True,
    )


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise UserError(f"response store {path}: {_advice(str(error))}") from error
    except OSError as error:
        raise UserError(f"response store {path}: {error.strerror or error}") from error


def _advice(message: str) -> str:
    known = {
        "full": "the disk is full; make room and run the same command again",
        "disk i/o": "the disk cannot be read or written (full, or failing)",
        "readonly": "the file or its folder is read-only; name another with --store",
        "unable to open": "the file cannot be opened; check the path and its permissions",
        "locked": f"another process has kept it locked for {LOCK_SECONDS:.0f} s; try again",
        "not a database": "this is not a response store; name another with --store",
        "malformed": "the file is damaged; move it away, or repair it with `sqlite3 FILE .recover`",
    }
    lowered = message.lower()
    return next((advice for word, advice in known.items() if word in lowered), message)
