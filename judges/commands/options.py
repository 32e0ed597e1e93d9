"""Options that several subcommands of `judge` share, and what all of them are wrapped in."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llms.console import ConsoleProgress, errors_as_one_line, writable
from llms.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

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


@contextmanager
def coat(*, quiet: bool = False) -> Iterator[ConsoleProgress]:
    """Draw progress; turn what the user can put right into one line."""
    with errors_as_one_line(), ConsoleProgress(quiet=quiet) as progress:
        from leaderboards.records import RankingError

        try:
            yield progress
        except RankingError as error:
            raise UserError(str(error)) from error


def print_table(table: "Table") -> None:
    """Draw a table on the terminal."""
    from rich.console import Console

    Console().print(table)


def features_of(style: str) -> tuple[str, ...]:
    """Return the features that stand with commas between them; `none` is none."""
    names = tuple(name.strip() for name in style.split(",") if name.strip())
    return () if names == ("none",) else names


def names_of(given: str | None) -> tuple[str, ...] | None:
    """Return names that stand with commas between them; None where none are given."""
    return None if given is None else tuple(name.strip() for name in given.split(","))
