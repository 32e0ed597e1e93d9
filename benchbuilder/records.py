"""Prompts, annotations and benchmark items, and the benchmark file that carries the items.

`benchmark.jsonl` holds one `BenchmarkItem` a line and, beside its own fields, those Arena-Hard's
tools read (`uid`, `prompt`). `read_benchmark` also takes Arena-Hard's own question files.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from llms.errors import UserError
from llms.files import digest, read_jsonl, write_jsonl


class Criteria(NamedTuple):
    """The seven qualities of a hard prompt (BenchBuilder, arXiv 2406.11939, section 3)."""

    specificity: bool
    domain_knowledge: bool
    complexity: bool
    problem_solving: bool
    creativity: bool
    technical_accuracy: bool
    real_world: bool


def prompt_id(turns: Sequence[str]) -> str:
    """Return the id of a prompt: the first 16 hex digits of the digest of its user turns."""
    return digest(list(turns))[:16]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one user typed: the user turns of a conversation, oldest first."""

    id: str
    turns: tuple[str, ...]
    language: str | None = None
    source: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotator's reading of one prompt; `criteria` is None exactly when `error` is not."""

    prompt_id: str
    annotator: str
    criteria: Criteria | None
    text: str | None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkItem:
    """A prompt that was chosen, with what is known about it.

    `score` is the number of criteria met (0-7), None where the prompt was never annotated.
    """

    id: str
    turns: tuple[str, ...]
    language: str | None = None
    source: str | None = None
    tags: tuple[str, ...] = ()
    category: str = "all"
    cluster: int | None = None
    topic: str | None = None
    criteria: Criteria | None = None
    score: int | None = None
    reference: str | None = None


def write_benchmark(path: Path, items: Iterable[BenchmarkItem]) -> None:
    """Write `items` as benchmark.jsonl."""
    write_jsonl(path, (_row(item) for item in items))


def read_benchmark(path: Path) -> list[BenchmarkItem]:
    """Read a benchmark: benchmark.jsonl, the folder it is in, or Arena-Hard's question file.

    Raises:
        UserError: no such file, no items, a broken line, a prompt without text, or an id twice.
    """
    file = path / "benchmark.jsonl" if path.is_dir() else path
    items = [_item(file, line, row) for line, row in read_jsonl(file)]
    if not items:
        raise UserError(f"{file} holds no prompts")
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise UserError(f"{file}: prompt id {item.id!r} stands there twice")
        seen.add(item.id)
    return items


def _row(item: BenchmarkItem) -> dict[str, Any]:
    criteria = item.criteria._asdict() if item.criteria else None
    return {
        "uid": item.id,
        "prompt": "\n\n".join(item.turns),
        **asdict(item),
        "criteria": criteria,
    }


def _item(file: Path, line: int, row: Mapping[str, Any]) -> BenchmarkItem:
    turns = row.get("turns") or [row.get("prompt") or row.get("text")]
    contents = [turn.get("content") if isinstance(turn, dict) else turn for turn in turns]
    texts = tuple(text for text in contents if isinstance(text, str) and text.strip())
    if len(texts) < len(contents):
        raise UserError(f"{file}, line {line}: needs `turns` (a list of texts) or `prompt`")
    cluster = row.get("cluster")
    criteria = row.get("criteria")
    return BenchmarkItem(
        id=str(row.get("id") or row.get("uid") or row.get("question_id") or prompt_id(texts)),
        turns=texts,
        language=row.get("language"),
        source=row.get("source"),
        tags=tuple(row.get("tags") or ()),
        category=str(row.get("category") or "all"),
        cluster=cluster if isinstance(cluster, int) else None,
        topic=row.get("topic") or (cluster if isinstance(cluster, str) else None),
        criteria=Criteria(**criteria) if criteria else None,
        score=row.get("score"),
        reference=row.get("reference"),
    )
