"""Models that turn texts into vectors: sentence-transformers here, or all over a Ray cluster."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llms.errors import UserError

Rows = NDArray[np.float32]
Encode = Callable[[Iterable[list[str]]], Iterator[Rows]]
"""From chunks of texts to one array of vectors a chunk, in the same order."""


class Encoder:
    """A sentence-transformers model, loaded.

    Raises:
        UserError: the extra is not installed, or the model cannot be loaded.
    """

    def __init__(self, model: str) -> None:
        try:
            from sentence_transformers import SentenceTransformer
            from transformers.utils.logging import disable_progress_bar
        except ImportError as error:
            raise UserError(
                "sentence-transformers is not installed: pip install 'benchbuilder[embed]', "
                "or embed by words with --embedder tfidf"
            ) from error
        disable_progress_bar()
        try:
            self._model: Any = SentenceTransformer(model)
        except (OSError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise UserError(f"cannot load the embedding model {model!r}: {first}") from error

    def encode(self, texts: list[str]) -> Rows:
        """Return one vector for each text, (n, d)."""
        batch = 32 if self._model.device.type == "cpu" else 256
        rows = self._model.encode(texts, batch_size=batch, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)


def encoding_here(model: str) -> Encode:
    """Return the encoding by one model in this process."""
    return lambda chunks: map(Encoder(model).encode, chunks)


def encoding_on_ray(model: str) -> Encode:
    """Return the encoding by one model on every GPU of a Ray cluster, or every node without one.

    The cluster is the one $RAY_ADDRESS names, or this machine.
    """

    def encode(chunks: Iterable[list[str]]) -> Iterator[Rows]:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
            from ray.util.actor_pool import ActorPool
        except ImportError as error:
            raise UserError(
                "ray is not installed: pip install 'benchbuilder[embed,ray]', or embed on this "
                "machine with --embedder sentence-transformers"
            ) from error
        ray.init(include_dashboard=False, log_to_driver=False)
        try:
            gpus = int(ray.cluster_resources().get("GPU", 0))
            worker = ray.remote(num_gpus=1 if gpus else 0)(Encoder)
            workers = [worker.remote(model) for _ in range(gpus or len(ray.nodes()))]
            yield from ActorPool(workers).map(lambda one, some: one.encode.remote(some), chunks)
        except ray.exceptions.RayError as error:
            last = str(error.__cause__ or error).strip().splitlines()[-1]
            raise UserError(f"embedding on Ray failed: {last}") from error
        finally:
            ray.shutdown()

    return encode
