"""What a judge is shown beside the answers: a reference or a checklist, written once per prompt.

Both are written by the judge itself before it sees an answer, and serve all models. A reference
that the benchmark brings along takes the place of the judge's own.
"""

from collections.abc import Sequence
from dataclasses import replace

from benchbuilder.records import BenchmarkItem
from judges.answering import answer_check, collect_answers
from judges.asking import Asker, OnResult
from judges.protocols import Extra, all_texts, show
from judges.records import Answer
from judges.thoughts import Tags, spoken
from llms.records import Failure, ModelSpec, Request, Result
from prompts import template


def write_extras(
    kind: Extra,
    items: Sequence[BenchmarkItem],
    *,
    judge: ModelSpec,
    ask: Asker,
    think_tags: Tags,
    on_result: OnResult,
) -> dict[str, Answer]:
    """Return the reference or checklist of each prompt, as the judge's answers, by prompt id."""
    write = _checklists if kind == "checklist" else _references
    return write(items, judge, ask, think_tags, on_result)


def _references(
    items: Sequence[BenchmarkItem], judge: ModelSpec, ask: Asker, tags: Tags, on_result: OnResult
) -> dict[str, Answer]:
    own = collect_answers(
        [judge],
        [item for item in items if item.reference is None],
        ask=ask,
        think_tags=tags,
        keep_truncated=False,
        on_result=on_result,
        stage="references",
    )
    given = [
        Answer(prompt_id=item.id, model="benchmark", text=item.reference)
        for item in items
        if item.reference is not None
    ]
    return {answer.prompt_id: _in_one_text(answer) for answer in (*own, *given)}


def _checklists(
    items: Sequence[BenchmarkItem], judge: ModelSpec, ask: Asker, tags: Tags, on_result: OnResult
) -> dict[str, Answer]:
    written: dict[str, Answer] = {}

    def take(result: Result) -> None:
        prompt_id = result.request.about["prompt_id"]
        written[prompt_id] = Answer(
            prompt_id=prompt_id,
            model=judge.name,
            text=None if isinstance(result, Failure) else spoken(result, tags).text,
            cost=result.cost,
            error=result.reason if isinstance(result, Failure) else None,
        )
        on_result(result)

    check = answer_check(think_tags=tags, keep_truncated=False)
    ask((_checklist_request(item, judge) for item in items), check, take, stage="checklists")
    return written


def _checklist_request(item: BenchmarkItem, judge: ModelSpec) -> Request:
    text = template("checklist-writing").render(material=show(item, {}, extra=None))
    return Request(
        spec=judge,
        messages=[{"role": "user", "content": text}],
        about={"prompt_id": item.id},
    )


def _in_one_text(answer: Answer) -> Answer:
    if not answer.earlier:
        return answer
    texts = [f"(to turn {i}) {text}" for i, text in enumerate(all_texts(answer), start=1)]
    return replace(answer, text="\n\n".join(texts), earlier=())
