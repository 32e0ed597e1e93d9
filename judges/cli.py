"""The `judge` command: run, import, rank, agree, audit, publish. A coat over one function each."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llms.console import (
    EXIT_INCOMPLETE,
    ConsoleProgress,
    errors_as_one_line,
    show_version,
    writable,
)
from llms.errors import UserError

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

    from judges import labelled
    from judges.asking import Asker
    from judges.config import RunConfig
    from judges.estimate import Estimate
    from judges.records import RunTables
    from leaderboards.agreement import Agreement
    from leaderboards.records import Ranking
    from leaderboards.series import Series

app = typer.Typer(
    name="judge",
    help="Have models answer a benchmark, have judges compare the answers, rank and publish.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

EXIT_WORSE = 4
EXIT_DECEIVED = 5
_BAD_ROWS_SHOWN = 20
Run = Annotated[
    Path, typer.Argument(help="A run folder, as `judge run` or `judge import` wrote it.")
]
Out = Annotated[Path, typer.Option(help="The folder to write.", callback=writable)]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors and results.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Level = Annotated[float, typer.Option(help="Of the intervals.", min=0.5, max=0.999)]
Draws = Annotated[int, typer.Option(help="Bootstrap draws of prompts.", min=100)]
Seed = Annotated[int, typer.Option(help="Of the draws.", min=0)]
StrongWeight = Annotated[float, typer.Option(help="How often A>>B and B>>A count.", min=1)]
Baseline = Annotated[
    str | None, typer.Option(help="Scores are win rates against this model (default: the run's).")
]
Style = Annotated[
    str, typer.Option(help="Features to control for: any of length,headers,lists,bold; or none.")
]
Category = Annotated[str | None, typer.Option(help="Only prompts of this category.")]
Judges = Annotated[
    str | None, typer.Option(help="Only these judges, with commas between (default: all).")
]


class Format(StrEnum):
    """How a ranking is printed."""

    table = "table"
    json = "json"
    csv = "csv"


class Interval(StrEnum):
    """How intervals are made: by drawing prompts again, or at once by a formula."""

    bootstrap = "bootstrap"
    sandwich = "sandwich"


class StyleForm(StrEnum):
    """How counts of headers, lists and bold are compared."""

    ratio = "ratio"
    density = "density"


class Cluster(StrEnum):
    """What counts as one piece of evidence."""

    prompt = "prompt"
    voter = "voter"
    both = "both"


class Scale(StrEnum):
    """What a score is."""

    win_rate = "win_rate"
    rating = "rating"


class Ties(StrEnum):
    """What a tie is."""

    half = "half"
    davidson = "davidson"
    rao_kupper = "rao-kupper"


class Combine(StrEnum):
    """How the rankings of categories become one."""

    mean = "mean"
    borda = "borda"
    kemeny = "kemeny"


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Options that stand before the command."""


