"""The one interface through which long work says how far it is.

Core code never prints. It is given a `Progress`; command lines hand in one that draws with rich
(`llms.console`), everything else the silent one.
"""

from typing import Protocol


class Progress(Protocol):
    """Receives the advance of named stages and one-line notes about what happened."""

    def start(self, stage: str, total: int) -> None:
        """Begin `stage`, which has `total` units of work."""

    def advance(self, stage: str, units: int = 1) -> None:
        """Count `units` more of `stage` as done."""

    def note(self, text: str) -> None:
        """Say in one line what happened."""


class Silent:
    """A `Progress` that says nothing."""

    def start(self, stage: str, total: int) -> None:
        """Say nothing."""

    def advance(self, stage: str, units: int = 1) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""
