"""A local server whose models answer plainly and whose judge prefers the longer answer."""

import json
import re
from math import log
from typing import Any

from aiohttp import web

from tests.llms.fake_server import completion

_ANSWER = re.compile(r"=== \w{12} answer (\w) ===\n(.*?)=== \w{12} end of answer", re.DOTALL)


def said(model: str, question: str) -> str:
    """Return what a model answers: the longer its name, the longer its answer."""
    return f"{question[:40]}: {'so it is ' * len(model)}"


def shown(prompt: str) -> dict[str, str]:
    """Return the answers in the judge's prompt by letter."""
    return dict(_ANSWER.findall(prompt))


def verdict(prompt: str) -> str:
    """Return the label for the longer answer."""
    lengths = [len(text) for text in shown(prompt).values()]
    return "A=B" if lengths[0] == lengths[1] else "A>B" if lengths[0] > lengths[1] else "B>A"


def judged(body: dict[str, Any]) -> dict[str, Any]:
    """Return the judge's reply in the form that was asked for."""
    prompt = body["messages"][-1]["content"]
    if "answer A ===" not in prompt:
        return completion("Is it long?" if "checklist" in prompt else "Mine is long.")
    if body.get("logprobs"):
        return completion("A", logprobs={"content": [letter(0.75)]})
    wanted = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    if not wanted:
        return completion(f"The longer one is better.\n\n[[{verdict(prompt)}]]")
    return completion(json.dumps({name: field(name, prompt) for name in wanted["required"]}))


def field(name: str, prompt: str) -> Any:
    """Return the value of a field of a structured reply."""
    answers = shown(prompt)
    if name == "rating":
        return min(10, 1 + len(answers["A"]) // 60)
    if name == "ranking":
        return " > ".join(sorted(answers, key=lambda letter: -len(answers[letter])))
    return "because" if name in ("own_answer", "comparison", "findings") else verdict(prompt)


def letter(probability: float) -> dict[str, Any]:
    """Return the token `A` with its alternatives, as the API gives them."""
    options = [{"token": "A", "logprob": log(probability)}, {"token": " B", "logprob": log(0.25)}]
    return {**options[0], "top_logprobs": options}


async def answer(body: dict[str, Any]) -> web.StreamResponse:
    """Answer as the model that was asked for, or as the judge."""
    if body["model"] == "judge":
        return web.json_response(judged(body))
    return web.json_response(completion(said(body["model"], body["messages"][-1]["content"])))