@app.command(
    epilog="Example: judge run results/mybench --out results/run1 --model vllm:./checkpoint-500 "
    "--model openai:gpt-4.1 --baseline gpt-4.1 --judge openai:gpt-4.1"
)
def run(
    benchmark: Annotated[
        Path,
        typer.Argument(help="benchmark.jsonl, its folder, or questions in Arena-Hard's layout."),
    ],
    out: Out,
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model to be judged: a spec or a YAML file. Again for each."),
    ] = None,
    judge: Annotated[
        list[str] | None, typer.Option(help="A judge: a spec or a YAML file. Again for a panel.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="The model the others are compared with.")
    ] = None,
    pairs: Annotated[str | None, typer.Option(help="baseline (the default) or all.")] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="How the judge is asked: pairwise (the default), …, or a .jinja file."),
    ] = None,
    structured: Annotated[
        bool | None, typer.Option("--structured", help="Hold the judge's reply to a JSON schema.")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(help="How often each game is judged.", min=1)
    ] = None,
    canaries: Annotated[
        int | None,
        typer.Option(help="Prompts with answers without merit, to test the judge (default: 3)."),
    ] = None,
    keep_truncated: Annotated[
        bool | None,
        typer.Option("--keep-truncated", help="Judge answers that hit the token limit."),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(help="US dollars that are never exceeded; ends on whole prompts."),
    ] = None,
    batch: Annotated[
        bool | None,
        typer.Option("--batch", help="Ask by the Batch API: half the price, within a day."),
    ] = None,
    sentinel: Annotated[
        Path | None,
        typer.Option(
            help="Labelled pairs that the judges judge anew, to see whether they changed."
        ),
    ] = None,
    sentinel_round: Annotated[
        int | None, typer.Option(help="Of the sentinel: compared with the one before.", min=0)
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show calls, tokens and dollars; ask nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before spending.")] = False,
    confirm_above: Annotated[
        float, typer.Option(help="US dollars from which on a terminal is asked first.")
    ] = 10.0,
    series: Annotated[
        bool,
        typer.Option(
            "--series",
            help="The models are checkpoints in order: compare each with the first, and leave "
            "with 4 when the last is worse.",
        ),
    ] = False,
    note: Annotated[
        str | None, typer.Option(help="A sentence to be shown with the numbers.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A YAML file with any of these and more; flags win.")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="The response store.")] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Have models answer a benchmark and judges compare the answers, in both orders."""
    with _coat(quiet=quiet) as progress:
        from judges.estimate import estimate
        from judges.run import RunConfig
        from judges.run import run as judge_run
        from llms.config import read_config
        from llms.store import ResponseStore, default_store_path
        from llms.vllm_server import logs_in

        flags = {
            "models": model,
            "judges": judge,
            "baseline": baseline,
            "pairs": pairs,
            "protocol": protocol,
            "structured": structured,
            "repeats": repeats,
            "canaries": canaries,
            "keep_truncated": keep_truncated,
            "budget": budget,
            "batch": batch,
            "sentinel": sentinel,
            "sentinel_round": sentinel_round,
            "note": note,
        }
        settings = read_config(RunConfig, config, flags)
        with ResponseStore(store or default_store_path()) as responses, logs_in(out / "logs"):
            if dry_run or _worth_asking(settings, yes=yes):
                planned = estimate(benchmark, config=settings, store=responses)
                if dry_run:
                    _show_estimate(planned, as_json=as_json)
                    return
                _confirm(planned.dollars, confirm_above)
            report = judge_run(
                benchmark, out=out, config=settings, store=responses, progress=progress
            )
        found = _series(out, settings) if series else None
    if as_json:
        shown = {"series": asdict(found)} if found else {}
        typer.echo(json.dumps({**asdict(report), **shown}, ensure_ascii=False))
    elif found:
        from leaderboards.terminal import series_table

        _print(series_table(found))
    if report.drifted:
        typer.echo(f"changed since the last round: {', '.join(report.drifted)}", err=True)
    if report.owed:
        typer.echo(
            f"{report.owed} answers and games are owed; run the same command again", err=True
        )
        raise typer.Exit(EXIT_INCOMPLETE)
    if found and found.worse:
        typer.echo(f"{found.rows[-1].model} is worse than {found.rows[0].model}", err=True)
        raise typer.Exit(EXIT_WORSE)
    if report.won_by_canaries:
        typer.echo("a judge preferred answers without merit: see canaries.jsonl", err=True)
        raise typer.Exit(EXIT_DECEIVED)


def _worth_asking(settings: "RunConfig", *, yes: bool) -> bool:
    """Return whether a run could spend anything known without having been agreed to."""
    from llms.prices import prices_of

    specs = (*settings.models, *settings.judges)
    prices = (prices_of(spec) for spec in specs)
    return not yes and any(price and price.input + price.output for price in prices)


def _confirm(dollars: float | None, above: float) -> None:
    if dollars is None or dollars <= above:
        return
    if not sys.stdin.isatty():
        raise UserError(
            f"this run may cost {dollars:.2f} USD, more than {above:g}; give --yes to allow it, "
            "or a --budget with it"
        )
    typer.confirm(f"This run may cost {dollars:.2f} USD. Go on?", abort=True, err=True)


def _show_estimate(planned: "Estimate", *, as_json: bool) -> None:
    from judges.terminal import estimate_table

    if as_json:
        typer.echo(json.dumps({**asdict(planned), "dollars": planned.dollars}))
    else:
        _print(estimate_table(planned))


def _series(out: Path, settings: "RunConfig") -> "Series":
    from judges.runs import read_run
    from leaderboards.rank import battles_of
    from leaderboards.series import series

    names = [spec.name for spec in settings.models]
    baseline = settings.baseline or names[0]
    checkpoints = [name for i, name in enumerate(names) if i == 0 or name != baseline]
    battles = battles_of(read_run(out))
    return series(battles, checkpoints, baseline=baseline)


@app.command(
    "test-judge",
    epilog="Example: judge test-judge pairs.jsonl --judge openai:gpt-4.1 --protocol pairwise",
)
def try_judge(
    pairs: Annotated[
        Path,
        typer.Argument(
            help="JSONL in JudgeBench's layout, or with prompt, answer_a, answer_b, label "
            "(A>B or B>A), source."
        ),
    ],
    judge: Annotated[
        str | None,
        typer.Option(help="The judge: a spec or a YAML file (default: the file's own replies)."),
    ] = None,
    protocol: Annotated[str, typer.Option(help="How the judge is asked.")] = "pairwise",
    structured: Annotated[
        bool, typer.Option("--structured", help="Hold the judge's reply to a JSON schema.")
    ] = False,
    round_: Annotated[
        int,
        typer.Option(
            "--round",
            help="Judge the pairs anew and compare with the round before, to see a judge change.",
            min=0,
        ),
    ] = 0,
    store: Annotated[Path | None, typer.Option(help="The response store.")] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Show how often a judge finds the better of two answers, where it is known."""
    with _coat(quiet=quiet) as progress:
        from judges import labelled
        from judges.asking import live, stored
        from judges.protocols import protocol as protocol_called
        from judges.sentinel import drift
        from judges.thoughts import THINK_TAGS
        from llms.budget import Budget
        from llms.specs import read_specs
        from llms.store import ResponseStore, default_store_path

        some = labelled.read_pairs(pairs)
        found = None
        if judge is None:
            verdicts = labelled.recorded_verdicts(some)
        else:
            specs = read_specs([judge])
            if len(specs) > 1:
                raise UserError(f"{judge} names several models; test one judge at a time")

            def judged(round_: int, ask: "Asker") -> "list[labelled.Verdicts]":
                judgments = labelled.judge_pairs(
                    some,
                    judge=specs[0],
                    protocol=protocol_called(protocol, structured=structured),
                    think_tags=THINK_TAGS,
                    ask=ask,
                    progress=progress,
                    round_=round_,
                )
                return labelled.verdicts_on(some, judgments)

            with ResponseStore(store or default_store_path()) as responses:
                verdicts = judged(round_, live(responses, Budget(), progress))
                if round_:
                    before = judged(round_ - 1, stored(responses, lambda *_: None))
                    found = drift(before, verdicts)
        rows = labelled.accuracy(some, verdicts)
    if as_json:
        shown = {"accuracy": [asdict(row) for row in rows], "drift": found and asdict(found)}
        typer.echo(json.dumps(shown, ensure_ascii=False))
    else:
        from judges.sentinel import drift_line
        from judges.terminal import accuracy_table

        _print(accuracy_table(rows))
        if round_:
            typer.echo(drift_line(found, round_))
    if rows[0].failed:
        typer.echo(f"{rows[0].failed} verdicts are owed; run the same command again", err=True)
        raise typer.Exit(EXIT_INCOMPLETE)


