"""The `benchbuild` command: build, cluster, refresh, quickstart. A coat over one function each."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from llms.console import (
    EXIT_INCOMPLETE,
    ConsoleProgress,
    errors_as_one_line,
    show_version,
    writable,
)

app = typer.Typer(
    name="benchbuild",
    help="Turn crowdsourced prompts into a hard benchmark.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Prompts = Annotated[
    list[Path],
    typer.Argument(metavar="PROMPTS…", help="Files or folders of prompts: JSONL, CSV, Parquet."),
]
Out = Annotated[Path, typer.Option(help="The folder to write.", callback=writable)]
Config = Annotated[
    Path | None, typer.Option(help="A YAML file with any of these and more; flags win.")
]
Embedder = Annotated[
    str | None,
    typer.Option(help="tfidf (the default), a sentence-transformers name, or an endpoint."),
]
Languages = Annotated[
    str | None, typer.Option(help="Keep prompts in these languages only, as en,de (default: all).")
]
Format = Annotated[
    str | None,
    typer.Option("--format", help="Of the rows: lmsys, arena, sharegpt, openai, prompt, … "),
]
MaxBad = Annotated[
    float | None,
    typer.Option(help="Share of unreadable rows to put up with (default: 0.05).", min=0, max=1),
]
Pii = Annotated[
    str | None,
    typer.Option(help="Prompts with personal data: drop (the default), mask or keep."),
]
Against = Annotated[
    list[Path] | None,
    typer.Option(help="A benchmark to report matches with. May be repeated."),
]
Reducer = Annotated[
    str | None,
    typer.Option(help="neighbours, pca or umap before HDBSCAN (default: umap for local models)."),
]
MinClusterSize = Annotated[
    int | None,
    typer.Option(help="Smallest topic (default: the best by modularity of 4 to 128).", min=2),
]
TopicNamer = Annotated[
    str | None, typer.Option(help="A model that names the topics (default: their keywords).")
]
Annotator = Annotated[
    str | None, typer.Option(help="The model that checks the seven criteria of each prompt.")
]
CheapAnnotator = Annotated[
    str | None, typer.Option(help="A model that reads all first; --annotator reads what is left.")
]
Distil = Annotated[
    int | None,
    typer.Option(help="Annotate so many, and let heads learned from them choose the rest.", min=50),
]
SecondAnnotator = Annotated[
    str | None, typer.Option(help="A model that reads a sample again; agreement is in the card.")
]
Category = Annotated[
    str | None, typer.Option(help="Of each item, from: none (the default), topic or annotator.")
]
MinScore = Annotated[
    float | None, typer.Option(help="Criteria a prompt must meet (default: 6).", min=0, max=7)
]
MinClusterScore = Annotated[
    float | None, typer.Option(help="Mean score its cluster must have (default: 3).", min=0, max=7)
]
PerCluster = Annotated[
    int | None, typer.Option(help="At most so many prompts of one cluster.", min=1)
]
Size = Annotated[int | None, typer.Option(help="At most so many prompts in all.", min=1)]
Within = Annotated[
    str | None, typer.Option(help="Order in a cluster: random (the default) or diverse.")
]
Seed = Annotated[int | None, typer.Option(help="Of clustering and sampling.", min=0)]
Dollars = Annotated[
    float | None,
    typer.Option("--budget", help="US dollars for models that are never exceeded."),
]
Store = Annotated[
    Path | None, typer.Option(help="The response store (default: results/responses.sqlite).")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors and results.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Options that stand before the command."""


