"""What stands behind `complete`: requests go through the store and the lanes, replies come out.

A request is looked up, claimed against other processes, sent, and committed before it is handed
out.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from llms.budget import Budget
from llms.endpoints import AttemptError, open_endpoint
from llms.errors import UserError
from llms.lanes import Lane, Patience
from llms.order import prompt_of
from llms.outcomes import Check, failure_of, over_budget, unusable
from llms.prices import BYTES_PER_TOKEN, expected_tokens
from llms.progress import Progress
from llms.records import ModelSpec, Reply, Request, Result
from llms.store import ResponseStore

_Keyed = tuple[str, Request]

WINDOW = 2048
LOOKUP = 256
TOKENS_PER_REQUEST = 32
LOOK_SECONDS = 0.2
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Arrival:
    key: str
    result: Result
    committed: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class _Awaited:
    request: Request
    reply: asyncio.Future[Reply | None]


class Door:
    """What one call of `complete` holds: lanes, tasks under way and results on their way out."""

    def __init__(
        self,
        store: ResponseStore,
        check: Check | None,
        patience: Patience,
        progress: Progress,
        budget: Budget,
        stage: str,
    ) -> None:
        self.window = asyncio.Semaphore(WINDOW)
        self.ready: asyncio.Queue[Sequence[Result] | None] = asyncio.Queue()
        self._store = store
        self._check = check
        self._patience = patience
        self._progress = progress
        self._budget = budget
        self._stage = stage
        self._arrived: asyncio.Queue[_Arrival | None] = asyncio.Queue()
        self._lanes: dict[tuple[str | None, ...], Lane] = {}
        self._under_way: dict[str, list[Request]] = {}
        self._elsewhere: dict[str, _Awaited] = {}
        self._claimed: set[str] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._feeder: asyncio.Task[None] | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self._error: UserError | None = None
        self._exhausted = False

    async def pump(self, requests: Iterable[Request]) -> None:
        """Hand out a result for each request, then None."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write())
                self._watcher = group.create_task(self._watch())
                self._feeder = group.create_task(self._feed(requests, group))
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
        finally:
            for lane in self._lanes.values():
                await lane.close()
            with suppress(UserError):
                await asyncio.to_thread(self._store.release, list(self._claimed))
            self.ready.put_nowait(None)
        if self._error:
            raise self._error

    async def stop(self, pump: asyncio.Task[None]) -> None:
        """End `pump`; give what is under way some seconds to arrive and be stored."""
        if not pump.done():
            self._send_no_more()
            await asyncio.wait({pump}, timeout=STOP_SECONDS)
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)

    async def _feed(self, requests: Iterable[Request], group: asyncio.TaskGroup) -> None:
        try:
            for some in _chunks(requests):
                for _ in some:
                    await self.window.acquire()
                keyed = [(request.key, request) for request in some]
                usable = await self._look_up(dict(keyed))
                usable |= await self._claim({k: r for k, r in keyed if k not in usable})
                found = [_for(r, usable[key]) for key, r in keyed if key in usable]
                self._hand_out(found)
                await self._buy([pair for pair in keyed if pair[0] not in usable], group)
        except UserError as error:
            self._give_up(error)
        finally:
            self._feeder = None
            self._end_if_done()

    async def _look_up(self, asked: Mapping[str, Request]) -> dict[str, Reply]:
        stored = await asyncio.to_thread(self._store.find, asked)
        return {
            key: reply for key, reply in stored.items() if not (self._check and self._check(reply))
        }

    async def _claim(self, missing: Mapping[str, Request]) -> dict[str, Reply]:
        """Claim what is `missing`; return what another process has stored in the meantime."""
        if not missing:
            return {}
        theirs, found = await self._claim_and_look(missing)
        loop = asyncio.get_running_loop()
        for key in theirs - found.keys() - self._under_way.keys():
            self._elsewhere[key] = _Awaited(missing[key], loop.create_future())
        return found

    async def _claim_and_look(
        self, missing: Mapping[str, Request]
    ) -> tuple[set[str], dict[str, Reply]]:
        """Return which keys other processes ask, and what is in the store after that was seen."""
        theirs = await asyncio.to_thread(self._store.claim, list(missing))
        self._claimed |= missing.keys() - theirs
        return theirs, await self._look_up(missing)

    async def _watch(self) -> None:
        """Look now and then for what other processes were to ask."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            awaited = {key: some.request for key, some in self._elsewhere.items()}
            if awaited:
                try:
                    theirs, found = await self._claim_and_look(awaited)
                except UserError as error:
                    return self._give_up(error)
                for key in awaited.keys() - (theirs - found.keys()):
                    if (some := self._elsewhere.get(key)) and not some.reply.done():
                        some.reply.set_result(found.get(key))

    async def _buy(self, missing: Sequence[_Keyed], group: asyncio.TaskGroup) -> None:
        for _, pairs in groupby(missing, lambda pair: prompt_of(pair[1]) or pair[0]):
            together = list(pairs)
            new = {key: r for key, r in together if key not in self._under_way}
            lanes = {key: self._lane(request.spec) for key, request in new.items()}
            if self._exhausted or not await self._budget.reserve(list(new.values())):
                self._exhausted = True
                self._hand_out([over_budget(self._budget, request) for _, request in together])
                continue
            for key, request in together:
                if key in self._under_way:
                    self._under_way[key].append(request)
                else:
                    self._under_way[key] = []
                    task = group.create_task(self._answer(key, request, lanes[key]))
                    self._answers.add(task)
                    task.add_done_callback(partial(self._ended, request))

    def _ended(self, request: Request, task: asyncio.Task[None]) -> None:
        """Count an answer's task as done; a task cancelled before it began also comes here."""
        self._budget.settle(request)
        self._answers.discard(task)
        self._end_if_done()

    async def _answer(self, key: str, request: Request, lane: Lane) -> None:
        budget = self._budget

        async def send() -> Reply:
            if budget.exhausted:
                raise AttemptError("over_budget", budget.summary())
            budget.begin(self._stage, request)
            try:
                reply = await lane.endpoint.send(request)
            except AttemptError as error:
                budget.charge(error.cost)
                raise
            budget.charge(reply.cost)
            return reply

        async def keep(reply: Reply) -> None:
            reason = self._check(reply) if self._check else None
            await self._commit(key, unusable(reply, reason) if reason else reply)

        try:
            if reply := await self._from_elsewhere(key):
                return self._hand_out(list(self._shared(key, reply)))
            await lane.call(send, keep, expected_tokens(request), _work)
        except AttemptError as error:
            await self._commit(key, failure_of(request, error))
        except UserError as error:
            self._give_up(error)

    async def _from_elsewhere(self, key: str) -> Reply | None:
        """Return the reply that another process came by, None where this one is to ask."""
        if key not in self._elsewhere:
            return None
        try:
            return await self._elsewhere[key].reply
        finally:
            del self._elsewhere[key]

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
            stored = await asyncio.to_thread(self._store.commit, results)
            self._claimed -= results.keys()
            self._hand_out([copy for key in stored for copy in self._shared(key, stored[key])])
            for arrival in arrivals:
                if not arrival.committed.done():
                    arrival.committed.set_result(None)

    def _hand_out(self, results: Sequence[Result]) -> None:
        self._budget.count(self._stage, results)
        self.ready.put_nowait(results)

    def _give_up(self, error: UserError) -> None:
        """Send nothing more because of `error`; what is under way may still arrive."""
        self._error = self._error or error
        self._send_no_more()

    def _send_no_more(self) -> None:
        sending = {task for lane in self._lanes.values() for task in lane.sending}
        for task in self._answers - sending - {_this_task()}:
            task.cancel()
        if self._feeder and self._feeder is not _this_task():
            self._feeder.cancel()

    def _end_if_done(self) -> None:
        if self._feeder is None and not self._answers:
            self._arrived.put_nowait(None)
            if self._watcher:
                self._watcher.cancel()

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


def _chunks(requests: Iterable[Request]) -> Iterator[list[Request]]:
    """Yield `requests` in parts that end where a prompt ends, as far as the window allows."""
    part: list[Request] = []
    for request in requests:
        ends_prompt = (
            not part or not prompt_of(request) or prompt_of(part[-1]) != prompt_of(request)
        )
        if (len(part) >= LOOKUP and ends_prompt) or len(part) == WINDOW:
            yield part
            part = []
        part.append(request)
    if part:
        yield part


def _work(reply: Reply) -> float:
    """Return the tokens that were made, those added that the rest of a request takes as long as."""
    made = len(reply.text) / BYTES_PER_TOKEN if reply.usage.output is None else reply.usage.output
    return TOKENS_PER_REQUEST + made


def _this_task() -> asyncio.Task[None] | None:
    return asyncio.current_task()


def _for(request: Request, reply: Reply) -> Reply:
    return reply if reply.request is request else replace(reply, request=request)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
