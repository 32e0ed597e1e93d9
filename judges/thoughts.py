"""A model's thinking, told apart from what it answers.

Endpoints that know the model put its thinking into a field of its own. Others leave it in the
text, between tags that are configurable; nothing between them is ever judged or counted as style.
"""

from dataclasses import dataclass

from llms.records import Reply

Tags = tuple[str, str] | None
THINK_TAGS = ("<think>", "</think>")


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a reply says, and what was thought before; `text` is None while the thought is open."""

    text: str | None
    thought: str | None


def spoken(reply: Reply, tags: Tags) -> Spoken:
    """Split the reply's text at the end of its leading thought; `tags` None leaves it whole.

    A chat template may have written the opening tag already, so that the text begins inside the
    thought; the closing tag alone ends it then.
    """
    text, thought = reply.text, reply.reasoning
    if tags is None:
        return Spoken(text, thought)
    opening, closing = tags
    begins = text.lstrip().startswith(opening)
    head, closed, tail = text.partition(closing)
    if begins and not closed:
        return Spoken(None, text)
    if closed and (begins or opening not in head):
        inner = head.strip().removeprefix(opening).strip()
        return Spoken(tail.lstrip(), "\n\n".join(filter(None, (thought, inner))) or None)
    return Spoken(text, thought)
