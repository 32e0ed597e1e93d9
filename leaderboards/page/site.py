"""A whole site from the tables of a run: pages, battle files, data files and their digests.

Everything comes out as (relative path, content), the pages last but for the list of digests, so
that a folder being filled never shows a page whose files are not there yet.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any

import polars as pl

from judges.records import RunTables, with_samples
from leaderboards.audit import audit
from leaderboards.encoding import with_sums
from leaderboards.page.battles import (
    answer_row,
    battle_table,
    excerpt,
    games_table,
    index_content,
    matrix_content,
    sample,
    win_rates,
)
from leaderboards.page.charts import badge, top_ten
from leaderboards.page.data import DEFAULT_STYLE, leaderboard, make_boards
from leaderboards.page.files import FILES, data_files
from leaderboards.page.privacy import published
from leaderboards.page.prompts import prompts_page
from leaderboards.page.reproduce import CONFIG, config
from leaderboards.page.sections import TABLE_MODELS, index_values
from leaderboards.page.shards import (
    WORTH_A_PROCESS,
    all_shard_files,
    packed,
    script_call,
    shard_content,
)
from leaderboards.page.shell import page
from leaderboards.page.view import embed_values, script_data
from leaderboards.preferences import preferences
from leaderboards.runs import judge_weights, rank_tables

OnStep = Callable[[str, int, int], None]
"""Told of a stage (`rankings`, `battles`), how many of its steps are done, and of how many.

