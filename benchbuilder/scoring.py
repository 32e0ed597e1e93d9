"""Who annotates which prompt: one model all of them, a cheap one first, or heads first.

`Scored.prompts` gains the columns of an annotation and, where they apply, cheap_score and
predicted. `Scored.card` is what the card says of it.
"""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars as pl

from benchbuilder.agreement import compare_annotators
from benchbuilder.annotate import ANNOTATION_SCHEMA, annotate
from benchbuilder.categories import ALL, ask_categories
from benchbuilder.clean import drop
from benchbuilder.config import BuildConfig
from benchbuilder.distil import (
    criteria_matrix,
    draw_samples,
    fit_heads,
    measured_recall,
)
from benchbuilder.embed import Vectors
from benchbuilder.selection import judge_scores
from llms.budget import Budget
from llms.errors import UserError
from llms.files import digest
from llms.prices import unpriced
from llms.progress import Progress
from llms.records import ModelSpec
from llms.store import ResponseStore


@dataclass(frozen=True, slots=True)
class Scored:
    """Prompts with scores, what the card says of the annotation, and what is owed, by reason."""

    prompts: pl.DataFrame
    card: dict[str, Any]
    owed: Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Asks one annotator about prompts, in one style, through one store."""

    annotator: ModelSpec
    config: BuildConfig
    store: ResponseStore
    progress: Progress
    budget: Budget

    def ask(self, prompts: pl.DataFrame) -> pl.DataFrame:
        """Return the annotations of `prompts` (id, text), a frame of `ANNOTATION_SCHEMA`."""
        return annotate(
            prompts,
            annotator=self.annotator,
            style=self.config.annotation,
            store=self.store,
            progress=self.progress,
            budget=self.budget,
        )


def score(
    prompts: pl.DataFrame,
    vectors: Vectors,
    *,
    config: BuildConfig,
    store: ResponseStore,
    progress: Progress,
    budget: Budget,
) -> Scored:
    """Annotate the prompts that are in a cluster, the way `config` says.

    Raises:
        UserError: an annotator cannot be reached at all.
    """
    main = Asker(
        annotator=_spec(config.annotator),
        config=config,
        store=store,
        progress=progress,
        budget=budget,
    )
    table, owed = prompts, Counter[str]()
    card: dict[str, Any] = _entry(main.annotator) | {
        "template": config.annotation,
        "cheap": None,
        "distilled": None,
        "second": None,
    }
    if config.cheap_annotator is not None:
        table, card["cheap"] = _cascade(table, _other(main, config.cheap_annotator))
        owed.update(card["cheap"]["failures"])
    candidates = _in_clusters(table)
    if config.distil is None:
        annotations = main.ask(candidates)
    else:
        annotations, predicted, card["distilled"] = _distilled(candidates, vectors, main)
        table = join_open(table, predicted)
    joined = join_open(table, annotations)
    if config.distil is not None:
        unasked = pl.col("predicted").is_not_null() & pl.col("annotator").is_null()
        joined = drop(joined, unasked, "predicted_low_score")
    failed = annotations["annotation_error"].count()
    card |= {"annotated": annotations["score"].count(), "failed": failed}
    card["failures"] = _by_reason(annotations)
    card["cluster_score_over"] = _cluster_score_over(config)
    if config.second_annotator is not None:
        card["second"] = _second(annotations, candidates, _other(main, config.second_annotator))
    owed.update(card["failures"])
    return Scored(joined, card, owed)


def _cascade(prompts: pl.DataFrame, cheap: Asker) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Let a cheap annotator read all, and drop what it scores low.

    Its failures are owed: the prompt waits for a readable reply instead of costing a dear one.
    """
    annotations = cheap.ask(_in_clusters(prompts))
    table = join_open(prompts, annotations)
    judged = judge_scores(
        table,
        min_score=cheap.config.cheap_min_score,
        min_cluster_score=cheap.config.cheap_min_cluster_score,
    )
    renamed = judged.with_columns(
        pl.col("reason").replace(
            {"low_score": "low_cheap_score", "low_cluster_score": "low_cheap_cluster_score"}
        ),
        cheap_score="score",
    ).drop([name for name in ANNOTATION_SCHEMA if name != "id"], "cluster_score")
    entry = _entry(cheap.annotator) | {
        "annotated": annotations["score"].count(),
        "failed": annotations["annotation_error"].count(),
        "failures": _by_reason(annotations),
    }
    return renamed, entry


