"""The one door through which models are asked: `complete` (async) and `ask` (in order).

A request is looked up in the store, sent if it is not there, and committed before anyone sees the
reply. What another process asks just now is waited for. Whatever goes wrong with a request comes
out as a `Failure`; only what concerns all of them (a missing key, a full disk) is raised.
"""

import asyncio
import gc
import signal
import threading
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from llms.budget import Budget
from llms.door import Door
from llms.lanes import PATIENT, Patience
from llms.order import in_asking_order
from llms.outcomes import Check
from llms.progress import Progress, Silent
from llms.records import Request, Result
from llms.store import ResponseStore

ALLOCATIONS_PER_COLLECTION = 50_000
SILENT = Silent()


def ask(
    requests: Sequence[Request],
    *,
    store: ResponseStore,
    check: Check | None = None,
    on_result: Callable[[Result], None] | None = None,
    patience: Patience = PATIENT,
    progress: Progress = SILENT,
    budget: Budget | None = None,
    stage: str = "",
) -> list[Result]:
    """Return one result for each request, in their order.

    `check` returns the reason when a reply cannot be used; it is then a failure, kept with its
    text, and asked again on the next run. `on_result` is called as results arrive, `progress`
    gets a note on what else happens. What is spent is entered into `budget` under `stage`; where
    the budget has a limit, prompts are taken one after another, and those that no longer fit, with
    all their requests, fail as `over_budget`.

    Ctrl-C and SIGTERM: what is under way is awaited for a few seconds and stored first.

    Raises:
        UserError: a key or an extra is missing, or the store cannot be written.
    """
    places: dict[int, deque[int]] = defaultdict(deque)
    for place, request in enumerate(requests):
        places[id(request)].append(place)
    results: dict[int, Result] = {}
    capped = budget is not None and budget.limit is not None
    ordered = in_asking_order(requests, capped=capped)

    async def collect() -> None:
        async for result in complete(
            ordered,
            store=store,
            check=check,
            patience=patience,
            progress=progress,
            budget=budget,
            stage=stage,
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
    budget: Budget | None = None,
    stage: str = "",
) -> AsyncIterator[Result]:
    """Yield one result for each request, in order of arrival, in memory that does not grow.

    The results carry the very request objects given. Requests to several vLLM servers of our own
    should come model by model; requests of one prompt that follow each other are bought together or
    not at all where the budget has a limit. See `ask` for the rest.
    """
    door = Door(store, check, patience, progress, budget or Budget(), stage)
    with _termination_cancels(), _garbage_sought_rarely():
        pump = asyncio.create_task(door.pump(requests))
        try:
            while (some := await door.ready.get()) is not None:
                for result in some:
                    door.window.release()
                    yield result
            await pump
        finally:
            await door.stop(pump)


@contextmanager
def _garbage_sought_rarely() -> Iterator[None]:
    """Look for cycles seldom: what many requests under way hold is in use, and a look through it
    after every 700 allocations takes a sixth of the time of small requests."""
    before = gc.get_threshold()
    if 0 < before[0] < ALLOCATIONS_PER_COLLECTION:
        gc.set_threshold(ALLOCATIONS_PER_COLLECTION, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _termination_cancels() -> Iterator[None]:
    """Let SIGTERM stop the running task as Ctrl-C does, where nobody else handles it."""
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    terminated = False

    def terminate() -> None:
        nonlocal terminated
        terminated = True
        if task:
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, terminate)
    try:
        yield
    except asyncio.CancelledError:
        if terminated:
            raise SystemExit(128 + signal.SIGTERM) from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
