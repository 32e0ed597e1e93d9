"""A whole site from the tables of a run: pages, battle files, data files and their digests.

Everything comes out as (relative path, content), the pages last but for the list of digests, so
that a folder being filled never shows a page whose files are not there yet.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from judges.records import RunTables
from leaderboards.audit import audit
from leaderboards.page.battles import (
    Texts,
    answer_row,
    battle_table,
    excerpt,
    games_table,
    index_file,
    shard_files,
    win_rates,
)
from leaderboards.page.charts import badge, top_ten
from leaderboards.page.data import DEFAULT_STYLE, leaderboard, make_boards
from leaderboards.page.files import FILES, data_files, sums_file
from leaderboards.page.sections import index_values
from leaderboards.page.shell import page
from leaderboards.page.view import script_data
from leaderboards.rank import rank_tables


def site_files(
    tables: RunTables,
    *,
    title: str,
    note: str | None = None,
    agreement: Any = None,
    card: Mapping[str, Any] | None = None,
    style: Sequence[str] = DEFAULT_STYLE,
    with_prompts: bool = True,
    with_answers: bool = True,
    noindex: bool = False,
    on_prompt: Callable[[int, int], None] | None = None,
    **rank_options: Any,
) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the site of a run, (path relative to the site, content).

    Args:
        tables: the run.
        title: the heading of the page.
        note: a sentence shown prominently under the verdict.
        agreement: an `Agreement` with people, or several in a sequence.
        card: card.json of the benchmark.
        style: the style features to control for beside the plain ranking.
        with_prompts: publish the texts of prompts; without them answers are kept back too.
        with_answers: publish the texts of answers and the judges' words about them.
        noindex: ask search engines to stay away.
        on_prompt: called with (done, all) for every prompt whose battles are packed.
        rank_options: baseline, level, draws, seed … of `leaderboards.rank.rank_tables`.

    Raises:
        RankingError: the run cannot be ranked.
    """
    texts = Texts(prompts=with_prompts, answers=with_answers and with_prompts)
    boards = make_boards(tables, rank_tables, style=style, **rank_options)
    models = [row.model for row in boards[0].raw.rows]
    games = games_table(tables, models)
    battles = battle_table(games)
    data = leaderboard(
        tables,
        boards,
        battles,
        win_rates(battles),
        audits=audit(tables.judgments) if tables.judgments.height else [],
        agreement=agreement,
        card=card,
        title=title,
        note=note,
    )
    sums: dict[str, str] = {}
    for path, content in _contents(tables, data, games, battles, texts, noindex, on_prompt):
        sums[path] = hashlib.sha256(content).hexdigest()
        yield path, content
    yield "SHA256SUMS", sums_file(sums)


def _contents(
    tables: RunTables,
    data: Mapping[str, Any],
    games: pl.DataFrame,
    battles: pl.DataFrame,
    texts: Texts,
    noindex: bool,
    on_prompt: Callable[[int, int], None] | None,
) -> Iterator[tuple[str, bytes]]:
    models = [model["model"] for model in data["models"]]
    named = battles.filter(pl.col("prompt_id").is_not_null())
    if named.height:
        prompts = _prompts(tables, named, texts)
        yield from _battle_files(tables, games, prompts, models, texts, on_prompt)
        lines = [
            {key: prompt[key] for key in ("id", "file", "text", "category", "topic") if prompt[key]}
            for prompt in prompts
        ]
        yield "s/index.js", index_file(named, lines)
    yield from data_files(tables, data, games, texts)
    leader = data["boards"][0]["raw"]
    yield "badge.svg", badge(data["title"], leader[0], len(leader))
    yield "top10.svg", top_ten(data["title"], leader, str(data["settings"].get("scale", "")))
    yield "robots.txt", f"User-agent: *\n{'Disallow: /' if noindex else 'Allow: /'}\n".encode()
    yield ".nojekyll", b""
    yield (
        "index.html",
        page(
            "index.html.jinja",
            inline=script_data(data, battles=bool(named.height)),
            script="page.js",
            noindex=noindex,
            texts=texts,
            battles=bool(named.height),
            files=[
                (name, what)
                for name, what in FILES
                if texts.prompts or name != "data/prompts.jsonl"
            ],
            version=tables.meta.get("versions", {}).get("benchbuilder", ""),
            **index_values(data, links=bool(named.height)),
        ),
    )


def _prompts(tables: RunTables, battles: pl.DataFrame, texts: Texts) -> list[dict[str, Any]]:
    """Return the prompts that were played, in the order of their ids, each with its file number."""
    known = {row["prompt_id"]: row for row in tables.prompts.to_dicts()}
    played = battles["prompt_id"].unique().sort().to_list()
    nothing = {"turns": None, "category": None, "topic": None}
    return [
        {
            "id": name,
            "file": number,
            "turns": row["turns"] if texts.prompts else None,
            "text": excerpt(row["turns"] or []) if texts.prompts else None,
            "category": row["category"],
            "topic": row["topic"],
        }
        for number, name in enumerate(played, start=1)
        for row in [known.get(name, nothing)]
    ]


def _battle_files(
    tables: RunTables,
    games: pl.DataFrame,
    prompts: Sequence[Mapping[str, Any]],
    models: Sequence[str],
    texts: Texts,
    on_prompt: Callable[[int, int], None] | None,
) -> Iterator[tuple[str, bytes]]:
    position = {name: number for number, name in enumerate(models)}
    answers = tables.answers.filter(pl.col("model").is_in(models))
    if not texts.answers:
        answers = answers.with_columns(text=pl.lit(None, pl.String))
        games = games.with_columns(text=pl.lit(None, pl.String))
    answers_of = answers.partition_by("prompt_id", as_dict=True)
    games_of = games.partition_by("prompt_id", as_dict=True)
    for done, prompt in enumerate(prompts, start=1):
        key = (prompt["id"],)
        mine = answers_of[key].sort("model").to_dicts() if key in answers_of else []
        head = {name: prompt[name] for name in ("id", "turns", "category", "topic")}
        yield from shard_files(
            prompt["file"],
            head,
            [answer_row(answer, position) for answer in mine],
            games_of[key].select("a", "b", "first", "judge", "verdict", "error", "text").to_dicts(),
        )
        if on_prompt:
            on_prompt(done, len(prompts))
