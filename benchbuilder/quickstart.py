"""The whole product on the bundled sample: raw prompts to a published page.

The one room that sees every package. The replies of annotator, models and judge are recorded; they
are read through the same door, store and checks as those of any model.
"""

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from rich.table import Table

from benchbuilder.build import BuildConfig, build
from benchbuilder.publish import write_prompts_page
from judges.folders import read_card, read_map, write_folder
from judges.run import RunConfig, run
from judges.runs import read_run
from leaderboards.page.prompts import prompts_page
from leaderboards.page.site import site_files
from leaderboards.records import Ranking
from leaderboards.runs import rank_tables
from leaderboards.terminal import ranking_json, ranking_table
from llms.files import write_whole
from llms.progress import Progress
from llms.store import ResponseStore

NOTE = "The replies of annotator, models and judge are recorded sample data, not computed here."
TITLE = "Quick start sample"
BASELINE = "sample-birch"
MODELS = ("sample-aspen", BASELINE, "sample-cedar", "sample-dogwood", "sample-elder")
STYLE = ("length", "headers", "lists", "bold")


@dataclass(frozen=True, slots=True)
class QuickStart:
    """What the quick start ends with: the ranking as a table, what to know of it, the page."""

    table: Table
    note: str
    page: Path


def quickstart(out: Path, *, store: ResponseStore, progress: Progress) -> QuickStart:
    """Build a benchmark of the sample, judge five systems on it, rank and publish, below `out`.

    Raises:
        UserError: `out` or the store cannot be written.
    """
    progress.note(NOTE)
    with as_file(files("benchbuilder") / "sample") as sample:
        benchmark = _build(sample, out / "benchmark", store, progress)
        _run(sample, benchmark, out / "run", store, progress)
    tables = read_run(out / "run")
    ranking = rank_tables(tables, baseline=BASELINE)
    controlled = rank_tables(tables, baseline=BASELINE, style=STYLE)
    write_whole(out / "run" / "ranking.json", ranking_json(ranking))
    progress.note(f"replies: {store.asked} asked now, {store.found} found in the store")
    progress.note(f"ranked by score: {_places(ranking)}; at equal style: {_places(controlled)}")
    site = site_files(
        tables,
        title=TITLE,
        note=NOTE,
        card=read_card(out / "benchmark"),
        prompts=read_map(out / "benchmark"),
    )
    count = write_folder(out / "site", site)
    progress.note(f"published {count} files")
    table = ranking_table(ranking, title="Ranking (recorded sample data)")
    return QuickStart(table, NOTE, out / "site" / "index.html")


def _build(sample: Path, out: Path, store: ResponseStore, progress: Progress) -> Path:
    config = BuildConfig(
        name=TITLE,
        licence="CC0-1.0",
        languages=("en",),
        annotator=f"recorded:{sample}#sample-annotator",
        min_cluster_score=0,
    )
    build([sample / "prompts.jsonl"], out=out, config=config, store=store, progress=progress)
    write_prompts_page(out, prompts_page)
    return out


def _run(
    sample: Path, benchmark: Path, out: Path, store: ResponseStore, progress: Progress
) -> None:
    config = RunConfig.model_validate(
        {
            "models": [f"recorded:{sample}#{name}" for name in MODELS],
            "judges": [f"recorded:{sample}#sample-judge"],
            "baseline": BASELINE,
            "note": NOTE,
        }
    )
    run(benchmark, out=out, config=config, store=store, progress=progress)


def _places(ranking: Ranking) -> str:
    return ", ".join(
        f"{row.model} {row.rank_low}–{row.rank_high}"
        if row.rank_low < row.rank_high
        else f"{row.model} {row.rank_low}"
        for row in ranking.rows
    )
