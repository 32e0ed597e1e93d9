"""The order in which requests are best asked."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator

from llms.records import Request


def in_asking_order(requests: Iterable[Request], *, capped: bool) -> Iterable[Request]:
    """Return `requests` in the order in which they are best handed to `complete`.

    Where spending is `capped` that is prompt by prompt, otherwise the models take turns.
    """
    return sorted(requests, key=_by_prompt) if capped else _taking_turns(requests)


def _taking_turns(requests: Iterable[Request]) -> Iterator[Request]:
    """Yield `requests` model by model in turns, so that no endpoint waits for another's queue.

    Models on vLLM servers of our own come one after another, as they may have to share a GPU.
    """
    by_model: dict[str, deque[Request]] = defaultdict(deque)
    for request in sorted(requests, key=_managed_model):
        by_model["vllm:" if _managed_model(request) else request.spec.name].append(request)
    while by_model:
        for name in list(by_model):
            yield by_model[name].popleft()
            if not by_model[name]:
                del by_model[name]


def _by_prompt(request: Request) -> tuple[str, str]:
    return _managed_model(request), prompt_of(request)


def _managed_model(request: Request) -> str:
    return request.spec.name if request.spec.kind == "vllm" else ""


def prompt_of(request: Request) -> str:
    """Return the id of the prompt that `request` is about, or an empty text."""
    return request.about.get("prompt_id", "")
