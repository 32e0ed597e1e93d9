"""Embeddings by the same door: stored, retried and limited like chat."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from llms.endpoints import AttemptError, open_endpoint
from llms.errors import UserError
from llms.files import digest
from llms.lanes import Lane
from llms.prices import BYTES_PER_TOKEN
from llms.progress import Progress, Silent
from llms.records import ModelSpec, Usage
from llms.store import ResponseStore

TEXTS_PER_CALL = 64
SILENT = Silent()


def embed_texts(
    texts: Sequence[str], *, spec: ModelSpec, store: ResponseStore, progress: Progress = SILENT
) -> NDArray[np.float32]:
    """Return one row for each text, float32 (n, d), as the model gives them (not normalised).

    Raises:
        UserError: the model cannot be reached, refuses a text, or a key is missing. Vectors that
            arrived before are in the store.
    """
    if spec.kind == "vllm" and "--runner" not in spec.engine_args:
        spec = replace(spec, engine_args=(*spec.engine_args, "--runner", "pooling"))
    keys = [_key(text, spec) for text in texts]
    stored = store.get_vectors(keys)
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in stored}
    if missing:
        asyncio.run(_embed(missing, spec, store, progress))
        stored = store.get_vectors(keys)
    rows = [np.frombuffer(stored[key], dtype="<f4") for key in keys]
    if len({len(row) for row in rows}) > 1:
        raise UserError(f"{spec.name} gave vectors of different lengths")
    return np.stack(rows) if rows else np.empty((0, 0), dtype=np.float32)


async def _embed(
    missing: dict[str, str], spec: ModelSpec, store: ResponseStore, progress: Progress
) -> None:
    lane = Lane(spec, open_endpoint(spec, progress))
    keys = list(missing)
    parts = [keys[start : start + TEXTS_PER_CALL] for start in range(0, len(keys), TEXTS_PER_CALL)]

    async def embed_part(part: list[str]) -> None:
        texts = [missing[key] for key in part]
        expected = Usage(input=int(sum(map(len, texts)) / BYTES_PER_TOKEN), output=0)

        async def keep(vectors: list[list[float]]) -> None:
            rows = {k: np.asarray(v, "<f4").tobytes() for k, v in zip(part, vectors, strict=True)}
            await asyncio.to_thread(store.put_vectors, spec.model, rows)

        await lane.call(lambda: lane.endpoint.embed(texts), keep, expected)

    try:
        outcomes = await asyncio.gather(*map(embed_part, parts), return_exceptions=True)
    finally:
        await lane.close()
    for outcome in outcomes:
        if isinstance(outcome, AttemptError):
            said = f"{outcome.reason} {outcome.detail}".strip()
            raise UserError(f"{spec.name} gave no embeddings: {said}") from outcome
        if isinstance(outcome, BaseException):
            raise outcome


def _key(text: str, spec: ModelSpec) -> str:
    return digest(
        {
            "task": "embedding",
            "kind": spec.kind,
            "address": spec.address if spec.kind in ("http", "openai") else None,
            "model": spec.model,
            "revision": spec.revision,
            "engine_args": spec.engine_args,
            "params": dict(spec.params),
            "text": text,
        }
    )
