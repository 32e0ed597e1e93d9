"""OpenAI's Batch API: half the price, within a day.

Which requests a batch holds is noted in the store before it is submitted, under a token that the
batch carries as metadata. Killed at any moment, the next run finds its batches again and submits
nothing twice. Replies have the same keys as those asked one by one.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import groupby
from typing import Any, ParamSpec, TypeVar

import openai
import stamina

from llms.budget import Budget
from llms.endpoints import AttemptError
from llms.endpoints.chat_api import chat_body, chat_reply
from llms.endpoints.openai_api import key_of, status_error
from llms.errors import UserError
from llms.order import prompt_of
from llms.outcomes import Check, failure_of, over_budget, unusable
from llms.progress import Progress, Silent
from llms.records import Failure, ModelSpec, Reply, Request, Result
from llms.store import ResponseStore

POLL_SECONDS = 30.0
REQUESTS_PER_BATCH = 50_000
BYTES_PER_BATCH = 150_000_000
OPENAI_DISCOUNT = 0.5
_TOKEN = "benchbuilder_batch"
_ENDED = frozenset(["completed", "failed", "expired", "cancelled"])
_PASSING = (openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError)
_SILENT = Silent()
P = ParamSpec("P")
T = TypeVar("T")


def ask_by_batch(
    requests: Sequence[Request],
    *,
    store: ResponseStore,
    check: Check | None = None,
    on_result: Callable[[Result], None] | None = None,
    progress: Progress = _SILENT,
    budget: Budget | None = None,
    stage: str = "",
    poll_seconds: float = POLL_SECONDS,
) -> list[Result]:
    """Return one result for each request, in their order, as `llms.complete.ask` does.

    The batches of all models are submitted before any is waited for. Blocks until all have ended;
    what a batch leaves out is a failure.

    Raises:
        UserError: a model is not reached by OpenAI's API, the server refuses the batch, a key is
            missing, or the store cannot be written.
    """
    budget = budget or Budget()
    keyed = {request.key: request for request in requests}
    results: dict[str, Result] = {}

    def arrive(some: Mapping[str, Result]) -> None:
        results.update(some)
        budget.count(stage, some.values())
        for result in some.values():
            if on_result:
                on_result(result)

    stored = store.find(keyed)
    arrive({key: r for key, r in stored.items() if not (check and check(r))})
    missing = [keyed[key] for key in keyed if key not in results]
    with ExitStack() as clients:
        waiting: list[_Batches] = []
        for _, group in groupby(sorted(missing, key=_place), key=_place):
            asked = {request.key: request for request in group}
            client = clients.enter_context(_client(next(iter(asked.values())).spec))
            waiting.append(_Batches(client, store, check, progress, budget, asked))
        for batches in waiting:
            arrive(batches.submit())
        while waiting := [batches for batches in waiting if batches.left]:
            for batches in waiting:
                for some in batches.collect():
                    arrive(some)
            if any(batches.left for batches in waiting):
                time.sleep(poll_seconds)
    return [_handed_to(request, results[request.key]) for request in requests]


class _Batches:
    """The batches of one model on one server, for the requests `asked`, by key."""

    def __init__(
        self,
        client: openai.OpenAI,
        store: ResponseStore,
        check: Check | None,
        progress: Progress,
        budget: Budget,
        asked: Mapping[str, Request],
    ) -> None:
        self._client = client
        self._store = store
        self._check = check
        self._progress = progress
        self._budget = budget
        self._asked = asked
        self.left: dict[str, list[str]] = {}
        """The keys in each batch that has not ended, by the batch's id."""

    def submit(self) -> Mapping[str, Result]:
        """Submit what is in no batch yet; return the failures of what the budget refuses."""
        asked = self._asked
        batches = self._store.batches_of(list(asked))
        waiting = {key for keys in batches.values() for key in keys}
        fits, refused = self._affordable(
            [request for key, request in asked.items() if key not in waiting]
        )
        for part in _parts(fits):
            token = uuid.uuid4().hex
            batches[token] = [request.key for request in part]
            self._store.open_batch(token, batches[token])
        with self._refusals():
            for token, keys in batches.items():
                self.left[self._find_or_submit(token, [asked[key] for key in keys])] = keys
        return {request.key: over_budget(self._budget, request) for request in refused}

    def collect(self) -> Iterator[Mapping[str, Result]]:
        """Look at all batches once; yield the results of those that have ended."""
        with self._refusals():
            for batch_id, keys in list(self.left.items()):
                batch = _patiently(self._client.batches.retrieve, batch_id)
                if batch.status in _ENDED:
                    del self.left[batch_id]
                    yield self._take({key: self._asked[key] for key in keys}, batch)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except openai.APIStatusError as error:
            raise UserError(f"the server refuses the batch: {error.message}") from error
        except openai.APIConnectionError as error:
            raise UserError(f"no server answers at {self._client.base_url}") from error

    def _affordable(self, requests: Sequence[Request]) -> tuple[list[Request], list[Request]]:
        fits: list[Request] = []
        refused: list[Request] = []
        ordered = sorted(requests, key=prompt_of)
        for _, group in groupby(ordered, key=lambda request: prompt_of(request) or request.key):
            together = list(group)
            (fits if self._budget.try_reserve(together) else refused).extend(together)
        return fits, refused

    def _find_or_submit(self, token: str, requests: Sequence[Request]) -> str:
        batch_id = self._store.batch_id(token) or _patiently(self._found_or_made, token, requests)
        self._store.name_batch(token, batch_id)
        return batch_id

    def _found_or_made(self, token: str, requests: Sequence[Request]) -> str:
        for batch in self._client.batches.list(limit=100).data:
            if (batch.metadata or {}).get(_TOKEN) == token:
                return batch.id
        content = "".join(map(batch_line, requests)).encode()
        file = self._client.files.create(file=(f"{token}.jsonl", content), purpose="batch")
        made = self._client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={_TOKEN: token},
        )
        self._progress.note(f"submitted batch {made.id} with {len(requests)} requests")
        return made.id

    def _take(self, asked: Mapping[str, Request], batch: Any) -> Mapping[str, Result]:
        results: dict[str, Result] = {
            key: Failure(request=request, reason=f"batch_{batch.status}", detail=_why(batch))
            for key, request in asked.items()
        }
        for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
            content = _patiently(self._client.files.content, file_id).content
            for key, result in read_batch(content, asked):
                reason = self._check(result) if self._check and isinstance(result, Reply) else None
                results[key] = (
                    unusable(result, reason) if reason and isinstance(result, Reply) else result
                )
        for key, request in asked.items():
            self._budget.charge(results[key].cost)
            self._budget.settle(request)
        committed = self._store.commit(results)
        self._store.leave_batch(list(asked))
        return committed


