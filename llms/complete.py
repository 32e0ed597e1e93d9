"""The one door through which models are asked: `complete` (async) and `ask` (in order).

A request is looked up in the store, sent if it is not there, and committed before anyone sees the
reply. Whatever goes wrong with a request comes out as a `Failure`; only what concerns all of them
(a missing key, a full disk) is raised.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from llms.endpoints import AttemptError, open_endpoint
from llms.lanes import PATIENT, Lane, Patience
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
    patience: Patience = PATIENT,
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
            _taking_turns(requests), store=store, check=check, patience=patience, progress=progress
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
    patience: Patience = PATIENT,
    progress: Progress = SILENT,
) -> AsyncIterator[Result]:
    """Yield one result for each request, in order of arrival, in memory that does not grow.

    The results carry the very request objects given. See `ask` for the rest.
    """
    door = _Door(store, check, patience, progress)
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


@dataclass(frozen=True, slots=True)
class _Arrival:
    key: str
    result: Result
    committed: asyncio.Future[None]


class _Door:
    """What one call of `complete` holds: lanes, tasks under way and results on their way out."""

    def __init__(
        self, store: ResponseStore, check: Check | None, patience: Patience, progress: Progress
    ) -> None:
        self.window = asyncio.Semaphore(WINDOW)
        self.ready: asyncio.Queue[list[Result] | None] = asyncio.Queue()
        self._store = store
        self._check = check
        self._patience = patience
        self._progress = progress
        self._arrived: asyncio.Queue[_Arrival | None] = asyncio.Queue()
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
                keyed = [(request.key, request) for request in some]
                usable = await self._look_up(dict(keyed))
                self.ready.put_nowait([_for(r, usable[key]) for key, r in keyed if key in usable])
                for key, request in keyed:
                    if key not in usable:
                        self._send(key, request, group)
        self._arrived.put_nowait(None)

    async def _look_up(self, asked: Mapping[str, Request]) -> dict[str, Reply]:
        stored = await asyncio.to_thread(self._store.get_many, asked)
        return {
            key: reply for key, reply in stored.items() if not (self._check and self._check(reply))
        }

    def _send(self, key: str, request: Request, group: asyncio.TaskGroup) -> None:
        followers = self._under_way.get(key)
        if followers is not None:
            followers.append(request)
            return
        self._under_way[key] = []
        group.create_task(self._answer(key, request, self._lane(request.spec)))

    async def _answer(self, key: str, request: Request, lane: Lane) -> None:
        async def keep(reply: Reply) -> None:
            reason = self._check(reply) if self._check else None
            await self._commit(key, _unusable(reply, reason) if reason else reply)

        try:
            await lane.call(lambda: lane.endpoint.send(request), keep)
        except AttemptError as error:
            await self._commit(key, _failure(request, error))

    async def _commit(self, key: str, result: Result) -> None:
        committed = asyncio.get_running_loop().create_future()
        self._arrived.put_nowait(_Arrival(key, result, committed))
        await committed

    async def _write(self) -> None:
        """Commit what arrived, all that waits at once, and hand it out."""
        ended = False
        while not ended:
            waiting = [await self._arrived.get()]
            while not self._arrived.empty():
                waiting.append(self._arrived.get_nowait())
            ended = None in waiting
            arrivals = [arrival for arrival in waiting if arrival is not None]
            results = {arrival.key: arrival.result for arrival in arrivals}
            committed = await asyncio.to_thread(self._store.put_many, results)
            self.ready.put_nowait(
                [copy for key, result in committed.items() for copy in self._shared(key, result)]
            )
            for arrival in arrivals:
                if not arrival.committed.done():
                    arrival.committed.set_result(None)

    def _shared(self, key: str, result: Result) -> Iterator[Result]:
        yield result
        for follower in self._under_way.pop(key):
            if isinstance(result, Reply):
                yield replace(result, request=follower, from_store=True)
            else:
                yield replace(result, request=follower, cost=None)

    def _lane(self, spec: ModelSpec) -> Lane:
        place = (spec.kind, spec.address, spec.model, spec.name)
        if place not in self._lanes:
            self._lanes[place] = Lane(spec, open_endpoint(spec, self._progress), self._patience)
        return self._lanes[place]


def _for(request: Request, reply: Reply) -> Reply:
    return reply if reply.request is request else replace(reply, request=request)


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