@app.command(
    "import",
    epilog="Example: judge import games verdicts.parquet --answers answers.parquet "
    "--out results/imported",
)
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
    with _coat(quiet=quiet) as progress:
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


@app.command(epilog="Example: judge rank results/run1 --style length,headers,lists,bold")
def rank(
    run: Run,
    style: Style = "none",
    style_form: Annotated[
        StyleForm, typer.Option(help="Compare headers, lists and bold as counts or per token.")
    ] = StyleForm.ratio,
    style_centre: Annotated[
        bool, typer.Option("--style-centre", help="Centre the features, as published tables do.")
    ] = False,
    level: Level = 0.95,
    draws: Draws = 1000,
    seed: Seed = 0,
    baseline: Baseline = None,
    strong_weight: StrongWeight = 3.0,
    category: Category = None,
    judges: Judges = None,
    interval: Annotated[
        Interval, typer.Option(help="Draw prompts, or the instant prompt-clustered sandwich.")
    ] = Interval.bootstrap,
    cluster: Annotated[
        Cluster, typer.Option(help="What is drawn: prompts, voters, or both (sandwich only).")
    ] = Cluster.prompt,
    scale: Annotated[Scale, typer.Option(help="Percent of points, or Elo-like.")] = Scale.win_rate,
    anchor: Annotated[
        str | None, typer.Option(help="The model rated 1000 on the scale rating.")
    ] = None,
    ties: Annotated[
        Ties, typer.Option(help="Half a point each, or a result of their own.")
    ] = Ties.half,
    influence: Annotated[
        bool, typer.Option("--influence", help="Say how many prompts flip each two neighbours.")
    ] = False,
    combine: Annotated[
        Combine | None, typer.Option(help="Rank each category and combine the rankings so.")
    ] = None,
    elo: Annotated[
        float | None, typer.Option(help="Online Elo with this K, by timestamp, instead.", min=0.01)
    ] = None,
    cycles: Annotated[
        bool, typer.Option("--cycles", help="Also show what no ranking can explain.")
    ] = False,
    format: Annotated[Format, typer.Option(help="How to print the ranking.")] = Format.table,
) -> None:
    """Rank the models of a run, with intervals that resample prompts; writes ranking.json."""
    with _coat():
        from judges.runs import read_run
        from leaderboards.rank import rank_tables
        from leaderboards.terminal import ranking_json
        from llms.files import write_whole

        tables = read_run(run)
        chosen = _names(judges)
        if elo is not None:
            _show_elo(tables, elo, chosen)
            return

        def rank_part(part: str | None, features: tuple[str, ...]) -> "Ranking":
            return rank_tables(
                tables,
                style=features,
                style_form=style_form.value,
                style_centre=style_centre,
                level=level,
                draws=draws,
                seed=seed,
                baseline=baseline,
                strong_weight=strong_weight,
                category=part,
                judges=chosen,
                interval=interval.value,
                cluster=cluster.value,
                scale=scale.value,
                anchor=anchor,
                ties=ties.value,
                influence=influence,
            )

        features = _features(style)
        if combine is not None:
            _show_combined(tables, combine, lambda part: rank_part(part, features))
            return
        ranking = rank_part(category, features)
        write_whole(run / "ranking.json", ranking_json(ranking))
        plain = rank_part(category, ()) if features and format is Format.table else None
        _show(ranking, format, plain)
        if cycles:
            _show_cycles(tables, strong_weight, category, chosen)


