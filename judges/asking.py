"""How the requests of a run are put: to the models, or to the store alone for a dry run.

Stages take an `Asker` and do not know which of the two they talk to.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from llms.complete import Check, complete
from llms.records import Failure, Reply, Request, Result
from llms.store import ResponseStore

OnResult = Callable[[Result], None]
NOT_ASKED = "not_asked"
_LOOKUP = 256


class Asker(Protocol):
    """Puts requests and hands over one result for each, in any order."""

    def __call__(self, requests: Iterable[Request], check: Check, on_result: OnResult) -> None:
        """Call `on_result` once for each request; a reply that fails `check` is a failure."""


@dataclass(slots=True)
class Tally:
    """What the results that passed by have newly cost, in US dollars."""

    spent: float = 0.0

    def count(self, result: Result) -> None:
        """Add what this result cost, if it was not paid for before."""
        if result.cost is not None and not (isinstance(result, Reply) and result.from_store):
            self.spent += result.cost


def live(store: ResponseStore, tally: Tally) -> Asker:
    """Return the asker that sends what the store does not have."""

    def ask(requests: Iterable[Request], check: Check, on_result: OnResult) -> None:
        async def collect() -> None:
            async for result in complete(requests, store=store, check=check):
                tally.count(result)
                on_result(result)

        asyncio.run(collect())

    return ask


def stored(store: ResponseStore, on_request: Callable[[Request, Reply | None], None]) -> Asker:
    """Return the asker that sends nothing: a request the store has no reply to is a failure.

    `on_request` is told of each request and of the reply that the store has to it.
    """

    def ask(requests: Iterable[Request], check: Check, on_result: OnResult) -> None:
        for some in _batches(requests):
            found = store.get_many(some)
            for request in some:
                reply = found.get(request.key)
                usable = reply if reply and not check(reply) else None
                on_request(request, usable)
                absent = Failure(request=request, reason=NOT_ASKED, attempts=0)
                on_result(replace(usable, request=request) if usable else absent)

    return ask


def _batches(requests: Iterable[Request]) -> Iterator[list[Request]]:
    source = iter(requests)
    while some := list(islice(source, _LOOKUP)):
        yield some