@app.command(
    epilog="Example: benchbuild build logs.jsonl --out results/mybench "
    "--annotator openai:gpt-4.1-mini"
)
def build(
    prompts: Prompts,
    out: Out,
    annotator: Annotator = None,
    embedder: Embedder = None,
    languages: Languages = None,
    min_score: MinScore = None,
    min_cluster_score: MinClusterScore = None,
    per_cluster: PerCluster = None,
    size: Size = None,
    within: Within = None,
    category: Category = None,
    cheap_annotator: CheapAnnotator = None,
    distil: Distil = None,
    second_annotator: SecondAnnotator = None,
    budget: Dollars = None,
    form: Format = None,
    max_bad: MaxBad = None,
    pii: Pii = None,
    against: Against = None,
    reducer: Reducer = None,
    min_cluster_size: MinClusterSize = None,
    topic_namer: TopicNamer = None,
    seed: Seed = None,
    config: Config = None,
    store: Store = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Make a benchmark of raw prompts: clean, cluster, annotate, select."""
    with errors_as_one_line(), ConsoleProgress(quiet=quiet) as progress:
        from benchbuilder.build import BuildConfig
        from benchbuilder.build import build as build_benchmark
        from benchbuilder.publish import write_prompts_page
        from leaderboards.page.prompts import prompts_page
        from llms.config import read_config
        from llms.store import ResponseStore, default_store_path
        from llms.vllm_server import logs_in

        flags = {
            "annotator": annotator,
            "embedder": embedder,
            "languages": _listed(languages),
            "min_score": min_score,
            "min_cluster_score": min_cluster_score,
            "per_cluster": per_cluster,
            "size": size,
            "within": within,
            "category": category,
            "cheap_annotator": cheap_annotator,
            "distil": distil,
            "second_annotator": second_annotator,
            "budget": budget,
            "format": form,
            "max_bad": max_bad,
            "pii": pii,
            "against": against or None,
            "reducer": reducer,
            "min_cluster_size": min_cluster_size,
            "topic_namer": topic_namer,
            "seed": seed,
        }
        settings = read_config(BuildConfig, config, flags)
        with ResponseStore(store or default_store_path()) as responses, logs_in(out / "logs"):
            report = build_benchmark(
                prompts, out=out, config=settings, store=responses, progress=progress
            )
        write_prompts_page(out, prompts_page)
        progress.note(f"wrote {out / 'benchmark.jsonl'}; look at {out / 'prompts.html'}")
    if as_json:
        typer.echo(json.dumps(asdict(report), default=str))
    if report.owed:
        _tell_owed(report.failures)
        raise typer.Exit(EXIT_INCOMPLETE)


@app.command(epilog="Example: benchbuild cluster logs.jsonl --out results/topics")
def cluster(
    prompts: Prompts,
    out: Out,
    embedder: Embedder = None,
    languages: Languages = None,
    form: Format = None,
    max_bad: MaxBad = None,
    pii: Pii = None,
    against: Against = None,
    reducer: Reducer = None,
    min_cluster_size: MinClusterSize = None,
    topic_namer: TopicNamer = None,
    seed: Seed = None,
    config: Config = None,
    store: Store = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Clean raw prompts and sort them into topics; no model but the embedder is asked."""
    with errors_as_one_line(), ConsoleProgress(quiet=quiet) as progress:
        from benchbuilder.build import BuildConfig, cluster_prompts
        from benchbuilder.publish import write_prompts_page
        from leaderboards.page.prompts import prompts_page
        from llms.config import read_config
        from llms.store import ResponseStore, default_store_path
        from llms.vllm_server import logs_in

        flags = {
            "embedder": embedder,
            "languages": _listed(languages),
            "format": form,
            "max_bad": max_bad,
            "pii": pii,
            "against": against or None,
            "reducer": reducer,
            "min_cluster_size": min_cluster_size,
            "topic_namer": topic_namer,
            "seed": seed,
        }
        settings = read_config(BuildConfig, config, flags)
        with ResponseStore(store or default_store_path()) as responses, logs_in(out / "logs"):
            report = cluster_prompts(
                prompts, out=out, config=settings, store=responses, progress=progress
            )
        write_prompts_page(out, prompts_page)
        progress.note(f"wrote {out / 'prompts.parquet'}; look at {out / 'prompts.html'}")
    if as_json:
        typer.echo(json.dumps(asdict(report), default=str))


@app.command(
    epilog="Example: benchbuild refresh results/mybench new_logs.jsonl --out results/mybench2 "
    "--annotator openai:gpt-4.1-mini"
)
def refresh(
    benchmark: Annotated[Path, typer.Argument(help="The folder `build` or `refresh` wrote.")],
    prompts: Prompts,
    out: Out,
    annotator: Annotator = None,
    budget: Dollars = None,
    embedder: Embedder = None,
    languages: Languages = None,
    retire: Annotated[
        Path | None,
        typer.Option(help="A table of items to take out: id, and reason if it has one."),
    ] = None,
    battles: Annotated[
        Path | None,
        typer.Option(help="A table prompt_id, outcome: items on which all ends alike go."),
    ] = None,
    against: Against = None,
    min_score: MinScore = None,
    min_cluster_score: MinClusterScore = None,
    per_cluster: PerCluster = None,
    size: Size = None,
    seed: Seed = None,
    config: Config = None,
    store: Store = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Make the next version of a benchmark: new prompts in, spent items out, ids unchanged."""
    with errors_as_one_line(), ConsoleProgress(quiet=quiet) as progress:
        from benchbuilder.config import BuildConfig
        from benchbuilder.publish import write_prompts_page
        from benchbuilder.refresh import refresh as refresh_benchmark
        from leaderboards.page.prompts import prompts_page
        from llms.config import read_config
        from llms.store import ResponseStore, default_store_path
        from llms.vllm_server import logs_in

        flags = {
            "annotator": annotator,
            "budget": budget,
            "embedder": embedder,
            "languages": _listed(languages),
            "against": against or None,
            "min_score": min_score,
            "min_cluster_score": min_cluster_score,
            "per_cluster": per_cluster,
            "size": size,
            "seed": seed,
        }
        settings = read_config(BuildConfig, config, flags)
        with ResponseStore(store or default_store_path()) as responses, logs_in(out / "logs"):
            report = refresh_benchmark(
                benchmark,
                prompts,
                out=out,
                config=settings,
                store=responses,
                retire=retire,
                battles=battles,
                progress=progress,
            )
        write_prompts_page(out, prompts_page)
        progress.note(f"wrote {out / 'benchmark.jsonl'}; what changed is in {out / 'diff.json'}")
    if as_json:
        typer.echo(json.dumps(asdict(report), default=str))
    if report.owed:
        _tell_owed(report.failures)
        raise typer.Exit(EXIT_INCOMPLETE)


@app.command(epilog="Example: benchbuild quickstart")
def quickstart(
    out: Out = Path("results", "quickstart"), store: Store = None, quiet: Quiet = False
) -> None:
    """Run the whole product on the bundled sample: no key, no GPU, no network."""
    with errors_as_one_line(), ConsoleProgress(quiet=quiet) as progress:
        from benchbuilder.quickstart import quickstart as run_all
        from llms.store import ResponseStore, default_store_path

        with ResponseStore(store or default_store_path()) as responses:
            result = run_all(out, store=responses, progress=progress)
    from rich.console import Console

    Console().print(result.table)
    typer.echo(f"{result.note}\nOpen {result.page}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    app(arguments, prog_name="benchbuild")


def _tell_owed(failures: Mapping[str, int]) -> None:
    reasons = ", ".join(f"{count} {reason}" for reason, count in failures.items())
    more = " with more money" if "over_budget" in failures else ""
    typer.echo(
        f"{sum(failures.values())} annotations are owed ({reasons}); they are the prompts of "
        f"prompts.parquet with an annotation_error; run the same command again{more}",
        err=True,
    )


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())
