"""`judge run` and `judge test-judge`: what asks models."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judges.commands.options import (
    AsJson,
    Out,
    Quiet,
    coat,
    print_table,
)
from llms.console import EXIT_INCOMPLETE
from llms.errors import UserError

if TYPE_CHECKING:
    from judges import labelled
    from judges.asking import Asker
    from judges.config import RunConfig
    from judges.estimate import Estimate
    from leaderboards.series import Series

EXIT_WORSE = 4
EXIT_DECEIVED = 5


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
    samples: Annotated[
        int | None,
        typer.Option(help="How often each model answers each prompt (default: 1).", min=1),
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
    with coat(quiet=quiet) as progress:
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
            "samples": samples,
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

        print_table(series_table(found))
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
        print_table(estimate_table(planned))


def _series(out: Path, settings: "RunConfig") -> "Series":
    from judges.runs import read_run
    from leaderboards.runs import battles_of
    from leaderboards.series import series

    names = [spec.name for spec in settings.models]
    baseline = settings.baseline or names[0]
    checkpoints = [name for i, name in enumerate(names) if i == 0 or name != baseline]
    battles = battles_of(read_run(out))
    return series(battles, checkpoints, baseline=baseline)


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
    with coat(quiet=quiet) as progress:
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

        print_table(accuracy_table(rows))
        if round_:
            typer.echo(drift_line(found, round_))
    if rows[0].failed:
        typer.echo(f"{rows[0].failed} verdicts are owed; run the same command again", err=True)
        raise typer.Exit(EXIT_INCOMPLETE)
