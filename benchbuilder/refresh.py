"""The next version of a living benchmark: old items stay or are retired, new prompts come in.

New prompts go to the old topics they resemble as much as the old prompts of these topics do; what
resembles none is clustered anew. Items that stay keep their ids and all their fields.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchbuilder import publish
from benchbuilder.build import clean_prompts, in_words, owed_in_words, tell_spending
from benchbuilder.clean import drop
from benchbuilder.cluster import NONE, Labels, centres_of, cluster_vectors
from benchbuilder.config import BuildConfig
from benchbuilder.contamination import contamination
from benchbuilder.embed import Vectors, embed
from benchbuilder.map import topic_map
from benchbuilder.neighbours import nearest
from benchbuilder.quality import measure
from benchbuilder.records import BenchmarkItem, read_benchmark, write_benchmark
from benchbuilder.scoring import categorise, check_models, join_open, score
from benchbuilder.selection import judge_scores, take
from benchbuilder.sources import find_sources, read_prompts, read_table
from benchbuilder.topics import keyword_topics
from llms.budget import Budget
from llms.errors import UserError
from llms.files import write_whole
from llms.progress import Progress, Silent
from llms.store import ResponseStore

MIN_GAMES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshReport:
    """What the next version came to. `retired` counts old items by reason."""

    out: Path
    version: int
    unchanged: int
    retired: Mapping[str, int]
    added: int
    new_topics: int
    owed: int
    failures: Mapping[str, int]
    """What is owed, by reason."""
    spent: float
    """US dollars paid now; replies from the store cost nothing."""


@dataclass(frozen=True, slots=True)
class _Old:
    """The version there is: its items, its prompts (column id again) and its card."""

    items: list[BenchmarkItem]
    prompts: pl.DataFrame
    card: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Placed:
    """Old and new prompts in one space. Old rows come first in `vectors`."""

    new: pl.DataFrame
    vectors: Vectors
    labels: Labels
    topics: list[str]
    new_topics: int


def refresh(
    benchmark: Path,
    paths: Iterable[Path],
    *,
    out: Path,
    config: BuildConfig,
    store: ResponseStore,
    retire: Path | None = None,
    battles: Path | None = None,
    progress: Progress | None = None,
) -> RefreshReport:
    """Write the next version of `benchmark` (a folder `build` wrote), with new prompts, to `out`.

    `retire` is a table of items to take out (id, and a reason if it has one). `battles` is a table
    of comparisons (prompt_id, outcome): items on which at least four of them all ended alike are
    saturated and go. Items that stand in a benchmark of `config.against` are leaked and go.
    `config.size` is the size wanted in all.

    Raises:
        UserError: the old version or an input cannot be used.
    """
    progress = progress or Silent()
    check_models(config)
    budget = Budget(config.budget)
    old = _read_old(benchmark)
    retired = _retired(old.items, retire, battles, config)
    kept = [item for item in old.items if item.id not in retired]
    read = read_prompts(find_sources(paths), form=config.format, max_bad=config.max_bad)
    cleaned = _without_old(clean_prompts(read.prompts, config), old.prompts, config)
    progress.note(f"cleaned: {in_words(publish.funnel(cleaned))}")
    placed = _place(old, cleaned, config, store, progress)
    progress.note(f"{placed.new_topics} new topics beside {len(placed.topics) - placed.new_topics}")
    scored = score(
        placed.new, placed.vectors, config=config, store=store, progress=progress, budget=budget
    )
    progress.note(f"annotated the new prompts; {owed_in_words(scored.owed)}")
    good = _judge(scored.prompts, old.prompts, config)
    chosen = take(
        categorise(good, config=config, store=store, progress=progress, budget=budget),
        placed.vectors,
        within=config.within,
        per_cluster=config.per_cluster,
        size=None if config.size is None else max(0, config.size - len(kept)),
        quota_by=config.quota_by,
        quotas=config.quotas,
        seed=config.seed,
    )
    tell_spending(budget, progress)
    added = publish.items_of(chosen)
    version = int(old.card.get("version") or 1) + 1
    table = _whole_table(old.prompts, chosen, placed, version, config.seed)
    card = dict(old.card) | {
        "version": version,
        "funnel": publish.funnel(chosen),
        "rejected": len(read.rejected),
        "settings": config.public(),
        "annotation": scored.card,
        "clusters": asdict(measure(placed.vectors, placed.labels, assigned=0, seed=config.seed))
        | {"topics": placed.topics},
        "sources": [publish.source_entry(source) for source in find_sources(paths)],
        "previous": {"version": version - 1, "digests": old.card.get("digests")},
    }
    publish.write_prompt_tables(out, table, vectors=placed.vectors, rejected=read.rejected)
    items = sorted([*kept, *added], key=lambda item: item.id)
    write_benchmark(out / "benchmark.jsonl", items)
    digests = {"benchmark.jsonl": publish.file_digest(out / "benchmark.jsonl")}
    _write_diff(out, version, kept=kept, added=added, retired=retired)
    publish.write_card(out, card | {"digests": digests})
    progress.note(
        f"version {version}: {len(kept)} items unchanged, {len(retired)} retired, "
        f"{len(added)} added"
    )
    return RefreshReport(
        out=out,
        version=version,
        unchanged=len(kept),
        retired=_counts(retired),
        added=len(added),
        new_topics=placed.new_topics,
        owed=scored.owed.total(),
        failures=dict(sorted(scored.owed.items())),
        spent=budget.spent,
    )


def _read_old(benchmark: Path) -> _Old:
    try:
        prompts = pl.read_parquet(benchmark / "prompts.parquet")
        card = json.loads((benchmark / "card.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise UserError(
            f"{benchmark} is not a benchmark folder that `benchbuild build` wrote: {error}"
        ) from error
    table = prompts.rename({"prompt_id": "id"}).drop("kept", strict=False)
    return _Old(read_benchmark(benchmark), table, card)


def _retired(
    items: Sequence[BenchmarkItem], listed: Path | None, battles: Path | None, config: BuildConfig
) -> dict[str, str]:
    """Return why each item that goes has to go."""
    ids = {item.id for item in items}
    found: dict[str, str] = {}
    if battles is not None:
        found |= dict.fromkeys(_saturated(read_table(battles)), "saturated")
    if config.against:
        found |= dict.fromkeys(_leaked(items, config), "leaked")
    if listed is not None:
        table = read_table(listed)
        name = next((name for name in ("id", "prompt_id", "uid") if name in table.columns), None)
        if name is None:
            raise UserError(f"{listed}: needs a column id; it has {', '.join(table.columns)}")
        reasons = table["reason"].to_list() if "reason" in table.columns else [None] * table.height
        found |= {
            str(key): reason or "listed" for key, reason in zip(table[name], reasons, strict=True)
        }
    return {key: reason for key, reason in sorted(found.items()) if key in ids}


def _saturated(battles: pl.DataFrame) -> list[str]:
    """Return the prompts on which all of at least four comparisons ended alike."""
    if not {"prompt_id", "outcome"} <= set(battles.columns):
        raise UserError(
            f"battles need the columns prompt_id and outcome, not {', '.join(battles.columns)}"
        )
    spread = battles.group_by("prompt_id").agg(pl.len(), distinct=pl.col("outcome").n_unique())
    alike = spread.filter((pl.col("len") >= MIN_GAMES) & (pl.col("distinct") == 1))
    return alike["prompt_id"].cast(pl.String).sort().to_list()


def _leaked(items: Sequence[BenchmarkItem], config: BuildConfig) -> list[str]:
    """Return the items that stand, exactly or nearly, in the benchmarks given."""
    known = read_prompts(find_sources(config.against)).prompts
    empty = np.zeros((0, 1), dtype=np.float32)
    matches = contamination(
        pl.DataFrame(
            {"id": [item.id for item in items], "text": ["\n\n".join(i.turns) for i in items]}
        ),
        known.select("id", text=pl.col("turns").list.join("\n\n")),
        vectors=empty,
        known_vectors=empty,
        near=config.near_duplicates or 1.0,
        similar=config.similar,
    )
    return matches["id"].to_list()


def _without_old(new: pl.DataFrame, old: pl.DataFrame, config: BuildConfig) -> pl.DataFrame:
    """Drop new prompts that the old version has seen already, exactly or nearly."""
    empty = np.zeros((0, 1), dtype=np.float32)
    known = old.filter(pl.col("row").is_not_null()).select("id", "text")
    matches = contamination(
        new.filter(pl.col("reason").is_null()).select("id", "text"),
        known,
        vectors=empty,
        known_vectors=empty,
        near=config.near_duplicates or 1.0,
        similar=config.similar,
    )
    marked = join_open(new, matches.select("id", twin="contaminated_by"))
    filled = marked.with_columns(duplicate_of=pl.coalesce("duplicate_of", "twin"))
    return drop(filled, pl.col("twin").is_not_null(), "in_old_version").drop("twin")


def _place(
    old: _Old,
    cleaned: pl.DataFrame,
    config: BuildConfig,
    store: ResponseStore,
    progress: Progress,
) -> _Placed:
    before = old.prompts.filter(pl.col("row").is_not_null()).sort("row")
    arrived = cleaned.filter(pl.col("reason").is_null())
    vectors = embed(
        [*before["text"], *arrived["text"]],
        embedder=config.embedder,
        seed=config.seed,
        store=store,
        progress=progress,
    )
    old_labels = before["cluster"].fill_null(NONE).to_numpy().astype(np.int64)
    labels, names = _assign(vectors, old_labels, arrived["text"].to_list(), config)
    topics = [*_old_topics(before), *names]
    own = labels[before.height :]
    at = pl.int_range(pl.len(), dtype=pl.Int64) + before.height
    places = arrived.select("id", row=at).with_columns(
        cluster=pl.Series(own).set(pl.Series(own == NONE), None),
        topic=pl.Series(
            [topics[label] if label != NONE else None for label in own], dtype=pl.String
        ),
    )
    return _Placed(join_open(cleaned, places), vectors, labels, topics, len(names))


def _assign(
    vectors: Vectors, old_labels: Labels, texts: Sequence[str], config: BuildConfig
) -> tuple[Labels, list[str]]:
    """Return the cluster of every row, and the keywords of the clusters found anew."""
    old, new = vectors[: len(old_labels)], vectors[len(old_labels) :]
    centres = centres_of(old, old_labels)
    if not len(new) or not len(centres):
        return np.concatenate([old_labels, np.full(len(new), NONE)]), []
    best = nearest(new, centres, k=1)
    closest, likeness = best.rows[:, 0], best.cosines[:, 0]
    at_home = likeness >= _usual_likeness(old, old_labels, centres)[closest]
    assigned = np.where(at_home, closest, NONE)
    strange = np.flatnonzero(~at_home)
    names: list[str] = []
    if len(strange):
        found = cluster_vectors(
            new[strange],
            reducer=config.space,
            min_cluster_size=config.min_cluster_size,
            outlier_similarity=None,
            sample_size=config.sample_size,
            seed=config.seed,
        )
        assigned[strange] = np.where(found.labels == NONE, NONE, found.labels + len(centres))
        names = keyword_topics([texts[row] for row in strange.tolist()], found.labels)
    if config.outlier_similarity is not None:
        left = (assigned == NONE) & (likeness >= config.outlier_similarity)
        assigned[left] = closest[left]
    return np.concatenate([old_labels, assigned]).astype(np.int64), names


def _usual_likeness(old: Vectors, labels: Labels, centres: Vectors) -> np.ndarray:
    """Return for each cluster the cosine that nine in ten of its prompts have to its centre."""
    own = [old[labels == number] @ centre for number, centre in enumerate(centres)]
    return np.array([np.quantile(values, 0.1) if len(values) else 1.0 for values in own])


def _old_topics(before: pl.DataFrame) -> list[str]:
    named = before.drop_nulls("cluster").group_by("cluster").agg(pl.col("topic").first())
    return named.sort("cluster")["topic"].to_list()


def _judge(new: pl.DataFrame, old: pl.DataFrame, config: BuildConfig) -> pl.DataFrame:
    """Judge the new prompts; cluster means are over the old and the new ones."""
    seen = old.filter(pl.col("score").is_not_null() & pl.col("cluster").is_not_null())
    both = pl.concat(
        [
            new.with_columns(old=pl.lit(value=False)),
            seen.with_columns(old=pl.lit(value=True), reason=pl.lit(None, pl.String)).drop(
                "cluster_score", strict=False
            ),
        ],
        how="diagonal_relaxed",
    )
    judged = judge_scores(
        both, min_score=config.min_score, min_cluster_score=config.min_cluster_score
    )
    return judged.filter(~pl.col("old")).drop("old")


def _whole_table(
    old: pl.DataFrame, new: pl.DataFrame, placed: _Placed, version: int, seed: int
) -> pl.DataFrame:
    """Return old and new prompts as one table, with new places on the map."""
    since = pl.col("version") if "version" in old.columns else pl.lit(version - 1, pl.Int64)
    renumbered = old.with_columns(
        version=since,
        row=pl.when(pl.col("row").is_not_null()).then(pl.col("row").rank("ordinal") - 1),
    )
    both = pl.concat(
        [
            renumbered.with_columns(pl.col("row").cast(pl.Int64)),
            new.with_columns(version=pl.lit(version, pl.Int64)),
        ],
        how="diagonal_relaxed",
    ).drop("x", "y", strict=False)
    places = topic_map(placed.vectors, placed.labels, seed=seed)
    drawn = pl.DataFrame(
        {"row": np.arange(len(places)), "x": places[:, 0], "y": places[:, 1]},
        {"row": pl.Int64(), "x": pl.Float32(), "y": pl.Float32()},
    )
    return both.join(drawn, on="row", how="left", maintain_order="left")


def _write_diff(
    out: Path,
    version: int,
    *,
    kept: Sequence[BenchmarkItem],
    added: Sequence[BenchmarkItem],
    retired: Mapping[str, str],
) -> None:
    diff = {
        "version": version,
        "unchanged": len(kept),
        "added": sorted(item.id for item in added),
        "retired": [{"id": key, "reason": reason} for key, reason in retired.items()],
    }
    write_whole(out / "diff.json", json.dumps(diff, indent=2, ensure_ascii=False) + "\n")


def _counts(retired: Mapping[str, str]) -> dict[str, int]:
    return {
        reason: list(retired.values()).count(reason) for reason in sorted(set(retired.values()))
    }
