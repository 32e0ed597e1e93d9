"""A whole site from the tables of a run: pages, battle files, data files and their digests.

Everything comes out as (relative path, content), the pages last but for the list of digests, so
that a folder being filled never shows a page whose files are not there yet.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from judges.records import RunTables, with_samples
from leaderboards.audit import audit
from leaderboards.page.battles import (
    answer_row,
    battle_table,
    excerpt,
    games_table,
    index_content,
    matrix_content,
    packed,
    sample,
    script_call,
    shard_content,
    shard_files,
    win_rates,
)
from leaderboards.page.charts import badge, top_ten
from leaderboards.page.data import DEFAULT_STYLE, leaderboard, make_boards
from leaderboards.page.files import FILES, data_files, sums_file
from leaderboards.page.privacy import published
from leaderboards.page.prompts import prompts_page
from leaderboards.page.sections import TABLE_MODELS, index_values
from leaderboards.page.shell import page
from leaderboards.page.view import embed_values, script_data
from leaderboards.preferences import preferences
from leaderboards.rank import judge_weights, rank_tables

_PACKERS = 2
"""Threads that pack battle files; packing leaves the interpreter to others."""

OnPrompt = Callable[[int, int], None]
"""Told, for every prompt whose battles are packed, how many prompts are done and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """What a site is made of: the data file, the tables behind it, and what may be shown."""

    tables: RunTables
    data: Mapping[str, Any]
    games: pl.DataFrame
    battles: pl.DataFrame
    """Those on known prompts, the ones that can be opened."""
    with_prompts: bool
    noindex: bool
    map: pl.DataFrame | None
    every_battle: int
    """Battles of the run; more than `battles` has where only a sample is shown."""

    @property
    def models(self) -> list[str]:
        return [model["model"] for model in self.data["models"]]


