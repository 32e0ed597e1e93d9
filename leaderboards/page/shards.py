"""Battle files: all texts of one prompt, packed so that a page can load them from anywhere.

Each is a call with gzipped JSON in base64, the only form that loads from a disk and from a server
alike, in every browser. Most of the work of a large site is done here, so it is spread over
processes; they import this module, which is why it imports little.
"""

import base64
import gc
import gzip
import json
import math
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

from leaderboards.page.markdown import markdown_tree

SHARD_BYTES = 256_000
"""No battle file is larger; a prompt with more text is split."""

WORTH_A_PROCESS = 4_000_000
"""Characters of answers below which starting processes takes longer than it saves."""

File = tuple[str, bytes]

_PACKED = 0.27
"""What is left of the characters of texts and trees when packed, about: to guess the parts."""


def all_shard_files(
    contents: Iterable[Mapping[str, Any]], *, processes: int
) -> Iterator[list[File]]:
    """Yield the files of each prompt, numbered from 1, in order.

    Few prompts are in memory at a time. With more than one process the work is handed to so many
    new ones; what a process that was killed leaves undone is done here.
    """
    numbered = enumerate(contents, start=1)
    if processes < 2:
        yield from (shard_files(number, content) for number, content in numbered)
        return
    pool = _pool(processes)
    try:
        yield from _in_order(pool, numbered, ahead=2 * processes)
    finally:
        pool.shutdown(cancel_futures=True)


def _pool(processes: int) -> ProcessPoolExecutor:
    """Return a pool of fresh processes: forking one that holds threads of polars could hang."""
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_settle)


def _settle() -> None:
    """Leave Ctrl-C to the parent, end when it ends, and collect garbage seldom."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent.join,), daemon=True).start()
    gc.freeze()
    gc.set_threshold(100_000)


def _end_with(wait: Callable[[], None]) -> None:
    wait()
    os._exit(1)


def _in_order(
    pool: ProcessPoolExecutor, numbered: Iterable[tuple[int, Mapping[str, Any]]], *, ahead: int
) -> Iterator[list[File]]:
    waiting: deque[tuple[Future[list[File]] | None, int, Mapping[str, Any]]] = deque()
    for number, content in numbered:
        waiting.append((_submitted(pool, number, content), number, content))
        if len(waiting) > ahead:
            yield _result(*waiting.popleft())
    while waiting:
        yield _result(*waiting.popleft())


def _submitted(
    pool: ProcessPoolExecutor, number: int, content: Mapping[str, Any]
) -> Future[list[File]] | None:
    try:
        return pool.submit(shard_files, number, content)
    except BrokenProcessPool:
        return None


def _result(
    future: Future[list[File]] | None, number: int, content: Mapping[str, Any]
) -> list[File]:
    try:
        if future is not None:
            return future.result()
    except BrokenProcessPool:
        pass
    return shard_files(number, content)


def shard_files(number: int, content: Mapping[str, Any]) -> list[File]:
    """Return the files of one prompt: s/p0001.js and, where one is too large, s/p0001-1.js …

    The first holds the prompt and the list of answers and games; texts of answers and judges stand
    in the file whose number `part` gives, the text of an answer beside the tree of its Markdown.
    """
    content = _with_trees(content)
    pieces = len(content["answers"]) + len(content["games"])
    size = sum(len(one["text"] or "") * (2 if one["tree"] else 1) for one in content["answers"])
    size += sum(len(one["text"] or "") for one in content["games"])
    parts = max(1, math.ceil(size * _PACKED / SHARD_BYTES))
    while True:
        names = [f"p{number:04d}" + (f"-{part}" if part else "") for part in range(parts)]
        files = [
            (f"s/{name}.js", script_call(name, json_bytes(part)))
            for name, part in zip(names, _parts(content, parts), strict=True)
        ]
        largest = max(len(file) for _, file in files)
        if largest <= SHARD_BYTES or parts >= pieces:
            return files
        parts = min(pieces, math.ceil(parts * 1.2 * largest / SHARD_BYTES))


def shard_content(content: Mapping[str, Any]) -> bytes:
    """Return all of one prompt in one piece."""
    return json_bytes(_parts(_with_trees(content), 1)[0])


def json_bytes(value: Any) -> bytes:
    """Return `value` as JSON in UTF-8; halves of surrogate pairs become question marks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def script_call(name: str, content: bytes) -> bytes:
    """Return a script that hands `content` to the page under `name`, and does nothing else."""
    return f'__shard("{name}","{packed(content)}")'.encode()


def packed(content: bytes) -> str:
    """Return `content` gzipped, in base64.

    Level 5 takes half the time of level 6 on answers, and the files are 3% larger.
    """
    return base64.b64encode(gzip.compress(content, compresslevel=5, mtime=0)).decode()


def _with_trees(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a prompt whose answers have the trees of their Markdown, each text parsed once."""
    texts = {answer["text"] for answer in content["answers"]} - {None}
    trees = {text: markdown_tree(text) for text in texts}
    answers = [{**answer, "tree": trees.get(answer["text"])} for answer in content["answers"]]
    return {**content, "answers": answers}


def _parts(content: Mapping[str, Any], parts: int) -> list[dict[str, Any]]:
    """Return the content of the files of one prompt, its texts spread evenly over them."""
    pieces = [(kind, piece) for kind in ("answers", "games") for piece in content[kind]]
    head: dict[str, Any] = {**content, "answers": [], "games": []}
    texts: list[dict[str, list[Any]]] = [{"answers": [], "games": []} for _ in range(parts)]
    sizes = [len(piece["text"] or "") + 50 for _, piece in pieces]
    filled, total = 0, max(1, sum(sizes))
    for (kind, piece), size in zip(pieces, sizes, strict=True):
        part = min(parts - 1, filled * parts // total)
        filled += size
        known = {key: value for key, value in piece.items() if value is not None}
        words = {key: known.pop(key) for key in ("text", "tree", "earlier") if key in known}
        texts[part][kind].append({"at": len(head[kind]), **words})
        head[kind].append({**known, **({"part": part} if part else {})})
    return [{**head, "texts": texts[0]}, *texts[1:]]
