"""What is asked of a model and what comes back.

A `Request` goes in; a `Reply` or a `Failure` comes out. A failure is never a reply with an empty
text: it is a record of its own, with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from llms.files import digest

EndpointKind = Literal["openai", "http", "litellm", "vllm", "recorded"]
Message = Mapping[str, Any]
"""A chat message as the OpenAI API has it: role, and content (text, or a list of parts)."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for one million tokens; `cached` for input tokens found in a cache."""

    input: float
    output: float
    cached: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model as the user named it: where it is, and how it is to be asked.

    `name` is what answers and rankings call it, unique within a run. `model` is what its endpoint
    calls it. `address` is a base URL (http), a folder (recorded), or None.
    """

    kind: EndpointKind
    model: str
    name: str
    address: str | None = None
    revision: str | None = None
    system: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    """Sampling parameters and extra body fields; they take precedence over a request's own."""
    concurrency: int = 32
    timeout: float = 600.0
    """Seconds that one attempt may take."""
    prices: Prices | None = None
    """None: the price is looked up, and where it is not found it is unknown, which is not zero."""
    price_per_hour: float | None = None
    """US dollars for an hour of the machine, for models that are not paid by token."""
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    key_env: str | None = None
    """Name of the environment variable that holds the API key; never the key."""
    engine_args: tuple[str, ...] = ()
    """Arguments for the vLLM server that is started for this model."""
    python: str | None = None
    """The interpreter that has vLLM, where it is not this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing to ask. Equal keys mean interchangeable replies."""

    spec: ModelSpec
    messages: Sequence[Message]
    params: Mapping[str, Any] = field(default_factory=dict)
    sample: int = 0
    about: Mapping[str, str] = field(default_factory=dict)
    """Labels for the asker and for recorded endpoints (prompt_id, model_a, ...). Never sent to a
    model and not part of the key."""

    @property
    def key(self) -> str:
        """SHA-256 of everything that determines the reply."""
        spec = self.spec
        return digest(
            {
                "kind": spec.kind,
                "address": spec.address if spec.kind in ("http", "openai") else None,
                "model": spec.model,
                "revision": spec.revision,
                "messages": self.sent_messages(),
                "params": self.sent_params(),
                "sample": self.sample,
                **({"engine_args": spec.engine_args} if spec.engine_args else {}),
            }
        )

    def sent_messages(self) -> list[Message]:
        """Return the messages as sent: the model's own system prompt first, if it has one."""
        system: list[Message] = (
            [{"role": "system", "content": self.spec.system}] if self.spec.system else []
        )
        return [*system, *self.messages]

    def sent_params(self) -> dict[str, Any]:
        """Return the parameters as sent: the request's, overridden by the model's."""
        return {**self.params, **self.spec.params}


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the endpoint reports them; None where it does not."""

    input: int | None = None
    output: int | None = None
    reasoning: int | None = None
    cached: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A usable reply."""

    request: Request
    text: str
    reasoning: str | None = None
    finish_reason: str | None = None
    usage: Usage = Usage()
    logprobs: Sequence[Mapping[str, Any]] | None = None
    """Per generated token, as the OpenAI API has them."""
    cost: float | None = None
    """US dollars; None where the price is unknown."""
    seconds: float | None = None
    created: str | None = None
    """UTC, ISO 8601; None for recorded replies, which were not made by this program."""
    from_store: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no usable reply. It is owed again on the next run."""

    request: Request
    reason: str
    """A short fixed word: refused, truncated, timeout, unreadable, rate_limit, ..."""
    detail: str = ""
    attempts: int = 1
    """Attempts over all runs, as the store counts them."""
    text: str | None = None
    """What the model said, where it said something unusable."""
    cost: float | None = None


Result = Reply | Failure
