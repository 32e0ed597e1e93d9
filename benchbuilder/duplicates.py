"""Prompts that say the same: exactly, when case, space and punctuation are folded, or nearly.

Nearness is the Jaccard similarity of the sets of word pairs (of character quadruples where there
are few words), estimated by MinHash (rensa) and looked up in bands, so that cost grows linearly.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

Signatures = NDArray[np.uint32]
"""(n, SLOTS), one MinHash signature a text."""

SLOTS = 128
_SEPARATORS = re.compile(r"[\W_]+")
_WORD = re.compile(r"\w+")
_FEW_WORDS = 8
_SEED = 20406


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts that are near: their indices, and their estimated similarity."""

    left: int
    right: int
    similarity: float


def fold(text: str) -> str:
    """Return `text` without case, space and punctuation, which do not make two prompts differ."""
    return _SEPARATORS.sub("", text.casefold()) or text


def twins(texts: Sequence[str], *, similarity: float) -> list[int | None]:
    """Return for each text the index of the earlier text kept in its place, None if it is kept.

    A text goes when it is at least `similarity` near to an earlier one that stays: a chain of
    small changes does not drag the far end of the chain along.
    """
    near: dict[int, list[int]] = {}
    for pair in near_pairs(signatures(texts), similarity=similarity):
        near.setdefault(pair.right, []).append(pair.left)
    kept_instead: list[int | None] = [None] * len(texts)
    for index in sorted(near):
        kept = [earlier for earlier in near[index] if kept_instead[earlier] is None]
        kept_instead[index] = min(kept, default=None)
    return kept_instead


def signatures(texts: Sequence[str]) -> Signatures:
    """Return the MinHash signature of each text."""
    from rensa import RMinHash

    if not texts:
        return np.zeros((0, SLOTS), dtype=np.uint32)
    shingles = [_shingles(text) for text in texts]
    matrix = RMinHash.digest_matrix_from_token_sets(shingles, SLOTS, _SEED)
    return np.array(matrix.to_rows(), dtype=np.uint32)


def near_pairs(
    left: Signatures, right: Signatures | None = None, *, similarity: float
) -> Iterator[Pair]:
    """Yield the near pairs, left < right within one set, or each of `left` with each of `right`."""
    both = left if right is None else np.concatenate([left, right])
    border = None if right is None else len(left)
    bands = _bands(similarity)
    seen: set[tuple[int, int]] = set()
    for band in np.array_split(np.arange(SLOTS), bands):
        for first, second in _meetings(both[:, band], border):
            if (first, second) not in seen:
                seen.add((first, second))
                share = float(np.mean(both[first] == both[second]))
                if share >= similarity:
                    yield Pair(first, second - (border or 0), share)


def _bands(similarity: float) -> int:
    """Return the number of bands at which pairs of this similarity meet nearly always (> 99 %)."""
    for bands in (8, 16, 32, 64):
        if 1 - (1 - similarity ** (SLOTS // bands)) ** bands > 0.99:
            return bands
    return SLOTS


def _meetings(band: Signatures, border: int | None) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows with the same band: each with the first, and neighbours in a run."""
    keys = np.ascontiguousarray(band).view(np.dtype((np.void, band.shape[1] * 4))).ravel()
    groups = (
        pl.DataFrame({"row": np.arange(len(band)), "key": [key.tobytes() for key in keys]})
        .group_by("key", maintain_order=True)
        .agg("row")
        .filter(pl.col("row").list.len() > 1)
    )
    for rows in groups["row"].to_list():
        firsts = rows[:20] if border is None else [row for row in rows if row < border][:20]
        seconds = rows if border is None else [row for row in rows if row >= border]
        yield from ((first, second) for first in firsts for second in seconds if first < second)


def _shingles(text: str) -> list[str]:
    words = _WORD.findall(text.casefold())
    if len(words) >= _FEW_WORDS:
        return [f"{left} {right}" for left, right in pairwise(words)]
    folded = fold(text)
    return [folded[start : start + 4] for start in range(max(1, len(folded) - 3))]
