"""What a cluster is about, in the words that set it apart from the others."""

from collections.abc import Sequence

import numpy as np

from benchbuilder.cluster import NONE, Labels
from benchbuilder.embed import MAX_CHARS


def keyword_topics(texts: Sequence[str], labels: Labels, *, words: int = 4) -> list[str]:
    """Return each cluster's name: its `words` strongest words by class-based TF-IDF.

    The weight of word t in cluster c is tf(t, c) * log(1 + A / f(t)), with A the mean number of
    words in a cluster and f(t) the count of t over all (Grootendorst 2022, arXiv 2203.05794).
    """
    from sklearn.feature_extraction.text import CountVectorizer

    count = int(labels.max(initial=NONE)) + 1
    if count == 0:
        return []
    inside: list[int] = np.flatnonzero(labels != NONE).tolist()
    counter = CountVectorizer(
        stop_words="english",
        token_pattern=r"(?u)\b[^\W\d_]{2,}\b",
        min_df=2 if len(inside) > 50 else 1,
        max_features=30_000,
        binary=True,
    )
    try:
        counts = counter.fit_transform([texts[row][:MAX_CHARS] for row in inside])
    except ValueError:
        return [f"cluster {number}" for number in range(count)]
    from scipy.sparse import csr_array

    rows = len(inside)
    members = csr_array((np.ones(rows), (labels[inside], np.arange(rows))), shape=(count, rows))
    per_cluster = np.asarray((members @ counts).todense(), dtype=np.float64)
    shares = per_cluster / np.maximum(per_cluster.sum(axis=1, keepdims=True), 1)
    weights = shares * np.log1p(per_cluster.sum() / count / per_cluster.sum(axis=0))
    names = counter.get_feature_names_out()
    return [_name(number, row, names, words) for number, row in enumerate(weights)]


def _name(number: int, weights: np.ndarray, names: np.ndarray, words: int) -> str:
    best = np.argsort(-weights, kind="stable")[:words]
    chosen = [str(names[index]) for index in best if weights[index] > 0]
    return ", ".join(chosen) or f"cluster {number}"