@app.command(epilog="Example: judge plan results/run1 --prompts 250,500,1000")
def plan(
    run: Annotated[Path | None, typer.Argument(help="A pilot run, for its variances.")] = None,
    pilot: Annotated[
        str | None,
        typer.Option(help="Variances instead: prompt=900,order=100,judge=100,repeat=400."),
    ] = None,
    prompts: Annotated[str, typer.Option(help="Numbers to try.")] = "100,250,500,1000,2000",
    games: Annotated[str, typer.Option(help="Per prompt and judge, to try.")] = "1,2,4",
    judges: Annotated[str, typer.Option(help="Numbers to try.")] = "1,3",
    power: Annotated[float, typer.Option(help="Of seeing it.", min=0.5, max=0.999)] = 0.8,
    level: Level = 0.95,
    strong_weight: StrongWeight = 3.0,
    as_json: AsJson = False,
) -> None:
    """Show how many prompts, games and dollars it takes to see a difference."""
    with _coat():
        from judges.runs import read_run
        from leaderboards.planning import costs_of, plan, stated_variances, variances_of
        from leaderboards.terminal import plan_table, variances_line

        if (run is None) == (pilot is None):
            raise UserError("give either a pilot run or --pilot with its variances")
        tables = read_run(run) if run else None
        planned = plan(
            variances_of(tables.judgments, strong_weight=strong_weight)
            if tables
            else stated_variances(pilot or ""),
            prompts=_counts(prompts),
            games=_counts(games),
            judges=_counts(judges),
            power=power,
            level=level,
            costs=costs_of(tables) if tables else None,
        )
        if as_json:
            typer.echo(json.dumps(asdict(planned)))
        else:
            typer.echo(variances_line(planned))
            _print(plan_table(planned))


