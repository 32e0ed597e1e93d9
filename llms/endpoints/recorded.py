"""Replies read from files: a request that is not in the record fails, nothing is invented."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from llms.endpoints import AttemptError
from llms.errors import UserError
from llms.files import digest, read_jsonl
from llms.progress import Progress
from llms.records import ModelSpec, Reply, Request

_Label = tuple[str | int | None, ...]
"""Speaker, prompt_id, model_a, model_b and, where the row has one, sample."""


@dataclass(frozen=True, slots=True)
class Records:
    """The replies of one folder by who spoke to what; `revision` is a digest of the files."""

    replies: Mapping[_Label, Mapping[str, Any]]
    speakers: frozenset[str]
    revision: str


class RecordedEndpoint:
    """Answers from the JSONL files of a folder."""

    def __init__(self, spec: ModelSpec, progress: Progress) -> None:
        self._replies = read_records(Path(spec.address or ".")).replies

    def in_use(self) -> AbstractAsyncContextManager[None]:
        """Nothing has to be held."""
        return nullcontext()

    async def send(self, request: Request) -> Reply:
        """Return the recorded reply; raise `AttemptError` where there is none."""
        about = request.about
        label = (
            request.spec.model,
            about.get("prompt_id"),
            about.get("model_a"),
            about.get("model_b"),
        )
        row = self._replies.get((*label, int(about.get("sample", 0))), self._replies.get(label))
        if row is None:
            raise AttemptError("not_recorded", f"no reply of {request.spec.model} to {dict(about)}")
        return Reply(
            request=request,
            text=row["text"],
            reasoning=row.get("reasoning"),
            finish_reason=row.get("finish_reason"),
            cost=0.0,
        )

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """Refuse: embeddings are not recorded."""
        raise AttemptError("not_recorded", "embeddings cannot be recorded", hopeless=True)

    async def close(self) -> None:
        """Nothing is held open."""


def read_records(folder: Path) -> Records:
    """Read the replies in `folder`: rows with a `text`, of a `model`, `annotator` or `judge`.

    Rows may name prompts by the ids that prompts.jsonl gives them. A row with a `sample` is the
    reply to that sample; one without it is the reply to all of them. Of several rows that answer
    the same request the first wins.

    Raises:
        UserError: there is no such folder, no reply in it, or a broken line.
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise UserError(f"recorded:{folder}: no .jsonl files there")
    stamps = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    return _read_records(folder, stamps)


@lru_cache(maxsize=8)
def _read_records(folder: Path, stamps: tuple[tuple[Path, int, int], ...]) -> Records:
    ids = _prompt_ids(folder / "prompts.jsonl")
    replies: dict[_Label, Mapping[str, Any]] = {}
    for file, _, _ in stamps:
        for _, row in read_jsonl(file):
            speaker = row.get("model") or row.get("annotator") or row.get("judge")
            if speaker and isinstance(row.get("text"), str):
                prompt = row.get("prompt_id")
                label = (
                    str(speaker),
                    ids.get(str(prompt), prompt),
                    row.get("model_a"),
                    row.get("model_b"),
                    *([row["sample"]] if isinstance(row.get("sample"), int) else []),
                )
                replies.setdefault(label, row)
    if not replies:
        raise UserError(f"recorded:{folder}: no row has a speaker (model, annotator, judge) + text")
    revision = digest([sorted(map(repr, replies)), [row["text"] for row in replies.values()]])
    return Records(replies, frozenset(str(label[0]) for label in replies), revision)


def _prompt_ids(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    return {
        str(row["id"]): digest(list(row["turns"]))[:16]
        for _, row in read_jsonl(file)
        if "id" in row and isinstance(row.get("turns"), list)
    }
