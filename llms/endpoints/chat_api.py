"""The OpenAI chat API's body and reply, as every endpoint that speaks it shares them.

Replies are read from plain JSON, field by field, because servers differ in what they leave out.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from llms.endpoints import AttemptError
from llms.prices import cost_of
from llms.records import Reply, Request, Usage

_REASONING_MODEL = re.compile(r"(o\d|gpt-5)(?!.*chat)")
_REFUSED_BY_REASONING_MODELS = frozenset(
    [
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "logit_bias",
    ]
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def chat_body(request: Request) -> dict[str, Any]:
    """Return the JSON body that asks `request`.

    A parameter that is None is left out. `seed` moves with the sample index, or all samples would
    be the same. OpenAI's reasoning models are not sent the parameters that they refuse.
    """
    spec = request.spec
    params = {name: value for name, value in request.sent_params().items() if value is not None}
    if request.sample and "seed" in params:
        params["seed"] += request.sample
    if spec.kind == "openai" and _REASONING_MODEL.match(spec.model):
        params = {k: v for k, v in params.items() if k not in _REFUSED_BY_REASONING_MODELS}
        if "max_tokens" in params:
            params["max_completion_tokens"] = params.pop("max_tokens")
    return {"model": spec.model, "messages": request.sent_messages(), **params}


def chat_reply(request: Request, body: Any, seconds: float) -> Reply:
    """Return the reply in a response body.

    Raises:
        AttemptError: the body is not a chat completion, or holds nothing usable: invalid_response,
            refused, content_filter, truncated (before the first word), empty.
    """
    if not isinstance(body, Mapping):
        raise AttemptError("invalid_response", "not a JSON object", retry=True)
    if body.get("error") and not body.get("choices"):
        raise AttemptError("server_error", _clean(str(body["error"]))[:500], retry=True)
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        raise AttemptError("invalid_response", "no choices in the reply", retry=True)
    usage = _usage(body.get("usage"))
    cost = cost_of(request.spec, usage)
    finish = choice.get("finish_reason")
    finish = finish if isinstance(finish, str) else None
    if message.get("refusal"):
        raise AttemptError("refused", text=_clean(str(message["refusal"])), cost=cost)
    text = _text(message.get("content"))
    reasoning = _text(message.get("reasoning_content") or message.get("reasoning"))
    if not text and reasoning and "response_format" in request.sent_params():
        text, reasoning = reasoning, ""
    if finish == "content_filter":
        raise AttemptError("content_filter", text=text or None, cost=cost)
    if not text.strip():
        raise _nothing_said(finish, cost)
    return Reply(
        request=request,
        text=text,
        reasoning=reasoning or None,
        finish_reason=finish,
        usage=usage,
        logprobs=_logprobs(choice.get("logprobs")),
        cost=cost,
        seconds=round(seconds, 3),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _nothing_said(finish: str | None, cost: float | None) -> AttemptError:
    if finish == "length":
        return AttemptError(
            "truncated", "the token limit was reached before the first word; raise it", cost=cost
        )
    return AttemptError("empty", f"no text (finish_reason {finish})", retry=True, cost=cost)


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, Mapping))
        content = "".join(part for part in parts if isinstance(part, str))
    return _clean(content) if isinstance(content, str) else ""


def _clean(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)


def _usage(usage: Any) -> Usage:
    if not isinstance(usage, Mapping):
        return Usage()
    thought = usage.get("completion_tokens_details")
    given = usage.get("prompt_tokens_details")
    return Usage(
        input=_count(usage, "prompt_tokens"),
        output=_count(usage, "completion_tokens"),
        reasoning=_count(thought, "reasoning_tokens"),
        cached=_count(given, "cached_tokens"),
    )


def _count(record: Any, name: str) -> int | None:
    value = record.get(name) if isinstance(record, Mapping) else None
    return value if type(value) is int and 0 <= value < 2**53 else None


def _logprobs(logprobs: Any) -> list[Mapping[str, Any]] | None:
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    return content if isinstance(content, list) else None
