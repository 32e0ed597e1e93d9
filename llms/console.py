"""What both command lines share: progress on a terminal, and errors as one line.

Nothing but `benchbuilder.cli`, `judges.cli` and its rooms in `judges.commands` imports this.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as RichProgress

from llms.errors import UserError

EXIT_FAILED = 1
EXIT_INCOMPLETE = 3


class ConsoleProgress:
    """A `Progress` on standard error: bars on a terminal, plain lines elsewhere, notes on both."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self._tasks: dict[str, TaskID] = {}
        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def start(self, stage: str, total: int) -> None:
        """Show a bar for `stage`; where there is no terminal, nothing until the note comes."""
        self._tasks[stage] = self._bars.add_task(stage, total=total)

    def advance(self, stage: str, units: int = 1) -> None:
        """Move the bar of `stage`."""
        self._bars.advance(self._tasks[stage], units)

    def note(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, markup=False)


@contextmanager
def errors_as_one_line() -> Iterator[None]:
    """Turn a `UserError` into one line on standard error and exit code 1, Ctrl-C into 130."""
    try:
        yield
    except UserError as error:
        typer.secho(f"error: {error}", err=True, fg="red")
        raise typer.Exit(EXIT_FAILED) from error
    except KeyboardInterrupt as error:
        typer.echo("stopped; run the same command again to go on", err=True)
        raise typer.Exit(130) from error


def writable(folder: Path) -> Path:
    """Return `folder` if it is or can be made a folder to write to; refuse it as bad use if not."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise typer.BadParameter(f"{folder}: {there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"{folder}: no permission to write to {there}")
    return folder


def show_version(asked: bool) -> None:
    """Print the version and leave, where `--version` was given."""
    if asked:
        from importlib.metadata import version

        typer.echo(version("benchbuilder"))
        raise typer.Exit
