"""Prompts -> vectors, by a way that is named by a string.

`tfidf` needs nothing but scikit-learn. `sentence-transformers` runs a model here: the default one,
or `sentence-transformers:NAME_OR_PATH`, or the name or path alone; `ray` and `ray:NAME_OR_PATH` run
it on every GPU of a Ray cluster. Any model spec (`openai:text-embedding-3-small`,
`http://host:port/v1#name`) asks an endpoint. Vectors have length 1, so that a dot product is a
cosine.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchbuilder.encoders import Encode, encoding_here, encoding_on_ray
from llms.errors import UserError
from llms.files import digest
from llms.progress import Progress
from llms.store import ResponseStore

Vectors = NDArray[np.float32]
"""One row per prompt, (n, d), of length 1 (or 0 for a text without any known word)."""

MAX_CHARS = 4000
"""Longer prompts are embedded by their beginning."""
DEFAULT_MODEL = "all-MiniLM-L6-v2"
LOCAL = "sentence-transformers"
RAY = "ray"
ENDPOINTS = frozenset({"openai", "http", "https", "litellm", "vllm"})
_CHUNK = 1024


def embed(
    texts: Sequence[str],
    *,
    embedder: str,
    seed: int,
    store: ResponseStore | None,
    progress: Progress,
) -> Vectors:
    """Return one unit vector for each text; those of models are kept in the store, if given.

    Raises:
        UserError: the embedder is unknown, its extra is not installed, or its endpoint fails.
    """
    beginnings = [text[:MAX_CHARS] for text in texts]
    scheme = embedder.partition(":")[0]
    if scheme == "tfidf":
        return tfidf_vectors(beginnings, seed=seed)
    if scheme in ENDPOINTS:
        return _endpoint_vectors(beginnings, embedder, store, progress)
    model = _model(embedder)
    encode = encoding_on_ray(model) if scheme == RAY else encoding_here(model)
    return _model_vectors(beginnings, model, encode, store, progress)


def runs_here(embedder: str) -> bool:
    """Tell whether an embedder is a sentence-transformers model, here or on a Ray cluster."""
    return embedder.partition(":")[0] not in {"tfidf", *ENDPOINTS}


def embedder_name(embedder: str) -> str:
    """Return an embedder's name without the folder its model is in."""
    if not runs_here(embedder):
        return embedder
    return f"{LOCAL}:{Path(_model(embedder)).name}"


def _model(embedder: str) -> str:
    scheme, _, name = embedder.partition(":")
    return (name or DEFAULT_MODEL) if scheme in (LOCAL, RAY) else embedder


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
        stop_words=stop_words(),
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


@cache
def stop_words() -> list[str]:
    """Return words that say nothing of a topic, in English and eleven other languages."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    others = (files("benchbuilder") / "stop_words.txt").read_text(encoding="utf-8").split()
    return sorted({*ENGLISH_STOP_WORDS, *others})


def _model_vectors(
    texts: Sequence[str],
    model: str,
    encode: Encode,
    store: ResponseStore | None,
    progress: Progress,
) -> Vectors:
    """Return the vectors of a sentence-transformers model, asking it only for what is new."""
    revision = _revision(model)
    keys = [digest([LOCAL, model if revision is None else revision, text]) for text in texts]
    known: dict[str, bytes] = dict(store.get_vectors(keys)) if store is not None else {}
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    for part in _encoded(missing, encode, progress) if missing else ():
        known.update(part)
        if store is not None:
            store.put_vectors(model, part)
    return unit(np.stack([np.frombuffer(known[key], dtype="<f4") for key in keys]))


def _encoded(
    texts: dict[str, str], encode: Encode, progress: Progress
) -> Iterator[dict[str, bytes]]:
    """Yield the vectors of chunks of texts, shortest first: a batch pads to its longest text."""
    order = sorted(texts, key=lambda key: (len(texts[key]), key))
    chunks = [order[start : start + _CHUNK] for start in range(0, len(order), _CHUNK)]
    progress.start("embed", len(texts))
    for keys, rows in zip(
        chunks, encode([texts[key] for key in keys] for keys in chunks), strict=True
    ):
        yield {key: row.astype("<f4").tobytes() for key, row in zip(keys, rows, strict=True)}
        progress.advance("embed", len(keys))


def _revision(model: str) -> str | None:
    """Return the digest of a model's weights, if it is a folder here; None for a name."""
    weights = sorted(Path(model).glob("*.safetensors")) if Path(model).is_dir() else []
    hashed = sha256()
    for file in weights:
        hashed.update(file.read_bytes())
    return hashed.hexdigest() if weights else None


def _endpoint_vectors(
    texts: Sequence[str], embedder: str, store: ResponseStore | None, progress: Progress
) -> Vectors:
    from llms.embeddings import embed_texts
    from llms.specs import parse_spec
    from llms.store import default_store_path

    spec = parse_spec(embedder)
    if store is not None:
        return unit(embed_texts(texts, spec=spec, store=store, progress=progress))
    with ResponseStore(default_store_path()) as opened:
        return unit(embed_texts(texts, spec=spec, store=opened, progress=progress))
