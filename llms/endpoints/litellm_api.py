"""The other providers, through litellm (an optional extra)."""

import os
from contextlib import AbstractAsyncContextManager, nullcontext
from operator import itemgetter
from time import monotonic
from typing import Any

from llms.endpoints import AttemptError
from llms.endpoints.chat_api import chat_body, chat_reply
from llms.endpoints.openai_api import status_error, without_secrets
from llms.errors import UserError
from llms.progress import Progress
from llms.records import ModelSpec, Reply, Request


class LitellmEndpoint:
    """A provider that litellm knows.

    Raises:
        UserError: litellm is not installed, or the provider's key is not in the environment.
    """

    def __init__(self, spec: ModelSpec, progress: Progress) -> None:
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        try:
            import litellm
        except ImportError as error:
            raise UserError(
                f"{spec.name} needs litellm: python -m pip install 'benchbuilder[litellm]'"
            ) from error
        litellm.suppress_debug_info = True
        litellm.telemetry = False
        litellm.drop_params = True
        missing = litellm.validate_environment(spec.model).get("missing_keys")
        if missing and "api_key" not in spec.params and spec.key_env is None:
            raise UserError(f"{spec.name} needs a key: set the environment variable {missing[0]}")
        self._key = _named_key(spec)
        self._litellm: Any = litellm
        self._spec = spec

    def in_use(self) -> AbstractAsyncContextManager[None]:
        """Nothing has to be held."""
        return nullcontext()

    async def send(self, request: Request) -> Reply:
        """Make one attempt."""
        start = monotonic()
        body = await self._call(self._litellm.acompletion, chat_body(request))
        return chat_reply(request, body, monotonic() - start)

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """Return one vector for each text."""
        body = {**self._spec.params, "model": self._spec.model, "input": texts}
        answer = await self._call(self._litellm.aembedding, body)
        rows = sorted(answer["data"], key=itemgetter("index"))
        vectors: list[list[float]] = [row["embedding"] for row in rows]
        return vectors

    async def close(self) -> None:
        """Close the connections."""
        await self._litellm.close_litellm_async_clients()

    async def _call(self, function: Any, body: dict[str, Any]) -> Any:
        options = {"api_key": self._key} if self._key else {}
        try:
            answer = await function(**body, **options, num_retries=0, max_retries=0)
        except self._litellm.ContextWindowExceededError as error:
            raise AttemptError("context_too_long", without_secrets(str(error))[:500]) from error
        except self._litellm.ContentPolicyViolationError as error:
            raise AttemptError("content_filter", without_secrets(str(error))[:500]) from error
        except self._litellm.Timeout as error:
            raise AttemptError("timeout", without_secrets(str(error))[:500], retry=True) from error
        except self._litellm.APIConnectionError as error:
            raise AttemptError(
                "connection", without_secrets(str(error))[:500], retry=True
            ) from error
        except self._litellm.exceptions.APIError as error:
            raise status_error(error.status_code, str(error), error) from error
        return answer.model_dump()


def _named_key(spec: ModelSpec) -> str | None:
    if spec.key_env is None:
        return None
    key = os.environ.get(spec.key_env)
    if not key:
        raise UserError(f"{spec.name} needs a key: set the environment variable {spec.key_env}")
    return key
