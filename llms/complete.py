"""The one door through which models are asked: `complete` (async) and `ask` (in order).

A request is looked up in the store, sent if it is not there, and committed before anyone sees the
reply. Whatever goes wrong with a request comes out as a `Failure`; only what concerns all of them
(a missing key, a full disk) is raised.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from llms.endpoints import AttemptError, open_endpoint
from llms.lanes import ATTEMPTS, Lane
from llms.progress import Progress, Silent
from llms.records import Failure, ModelSpec, Reply, Request, Result
from llms.store import ResponseStore

Check = Callable[[Reply], str | None]
"""Returns why a reply cannot be used, or None."""

WINDOW = 1024
LOOKUP = 256
SILENT = Silent()


def ask(
    requests: Sequence[Request],
    *,
    store: ResponseStore,
    check: Check | None = None,
    on_result: Callable[[Result], None] | None = None,
    attempts: int = ATTEMPTS,
    progress: Progress = SILENT,
) -> list[Result]:
    """Return one result for each request, in their order.

    `check` returns the reason when a reply cannot be used; it is then a failure, kept with its
    text, and asked again on the next run. `on_result` is called as results arrive, `progress`
    gets a note on what else happens.

    Raises:
        UserError: a key or an extra is missing, or the store cannot be written.
    """
    places: dict[int, deque[int]] = defaultdict(deque)
    for place, request in enumerate(requests):
        places[id(request)].append(place)
    results: dict[int, Result] = {}

    async def collect() -> None:
        async for result in complete(
            _taking_turns(requests), store=store, check=check, attempts=attempts, progress=progress
        ):
            results[places[id(result.request)].popleft()] = result
            if on_result:
                on_result(result)

    asyncio.run(collect())
    return [results[place] for place in range(len(requests))]


async def complete(
    requests: Iterable[Request],
    *,
    store: ResponseStore,
    check: Check | None = None,
    attempts: int = ATTEMPTS,
    progress: Progress = SILENT,
) -> AsyncIterator[Result]:
    """Yield one result for each request, in order of arrival, in memory that does not grow.

    The results carry the very request objects given. See `ask` for the rest.
    """
    door = _Door(store, check, attempts, progress)
    pump = asyncio.create_task(door.pump(requests))
    try:
        while (some := await door.ready.get()) is not None:
            for result in some:
                door.window.release()
                yield result
        await pump
    finally:
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)


class _Door:
    """What one call of `complete` holds: lanes, tasks under way and results on their way out."""

    def __init__(
        self, store: ResponseStore, check: Check | None, attempts: int, progress: Progress
    ) -> None:
        self.window = asyncio.Semaphore(WINDOW)
        self.ready: asyncio.Queue[list[Result] | None] = asyncio.Queue()
        self._store = store
        self._check = check
        self._attempts = attempts
        self._progress = progress
        self._arrived: asyncio.Queue[Result | None] = asyncio.Queue()
        self._lanes: dict[tuple[str | None, ...], Lane] = {}
        self._under_way: dict[str, list[Request]] = {}

    async def pump(self, requests: Iterable[Request]) -> None:
        """Hand out a result for each request, then None."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write())
                group.create_task(self._feed(requests))
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
        finally:
            for lane in self._lanes.values():
                await lane.close()
            self.ready.put_nowait(None)

    async def _feed(self, requests: Iterable[Request]) -> None:
        source = iter(requests)
        async with asyncio.TaskGroup() as group:
            while some := list(islice(source, LOOKUP)):
                for _ in some:
                    await self.window.acquire()
                usable = await self._look_up(some)
                self.ready.put_nowait(
                    [replace(usable[r.key], request=r) for r in some if r.key in usable]
                )
                for request in some:
                    if request.key not in usable:
                        self._send(request, group)
        self._arrived.put_nowait(None)

    async def _look_up(self, requests: Sequence[Request]) -> dict[str, Reply]:
        stored = await asyncio.to_thread(self._store.get_many, requests)
        return {
            key: reply for key, reply in stored.items() if not (self._check and self._check(reply))
        }

    def _send(self, request: Request, group: asyncio.TaskGroup) -> None:
        followers = self._under_way.get(request.key)
        if followers is not None:
            followers.append(request)
            return
        self._under_way[request.key] = []
        group.create_task(self._answer(request, self._lane(request.spec)))

    async def _answer(self, request: Request, lane: Lane) -> None:
        try:
            reply = await lane.call(lambda: lane.endpoint.send(request))
        except AttemptError as error:
            result: Result = _failure(request, error)
        else:
            reason = self._check(reply) if self._check else None
            result = _unusable(reply, reason) if reason else reply
        self._arrived.put_nowait(result)

    async def _write(self) -> None:
        ended = False
        while not ended:
            waiting = [await self._arrived.get()]
            while not self._arrived.empty():
                waiting.append(self._arrived.get_nowait())
            ended = None in waiting
            some = [result for result in waiting if result is not None]
            committed = await asyncio.to_thread(self._store.put_many, some)
            self.ready.put_nowait([copy for result in committed for copy in self._shared(result)])

    def _shared(self, result: Result) -> Iterator[Result]:
        yield result
        for follower in self._under_way.pop(result.request.key):
            if isinstance(result, Reply):
                yield replace(result, request=follower, from_store=True)
            else:
                yield replace(result, request=follower, cost=None)

    def _lane(self, spec: ModelSpec) -> Lane:
        place = (spec.kind, spec.address, spec.model, spec.name)
        if place not in self._lanes:
            self._lanes[place] = Lane(spec, open_endpoint(spec, self._progress), self._attempts)
        return self._lanes[place]


def _failure(request: Request, error: AttemptError) -> Failure:
    return Failure(
        request=request,
        reason=error.reason,
        detail=error.detail,
        attempts=error.attempts,
        text=error.text,
        cost=error.cost,
    )


def _unusable(reply: Reply, reason: str) -> Failure:
    return Failure(request=reply.request, reason=reason, text=reply.text, cost=reply.cost)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _taking_turns(requests: Sequence[Request]) -> Iterator[Request]:
    """Yield `requests` model by model in turns, so that no endpoint waits for another's queue.

    Models on vLLM servers of our own come one after another, as they may have to share a GPU.
    """
    by_model: dict[str, deque[Request]] = defaultdict(deque)
    for request in sorted(requests, key=_managed_model):
        by_model["vllm:" if _managed_model(request) else request.spec.name].append(request)
    while by_model:
        for name in list(by_model):
            yield by_model[name].popleft()
            if not by_model[name]:
                del by_model[name]


def _managed_model(request: Request) -> str:
    return request.spec.name if request.spec.kind == "vllm" else ""
