"""Prompts -> vectors, by one of three ways that are named by a string.

`tfidf` needs nothing but scikit-learn; `sentence-transformers:NAME_OR_PATH` runs a model here;
any model spec (`openai:text-embedding-3-small`, `http://host:port/v1#name`) asks an endpoint.
Vectors have length 1, so that a dot product is a cosine.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llms.errors import UserError
from llms.progress import Progress
from llms.store import ResponseStore

Vectors = NDArray[np.float32]
"""One row per prompt, (n, d), of length 1 (or 0 for a text without any known word)."""

MAX_CHARS = 4000
"""Longer prompts are embedded by their beginning."""
DEFAULT_MODEL = "all-MiniLM-L6-v2"


def embed(
    texts: Sequence[str],
    *,
    embedder: str,
    seed: int,
    store: ResponseStore | None,
    progress: Progress,
) -> Vectors:
    """Return one unit vector for each text.

    Raises:
        UserError: the embedder is unknown, its extra is not installed, or its endpoint fails.
    """
    beginnings = [text[:MAX_CHARS] for text in texts]
    scheme, _, name = embedder.partition(":")
    if scheme == "tfidf":
        return tfidf_vectors(beginnings, seed=seed)
    if scheme == "sentence-transformers":
        return sentence_vectors(beginnings, model=name or DEFAULT_MODEL, progress=progress)
    return _endpoint_vectors(beginnings, embedder=embedder, store=store)


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Return `vectors` scaled to length 1; rows of zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return np.asarray(scaled, dtype=np.float32)


def tfidf_vectors(texts: Sequence[str], *, seed: int) -> Vectors:
    """Return latent semantic vectors: TF-IDF of words, reduced by a truncated SVD.

    A quarter as many dimensions as texts, within 30 to 100: more would hold single prompts.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        sublinear_tf=True,
        stop_words="english",
        min_df=2 if len(texts) > 50 else 1,
        max_df=0.5,
        max_features=50_000,
        dtype=np.float32,
    )
    try:
        weights = vectorizer.fit_transform(texts)
    except ValueError as error:
        raise UserError(f"cannot embed {len(texts)} prompts by their words: {error}") from error
    width = min(100, max(30, len(texts) // 4), min(weights.shape) - 1)
    if width < 1:
        raise UserError("too few different words in the prompts to embed them by tfidf")
    return unit(TruncatedSVD(width, random_state=seed).fit_transform(weights))


def sentence_vectors(texts: Sequence[str], *, model: str, progress: Progress) -> Vectors:
    """Return the vectors of a sentence-transformers model, by name or path."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise UserError(
            "sentence-transformers is not installed: pip install 'benchbuilder[embed]', "
            "or embed by words with --embedder tfidf"
        ) from error
    encoder = SentenceTransformer(model)
    progress.start("embed", len(texts))
    batches = []
    for start in range(0, len(texts), 512):
        batch = list(texts[start : start + 512])
        batches.append(encoder.encode(batch, batch_size=32, show_progress_bar=False))
        progress.advance("embed", len(batch))
    return unit(np.concatenate(batches))


def _endpoint_vectors(
    texts: Sequence[str], *, embedder: str, store: ResponseStore | None
) -> Vectors:
    from llms.embeddings import embed_texts
    from llms.specs import parse_spec
    from llms.store import default_store_path

    if store is not None:
        return unit(embed_texts(texts, spec=parse_spec(embedder), store=store))
    with ResponseStore(default_store_path()) as opened:
        return unit(embed_texts(texts, spec=parse_spec(embedder), store=opened))
