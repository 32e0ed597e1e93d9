"""How far two annotators agree, criterion by criterion, and what that does to the selection."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchbuilder.records import Criteria


def kappa(left: NDArray[np.bool_], right: NDArray[np.bool_]) -> float | None:
    """Return Cohen's κ of two binary labellings (Cohen 1960); None where chance explains all."""
    agreed = float(np.mean(left == right))
    by_chance = left.mean() * right.mean() + (1 - left.mean()) * (1 - right.mean())
    return None if by_chance >= 1 else float((agreed - by_chance) / (1 - by_chance))


def compare_annotators(
    first: pl.DataFrame, second: pl.DataFrame, *, min_score: float
) -> dict[str, Any]:
    """Return what a card says of a second annotator's reading of the same prompts.

    Both frames have the columns of `ANNOTATION_SCHEMA`. Prompts that either failed on are counted
    and left out. `kept_by_both` and so on count the prompts whose score reaches `min_score`.
    """
    both = first.join(second, on="id", suffix="_second")
    read = both.filter(pl.col("score").is_not_null() & pl.col("score_second").is_not_null())
    passed = (read["score"] >= min_score).to_numpy()
    passed_second = (read["score_second"] >= min_score).to_numpy()
    union = int((passed | passed_second).sum())
    return {
        "prompts": read.height,
        "failed": both.height - read.height,
        "kappa": {
            name: kappa(read[name].to_numpy(), read[f"{name}_second"].to_numpy())
            if read.height
            else None
            for name in Criteria._fields
        },
        "kept_by_both": int((passed & passed_second).sum()),
        "kept_by_first_only": int((passed & ~passed_second).sum()),
        "kept_by_second_only": int((~passed & passed_second).sum()),
        "changed_share": int((passed ^ passed_second).sum()) / union if union else None,
    }
