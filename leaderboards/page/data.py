"""The one data file a site is drawn from: data/leaderboard.json, schema version 1.

Everything a page shows about models, judges, cost and method is computed here or in the
statistics this calls; templates and script only arrange it. docs/page.md documents the schema.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import polars as pl

from judges.records import RunTables
from leaderboards.audit import JudgeAudit
from leaderboards.page.battles import wilson
from leaderboards.preferences import Preferences
from leaderboards.records import Ranking, RankingError

SCHEMA_VERSION = 1
DEFAULT_STYLE = ("length", "headers", "lists", "bold")


@dataclass(frozen=True, slots=True)
class Board:
    """The ranking on one category (None: all prompts), plain and with style controlled for."""

    category: str | None
    raw: Ranking
    controlled: Ranking | None


Rank = Callable[..., Ranking]
"""`leaderboards.rank.rank_tables`, or anything of its shape."""


def make_boards(
    tables: RunTables,
    rank: Rank,
    overall: Ranking,
    *,
    style: Sequence[str] = DEFAULT_STYLE,
    on_step: Callable[[str, int, int], None],
    **options: Any,
) -> list[Board]:
    """Return the board over all prompts and, where there are several, one for every category.

    `overall` is the plain ranking over all prompts. A category that has too little to be ranked
    has no board.
    """
    categories = [None, *_categories(tables)]
    boards = []
    for done, category in enumerate(categories, start=1):
        chosen = options if category is None else {**options, "category": category}
        try:
            plain = overall if category is None else rank(tables, **chosen)
            boards.append(Board(category, plain, _controlled(tables, rank, style, chosen)))
        except RankingError:
            pass
        on_step("rankings", done, len(categories))
    return boards


def leaderboard(
    tables: RunTables,
    boards: Sequence[Board],
    battles: pl.DataFrame,
    win_rates: pl.DataFrame,
    *,
    audits: Sequence[JudgeAudit],
    swayed: Preferences | None,
    agreement: Any,
    card: Mapping[str, Any] | None,
    title: str,
    note: str | None,
) -> dict[str, Any]:
    """Return the content of data/leaderboard.json."""
    overall, controlled = boards[0].raw, boards[0].controlled
    models = [row.model for row in overall.rows]
    return {
        "schema_version": SCHEMA_VERSION,
        "title": title,
        "note": note,
        "date": _date(tables.meta),
        "counts": _counts(tables, battles, overall),
        "settings": plain(overall.settings),
        "style_settings": plain(controlled.settings) if controlled else None,
        "models": _models(tables, models, battles),
        "boards": [_board(board) for board in boards],
        "style": plain(controlled.style) if controlled else [],
        "win_rates": [
            {**row, "a": models[row["a"]], "b": models[row["b"]]}
            for row in win_rates.with_columns(pl.col(pl.Float64).round(4)).to_dicts()
        ],
        "judges": [_judge(audit, swayed, tables.meta) for audit in audits],
        "agreement": plain(agreement),
        "cost": _cost(tables),
        "card": plain(card) if card else None,
        "run": plain(tables.meta),
        "digests": _digests(tables),
    }


def _judge(
    audit: JudgeAudit, swayed: Preferences | None, meta: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a judge's habits, what sways it, and what it made of answers without merit."""
    known = swayed.of(audit.judge) if swayed else Preferences(style=(), families=(), agreement=())
    canaries = [_canary(row, audit.level) for row in _canaries(meta) if row["judge"] == audit.judge]
    return {**plain(audit), **plain(known), "canaries": plain(canaries)}


