"""How a judge is asked to compare two answers: the template, the form of the reply, its reading."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from judges.fencing import fence_key, neutralise
from judges.planning import Game
from judges.records import VERDICTS, Answer
from judges.thoughts import Tags, spoken
from judges.verdicts import read_json, read_label
from llms.records import Message, Reply
from prompts import template


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A way to judge one game. `name` is its template's, `fields` those of a structured reply."""

    name: str
    fields: tuple[str, ...]
    structured: bool = False

    def message(self, game: Game, first: Answer, second: Answer) -> Message:
        """Return what the judge is sent for a game of these two answers, `first` being A."""
        material = show_comparison(game, first, second)
        text = template(self.name).render(material=material, structured=self.structured)
        return {"role": "user", "content": text}

    def params(self) -> Mapping[str, Any]:
        """Return the request parameters that hold the reply to its form."""
        return {"response_format": _schema(self.fields)} if self.structured else {}

    def read(self, reply: Reply, think_tags: Tags) -> str | None:
        """Return the verdict the reply gives, or None."""
        text = spoken(reply, think_tags).text
        if text is None or reply.finish_reason in ("length", "content_filter"):
            return None
        return read_json(text) if self.structured else read_label(text)


PROTOCOLS = {
    "pairwise": ("own_answer", "comparison", "verdict"),
    "verdict-only": ("verdict",),
}
"""Protocols by name, with the fields of their structured replies, the verdict last."""


def protocol(name: str, *, structured: bool) -> Protocol:
    """Return the protocol called `name`."""
    return Protocol(name=name, fields=PROTOCOLS[name], structured=structured)


def show_comparison(game: Game, first: Answer, second: Answer) -> str:
    """Return the material of a game between its delimiter lines, imitations of them rewritten."""
    item = game.item
    key = fence_key(item.turns)

    def safe(text: str) -> str:
        return neutralise(text, key=key).text

    return template("comparison").render(
        key=key,
        turns=[safe(turn) for turn in item.turns],
        reference=None,
        answer_a=[safe(text) for text in all_texts(first)],
        answer_b=[safe(text) for text in all_texts(second)],
    )


def all_texts(answer: Answer) -> list[str]:
    """Return what the model said at each turn, oldest first."""
    return [*answer.earlier, answer.text or ""]


def rewritten(answer: Answer, turns: tuple[str, ...]) -> int:
    """Count the imitations of labels and delimiters that are rewritten in this answer."""
    key = fence_key(turns)
    return sum(neutralise(text, key=key).rewritten for text in all_texts(answer))


def _schema(fields: tuple[str, ...]) -> Mapping[str, Any]:
    properties: dict[str, Any] = {name: {"type": "string"} for name in fields}
    properties["verdict"] = {"type": "string", "enum": list(VERDICTS)}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(fields),
        "additionalProperties": False,
    }
    return {
        "type": "json_schema",
        "json_schema": {"name": "judgment", "strict": True, "schema": schema},
    }