def site_files(
    tables: RunTables,
    *,
    title: str,
    note: str | None = None,
    agreement: Any = None,
    card: Mapping[str, Any] | None = None,
    prompts: pl.DataFrame | None = None,
    style: Sequence[str] = DEFAULT_STYLE,
    with_prompts: bool = True,
    with_answers: bool = True,
    single_file: int | None = None,
    noindex: bool = False,
    on_prompt: OnPrompt | None = None,
    **rank_options: Any,
) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the site of a run, (path relative to the site, content).

    Args:
        tables: the run.
        title: the heading of the page.
        note: a sentence shown prominently under the verdict.
        agreement: an `Agreement` with people, or several in a sequence.
        card: card.json of the benchmark.
        prompts: prompts.parquet of the benchmark; with it the site has a prompts.html.
        style: the style features to control for beside the plain ranking.
        with_prompts: publish the texts of prompts; without them answers are kept back too.
        with_answers: publish the texts of answers and the judges' words about them.
        single_file: make index.html the whole site, with so many sampled battles inside.
        noindex: ask search engines to stay away.
        on_prompt: told of the progress (see `OnPrompt`).
        rank_options: baseline, level, draws, seed … of `leaderboards.rank.rank_tables`.

    Raises:
        RankingError: the run cannot be ranked.
    """
    boards = make_boards(tables, rank_tables, style=style, **rank_options)
    battles = battle_table(
        games_table(tables, [row.model for row in boards[0].raw.rows]), judge_weights(tables)
    )
    drawn = {key: rank_options[key] for key in ("level", "draws", "seed") if key in rank_options}
    judged = tables.judgments.height > 0
    data = leaderboard(
        tables,
        boards,
        battles,
        win_rates(battles),
        audits=audit(tables.judgments, **drawn) if judged else (),
        swayed=preferences(tables.judgments, tables.answers, **drawn) if judged else None,
        agreement=agreement,
        card=card,
        title=title,
        note=note,
    )
    named = battles.filter(pl.col("prompt_id").is_not_null() & _has_texts(tables))
    shown = published(tables, prompts=with_prompts, answers=with_answers)
    site = _Site(
        tables=shown,
        data=data,
        games=games_table(shown, [row.model for row in boards[0].raw.rows]),
        battles=named,
        with_prompts=with_prompts,
        noindex=noindex,
        map=prompts if with_prompts else None,
        every_battle=named.height,
    )
    if single_file is None:
        files = _contents(site, on_prompt or _silent)
    else:
        files = iter([("index.html", _single_page(site, single_file))])
    sums: dict[str, str] = {}
    for path, content in files:
        sums[path] = hashlib.sha256(content).hexdigest()
        yield path, content
    yield "SHA256SUMS", sums_file(sums)


def _has_texts(tables: RunTables) -> bool:
    """Say whether a battle has anything to show beyond its outcome."""
    words = tables.judgments["text"].count()
    return bool(tables.prompts.height or tables.answers.height or words)


def _contents(site: _Site, on_prompt: OnPrompt) -> Iterator[tuple[str, bytes]]:
    yield from _battle_files(site, on_prompt)
    yield from data_files(site.tables, site.data, site.games, with_prompts=site.with_prompts)
    board = site.data["boards"][0]["raw"]
    yield "badge.svg", badge(site.data["title"], board[0], len(board))
    subtitle = str(site.data["settings"].get("scale", ""))
    yield "top10.svg", top_ten(site.data["title"], board, subtitle)
    yield "robots.txt", f"User-agent: *\n{'Disallow: /' if site.noindex else 'Allow: /'}\n".encode()
    yield ".nojekyll", b""
    if site.map is not None:
        yield "prompts.html", prompts_page(site.map, site.data["card"] or {})
    yield "embed.html", _embed_page(site)
    yield "index.html", _index_page(site, shards={})


def _battle_files(site: _Site, on_prompt: OnPrompt) -> Iterator[tuple[str, bytes]]:
    if len(site.models) > TABLE_MODELS:
        yield "v/matrix.js", script_call("matrix", _matrix(site))
    if not site.battles.height:
        return
    prompts = _prompts(site)
    for done, files in enumerate(_packed(_shards(site, prompts)), start=1):
        yield from files
        on_prompt(done, len(prompts))
    yield "s/index.js", script_call("index", index_content(site.battles, _lines(prompts)))


def _packed(contents: Iterable[Mapping[str, Any]]) -> Iterator[list[tuple[str, bytes]]]:
    """Yield the files of each prompt, in order; packing runs beside the reading of the next."""
    waiting: deque[Future[list[tuple[str, bytes]]]] = deque()
    with ThreadPoolExecutor(_PACKERS) as pool:
        for number, content in enumerate(contents, start=1):
            waiting.append(pool.submit(shard_files, number, content))
            if len(waiting) > _PACKERS:
                yield waiting.popleft().result()
        for future in waiting:
            yield future.result()


def _single_page(site: _Site, battles: int) -> bytes:
    """Return index.html with a sample of the battles inside it."""
    small = replace(site, battles=sample(site.battles, battles))
    prompts = _prompts(small)
    key = ("prompt_id", "a", "b", "sample")
    played = small.games.join(small.battles, on=key, how="semi", maintain_order="left")
    small = replace(small, games=played)
    shards = {
        f"p{number:04d}": packed(shard_content(content, only_played=True))
        for number, content in enumerate(_shards(small, prompts), start=1)
    }
    shards["index"] = packed(index_content(small.battles, _lines(prompts)))
    if len(site.models) > TABLE_MODELS:
        shards["matrix"] = packed(_matrix(site))
    return _index_page(small, shards)


def _index_page(site: _Site, shards: Mapping[str, str]) -> bytes:
    links = bool(site.battles.height)
    files = [] if shards else [file for file in FILES if _published(site, file[0])]
    return page(
        "index.html.jinja",
        inline=script_data(site.data, battles=links),
        script="page.js",
        noindex=site.noindex,
        with_prompts=site.with_prompts,
        battles=links,
        shards=shards,
        sampled=site.battles.height if shards else None,
        every_battle=site.every_battle,
        has_map=site.map is not None and not shards,
        files=files,
        **index_values(site.data, links=links),
    )


def _embed_page(site: _Site) -> bytes:
    return page(
        "embed.html.jinja",
        inline=script_data(site.data, battles=False),
        script="embed.js",
        noindex=True,
        **embed_values(site.data),
    )


def _published(site: _Site, path: str) -> bool:
    return site.with_prompts or path != "data/prompts.jsonl"


def _matrix(site: _Site) -> bytes:
    return matrix_content(
        win_rates(battle_table(site.games, judge_weights(site.tables))), len(site.models)
    )


def _prompts(site: _Site) -> list[dict[str, Any]]:
    """Return the prompts that were played, in the order of their ids."""
    known = {row["prompt_id"]: row for row in site.tables.prompts.to_dicts()}
    nothing = {"turns": None, "category": None, "topic": None}
    played = site.battles["prompt_id"].unique().sort().to_list()
    rows = [(name, known.get(name, nothing)) for name in played]
    return [
        {
            "id": name,
            "turns": row["turns"],
            "category": row["category"],
            "topic": row["topic"],
        }
        for name, row in rows
    ]


def _lines(prompts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what the list of battles shows of each prompt."""
    lines = [
        {
            "id": prompt["id"],
            "text": excerpt(prompt["turns"] or []),
            "category": prompt["category"],
            "topic": prompt["topic"],
        }
        for prompt in prompts
    ]
    return [{key: value for key, value in line.items() if value} for line in lines]


def _shards(site: _Site, prompts: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield for each prompt all that its battles show."""
    position = {name: number for number, name in enumerate(site.models)}
    answers = with_samples(site.tables.answers).filter(pl.col("model").is_in(site.models))
    sample_or_none = pl.when(pl.col("sample") > 0).then("sample")
    answers_of = answers.partition_by("prompt_id", as_dict=True)
    games_of = site.games.partition_by("prompt_id", as_dict=True)
    for prompt in prompts:
        key = (prompt["id"],)
        mine = answers_of[key].sort("model", "sample").to_dicts() if key in answers_of else []
        columns = ("a", "b", sample_or_none, "first", "judge", "verdict", "error", "text")
        yield {
            **prompt,
            "answers": [answer_row(answer, position) for answer in mine],
            "games": games_of[key].select(columns).to_dicts(),
        }


def _silent(done: int, of: int) -> None:
    """Report nothing."""
