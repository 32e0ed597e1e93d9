"""What a cluster is about, in the words that set it apart from the others."""

from collections.abc import Sequence

import numpy as np

from benchbuilder.cluster import NONE, Clustering, Labels
from benchbuilder.embed import MAX_CHARS, stop_words
from llms.budget import Budget
from llms.files import digest
from llms.progress import Progress
from llms.records import ModelSpec, Reply, Request
from llms.store import ResponseStore
from prompts import template


def keyword_topics(texts: Sequence[str], labels: Labels, *, words: int = 4) -> list[str]:
    """Return each cluster's name: its `words` strongest words by class-based TF-IDF.

    The weight of word t in cluster c is tf(t, c) * log(1 + A / f(t)), with A the mean number of
    words in a cluster and f(t) the count of t over all (Grootendorst 2022, arXiv 2203.05794). Of
    several forms of one word the strongest counts.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    count = int(labels.max(initial=NONE)) + 1
    if count == 0:
        return []
    inside: list[int] = np.flatnonzero(labels != NONE).tolist()
    counter = CountVectorizer(
        stop_words=stop_words(),
        token_pattern=r"(?u)\b[^\W\d_]{2,}\b",
        min_df=2 if len(inside) > 50 else 1,
        max_features=30_000,
        binary=True,
    )
    try:
        counts = counter.fit_transform(texts[row][:MAX_CHARS] for row in inside)
    except ValueError:
        return [f"cluster {number}" for number in range(count)]
    from scipy.sparse import csr_array

    rows = len(inside)
    members = csr_array((np.ones(rows), (labels[inside], np.arange(rows))), shape=(count, rows))
    per_cluster = csr_array(members @ counts)
    rarity = np.log1p(per_cluster.sum() / count / per_cluster.sum(axis=0))
    totals = np.maximum(per_cluster.sum(axis=1), 1)
    names = counter.get_feature_names_out()
    # One cluster's words at a time: all of them together are many and nearly all zero.
    return [
        _name(number, per_cluster[[number]].toarray()[0] / totals[number] * rarity, names, words)
        for number in range(count)
    ]


def _name(number: int, weights: np.ndarray, names: np.ndarray, words: int) -> str:
    chosen: list[str] = []
    for index in np.argsort(-weights, kind="stable"):
        if weights[index] <= 0 or len(chosen) == words:
            break
        if not any(_alike(names[index], word) for word in chosen):
            chosen.append(str(names[index]))
    return ", ".join(chosen) or f"cluster {number}"


def _alike(one: str, other: str) -> bool:
    """Tell whether two words are forms of one, such as function and functions."""
    start = max(4, min(len(one), len(other)) - 1)
    return one[:start] == other[:start]


def named_topics(
    texts: Sequence[str],
    clustering: Clustering,
    keywords: Sequence[str],
    *,
    namer: ModelSpec,
    store: ResponseStore,
    progress: Progress,
    budget: Budget,
) -> list[str]:
    """Return a name by `namer` for each cluster; its keywords where the model gave none.

    The model sees the keywords and the ten prompts nearest to the cluster's centre.
    """
    from llms.complete import ask

    requests = [
        _naming_request(number, texts, clustering, words, namer)
        for number, words in enumerate(keywords)
    ]
    results = ask(
        requests, store=store, check=_no_name, progress=progress, budget=budget, stage="topic names"
    )
    if failed := sum(not isinstance(result, Reply) for result in results):
        progress.note(f"{failed} topics got no name from the model and go by their keywords")
    return [
        _line(result.text) if isinstance(result, Reply) else words
        for result, words in zip(results, keywords, strict=True)
    ]


def _naming_request(
    number: int, texts: Sequence[str], clustering: Clustering, words: str, namer: ModelSpec
) -> Request:
    inside = np.flatnonzero(clustering.labels == number)
    central = inside[np.argsort(-clustering.similarity[inside], kind="stable")[:10]]
    examples = [" ".join(texts[row].split())[:300] for row in central.tolist()]
    marker = digest(examples)[:12]
    asked = template("topic_name").render(keywords=words, examples=examples, marker=marker)
    return Request(
        spec=namer,
        messages=[{"role": "user", "content": asked}],
        about={"cluster": str(number)},
    )


def _line(text: str) -> str:
    return " ".join(text.split()).strip(" .\"'")


def _no_name(reply: Reply) -> str | None:
    return None if 0 < len(_line(reply.text)) <= 80 else "unreadable"
