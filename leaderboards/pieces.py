"""Whether the battles tie all models together.

Bradley–Terry needs a chain of battles between any two models to place them on one scale, and a
chain of won points in both directions for the estimate to be finite (Ford 1957).
"""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from leaderboards.evidence import Evidence, Floats
from leaderboards.records import RankingError


def require_one_piece(evidence: Evidence) -> None:
    """Raise a `RankingError` that names the pieces where models never met, even through others."""
    count, piece = connected_components(
        _graph(evidence, evidence.over_prompts.weight), directed=False
    )
    if count > 1:
        pieces = [
            ", ".join(name for name, at in zip(evidence.models, piece, strict=True) if at == one)
            for one in range(count)
        ]
        raise RankingError(
            f"the battles fall into {count} pieces that never met: {' | '.join(pieces)}; "
            "rank each piece alone"
        )


def held_models(evidence: Evidence) -> list[str]:
    """Return the models that only the ridge keeps finite: those outside the largest group in
    which everyone has a chain of won points over everyone."""
    pairs = evidence.over_prompts
    wins = _graph(evidence, pairs.won) + _graph(evidence, pairs.weight - pairs.won).T
    count, group = connected_components(wins, directed=True, connection="strong")
    if count == 1:
        return []
    largest = np.argmax(np.bincount(group))
    return [name for name, at in zip(evidence.models, group, strict=True) if at != largest]


def _graph(evidence: Evidence, weight: Floats) -> sparse.csr_array:
    """Return the table (M, M) of what the pairs weigh (K,), without its zeros."""
    models, pairs = len(evidence.models), evidence.over_prompts
    table = np.zeros((models, models))
    table[pairs.first, pairs.second] = weight
    return sparse.csr_array(table)