def _distilled(
    candidates: pl.DataFrame, vectors: Vectors, main: Asker
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    """Annotate samples, fit the heads, and ask about the rest only where they do not say no."""
    config = main.config
    samples = draw_samples(
        candidates, training=config.distil or 0, audit=config.distil_audit, seed=config.seed
    )
    fitted = main.ask(candidates[samples.training])
    audited = main.ask(candidates[samples.audit])
    read = fitted.with_columns(at=pl.Series(samples.training)).drop_nulls("score")
    if read.is_empty():
        raise UserError("the annotator gave no readable reply to learn from")
    own = vectors[candidates["row"].to_numpy()]
    heads = fit_heads(
        own,
        read["at"].to_list(),
        criteria_matrix(read),
        min_score=config.min_score,
        recall=config.distil_recall,
        seed=config.seed,
    )
    bought = {*samples.training, *samples.audit}
    unsure = [
        row
        for row in range(candidates.height)
        if row not in bought and heads.chance[row] >= heads.cut
    ]
    annotations = pl.concat([fitted, audited, main.ask(candidates[unsure])])
    recall = measured_recall(
        heads,
        samples.audit,
        audited["score"].to_list(),
        min_score=config.min_score,
        asked=annotations.height,
    )
    main.progress.note(
        f"heads: asked about {recall.asked} of {recall.of} prompts; recall on the audit sample "
        f"{recall.found}/{recall.good} (95 % interval {recall.low:.2f} to {recall.high:.2f})"
    )
    predicted = pl.DataFrame({"id": candidates["id"], "predicted": heads.expected.round(3)})
    entry = {"trained_on": read.height, "cut": round(heads.cut, 4), **asdict(recall)}
    return annotations, predicted, entry


def join_open(prompts: pl.DataFrame, columns: pl.DataFrame) -> pl.DataFrame:
    """Join `columns` by id to the prompts that are still in: dropped copies share their id."""
    names = [name for name in columns.columns if name != "id"]
    joined = prompts.join(columns, on="id", how="left", maintain_order="left")
    return joined.with_columns(
        pl.when(pl.col("reason").is_null()).then(name).alias(name) for name in names
    )


def _second(annotations: pl.DataFrame, candidates: pl.DataFrame, second: Asker) -> dict[str, Any]:
    """Return how a second annotator reads a random sample of what the first has read."""
    config = second.config
    read = candidates.join(annotations.drop_nulls("score").select("id"), on="id", how="semi")
    draws = pl.Series([digest(["second", config.seed, key]) for key in read["id"]], dtype=pl.String)
    sample = read.with_columns(draw=draws).sort("draw").head(config.second_size)
    other = second.ask(sample)
    first = annotations.join(sample.select("id"), on="id", how="semi")
    agreed = compare_annotators(first, other, min_score=config.min_score)
    return _entry(second.annotator) | agreed


def _in_clusters(prompts: pl.DataFrame) -> pl.DataFrame:
    return prompts.filter(pl.col("reason").is_null() & pl.col("cluster").is_not_null())


def _by_reason(annotations: pl.DataFrame) -> dict[str, int]:
    reasons = annotations["annotation_error"].drop_nulls().value_counts()
    return dict(sorted(reasons.iter_rows()))


def _cluster_score_over(config: BuildConfig) -> str:
    if config.distil is not None:
        return "all clean prompts of the cluster; expected scores where the annotator was not asked"
    if config.cheap_annotator is not None:
        return "the prompts of the cluster that the cheap annotator let through"
    return "all clean prompts of the cluster with a readable annotation"


def _other(main: Asker, spec: str) -> Asker:
    return replace(main, annotator=_spec(spec))


def _spec(text: str | None) -> ModelSpec:
    from llms.specs import read_specs

    if text is None:
        raise UserError("building needs an annotator, for example --annotator openai:gpt-4.1-mini")
    return read_specs([text])[0]


def _entry(spec: ModelSpec) -> dict[str, Any]:
    return {
        "annotator": spec.name,
        "kind": spec.kind,
        "model": spec.model,
        "revision": spec.revision,
    }


def check_models(config: BuildConfig) -> None:
    """Fail at once where a model is named wrongly, before any work is done.

    Raises:
        UserError: no annotator is given, a name cannot be read, or there is a budget and a model
            of unknown price.
    """
    others = (config.cheap_annotator, config.second_annotator, config.topic_namer)
    specs = [_spec(config.annotator), *(_spec(name) for name in others if name is not None)]
    unknown = unpriced(specs)
    if config.budget is not None and unknown:
        raise UserError(
            f"a budget needs prices, and that of {', '.join(unknown)} is unknown; give `prices: "
            "{input: …, output: …}` (dollars for a million tokens) in a YAML file"
        )


def categorise(
    prompts: pl.DataFrame,
    *,
    config: BuildConfig,
    store: ResponseStore,
    progress: Progress,
    budget: Budget,
) -> pl.DataFrame:
    """Return `prompts` with a category, asked of the annotator only for those still in."""
    if config.category == "none":
        return prompts.with_columns(category=pl.lit(ALL))
    if config.category == "topic":
        return prompts.with_columns(category=pl.coalesce("topic", pl.lit(ALL)))
    found = ask_categories(
        prompts.filter(pl.col("reason").is_null()),
        categories=config.categories,
        annotator=_spec(config.annotator),
        store=store,
        progress=progress,
        budget=budget,
    )
    if failed := found["category"].null_count():
        progress.note(f"{failed} prompts got no category from the annotator and are in {ALL!r}")
    return join_open(prompts, found).with_columns(pl.col("category").fill_null(ALL))