It is called from more than one thread.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """What a site is made of beside its data file: the tables, and what of them may be shown."""

    tables: RunTables
    models: Sequence[str]
    """Best first."""
    games: pl.DataFrame
    battles: pl.DataFrame
    """Those on known prompts, the ones that can be opened."""
    with_prompts: bool
    noindex: bool
    map: pl.DataFrame | None
    every_battle: int
    """Battles of the run; more than `battles` has where only a sample is shown."""
    processes: int
    on_step: OnStep


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
    processes: int = 1,
    on_step: OnStep | None = None,
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
        processes: where there is much text, start so many more processes to pack it. They import
            the main module, so a script that gives more than 1 must have a
            `if __name__ == "__main__":`.
        on_step: told of the progress (see `OnStep`).
        rank_options: baseline, level, draws, seed … of `leaderboards.runs.rank_tables`.

    Raises:
        RankingError: the run cannot be ranked.
    """
    on_step = on_step or _silent
    overall = rank_tables(tables, **rank_options)
    models = [row.model for row in overall.rows]
    battles = battle_table(games_table(tables, models), judge_weights(tables))
    drawn = {key: rank_options[key] for key in ("level", "draws", "seed") if key in rank_options}
    judged = tables.judgments.height > 0

    def data() -> dict[str, Any]:
        return leaderboard(
            tables,
            make_boards(tables, rank_tables, overall, style=style, on_step=on_step, **rank_options),
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
        models=models,
        games=games_table(shown, models),
        battles=named,
        with_prompts=with_prompts,
        noindex=noindex,
        map=prompts if with_prompts else None,
        every_battle=named.height,
        processes=processes,
        on_step=on_step,
    )
    if single_file is None:
        files = _contents(site, _beside(data))
    else:
        files = iter([("index.html", _single_page(site, data(), single_file))])
    yield from with_sums(files)


def _beside(work: Callable[[], dict[str, Any]]) -> Future[dict[str, Any]]:
    """Do `work` in a thread that keeps no program from ending, as rankings take long to stop."""
    future: Future[dict[str, Any]] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001
            future.set_exception(error)

    Thread(target=run, name="rankings", daemon=True).start()
    return future


def _has_texts(tables: RunTables) -> bool:
    """Say whether a battle has anything to show beyond its outcome."""
    words = tables.judgments["text"].count()
    return bool(tables.prompts.height or tables.answers.height or words)


def _contents(site: _Site, coming: Future[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """Yield all files but the digests; the battle files while the data file is being computed."""
    yield from _battle_files(site)
    data = coming.result()
    yield from data_files(site.tables, data, site.games, with_prompts=site.with_prompts)
    board = data["boards"][0]["raw"]
    yield "badge.svg", badge(data["title"], board[0], len(board))
    yield "top10.svg", top_ten(data["title"], board, str(data["settings"].get("scale", "")))
    yield "robots.txt", f"User-agent: *\n{'Disallow: /' if site.noindex else 'Allow: /'}\n".encode()
    yield ".nojekyll", b""
    if site.map is not None:
        yield "prompts.html", prompts_page(site.map, data["card"] or {})
    yield "embed.html", _embed_page(data)
    yield "index.html", _index_page(site, data, shards={})


def _battle_files(site: _Site) -> Iterator[tuple[str, bytes]]:
    if len(site.models) > TABLE_MODELS:
        yield "v/matrix.js", script_call("matrix", _matrix(site))
    if not site.battles.height:
        return
    prompts = _prompts(site)
    contents = _shards(site, prompts)
    for done, files in enumerate(all_shard_files(contents, processes=_processes(site)), start=1):
        yield from files
        site.on_step("battles", done, len(prompts))
    yield "s/index.js", script_call("index", index_content(site.battles, _lines(prompts)))


def _processes(site: _Site) -> int:
    """Return how many processes the answers of a site are worth."""
    characters = int(site.tables.answers["text"].str.len_chars().sum() or 0)
    return site.processes if characters > WORTH_A_PROCESS else 1


def _single_page(site: _Site, data: Mapping[str, Any], battles: int) -> bytes:
    """Return index.html with a sample of the battles inside it."""
    small = replace(site, battles=sample(site.battles, battles))
    prompts = _prompts(small)
    key = ("prompt_id", "a", "b", "sample")
    played = small.games.join(small.battles, on=key, how="semi", maintain_order="left")
    small = replace(small, games=played)
    shards = {
        f"p{number:04d}": packed(shard_content(content))
        for number, content in enumerate(_shards(small, prompts), start=1)
    }
    shards["index"] = packed(index_content(small.battles, _lines(prompts)))
    if len(site.models) > TABLE_MODELS:
        shards["matrix"] = packed(_matrix(site))
    return _index_page(small, data, shards)


def _index_page(site: _Site, data: Mapping[str, Any], shards: Mapping[str, str]) -> bytes:
    links = bool(site.battles.height)
    absent = {
        *(() if site.with_prompts else ("data/prompts.jsonl",)),
        *(() if config(data["run"]) else (CONFIG,)),
    }
    return page(
        "index.html.jinja",
        inline=script_data(data, battles=links),
        scripts=("pictures.js", "page.js"),
        noindex=site.noindex,
        with_prompts=site.with_prompts,
        battles=links,
        shards=shards,
        sampled=site.battles.height if shards else None,
        every_battle=site.every_battle,
        has_map=site.map is not None and not shards,
        files=[] if shards else [file for file in FILES if file[0] not in absent],
        **index_values(data, links=links, with_prompts=site.with_prompts, with_files=not shards),
    )


def _embed_page(data: Mapping[str, Any]) -> bytes:
    return page(
        "embed.html.jinja",
        inline=script_data(data, battles=False),
        scripts=("embed.js",),
        noindex=True,
        **embed_values(data),
    )


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
    """Yield for each prompt all that its battles show: its games, and the answers that played."""
    position = {name: number for number, name in enumerate(site.models)}
    answers = with_samples(site.tables.answers).filter(pl.col("model").is_in(site.models))
    answers_of = answers.partition_by("prompt_id", as_dict=True)
    games_of = site.games.partition_by("prompt_id", as_dict=True)
    later = pl.when(pl.col("sample") > 0).then("sample")
    columns = ("a", "b", later, "first", "judge", "verdict", "error", "text")
    for prompt in prompts:
        key = (prompt["id"],)
        games = games_of[key].select(columns).to_dicts()
        played = {(game[side], game["sample"]) for game in games for side in ("a", "b")}
        mine = answers_of[key].sort("model", "sample").to_dicts() if key in answers_of else []
        rows = [answer_row(answer, position) for answer in mine]
        shown = [row for row in rows if (row["model"], row["sample"]) in played]
        yield {**prompt, "answers": shown, "games": games}


def _silent(stage: str, done: int, of: int) -> None:
    """Report nothing."""
