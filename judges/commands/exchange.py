"""`judge import`, `judge export`, `judge publish`: from other tools, for them, and for everyone."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from judges.commands.options import (
    AsJson,
    Baseline,
    Category,
    Draws,
    Interval,
    Judges,
    Level,
    Out,
    Quiet,
    Run,
    Seed,
    StrongWeight,
    Style,
    coat,
    features_of,
    names_of,
)
from judges.commands.ranking import agreement_with
from llms.console import EXIT_INCOMPLETE, ConsoleProgress
from llms.errors import UserError

_BAD_ROWS_SHOWN = 20


def import_(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT", help="arena-hard, alpaca-eval, mt-bench, games, battles or votes."
        ),
    ],
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH…", help="Parquet, CSV, JSON or JSONL files; for arena-hard also folders."
        ),
    ],
    out: Out,
    answers: Annotated[
        Path | None, typer.Option(help="prompt_id, model and text or style counts.")
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="The benchmark, for its texts and categories.")
    ] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Make a run folder of verdicts that were given elsewhere."""
    with coat(quiet=quiet) as progress:
        from judges.imports import IMPORTS

        if kind not in IMPORTS:
            raise UserError(f"no format {kind!r}; there are {', '.join(IMPORTS)}")
        report = IMPORTS[kind](paths, out=out, answers=answers, prompts=prompts)
        progress.note(
            f"{report.rows} rows read, {report.kept} kept, {len(report.models)} models, "
            f"{report.answers} answers -> {out}"
        )
        for row in report.bad[:_BAD_ROWS_SHOWN]:
            progress.note(f"  {row}")
        if len(report.bad) > _BAD_ROWS_SHOWN:
            progress.note(f"  and {len(report.bad) - _BAD_ROWS_SHOWN} more, all in run.json")
    if as_json:
        typer.echo(json.dumps(asdict(report), ensure_ascii=False))
    if report.bad:
        raise typer.Exit(EXIT_INCOMPLETE)


def export(
    run: Run,
    out: Out,
    kind: Annotated[
        str, typer.Option("--format", help="preferences, arena-hard, games or battles.")
    ] = "preferences",
    category: Category = None,
    judges: Judges = None,
    baseline: Annotated[
        str | None, typer.Option(help="arena-hard: the model all others are compared with.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a run for other tools: pairs for preference training, Arena-Hard's files, tables."""
    with coat(quiet=quiet) as progress:
        from judges.folders import write_folder
        from judges.runs import read_run
        from leaderboards.encoding import with_sums
        from leaderboards.exports import EXPORTS, export_arena_hard
        from leaderboards.runs import of_category, of_judges

        if kind not in EXPORTS:
            raise UserError(f"no format {kind!r}; there are {', '.join(EXPORTS)}")
        tables = of_category(of_judges(read_run(run), names_of(judges)), category)
        if baseline is None:
            made = EXPORTS[kind](tables)
        elif kind == "arena-hard":
            made = export_arena_hard(tables, baseline=baseline)
        else:
            raise UserError("--baseline belongs to --format arena-hard")
        count = write_folder(out, with_sums(made.files.items()))
        for reason, number in sorted(made.left_out.items()):
            progress.note(f"  {number} left out: {reason}")
        progress.note(f"{made.rows} rows in {count} files -> {out}")


def publish(
    run: Run,
    out: Out,
    title: Annotated[
        str | None, typer.Option(help="Of the page (default: the run folder's name).")
    ] = None,
    human: Annotated[
        Path | None, typer.Option(help="Human votes or ratings to show agreement with.")
    ] = None,
    benchmark: Annotated[
        Path | None,
        typer.Option(help="A folder `benchbuild build` wrote, for its card and its map of topics."),
    ] = None,
    style: Style = "length,headers,lists,bold",
    interval: Annotated[
        Interval, typer.Option(help="sandwich needs no draws: for very large runs.")
    ] = Interval.bootstrap,
    level: Level = 0.95,
    draws: Draws = 1000,
    seed: Seed = 0,
    baseline: Baseline = None,
    strong_weight: StrongWeight = 3.0,
    single_file: Annotated[
        int | None,
        typer.Option(help="Make index.html the whole site, with so many battles inside.", min=0),
    ] = None,
    no_answers: Annotated[
        bool, typer.Option("--no-answers", help="Keep answers and the judges' words back.")
    ] = False,
    no_prompts: Annotated[
        bool, typer.Option("--no-prompts", help="Keep prompts back, and what quotes them.")
    ] = False,
    noindex: Annotated[
        bool, typer.Option("--noindex", help="Ask search engines to stay away.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write the static page, which opens down to every verdict."""
    with coat(quiet=quiet) as progress:
        from judges.folders import LARGE, folder_bytes, read_card, read_map, write_folder
        from judges.runs import read_run
        from leaderboards.page.site import site_files

        tables = read_run(run)
        files = site_files(
            tables,
            title=title or run.resolve().name,
            note=tables.meta.get("note"),
            agreement=agreement_with(tables, human, level=level) if human else None,
            card=read_card(benchmark) if benchmark else None,
            prompts=read_map(benchmark) if benchmark else None,
            style=features_of(style),
            with_answers=not no_answers,
            with_prompts=not no_prompts,
            single_file=single_file,
            noindex=noindex,
            interval=interval.value,
            level=level,
            draws=draws,
            seed=seed,
            baseline=baseline,
            strong_weight=strong_weight,
            processes=_cores(),
            on_step=lambda stage, done, of: _advance(progress, stage, done, of),
        )
        count = write_folder(out, files)
        progress.note(f"{count} files; open {out / 'index.html'}")
        if (size := folder_bytes(out)) > LARGE:
            progress.note(
                f"the site has {size / 1e6:,.0f} MB; GitHub Pages takes 1,000 MB; --no-answers or "
                "--single-file make it smaller"
            )


def _advance(progress: ConsoleProgress, stage: str, done: int, total: int) -> None:
    if done == 1:
        progress.start(stage, total)
    progress.advance(stage)


def _cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
