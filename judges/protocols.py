"""How a judge is asked: the template, what it is shown, the form of its reply, how that is read.

Most protocols ask once for each game. `pointwise` rates each answer by itself, `listwise` ranks up
to five answers at once; their ratings and rankings are turned into verdicts on games.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jinja2 import TemplateSyntaxError

from benchbuilder.records import BenchmarkItem
from judges.fencing import fence_key, neutralise
from judges.records import VERDICTS, Answer
from judges.thoughts import Tags, spoken
from judges.verdicts import read_aspects, read_json, read_label, read_letter
from llms.errors import UserError
from llms.files import digest
from llms.records import Message, Reply
from prompts import read_template, template, template_text

Unit = Literal["game", "answer", "list"]
Extra = Literal["reference", "checklist"]
LIST_SIZE = 5
LETTERS = "ABCDE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a protocol needs and what its replies look like."""

    fields: tuple[str, ...]
    """Of a structured reply, in the order in which they are to be written."""
    unit: Unit = "game"
    """What one request is about."""
    extra: Extra | None = None
    """What is shown beside the answers, written once per prompt."""
    always_structured: bool = False
    soft: bool = False
    """The verdict is a probability, taken from those of the tokens."""


PROTOCOLS = {
    "pairwise": Form(fields=("own_answer", "comparison", "verdict")),
    "creative": Form(fields=("comparison", "verdict")),
    "reference": Form(fields=("comparison", "verdict"), extra="reference"),
    "checklist": Form(fields=("comparison", "verdict"), extra="checklist"),
    "rubric": Form(fields=("comparison", "verdict")),
    "aspects": Form(fields=("comparison",), always_structured=True),
    "verdict-only": Form(fields=("verdict",)),
    "soft": Form(fields=("verdict",), soft=True),
    "pointwise": Form(fields=("findings", "rating"), unit="answer", always_structured=True),
    "pointwise-checklist": Form(
        fields=("findings", "rating"), unit="answer", extra="checklist", always_structured=True
    ),
    "listwise": Form(fields=("comparison", "ranking"), unit="list", always_structured=True),
}
"""The protocols that come with a template of their name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A protocol as a run uses it."""

    name: str
    form: Form
    source: str = field(repr=False)
    """The template's text."""
    structured: bool
    rubric: str | None = None
    aspects: Mapping[str, float] = field(default_factory=dict)

    def message(
        self, item: BenchmarkItem, answers: Mapping[str, Answer], *, extra: str | None = None
    ) -> Message:
        """Return what the judge is sent about `answers`, which go by the letter shown."""
        text = read_template(self.source).render(
            material=show(item, answers, extra=extra),
            structured=self.structured,
            rubric=self.rubric,
            aspects=list(self.aspects),
            letters=list(answers),
        )
        return {"role": "user", "content": text}

    def params(self) -> dict[str, Any]:
        """Return the request parameters that hold the reply to its form."""
        params: dict[str, Any] = {}
        if self.structured:
            params["response_format"] = _schema(self)
        if self.form.soft:
            params |= {"logprobs": True, "top_logprobs": 20, "max_tokens": 16}
        return params

    def verdict(self, reply: Reply, tags: Tags) -> str | None:
        """Return the verdict on a game that the reply gives, or None."""
        if self.form.soft:
            return read_letter(reply.logprobs)
        text = finished_text(reply, tags)
        if text is None:
            return None
        if self.aspects:
            return read_aspects(text, self.aspects)
        return read_json(text) if self.structured else read_label(text)

    @property
    def digest(self) -> str:
        """Return the digest of the template and of what is filled in by configuration."""
        return digest([self.source, template_text("material"), self.rubric, dict(self.aspects)])


def protocol(
    name: str,
    *,
    structured: bool = False,
    rubric: str | None = None,
    aspects: Mapping[str, float] | None = None,
) -> Protocol:
    """Return the protocol called `name`, or the user's own when `name` is a .jinja file.

    A file of one's own is asked once for each game and read like `pairwise`. It may use
    `material`, `structured` and `rubric`.

    Raises:
        UserError: no such protocol or file, or a protocol lacks what it needs.
    """
    own = name.endswith(".jinja")
    if not own and name not in PROTOCOLS:
        raise UserError(
            f"no protocol {name!r}; there are {', '.join(PROTOCOLS)}, or give a .jinja file"
        )
    form = PROTOCOLS["pairwise" if own else name]
    if name == "aspects" and not aspects:
        raise UserError("the protocol `aspects` needs `aspects`: names and weights")
    return Protocol(
        name=Path(name).stem,
        form=form,
        source=_own_source(Path(name)) if own else template_text(name),
        structured=structured or form.always_structured,
        rubric=rubric,
        aspects=dict(aspects or {}) if name == "aspects" else {},
    )


def finished_text(reply: Reply, tags: Tags) -> str | None:
    """Return what the judge said after thinking; None where it was cut off or filtered."""
    if reply.finish_reason in ("length", "content_filter"):
        return None
    return spoken(reply, tags).text


def show(item: BenchmarkItem, answers: Mapping[str, Answer], *, extra: str | None) -> str:
    """Return the material between its delimiter lines, imitations of them rewritten."""
    key = fence_key(item.turns)

    def safe(texts: Sequence[str]) -> list[str]:
        return [neutralise(text, key=key).text for text in texts]

    return template("material").render(
        key=key,
        turns=safe(item.turns),
        extra=safe([extra])[0] if extra is not None else None,
        answers={letter: safe(all_texts(answer)) for letter, answer in answers.items()},
    )


def all_texts(answer: Answer) -> list[str]:
    """Return what the model said at each turn, oldest first."""
    return [*answer.earlier, answer.text or ""]


def rewritten(answer: Answer, turns: Sequence[str]) -> int:
    """Count the imitations of labels and delimiters that are rewritten in this answer."""
    key = fence_key(turns)
    return sum(neutralise(text, key=key).rewritten for text in all_texts(answer))


def _own_source(file: Path) -> str:
    try:
        source = file.read_text(encoding="utf-8")
        read_template(source)
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}") from error
    except (ValueError, TemplateSyntaxError) as error:
        raise UserError(f"{file} is not a template: {error}") from error
    if "material" not in source:
        raise UserError(f"{file} does not show the judge anything: it lacks {{{{ material }}}}")
    return source


def _schema(protocol: Protocol) -> dict[str, Any]:
    verdict = {"type": "string", "enum": list("AB" if protocol.form.soft else VERDICTS)}
    special: dict[str, Any] = {
        "verdict": verdict,
        "rating": {"type": "integer", "minimum": 1, "maximum": 10},
        **dict.fromkeys(protocol.aspects, verdict),
    }
    names = [*protocol.form.fields, *protocol.aspects]
    schema = {
        "type": "object",
        "properties": {name: special.get(name, {"type": "string"}) for name in names},
        "required": names,
        "additionalProperties": False,
    }
    return {
        "type": "json_schema",
        "json_schema": {"name": "judgment", "strict": True, "schema": schema},
    }
