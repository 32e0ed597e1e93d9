"""OpenAI itself and every server that speaks its API, by the official client over aiohttp."""

import os
import re
from contextlib import AbstractAsyncContextManager, nullcontext
from email.utils import parsedate_to_datetime
from importlib import import_module
from time import monotonic, time
from typing import Any

import openai

from llms.endpoints import AttemptError
from llms.endpoints.chat_api import chat_body, chat_reply
from llms.errors import UserError
from llms.progress import Progress
from llms.records import ModelSpec, Reply, Request

_OPENAI = int(openai.__version__.partition(".")[0])
_HTTP: Any = import_module("httpx2" if _OPENAI >= 3 else "httpx")
"""What the installed openai speaks HTTP with; litellm may hold it at version 2."""
CONNECT_SECONDS = 10.0
_TOO_LONG = ("context_length", "context length", "maximum context", "too many tokens", "too long")
_SECRET = re.compile("KEY|TOKEN|SECRET|PASSWORD", re.I)
_TELEMETRY = ("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version", "Async")
_OPTIONS: Any = {
    "headers": {
        f"X-Stainless-{name}": openai.Omit()
        for name in (*_TELEMETRY, "Retry-Count", "Read-Timeout")
    },
    "max_retries": 0,
    "timeout": _HTTP.Timeout(None, connect=CONNECT_SECONDS),
    "params": {},
    "idempotency_key": "",
}
"""All of it given with each request spares the client a seventh of its work: no headers about this
machine, no key drawn at random for retries, no defaults copied."""
_FILTERED = ("content_filter", "content_policy", "content management policy", "safety")


class OpenAIEndpoint:
    """A server that speaks OpenAI's API.

    Raises:
        UserError: the environment variable that holds the key is not set.
    """

    def __init__(self, spec: ModelSpec, progress: Progress) -> None:
        limits = _HTTP.Limits(max_connections=spec.concurrency, keepalive_expiry=30)
        self._client = openai.AsyncOpenAI(
            api_key=key_of(spec),
            base_url=spec.address,
            http_client=openai.DefaultAioHttpClient(limits=limits),
        )
        self._chat, self._embeddings = map(self._url, ("/chat/completions", "/embeddings"))
        self._spec = spec
        self._takes_no_schema = False

    def in_use(self) -> AbstractAsyncContextManager[None]:
        """Nothing has to be held."""
        return nullcontext()

    async def send(self, request: Request) -> Reply:
        """Make one attempt; a server that takes no schema is asked without one."""
        start = monotonic()
        asked = chat_body(request)
        if self._takes_no_schema:
            asked.pop("response_format", None)
        try:
            body = await self._post(self._chat, asked)
        except AttemptError as error:
            if not ("response_format" in asked and _refuses_schema(error)):
                raise
            self._takes_no_schema = True
            return await self.send(request)
        return chat_reply(request, body, monotonic() - start)

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """Return one vector for each text."""
        body = {**self._spec.params, "model": self._spec.model, "input": texts}
        answer = await self._post(self._embeddings, body)
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors: list[list[float]] = [row["embedding"] for row in rows]
        except (KeyError, TypeError) as error:
            raise AttemptError("invalid_response", "not embeddings", retry=True) from error
        if len(vectors) != len(texts):
            raise AttemptError("invalid_response", "vectors are missing", retry=True)
        return vectors

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _url(self, path: str) -> str:
        base = self._client.base_url
        root, mark, query = base.raw_path.partition(b"?")
        return str(base.copy_with(raw_path=root.rstrip(b"/") + path.encode() + mark + query))

    async def _post(self, url: str, body: dict[str, Any]) -> Any:
        try:
            response = await self._client.post(
                url, cast_to=_HTTP.Response, body=body, options=_OPTIONS
            )
            return response.json()
        except openai.APIStatusError as error:
            raise status_error(
                error.status_code, str(error.body or error.message), error
            ) from error
        except openai.APIConnectionError as error:
            raise _connection_error(error, self._spec) from error
        except _HTTP.HTTPError as error:
            raise AttemptError("connection", repr(error), retry=True) from error
        except ValueError as error:
            raise AttemptError("invalid_response", f"not JSON: {error}", retry=True) from error


def status_error(status: int, said: str, error: Any = None) -> AttemptError:
    """Return what an HTTP status and the server's words mean for the request."""
    detail = " ".join(f"HTTP {status}: {without_secrets(said)}".split())[:500]
    lowered = said.lower()
    response = getattr(error, "response", None)
    wait = _retry_after(response) if response is not None else None
    if status in (401, 403):
        return AttemptError("auth", detail, hopeless=True)
    if status == 404:
        return AttemptError("not_found", detail, hopeless=True)
    if status == 429 and "insufficient_quota" in lowered:
        return AttemptError("quota", detail, hopeless=True)
    if status == 429:
        return AttemptError("rate_limit", detail, retry=True, wait=wait, overload=True)
    if status in (408, 409) or status >= 500:
        return AttemptError("server_error", detail, retry=True, wait=wait, overload=status == 503)
    if any(words in lowered for words in _TOO_LONG):
        return AttemptError("context_too_long", detail)
    if any(words in lowered for words in _FILTERED):
        return AttemptError("content_filter", detail)
    return AttemptError("bad_request", detail)


def without_secrets(text: str) -> str:
    """Return `text` without the values of environment variables that are named like secrets."""
    for name, value in os.environ.items():
        if len(value) >= 8 and _SECRET.search(name):
            text = text.replace(value, f"[{name}]")
    return text


def key_of(spec: ModelSpec) -> str:
    """Return the key that the environment holds for `spec`; raise `UserError` if it does not."""
    variable = spec.key_env or ("OPENAI_API_KEY" if spec.kind == "openai" else None)
    if variable is None:
        return "none"
    key = os.environ.get(variable)
    if not key:
        raise UserError(f"{spec.name} needs a key: set the environment variable {variable}")
    return key


def _refuses_schema(error: AttemptError) -> bool:
    return error.reason == "bad_request" and bool(
        re.search("response_format|json_schema|structured output", error.detail, re.I)
    )


def _connection_error(error: openai.APIConnectionError, spec: ModelSpec) -> AttemptError:
    cause = error.__cause__
    if isinstance(cause, (_HTTP.ConnectError, _HTTP.ConnectTimeout)):
        where = spec.address or "the OpenAI API"
        return AttemptError(
            "unreachable", f"no server answers at {where}", retry=True, hopeless=True
        )
    if isinstance(error, openai.APITimeoutError):
        return AttemptError("timeout", str(error), retry=True)
    return AttemptError("connection", f"{error}: {cause!r}"[:500], retry=True)


def _retry_after(response: Any) -> float | None:
    try:
        if "retry-after-ms" in response.headers:
            return max(0.0, float(response.headers["retry-after-ms"]) / 1000)
        value = response.headers.get("retry-after", "")
        if value.replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time()) if value else None
    except (ValueError, TypeError):
        return None
