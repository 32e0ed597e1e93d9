"""Write a site into its folder, and take away what an earlier build of it left there.

Also reads what a benchmark's folder adds to a site: card.json and prompts.parquet.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from llms.errors import UserError
from llms.files import write_whole

_SUMS = "SHA256SUMS"


def write_site(out: Path, files: Iterable[tuple[str, bytes]]) -> int:
    """Write `files` (relative path, content) below `out` and return how many they are.

    A page once published may have shown what the new one must not: files that the earlier build
    lists in SHA256SUMS and the new one does not have are removed.

    Raises:
        UserError: `out` holds something that is not a site of ours, or cannot be written.
    """
    before = _listed(out)
    written = set()
    for name, content in files:
        write_whole(out / name, content)
        written.add(name)
    for name in before - written:
        (out / name).unlink(missing_ok=True)
    return len(written)


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


def _listed(out: Path) -> set[str]:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return set()
    sums = out / _SUMS
    if not sums.is_file():
        raise UserError(f"{out} is there and is not a site of ours; name a new folder with --out")
    names = {line.split(maxsplit=1)[1] for line in sums.read_text().splitlines() if line.strip()}
    return {name for name in names if (out / name).resolve().is_relative_to(out.resolve())}
