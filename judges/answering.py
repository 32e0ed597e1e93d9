"""Have every model answer every prompt, all of its turns, its own earlier answers before it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchbuilder.records import BenchmarkItem
from judges.asking import Asker, OnResult
from judges.records import Answer
from judges.style import count_style
from judges.thoughts import Tags, spoken
from llms.order import in_asking_order
from llms.outcomes import Check
from llms.records import Failure, Message, ModelSpec, Reply, Request, Result


@dataclass(slots=True)
class _Talk:
    """One model's conversation over one prompt, one of several samples, as far as it has come."""

    spec: ModelSpec
    item: BenchmarkItem
    sample: int
    tags: Tags
    replies: list[Reply] = field(default_factory=list)
    failure: Failure | None = None

    def open(self) -> bool:
        # A record holds one reply, to all turns together: asking turn by turn would repeat it.
        turns = 1 if self.spec.kind == "recorded" else len(self.item.turns)
        return self.failure is None and len(self.replies) < turns

    def messages(self) -> list[Message]:
        turns = [_said_by("user", turn) for turn in self.item.turns]
        if self.spec.kind == "recorded":
            return [*turns]
        answers = [_said_by("assistant", text) for text in self.texts()]
        before = [message for both in zip(turns, answers, strict=False) for message in both]
        return [*before, turns[len(answers)]]

    def take(self, result: Result) -> None:
        if isinstance(result, Reply):
            self.replies.append(result)
        else:
            self.failure = result

    def texts(self) -> list[str]:
        return [spoken(reply, self.tags).text or "" for reply in self.replies]

    def cost(self) -> float | None:
        results: list[Result] = [*self.replies, *([self.failure] if self.failure else [])]
        costs = [result.cost for result in results if result.cost is not None]
        return sum(costs) if costs else None


def collect_answers(
    models: Sequence[ModelSpec],
    items: Sequence[BenchmarkItem],
    *,
    ask: Asker,
    think_tags: Tags,
    keep_truncated: bool,
    on_result: OnResult,
    stage: str,
    samples: int = 1,
) -> list[Answer]:
    """Return `samples` answers for each model and prompt: by model, by prompt, by sample.

    Turns are asked one after the other, the same turn of all conversations at once. A turn without
    a usable reply ends its conversation: the answer is then a failure with that turn's reason.
    """
    check = answer_check(think_tags=think_tags, keep_truncated=keep_truncated)
    talks = {
        (spec.name, item.id, sample): _Talk(spec, item, sample, think_tags)
        for item in items
        for spec in models
        for sample in range(samples)
    }

    def take(result: Result) -> None:
        asked = result.request
        talk = talks[asked.spec.name, asked.about["prompt_id"], asked.sample]
        talk.take(result)
        if not talk.open():
            on_result(result)

    while going := [talk for talk in talks.values() if talk.open()]:
        requests = in_asking_order(map(_request, going), capped=False)
        ask(requests, check, take, stage=stage)
    return [
        _answer(talks[spec.name, item.id, sample])
        for spec in models
        for item in items
        for sample in range(samples)
    ]


def answer_check(*, think_tags: Tags, keep_truncated: bool) -> Check:
    """Return the check that an answer is one: finished, not empty, its thought closed."""

    def check(reply: Reply) -> str | None:
        said = spoken(reply, think_tags)
        if said.text is None:
            return "unfinished_thought"
        if reply.finish_reason == "content_filter":
            return "refused"
        if reply.finish_reason == "length" and not keep_truncated:
            return "truncated"
        return None if said.text.strip() else "empty"

    return check


def _said_by(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text}


def _request(talk: _Talk) -> Request:
    about: Mapping[str, str] = {"prompt_id": talk.item.id, "sample": str(talk.sample)}
    return Request(spec=talk.spec, messages=talk.messages(), sample=talk.sample, about=about)


def _answer(talk: _Talk) -> Answer:
    if talk.failure:
        return Answer(
            prompt_id=talk.item.id,
            model=talk.spec.name,
            sample=talk.sample,
            text=None,
            cost=talk.cost(),
            error=talk.failure.reason,
        )
    *earlier, text = talk.texts()
    last = talk.replies[-1]
    return Answer(
        prompt_id=talk.item.id,
        model=talk.spec.name,
        sample=talk.sample,
        text=text,
        earlier=tuple(earlier),
        reasoning=spoken(last, talk.tags).thought,
        finish_reason=last.finish_reason,
        cost=talk.cost(),
        **asdict(count_style(text)),
    )
