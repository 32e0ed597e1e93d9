"""Read what people said: votes on pairs of answers, or a table of ratings."""

from pathlib import Path

import polars as pl

from llms.errors import UserError

_VOTES = {"prompt_id", "model_a", "model_b", "winner"}
_RATINGS = {"model", "rating"}
_ARENA_NAMES = {"": "model", "rating_q025": "low", "rating_q975": "high"}
"""Columns of Chatbot Arena's published rating tables, by ours."""


def read_human(path: Path) -> pl.DataFrame:
    """Return the votes or ratings in a Parquet, CSV or JSONL file; columns of either kind.

    Raises:
        UserError: the file cannot be read, or its columns are of neither kind.
    """
    table = _table(path)
    table = table.rename({old: new for old, new in _ARENA_NAMES.items() if old in table.columns})
    if not (set(table.columns) >= _VOTES or set(table.columns) >= _RATINGS):
        raise UserError(
            f"{path} has the columns {', '.join(table.columns)}; votes need "
            f"{', '.join(sorted(_VOTES))}, ratings need model, rating (and low, high)"
        )
    return table


def read_names(path: Path) -> dict[str, str]:
    """Return, for models of a run, what the human side calls them: a table with model, human.

    Raises:
        UserError: the file cannot be read, or lacks a column.
    """
    table = _table(path)
    if not {"model", "human"} <= set(table.columns):
        raise UserError(f"{path} has the columns {', '.join(table.columns)}; needs model, human")
    return dict(table.select("model", "human").iter_rows())


def holds_votes(table: pl.DataFrame) -> bool:
    """Tell votes from ratings."""
    return set(table.columns) >= _VOTES


def _table(path: Path) -> pl.DataFrame:
    try:
        match path.suffix:
            case ".parquet":
                return pl.read_parquet(path)
            case ".csv":
                return pl.read_csv(path)
            case ".jsonl":
                return pl.read_ndjson(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except pl.exceptions.PolarsError as error:
        raise UserError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    raise UserError(f"{path}: write human votes or ratings as .parquet, .csv or .jsonl")
