"""What becomes of a request that brings no reply of use."""

from collections.abc import Callable

from llms.budget import Budget
from llms.endpoints import AttemptError
from llms.records import Failure, Reply, Request

Check = Callable[[Reply], str | None]
"""Returns why a reply cannot be used, or None."""


def over_budget(budget: Budget, request: Request) -> Failure:
    """Return the failure of a request that was not sent for want of money."""
    return Failure(request=request, reason="over_budget", detail=budget.summary(), attempts=0)


def failure_of(request: Request, error: AttemptError) -> Failure:
    """Return the failure of `request` that `error` ends it with."""
    return Failure(
        request=request,
        reason=error.reason,
        detail=error.detail,
        attempts=error.attempts,
        text=error.text,
        cost=error.cost,
    )


def unusable(reply: Reply, reason: str) -> Failure:
    """Return the failure that a reply is which did not pass the check."""
    return Failure(request=reply.request, reason=reason, text=reply.text, cost=reply.cost)