def batch_line(request: Request) -> str:
    """Return the line of a batch's input file that asks `request`."""
    line = {
        "custom_id": request.key,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": chat_body(request),
    }
    return json.dumps(line, ensure_ascii=False) + "\n"


def read_batch(content: bytes, asked: Mapping[str, Request]) -> Iterator[tuple[str, Result]]:
    """Yield (key, result) for those lines of an output or error file that answer `asked`."""
    for line in content.splitlines():
        row = json.loads(line) if line.strip() else {}
        request = asked.get(str(row.get("custom_id")))
        if request is not None:
            yield row["custom_id"], _result(request, row)


def _result(request: Request, row: Mapping[str, Any]) -> Result:
    response = row.get("response") or {}
    status = response.get("status_code", 200)
    try:
        if row.get("error") or not 200 <= status < 300:
            said = json.dumps(row.get("error") or response.get("body"), ensure_ascii=False)
            raise status_error(status if status >= 400 else 500, said)
        reply = chat_reply(request, response.get("body"), 0.0)
    except AttemptError as error:
        failure = failure_of(request, error)
        return replace(failure, cost=_discounted(request.spec, failure.cost))
    return replace(reply, seconds=None, cost=_discounted(request.spec, reply.cost))


def _discounted(spec: ModelSpec, cost: float | None) -> float | None:
    return cost * OPENAI_DISCOUNT if cost is not None and spec.kind == "openai" else cost


def _parts(requests: Sequence[Request]) -> Iterator[list[Request]]:
    part: list[Request] = []
    size = 0
    for request in requests:
        length = len(batch_line(request).encode())
        if part and (len(part) == REQUESTS_PER_BATCH or size + length > BYTES_PER_BATCH):
            yield part
            part, size = [], 0
        part.append(request)
        size += length
    if part:
        yield part


def _client(spec: ModelSpec) -> openai.OpenAI:
    if spec.kind not in ("openai", "http"):
        raise UserError(f"{spec.name}: only openai: and http:// models can be asked by batch")
    return openai.OpenAI(api_key=key_of(spec), base_url=spec.address, max_retries=0, timeout=120)


def _place(request: Request) -> tuple[str, str, str]:
    return request.spec.kind, request.spec.address or "", request.spec.name


def _patiently(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    call = stamina.RetryingCaller(attempts=8, timeout=None, wait_max=30).on(_PASSING)
    return call(function, *args, **kwargs)


def _why(batch: Any) -> str:
    errors = batch.errors.data if batch.errors and batch.errors.data else []
    return "; ".join(filter(None, (error.message for error in errors)))[:500]


def _handed_to(request: Request, result: Result) -> Result:
    return result if result.request is request else replace(result, request=request)