def _canaries(meta: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = _counted(meta).get("canaries")
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def _canary(row: Mapping[str, Any], level: float) -> dict[str, Any]:
    """Return a canary's share of the points, with Wilson's interval, a pair of games counted
    once."""
    ends = wilson(row["share"], (row["verdicts"] + 1) // 2, level) if row["verdicts"] else None
    low, high = ends or (None, None)
    names = ("canary", "games", "verdicts", "share", "won_twice")
    return {**{name: row[name] for name in names}, "low": low, "high": high}


def _counted(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    counts = meta.get("counts")
    return counts if isinstance(counts, Mapping) else {}


def plain(value: Any) -> Any:
    """Return records, mappings and sequences as JSON has them; NaN becomes None."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if abs(value) != float("inf") and value == value else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def _categories(tables: RunTables) -> list[str]:
    if not tables.prompts.height:
        return []
    names = tables.prompts["category"].drop_nulls().unique().sort().to_list()
    return names if len(names) > 1 else []


def _controlled(
    tables: RunTables, rank: Rank, style: Sequence[str], options: Mapping[str, Any]
) -> Ranking | None:
    """Return the style-controlled ranking, None where there is nothing to control for."""
    if not style or not tables.answers.height:
        return None
    try:
        return rank(tables, style=style, **options)
    except RankingError:
        return None


def _board(board: Board) -> dict[str, Any]:
    controlled = board.controlled
    return {
        "category": board.category,
        "counts": dict(board.raw.counts),
        "raw": [plain(row) for row in board.raw.rows],
        "controlled": [plain(row) for row in controlled.rows] if controlled else None,
        "tied_with_leader": _tied(board.raw),
        "tied_with_leader_controlled": _tied(controlled) if controlled else [],
    }


def _tied(ranking: Ranking) -> list[str]:
    """Return the models behind the first that may be best too, as their rank sets say."""
    return [row.model for row in ranking.rows[1:] if row.rank_low == 1]


def _counts(tables: RunTables, battles: pl.DataFrame, overall: Ranking) -> dict[str, Any]:
    games = tables.judgments if tables.battles is None else tables.battles
    prompts = games["prompt_id"].drop_nulls().n_unique() or tables.prompts.height
    missing = tables.judgments["verdict"].null_count() if tables.judgments.height else 0
    return {
        "models": len(overall.rows),
        "prompts": prompts,
        "games": games.height,
        "missing": missing,
        "battles": battles.height,
        "flipped": battles.filter(pl.col("order") == 2).height,
        "judges": games["judge"].drop_nulls().unique().sort().to_list(),
    }


def _models(
    tables: RunTables,
    models: Sequence[str],
    battles: pl.DataFrame,
) -> list[dict[str, Any]]:
    answers = {
        row["model"]: row
        for row in tables.answers.group_by("model")
        .agg(
            answers=pl.col("text").count(),
            failed=pl.col("error").count(),
            tokens=pl.col("tokens").mean().round(1),
            cost=pl.when(pl.col("cost").count() > 0).then(pl.col("cost").sum().round(6)),
        )
        .to_dicts()
    }
    judging = _judging_cost(tables)
    repeated = _counted(tables.meta).get("repeated")
    won = _won(battles)
    nothing = {"answers": 0, "failed": 0, "tokens": None, "cost": None}
    return [
        {
            "model": model,
            **{key: answers.get(model, nothing)[key] for key in nothing},
            "judging_cost": judging.get(model),
            "won": won.get(position),
            "repeated": repeated.get(model) if isinstance(repeated, Mapping) else None,
        }
        for position, model in enumerate(models)
    ]


def _won(battles: pl.DataFrame) -> dict[int, float]:
    """Return each model's mean share of the points over its battles, each battle counted once."""
    sides = pl.concat(
        [
            battles.select(model="a", share="share"),
            battles.select(model="b", share=1 - pl.col("share")),
        ]
    )
    means = sides.group_by("model").agg(pl.col("share").mean().round(4)).drop_nulls("share")
    return dict(means.iter_rows())


def _judging_cost(tables: RunTables) -> dict[str, float]:
    """Return what the games of each model cost, half of each game on either side."""
    games = tables.judgments.filter(pl.col("cost").is_not_null())
    sides = pl.concat([games.select(model=side, cost="cost") for side in ("model_a", "model_b")])
    sums = sides.group_by("model").agg((pl.col("cost").sum() / 2).round(6))
    return dict(sums.iter_rows())


def _cost(tables: RunTables) -> dict[str, Any]:
    answers, games = tables.answers["cost"], tables.judgments["cost"]
    return {
        "answers": round(answers.sum(), 6) if answers.count() else None,
        "judging": round(games.sum(), 6) if games.count() else None,
        "unpriced": answers.null_count() + games.null_count(),
    }


def _digests(tables: RunTables) -> dict[str, str]:
    """Return the SHA-256 of each table: of its rows as JSON lines, in the order of their texts."""
    named = {
        "prompts": tables.prompts,
        "answers": tables.answers,
        "judgments": tables.judgments,
        "battles": tables.battles,
    }
    return {
        name: _digest(table) for name, table in named.items() if table is not None and table.height
    }


def _digest(table: pl.DataFrame) -> str:
    found = hashlib.sha256()
    for number, line in enumerate(sorted(table.write_ndjson().splitlines())):
        found.update(f"\n{line}".encode() if number else line.encode())
    return found.hexdigest()


def _date(meta: Mapping[str, Any]) -> str | None:
    date = meta.get("date") or meta.get("created")
    return str(date)[:10] if date else None
