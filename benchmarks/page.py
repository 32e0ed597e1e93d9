"""Publish a leaderboard of 200 models, 500 prompts and 100,000 battles, and open it in Chromium.

    python benchmarks/page.py [--models 200] [--prompts 500] [--out FOLDER]

Prints sizes, times and the memory peak of the build, then what a reader waits for: first paint,
ready, sorting, opening a battle; also with the processor slowed down four times.
"""

import argparse
import gzip
import platform
import random
import resource
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from judges.records import ANSWER_SCHEMA, JUDGMENT_SCHEMA, PROMPT_SCHEMA, RunTables
from leaderboards.page import site
from leaderboards.page.site import site_files

WORDS = (Path(__file__).parents[1] / "LICENSE").read_text().split()
CATEGORIES = ("coding", "facts", "logic", "maths", "planning", "roleplay", "science", "writing")
BATTLES_A_PROMPT = 200


def text(rng: random.Random, words: int) -> str:
    """Words in an order of their own, with some Markdown: hard to pack, as answers are."""
    chosen = rng.choices(WORDS, k=words)
    for place in range(0, words, 40):
        chosen[place] = rng.choice(("\n\n## ", "\n- ", "\n\n", "**so** ")) + chosen[place]
    return " ".join(chosen)


def make_run(models: int, prompts: int, seed: int = 0) -> RunTables:
    """Two games a battle with reasons of about 110 words, answers of about 1,600 characters."""
    rng = random.Random(seed)
    names = [f"model-{number:03d}" for number in range(models)]
    ids = [f"prompt-{number:03d}" for number in range(prompts)]
    answers = {
        "prompt_id": [name for name in ids for _ in names],
        "model": names * prompts,
        "text": [text(rng, 240) for _ in range(models * prompts)],
        "tokens": [rng.randrange(200, 900) for _ in range(models * prompts)],
        "headers": [rng.randrange(6) for _ in range(models * prompts)],
        "lists": [rng.randrange(20) for _ in range(models * prompts)],
        "bold": [rng.randrange(12) for _ in range(models * prompts)],
        "cost": [rng.random() / 100 for _ in range(models * prompts)],
    }
    games: dict[str, list[object]] = {name: [] for name in JUDGMENT_SCHEMA}
    pairs = [(a, b) for a in range(models) for b in range(a + 1, models)]
    for name in ids:
        for a, b in rng.sample(pairs, min(BATTLES_A_PROMPT, len(pairs))):
            for first, second in ((a, b), (b, a)):
                edge = (second - first) / 25 + rng.gauss(0, 2)
                verdict = "A>B" if edge > 0.5 else "B>A" if edge < -0.5 else "A=B"
                row = (name, "judge-x", names[first], names[second], 0, verdict)
                for column, value in zip(games, (*row, text(rng, 110), 0.002, None), strict=True):
                    games[column].append(value)
    return RunTables(
        meta={"command": "benchmarks/page.py"},
        prompts=pl.DataFrame(
            [
                {"prompt_id": name, "turns": [text(rng, 60)], "category": CATEGORIES[n % 8]}
                for n, name in enumerate(ids)
            ],
            PROMPT_SCHEMA,
        ),
        answers=pl.DataFrame(answers).select(
            pl.col(name).cast(kind) if name in answers else pl.lit(None, kind).alias(name)
            for name, kind in ANSWER_SCHEMA.items()
        ),
        judgments=pl.DataFrame(games, JUDGMENT_SCHEMA),
    )


def build(tables: RunTables, out: Path, interval: str) -> None:
    """Write the site and print how long it took and how large it is."""
    make_boards = site.make_boards
    ranked = [0.0]

    def timed(*args: Any, **options: Any) -> Any:
        start = time.perf_counter()
        boards = make_boards(*args, **options)
        ranked[0] = time.perf_counter() - start
        return boards

    site.make_boards = timed
    begin, work = time.perf_counter(), time.process_time()
    sizes = {}
    for path, content in site_files(tables, title="Two hundred models", interval=interval):
        file = out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        sizes[path] = len(content)
    seconds, work = time.perf_counter() - begin, time.process_time() - work
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    page = (out / "index.html").read_bytes()
    shards = [size for path, size in sizes.items() if path.startswith("s/p")]
    print(
        f"build {seconds:.1f} s ({work:.1f} s of processor), of it {ranked[0]:.1f} s for "
        f"{len(CATEGORIES) + 1} plain and as many style-controlled rankings ({interval})"
    )
    print(f"memory peak {peak:.2f} GiB (run tables included)")
    print(f"index {len(page) / 1000:.0f} kB, {len(gzip.compress(page, 6)) / 1000:.0f} kB gzip")
    print(f"largest battle file {max(shards) / 1000:.0f} kB of {len(shards)}")
    print(
        f"battle index {sizes['s/index.js'] / 1000:.0f} kB, site {sum(sizes.values()) / 1e6:.0f} MB"
    )


def read(browser: Browser, out: Path, slower: int) -> None:
    """Open the page, sort it and open a battle; print the median of five."""
    rounds = [_round(browser, out, slower) for _ in range(5)]
    for name in rounds[0]:
        middle = sorted(one[name] for one in rounds)[2]
        print(f"{slower}x slower: {name} {middle:.0f} ms")


def _round(browser: Browser, out: Path, slower: int) -> dict[str, float]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    session: CDPSession = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.add_init_script(
        "new MutationObserver(() => { if (document.documentElement?.dataset.ready && !window.ready)"
        " window.ready = performance.now(); })"
        ".observe(document, {attributes: true, subtree: true})"
    )
    page.goto((out / "index.html").as_uri())
    page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length")
    paint = page.evaluate(
        "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    ready = page.evaluate("() => window.ready")
    sort = page.evaluate(
        "() => { const button = document.querySelector('[data-sort=score]');"
        " const begin = performance.now(); button.click(); document.body.offsetHeight;"
        " return performance.now() - begin; }"
    )
    battle = _battle(page)
    page.close()
    return {"first paint": paint, "ready": ready, "sort": sort, "battle opened": battle}


def _battle(page: Page) -> float:
    """Return the milliseconds from following a deep link to the battle being on the page."""
    page.locator("#battles").scroll_into_view_if_needed()
    link = page.locator(".battle-row").nth(3).get_attribute("href")
    return page.evaluate(
        """(link) => new Promise((done) => {
            const begin = performance.now();
            new MutationObserver(() => {
                if (!document.getElementById("battle").hidden) done(performance.now() - begin);
            }).observe(document.getElementById("battle"), { attributes: true });
            location.hash = link;
        })""",
        link,
    )


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--models", type=int, default=200)
    options.add_argument("--prompts", type=int, default=500)
    options.add_argument("--out", type=Path)
    options.add_argument("--interval", choices=("bootstrap", "sandwich"), default="sandwich")
    given = options.parse_args()
    out = given.out or Path(tempfile.mkdtemp(prefix="page-"))
    print(f"Python {platform.python_version()}, polars {version('polars')}, {platform.machine()}")
    begin = time.perf_counter()
    tables = make_run(given.models, given.prompts)
    print(f"{tables.judgments.height:,} games made in {time.perf_counter() - begin:.0f} s")
    build(tables, out, given.interval)
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        print("no Chromium: reading is not measured")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        print(f"Chromium {browser.version}")
        for slower in (1, 4):
            read(browser, out, slower)
        browser.close()


if __name__ == "__main__":
    main()
