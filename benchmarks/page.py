"""Publish a leaderboard of 200 models, 500 prompts and 100,000 battles, and open it in Chromium.

    python benchmarks/page.py [--models 200] [--prompts 500] [--interval bootstrap] [--out FOLDER]

Writes a run folder and publishes it with the command `judge publish`, as a user would. Prints how
long that took, the memory peak of all its processes together and sizes; then what a reader waits
for: first paint, ready, sorting, opening a battle, also with the processor slowed down four times.
"""

import argparse
import gzip
import json
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import polars as pl
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from judges.records import ANSWER_SCHEMA, JUDGMENT_SCHEMA, PROMPT_SCHEMA, RunTables

ROOT = Path(__file__).parents[1]
WORDS = (ROOT / "LICENSE").read_text().split()
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


def write_run(tables: RunTables, run: Path) -> None:
    """Write the run folder that `judge publish` reads."""
    for folder in ("answers", "judgments"):
        (run / folder).mkdir(parents=True)
    (run / "run.json").write_text(json.dumps(dict(tables.meta)))
    prompts = tables.prompts.select("turns", "category", id="prompt_id")
    prompts.write_ndjson(run / "benchmark.jsonl")
    for (model,), answers in tables.answers.partition_by("model", as_dict=True).items():
        answers.write_ndjson(run / "answers" / f"{model}.jsonl")
    tables.judgments.write_ndjson(run / "judgments" / "judge-x.jsonl")


def publish(run: Path, out: Path, interval: str) -> None:
    """Publish the run and print how long it took and the memory peak of all its processes."""
    code = "from judges.cli import main; main()"
    options = (
        "publish",
        run,
        "--out",
        out,
        "--interval",
        interval,
        "--title",
        "Two hundred models",
    )
    begin, peak, most = time.perf_counter(), 0, 0
    command = [sys.executable, "-c", code, *map(str, options)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        while process.poll() is None:
            tree = family(process.pid)
            peak, most = max(peak, sum(map(memory, tree))), max(most, len(tree))
            time.sleep(0.2)
    if process.returncode:
        sys.exit("judge publish failed")
    seconds = time.perf_counter() - begin
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    work = used.ru_utime + used.ru_stime
    print(f"build ({interval}): {seconds:.1f} s, {work:.1f} s of processor")
    print(f"memory peak of at most {most} processes together: {peak / 1024**2:.2f} GiB")


def family(process: int) -> list[int]:
    """Return the process and all its children, theirs too."""
    found, task = [process], Path(f"/proc/{process}/task")
    try:
        for file in list(task.glob("*/children")):
            for child in file.read_text().split():
                found += family(int(child))
    except OSError:
        return found
    return found


def memory(process: int) -> int:
    """Return the KiB a process holds, its share of what it has in common with others."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def sizes(out: Path) -> None:
    """Print how large the site and its parts are."""
    size = {str(file.relative_to(out)): file.stat().st_size for file in out.rglob("*.*")}
    page = (out / "index.html").read_bytes()
    shards = [bytes for path, bytes in size.items() if path.startswith("s/p")]
    print(f"index {len(page) / 1000:.0f} kB, {len(gzip.compress(page, 6)) / 1000:.0f} kB gzip")
    print(f"largest battle file {max(shards) / 1000:.0f} kB of {len(shards)}")
    print(
        f"battle index {size['s/index.js'] / 1000:.0f} kB, site {sum(size.values()) / 1e6:.0f} MB"
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
    milliseconds: float = page.evaluate(
        """(link) => new Promise((done) => {
            const begin = performance.now();
            new MutationObserver(() => {
                if (!document.getElementById("battle").hidden) done(performance.now() - begin);
            }).observe(document.getElementById("battle"), { attributes: true });
            location.hash = link;
        })""",
        link,
    )
    return milliseconds


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--models", type=int, default=200)
    options.add_argument("--prompts", type=int, default=500)
    options.add_argument("--out", type=Path)
    options.add_argument("--interval", choices=("bootstrap", "sandwich"), default="bootstrap")
    given = options.parse_args()
    place = Path(tempfile.mkdtemp(prefix="page-"))
    out = given.out or place / "site"
    print(f"Python {platform.python_version()}, polars {version('polars')}, {platform.machine()}")
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    begin = time.perf_counter()
    write_run(make_run(given.models, given.prompts), place / "run")
    print(f"run made in {time.perf_counter() - begin:.0f} s", flush=True)
    publish(place / "run", out, given.interval)
    sizes(out)
    chromium(out)


def chromium(out: Path) -> None:
    """Read the page as fast as the machine allows, and four times slower."""
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