@app.command(epilog="Example: judge agree results/run1 --human votes.parquet")
def agree(
    run: Run,
    human: Annotated[
        Path,
        typer.Option(
            help="Votes (prompt_id, model_a, model_b, winner) or ratings (model, rating)."
        ),
    ],
    names: Annotated[
        Path | None, typer.Option(help="CSV with the columns model, human: who is who.")
    ] = None,
    category: Category = None,
    judges: Judges = None,
    level: Level = 0.95,
    draws: Draws = 1000,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Compare a run with human votes or ratings."""
    with _coat():
        from judges.human import read_names
        from judges.runs import read_run
        from leaderboards.terminal import agreement_table

        agreement = _agreement(
            read_run(run),
            human,
            names=read_names(names) if names else None,
            category=category,
            judges=_names(judges),
            level=level,
            draws=draws,
            seed=seed,
        )
        if as_json:
            typer.echo(json.dumps(asdict(agreement), ensure_ascii=False))
        else:
            _print(agreement_table(agreement))
            for side, models in (
                ("this run", agreement.only_here),
                ("the human side", agreement.only_human),
            ):
                if models:
                    typer.echo(f"only in {side}: {', '.join(models)}")
            for note in agreement.notes:
                typer.echo(note)


@app.command(epilog="Example: judge audit results/run1")
def audit(
    run: Run,
    category: Annotated[str | None, typer.Option(help="Only prompts of this category.")] = None,
    human: Annotated[
        Path | None,
        typer.Option(help="Human votes: style is then compared on pairs that people call equal."),
    ] = None,
    level: Level = 0.95,
    draws: Draws = 1000,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Show whether the judges of a run are to be trusted, and what sways them."""
    with _coat():
        from judges.runs import read_run
        from leaderboards.audit import audit as audit_judges
        from leaderboards.preferences import preferences
        from leaderboards.terminal import audit_table, preference_tables

        tables = read_run(run)
        judgments = _of_category(tables, category)
        if judgments.is_empty():
            raise UserError(f"{run} has no games to audit; battles and votes have no judge")
        audits = audit_judges(judgments, level=level, draws=draws, seed=seed)
        swayed = preferences(
            judgments,
            tables.answers,
            among=_equal_pairs(human) if human else None,
            level=level,
            draws=draws,
            seed=seed,
        )
        if as_json:
            rows = [{**asdict(judge), **asdict(swayed.of(judge.judge))} for judge in audits]
            typer.echo(json.dumps(rows, ensure_ascii=False))
        else:
            for table in (audit_table(audits), *preference_tables(swayed)):
                _print(table)


@app.command(epilog="Example: judge publish results/run1 --out site")
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
    with _coat(quiet=quiet) as progress:
        from judges.runs import read_run
        from judges.sites import read_card, read_map, write_site
        from leaderboards.page.site import site_files

        tables = read_run(run)
        files = site_files(
            tables,
            title=title or run.resolve().name,
            note=tables.meta.get("note"),
            agreement=_agreement(tables, human, level=level) if human else None,
            card=read_card(benchmark) if benchmark else None,
            prompts=read_map(benchmark) if benchmark else None,
            style=_features(style),
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
            on_prompt=lambda done, prompts: _advance(progress, "battles", done, prompts),
        )
        count = write_site(out, files)
        progress.note(f"{count} files; open {out / 'index.html'}")


def _of_category(tables: "RunTables", category: str | None) -> "pl.DataFrame":
    if category is None:
        return tables.judgments
    known = tables.prompts["category"].unique().sort().to_list()
    if category not in known:
        raise UserError(f"no category {category!r}; there are {', '.join(known) or 'none'}")
    ids = tables.prompts.filter(category=category)["prompt_id"]
    return tables.judgments.filter(tables.judgments["prompt_id"].is_in(ids.implode()))


def _equal_pairs(human: Path) -> "pl.DataFrame":
    from judges.human import holds_votes, read_human
    from leaderboards.preferences import tied_pairs

    votes = read_human(human)
    if not holds_votes(votes):
        raise UserError(f"{human} holds ratings; votes on pairs tell which answers are equal")
    return tied_pairs(votes)


@contextmanager
def _coat(*, quiet: bool = False) -> Iterator[ConsoleProgress]:
    """Draw progress; turn what the user can put right into one line."""
    with errors_as_one_line(), ConsoleProgress(quiet=quiet) as progress:
        from leaderboards.records import RankingError

        try:
            yield progress
        except RankingError as error:
            raise UserError(str(error)) from error


def _advance(progress: ConsoleProgress, stage: str, done: int, total: int) -> None:
    if done == 1:
        progress.start(stage, total)
    progress.advance(stage)


def _features(style: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in style.split(",") if name.strip())
    return () if names == ("none",) else names


def _names(given: str | None) -> tuple[str, ...] | None:
    """Return names that stand with commas between them; None where none are given."""
    return None if given is None else tuple(name.strip() for name in given.split(","))


def _counts(given: str) -> list[int]:
    parts = [part.strip() for part in given.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UserError(f"{given!r}: expected whole numbers with commas between them")
    return [int(part) for part in parts]


def _agreement(
    tables: "RunTables",
    human: Path,
    *,
    names: dict[str, str] | None = None,
    category: str | None = None,
    judges: tuple[str, ...] | None = None,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> "Agreement":
    from judges.human import holds_votes, read_human
    from leaderboards.agreement import agree_with_ratings, agree_with_votes
    from leaderboards.rank import rank_tables

    said = read_human(human)
    if holds_votes(said):
        return agree_with_votes(
            tables,
            said,
            names=names,
            category=category,
            judges=judges,
            level=level,
            draws=draws,
            seed=seed,
        )
    ranking = rank_tables(
        tables, category=category, judges=judges, level=level, draws=draws, seed=seed
    )
    return agree_with_ratings(ranking, said, names=names, level=level)


def _show_elo(tables: "RunTables", k: float, judges: tuple[str, ...] | None) -> None:
    from leaderboards.elo import online_elo
    from leaderboards.rank import battles_of
    from leaderboards.terminal import elo_table

    _print(elo_table(online_elo(battles_of(tables, judges=judges), k=k), k=k))


def _show_combined(
    tables: "RunTables", rule: Combine, rank_part: Callable[[str], "Ranking"]
) -> None:
    from leaderboards.combine import combine
    from leaderboards.terminal import combined_table

    categories = tables.prompts["category"].drop_nulls().unique().sort().to_list()
    if len(categories) < 2:
        raise UserError("fewer than two categories: nothing to combine")
    parts = {
        category: {row.model: row.score for row in rank_part(category).rows}
        for category in categories
    }
    _print(combined_table(combine(parts, rule.value)))


def _show_cycles(
    tables: "RunTables",
    strong_weight: float,
    category: str | None,
    judges: tuple[str, ...] | None,
) -> None:
    from leaderboards.cycles import find_cycles
    from leaderboards.rank import battles_of
    from leaderboards.terminal import cycles_text

    battles = battles_of(tables, strong_weight=strong_weight, category=category, judges=judges)
    typer.echo(cycles_text(find_cycles(battles)))


def _show(ranking: "Ranking", format: Format, plain: "Ranking | None" = None) -> None:
    from leaderboards.terminal import ranking_csv, ranking_json, ranking_table, style_table

    if format is Format.json:
        typer.echo(ranking_json(ranking), nl=False)
    elif format is Format.csv:
        typer.echo(ranking_csv(ranking), nl=False)
    else:
        _print(ranking_table(ranking, plain=plain))
        if ranking.style:
            _print(style_table(ranking))


def _print(table: "Table") -> None:
    from rich.console import Console

    Console().print(table)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    app(arguments, prog_name="judge")
