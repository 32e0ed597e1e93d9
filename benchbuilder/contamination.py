"""Which prompts already stand in a given benchmark: exactly, nearly, or in other words."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from benchbuilder.duplicates import fold, near_pairs, signatures
from benchbuilder.embed import Vectors
from benchbuilder.neighbours import nearest

MATCHES = pl.Schema(
    {"id": pl.String(), "contaminated": pl.String(), "contaminated_by": pl.String()}
)
"""`contaminated` is exact, near or similar; `contaminated_by` the id of the other prompt."""


def contamination(
    prompts: pl.DataFrame,
    known: pl.DataFrame,
    *,
    vectors: Vectors,
    known_vectors: Vectors,
    near: float,
    similar: float,
) -> pl.DataFrame:
    """Return the prompts (id, text) that match a known one (id, text), a frame of `MATCHES`.

    `near` is a MinHash similarity, `similar` a cosine between embeddings of one space. A prompt
    is named once, by its closest kind of match.
    """
    found: dict[int, tuple[str, int]] = {}
    for row, other in _similar(vectors, known_vectors, similar):
        found[row] = ("similar", other)
    texts, others = prompts["text"].to_list(), known["text"].to_list()
    for pair in near_pairs(signatures(texts), signatures(others), similarity=near):
        found[pair.left] = ("near", pair.right)
    for row, other in _exact(texts, others):
        found[row] = ("exact", other)
    ids, known_ids = prompts["id"].to_list(), known["id"].to_list()
    rows = [(ids[row], kind, known_ids[other]) for row, (kind, other) in sorted(found.items())]
    return pl.DataFrame(rows, MATCHES, orient="row")


def _exact(texts: Sequence[str], others: Sequence[str]) -> list[tuple[int, int]]:
    places = {fold(text): place for place, text in reversed(list(enumerate(others)))}
    folded = ((row, fold(text)) for row, text in enumerate(texts))
    return [(row, places[text]) for row, text in folded if text in places]


def _similar(vectors: Vectors, others: Vectors, similar: float) -> list[tuple[int, int]]:
    if not len(vectors) or not len(others):
        return []
    best = nearest(vectors, others, k=1)
    rows = np.flatnonzero(best.cosines[:, 0] >= similar)
    return [(int(row), int(best.rows[row, 0])) for row in rows]
