"""Which of the seven criteria each prompt meets, as an LLM sees it.

The prompt is put between marker lines whose word is a digest of the prompt, so that no text can
close the frame it stands in. A reply that names no list is a failure of its row, never an empty
list.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import polars as pl

from benchbuilder.records import Annotation, Criteria
from llms.budget import Budget
from llms.files import digest
from llms.progress import Progress
from llms.records import ModelSpec, Reply, Request, Result
from llms.store import ResponseStore
from prompts import template

Style = Literal["short", "reasoned"]

TEMPLATES = {"short": "annotate", "reasoned": "annotate_reasoned"}
_LIST = re.compile(r"\[([\d\s,'\"]*)\]")
_BARE = re.compile(r"\s*\d(?:\s*,\s*\d)*\s*")

ANNOTATION_SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "annotator": pl.String(),
        **dict.fromkeys(Criteria._fields, pl.Boolean()),
        "score": pl.Int64(),
        "annotation_error": pl.String(),
    }
)


def annotate(
    prompts: pl.DataFrame,
    *,
    annotator: ModelSpec,
    style: Style,
    store: ResponseStore,
    progress: Progress,
    budget: Budget,
) -> pl.DataFrame:
    """Ask `annotator` about each row (id, text) of `prompts`.

    Prompts are asked about in the order of their ids, which is as good as a random one: where
    `budget` ends, what is annotated is a random part.

    Returns a frame of `ANNOTATION_SCHEMA`, one row a prompt in the same order. A prompt whose
    reply failed has no criteria and no score, and says why in `annotation_error`.
    """
    from llms.complete import ask

    by_id = prompts.select("id", "text").with_row_index("at").sort("id", "at")
    requests = [
        annotation_request(key, text, annotator=annotator, style=style)
        for key, text in by_id.select("id", "text").iter_rows()
    ]
    stage = f"annotate by {annotator.name}"
    progress.start(stage, len(requests))
    results = ask(
        requests,
        store=store,
        check=unreadable,
        on_result=lambda _: progress.advance(stage),
        progress=progress,
        budget=budget,
        stage=stage,
    )
    table = annotation_table([_annotation(result) for result in results])
    return table.with_columns(at=by_id["at"]).sort("at").drop("at")


def annotation_request(key: str, text: str, *, annotator: ModelSpec, style: Style) -> Request:
    """Return the request that asks for the criteria one prompt meets.

    Endpoints known to have structured output (openai, vllm) are bound to a schema.
    """
    asked = template(TEMPLATES[style]).render(prompt=text, marker=digest(text)[:12])
    bound = annotator.kind in {"openai", "vllm"}
    return Request(
        spec=annotator,
        messages=[{"role": "user", "content": asked}],
        params={"response_format": _schema(style)} if bound else {},
        about={"prompt_id": key},
    )


def unreadable(reply: Reply) -> str | None:
    """Return `unreadable` for a reply that names no list of criteria."""
    return None if read_criteria(reply.text) else "unreadable"


def read_criteria(text: str) -> Criteria | None:
    """Return the criteria of the last list of numbers in `text`; None if it has none of 1 to 7.

    Prose may stand around the list, and the numbers may be quoted. The last list counts, because
    a model that corrects itself does so at the end.
    """
    lists = [text] if _BARE.fullmatch(text) else _LIST.findall(text)
    if not lists:
        return None
    numbers = {int(number) for number in re.findall(r"\d+", lists[-1])}
    if not numbers <= set(range(1, 8)):
        return None
    return Criteria(*(number in numbers for number in range(1, 8)))


def annotation_table(annotations: Sequence[Annotation]) -> pl.DataFrame:
    """Return the annotations as a frame of `ANNOTATION_SCHEMA`; a failure has no criteria."""
    rows = [
        {
            "id": annotation.prompt_id,
            "annotator": annotation.annotator,
            **(annotation.criteria._asdict() if annotation.criteria else {}),
            "score": sum(annotation.criteria) if annotation.criteria else None,
            "annotation_error": annotation.error,
        }
        for annotation in annotations
    ]
    return pl.DataFrame(rows, ANNOTATION_SCHEMA)


def _annotation(result: Result) -> Annotation:
    key, name = result.request.about["prompt_id"], result.request.spec.name
    if isinstance(result, Reply):
        return Annotation(key, name, read_criteria(result.text), result.text)
    return Annotation(key, name, None, result.text, result.reason)


def _schema(style: Style) -> Mapping[str, Any]:
    numbers = {"type": "array", "items": {"type": "integer", "enum": list(range(1, 8))}}
    reasons = {"reasons": {"type": "string"}} if style == "reasoned" else {}
    fields = {**reasons, "criteria": numbers}
    schema = {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }
    return {
        "type": "json_schema",
        "json_schema": {"name": "criteria", "strict": True, "schema": schema},
    }
