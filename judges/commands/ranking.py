"""`judge rank`, `agree`, `audit` and `plan`: what is made of a run."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judges.commands.options import (
    AsJson,
    Baseline,
    Category,
    Cluster,
    Combine,
    Draws,
    Format,
    Interval,
    Judges,
    Level,
    Run,
    Scale,
    Seed,
    StrongWeight,
    Style,
    StyleForm,
    Ties,
    coat,
    features_of,
    names_of,
    print_table,
)
from llms.errors import UserError

if TYPE_CHECKING:
    import polars as pl

    from judges.records import RunTables
    from leaderboards.agreement import Agreement
    from leaderboards.records import Ranking


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
    with coat():
        from judges.runs import read_run
        from leaderboards.runs import rank_tables
        from leaderboards.terminal import ranking_json
        from llms.files import write_whole

        tables = read_run(run)
        chosen = names_of(judges)
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

        features = features_of(style)
        if combine is not None:
            _show_combined(tables, combine, lambda part: rank_part(part, features))
            return
        ranking = rank_part(category, features)
        write_whole(run / "ranking.json", ranking_json(ranking))
        plain = rank_part(category, ()) if features and format is Format.table else None
        _show(ranking, format, plain)
        if cycles:
            _show_cycles(tables, strong_weight, category, chosen)


def plan(
    run: Annotated[Path | None, typer.Argument(help="A pilot run, for its variances.")] = None,
    pilot: Annotated[
        str | None,
        typer.Option(
            help="Variances instead: prompt=900,sample=200,order=100,judge=100,repeat=400."
        ),
    ] = None,
    prompts: Annotated[str, typer.Option(help="Numbers to try.")] = "100,250,500,1000,2000",
    samples: Annotated[str, typer.Option(help="Answers per prompt, to try.")] = "1",
    games: Annotated[str, typer.Option(help="Per sample and judge, to try.")] = "1,2,4",
    judges: Annotated[str, typer.Option(help="Numbers to try.")] = "1,3",
    power: Annotated[float, typer.Option(help="Of seeing it.", min=0.5, max=0.999)] = 0.8,
    level: Level = 0.95,
    strong_weight: StrongWeight = 3.0,
    as_json: AsJson = False,
) -> None:
    """Show how many prompts, games and dollars it takes to see a difference."""
    with coat():
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
            samples=_counts(samples),
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
            print_table(plan_table(planned))


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
    with coat():
        from judges.human import read_names
        from judges.runs import read_run
        from leaderboards.terminal import agreement_table

        agreement = agreement_with(
            read_run(run),
            human,
            names=read_names(names) if names else None,
            category=category,
            judges=names_of(judges),
            level=level,
            draws=draws,
            seed=seed,
        )
        if as_json:
            typer.echo(json.dumps(asdict(agreement), ensure_ascii=False))
        else:
            print_table(agreement_table(agreement))
            for side, models in (
                ("this run", agreement.only_here),
                ("the human side", agreement.only_human),
            ):
                if models:
                    typer.echo(f"only in {side}: {', '.join(models)}")
            for note in agreement.notes:
                typer.echo(note)


def audit(
    run: Run,
    category: Category = None,
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
    with coat():
        from judges.runs import read_run
        from leaderboards.audit import audit as audit_judges
        from leaderboards.category_audits import audit_categories
        from leaderboards.preferences import preferences
        from leaderboards.terminal import audit_table, category_table, preference_tables

        tables = read_run(run)
        judgments = _of_category(tables, category)
        if judgments.is_empty():
            raise UserError(f"{run} has no games to audit; battles and votes have no judge")
        equal = _equal_pairs(human) if human else None
        audits = audit_judges(judgments, level=level, draws=draws, seed=seed)
        swayed = preferences(
            judgments, tables.answers, among=equal, level=level, draws=draws, seed=seed
        )
        parts = (
            audit_categories(tables, among=equal, level=level, draws=draws, seed=seed)
            if category is None
            else ()
        )
        if as_json:
            rows = [
                {
                    **asdict(judge),
                    **asdict(swayed.of(judge.judge)),
                    "categories": [
                        {"category": part.category, **asdict(part.audit), **asdict(part.swayed)}
                        for part in parts
                        if part.audit.judge == judge.judge
                    ],
                }
                for judge in audits
            ]
            typer.echo(json.dumps(rows, ensure_ascii=False))
        else:
            for table in (audit_table(audits), *preference_tables(swayed)):
                print_table(table)
            if parts:
                print_table(category_table(parts))


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


def _counts(given: str) -> list[int]:
    parts = [part.strip() for part in given.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UserError(f"{given!r}: expected whole numbers with commas between them")
    return [int(part) for part in parts]


def agreement_with(
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
    """Return how far a run agrees with the votes or ratings in a file.

    Raises:
        UserError: the file cannot be read.
        RankingError: run and file have too little in common.
    """
    from judges.human import holds_votes, read_human
    from leaderboards.agreement import agree_with_ratings, agree_with_votes
    from leaderboards.runs import rank_tables

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
    from leaderboards.runs import battles_of
    from leaderboards.terminal import elo_table

    print_table(elo_table(online_elo(battles_of(tables, judges=judges), k=k), k=k))


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
    print_table(combined_table(combine(parts, rule.value)))


def _show_cycles(
    tables: "RunTables",
    strong_weight: float,
    category: str | None,
    judges: tuple[str, ...] | None,
) -> None:
    from leaderboards.cycles import find_cycles
    from leaderboards.runs import battles_of
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
        print_table(ranking_table(ranking, plain=plain))
        if ranking.style:
            print_table(style_table(ranking))
