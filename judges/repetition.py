"""Models that give nearly the same answer to different prompts: a null model, a stuck template.

Texts are compared by MinHash signatures of their five-character shingles (Broder, 1997), which
estimate how large a part of the shingles two texts share.
"""

import re
from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
HASHES = 64
ALIKE = 0.8
_PRIME = (1 << 31) - 1
_LONGEST = 4_000


def largest_group(texts: Sequence[str], prompts: Sequence[str]) -> int:
    """Return the most of `prompts` whose texts are nearly the same as one of `texts`.

    `prompts` names the prompt of each text; several of one prompt count once. Nearly the same: an
    estimated Jaccard similarity of at least 0.8 between the shingles of the texts, case and spacing
    aside. Only the first 4,000 characters are looked at.
    """
    if not texts:
        return 0
    signatures = np.stack([_signature(text) for text in texts])
    return max(_alike(signatures, np.unique(prompts, return_inverse=True)[1]))


def _alike(signatures: NDArray[np.int64], prompts: NDArray[np.int64]) -> Iterator[int]:
    for signature in signatures:
        alike = (signatures == signature).mean(axis=1) >= ALIKE
        yield int(np.count_nonzero(np.bincount(prompts[alike])))


def _signature(text: str) -> NDArray[np.int64]:
    plain = re.sub(r"\s+", " ", text[:_LONGEST].lower()).strip()
    pieces = {plain[i : i + SHINGLE] for i in range(max(1, len(plain) - SHINGLE + 1))}
    codes = np.array([crc32(piece.encode("utf-8", "replace")) for piece in pieces], np.int64)
    hashes = (codes[:, None] % _PRIME * _FACTORS + _OFFSETS) % _PRIME
    return np.asarray(hashes.min(axis=0), np.int64)


_random = np.random.default_rng(0)
_FACTORS = _random.integers(1, _PRIME, HASHES)
_OFFSETS = _random.integers(0, _PRIME, HASHES)
