"""Write a site or an export into its folder, and take away what an earlier one left there.

Also reads what a benchmark's folder adds to a site: card.json and prompts.parquet.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from llms.errors import UserError
from llms.files import clear_unfinished, write_whole

LARGE = 500_000_000
"""Bytes of a site above which some hosts refuse it."""

_SUMS = "SHA256SUMS"
_WRITING = "SHA256SUMS.unfinished"


def write_folder(out: Path, files: Iterable[tuple[str, bytes]]) -> int:
    """Write `files` (relative path, content) below `out` and return how many they are.

    What was once published may show what the new files must not: those of an earlier build that the
    new one does not have are removed. They are known by its SHA256SUMS or, had it been killed, by
    the names it kept of what it was about to write.

    Raises:
        UserError: `out` holds what we did not write, or cannot be written.
    """
    before = _listed(out)
    written = set()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / _WRITING).open("a", encoding="utf-8", buffering=1) as names:
            names.writelines(f"\n{name}" for name in sorted(before))
            for name, content in files:
                names.write(f"\n{name}\n")
                write_whole(out / name, content)
                written.add(name)
        for name in before - written:
            _remove(out / name)
        (out / _WRITING).unlink()
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from error
    return len(written)


def folder_bytes(out: Path) -> int:
    """Return how many bytes the files of the site in `out` have together."""
    return sum((out / name).stat().st_size for name in _listed(out))


def read_card(benchmark: Path) -> dict[str, Any]:
    """Return card.json of a benchmark's folder.

    Raises:
        UserError: there is none, or it is not JSON.
    """
    file = benchmark / "card.json"
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {file}: {error}") from error
    if not isinstance(card, dict):
        raise UserError(f"{file}: expected a JSON object")
    return card


def read_map(benchmark: Path) -> pl.DataFrame:
    """Return prompts.parquet of a benchmark's folder.

    Raises:
        UserError: there is none, or it is damaged.
    """
    file = benchmark / "prompts.parquet"
    try:
        return pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"cannot read {file}: {error}") from error


def _remove(file: Path) -> None:
    clear_unfinished(file)
    file.unlink(missing_ok=True)
    with suppress(OSError):
        file.parent.rmdir()


def _listed(out: Path) -> set[str]:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return set()
    if not any((out / name).is_file() for name in (_SUMS, _WRITING)):
        raise UserError(f"{out} holds files that were not made here; name a new folder with --out")
    sums = (line.split(maxsplit=1)[1] for line in _lines(out / _SUMS))
    names = {*sums, *_lines(out / _WRITING)}
    return {name for name in names if _is_ours(out, name)}


def _lines(file: Path) -> list[str]:
    if not file.is_file():
        return []
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def _is_ours(out: Path, name: str) -> bool:
    file = (out / name).resolve()
    return file.is_relative_to(out.resolve()) and not file.is_dir()
