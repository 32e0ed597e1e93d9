"""How the requests of a run are put: to the models, or to the store alone for a dry run.

Stages take an `Asker` and do not know which of the two they talk to.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from time import monotonic
from typing import Protocol

from llms.budget import Budget
from llms.complete import complete
from llms.order import in_asking_order
from llms.outcomes import Check
from llms.progress import Progress
from llms.records import Failure, Reply, Request, Result
from llms.store import ResponseStore

OnResult = Callable[[Result], None]
NOT_ASKED = "not_asked"
TELL_SECONDS = 60.0
_LOOKUP = 256


class Asker(Protocol):
    """Puts the requests of a stage and hands over one result for each, in any order."""

    def __call__(
        self, requests: Iterable[Request], check: Check, on_result: OnResult, *, stage: str
    ) -> None:
        """Call `on_result` once for each request; a reply that fails `check` is a failure."""


@dataclass(slots=True)
class _Spending:
    """Tells of what is spent, now and then."""

    budget: Budget
    progress: Progress
    told: float = field(default_factory=monotonic)
    known: float = 0.0

    def look(self) -> None:
        if self.budget.spent > self.known and monotonic() - self.told >= TELL_SECONDS:
            self.told, self.known = monotonic(), self.budget.spent
            self.progress.note(self.budget.summary())


def live(store: ResponseStore, budget: Budget, progress: Progress) -> Asker:
    """Return the asker that sends what the store does not have, as far as `budget` allows.

    With a limit, prompts are bought one after another, each with all its requests of a stage.
    """
    capped = budget.limit is not None
    spending = _Spending(budget, progress)

    def ask(requests: Iterable[Request], check: Check, on_result: OnResult, *, stage: str) -> None:
        async def collect() -> None:
            async for result in complete(
                in_asking_order(requests, capped=True) if capped else requests,
                store=store,
                check=check,
                budget=budget,
                stage=stage,
                progress=progress,
            ):
                on_result(result)
                spending.look()

        asyncio.run(collect())

    return ask


def by_batch(store: ResponseStore, budget: Budget, progress: Progress) -> Asker:
    """Return the asker that buys what the store does not have by the Batch API.

    A stage blocks until its batches have ended; killed, the next run finds them again.
    """
    from llms.batch import ask_by_batch

    def ask(requests: Iterable[Request], check: Check, on_result: OnResult, *, stage: str) -> None:
        for result in ask_by_batch(
            list(requests), store=store, check=check, progress=progress, budget=budget, stage=stage
        ):
            on_result(result)

    return ask


def stored(store: ResponseStore, on_request: Callable[[str, Request, Reply | None], None]) -> Asker:
    """Return the asker that sends nothing: a request the store has no reply to is a failure.

    `on_request` is told of each request, with its stage and the reply that the store has to it.
    """

    def ask(requests: Iterable[Request], check: Check, on_result: OnResult, *, stage: str) -> None:
        for some in _batches(requests):
            found = store.get_many(some)
            for request in some:
                reply = found.get(request.key)
                usable = reply if reply and not check(reply) else None
                on_request(stage, request, usable)
                absent = Failure(request=request, reason=NOT_ASKED, attempts=0)
                on_result(replace(usable, request=request) if usable else absent)

    return ask


def _batches(requests: Iterable[Request]) -> Iterator[list[Request]]:
    source = iter(requests)
    while some := list(islice(source, _LOOKUP)):
        yield some
