"""Where models are: one module for each kind of endpoint, all behind `Endpoint`.

An endpoint makes one attempt: it returns a `Reply` or raises an `AttemptError` that says what
went wrong and whether trying again can help. Retries, concurrency and the store are not its
business.
"""

import importlib
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from llms.progress import Progress
from llms.records import ModelSpec, Reply, Request

ENDPOINTS = {
    "openai": "llms.endpoints.openai_api:OpenAIEndpoint",
    "http": "llms.endpoints.openai_api:OpenAIEndpoint",
    "litellm": "llms.endpoints.litellm_api:LitellmEndpoint",
    "vllm": "llms.endpoints.managed_vllm:VllmEndpoint",
    "recorded": "llms.endpoints.recorded:RecordedEndpoint",
}


class AttemptError(Exception):
    """One attempt failed.

    `reason` is the short fixed word that a `Failure` carries. `retry` says whether another attempt
    can help, `wait` how many seconds the endpoint asked us to wait before it. `overload` means the
    endpoint has too much to do; `hopeless` that no request to this endpoint can succeed.
    """

    def __init__(
        self,
        reason: str,
        detail: str = "",
        *,
        retry: bool = False,
        wait: float | None = None,
        overload: bool = False,
        hopeless: bool = False,
        text: str | None = None,
        cost: float | None = None,
    ) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.retry = retry
        self.wait = wait
        self.overload = overload
        self.hopeless = hopeless
        self.text = text
        self.cost = cost
        self.attempts = 1


class Endpoint(Protocol):
    """A place that answers requests to one model.

    Opening one checks what can be checked before anything is sent (a key, an extra) and raises
    `UserError`.
    """

    def in_use(self) -> AbstractAsyncContextManager[None]:
        """Hold the endpoint for one request, however many attempts it takes."""

    async def send(self, request: Request) -> Reply:
        """Make one attempt; raise `AttemptError` where it fails."""

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """Return one vector for each text, in order; raise `AttemptError` where it fails."""

    async def close(self) -> None:
        """Give back connections and processes."""


def open_endpoint(spec: ModelSpec, progress: Progress) -> Endpoint:
    """Return the endpoint of `spec`, ready to send.

    Raises:
        UserError: a key, an extra or a file that it needs is missing.
    """
    module, _, name = ENDPOINTS[spec.kind].partition(":")
    endpoint: Endpoint = getattr(importlib.import_module(module), name)(spec, progress)
    return endpoint
