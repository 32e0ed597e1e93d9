"""Small runs to publish, and a real Chromium to read the pages with."""

import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import polars as pl
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from judges.records import ANSWER_SCHEMA, JUDGMENT_SCHEMA, PROMPT_SCHEMA, RunTables
from leaderboards.page.site import site_files

MODELS = [f"model-{letter}" for letter in "abcdefghijkl"]
PATIENCE = 20_000
"""Milliseconds: far more than a page needs, for machines that are busy."""
expect.set_options(timeout=PATIENCE)
VERDICTS = ["A>>B", "A>B", "A=B", "B>A", "B>>A"]


@pytest.fixture(scope="package")
def run_of() -> Callable[..., RunTables]:
    """A run of any size: every model against the first, both orders, some verdicts missing."""
    return make_run


def make_run(models: list[str], prompts: int, *, seed: int = 0) -> RunTables:
    rng = random.Random(seed)
    strength = {model: len(models) - place for place, model in enumerate(models)}
    names = [f"q{number:02d}" for number in range(prompts)]
    topics = ["coding", "maths", "writing"]
    answers = [
        {
            "prompt_id": name,
            "model": model,
            "earlier": [f"First, {model} said hello."],
            "text": f"## {model}\n\nThe **answer** to {name}:\n\n- one\n- two\n",
            "tokens": 40 + 10 * strength[model] + rng.randrange(9),
            "headers": 1,
            "lists": 2,
            "bold": 1 + rng.randrange(3),
            "cost": 0.001 * strength[model],
        }
        for name in names
        for model in models
    ]
    games = []
    for name in names:
        for model in models[1:]:
            for first, second in ((models[0], model), (model, models[0])):
                edge = strength[first] - strength[second] + rng.gauss(0, 6)
                place = 0 if edge > 8 else 1 if edge > 1 else 2 if edge > -1 else 3
                verdict = VERDICTS[place] if rng.random() > 0.03 else None
                games.append(
                    {
                        "prompt_id": name,
                        "judge": "judge-x",
                        "model_a": first,
                        "model_b": second,
                        "verdict": verdict,
                        "text": f"I looked at both answers to {name}.",
                        "cost": 0.002,
                        "error": None if verdict else "unreadable",
                    }
                )
    return RunTables(
        meta={"command": "judge run benchmark.jsonl", "versions": {"benchbuilder": "0.1.0"}},
        prompts=pl.DataFrame(
            [
                {
                    "prompt_id": name,
                    "turns": [f"Question {name}?", "And then?"],
                    "category": topics[number % 3],
                    "topic": f"topic {number % 4}",
                }
                for number, name in enumerate(names)
            ],
            PROMPT_SCHEMA,
        ),
        answers=pl.DataFrame(answers, ANSWER_SCHEMA),
        judgments=pl.DataFrame(games, JUDGMENT_SCHEMA),
    )


@pytest.fixture(scope="package")
def publish(tmp_path_factory) -> Callable[..., Path]:
    """Write the site of a run into a folder of its own and return the folder."""

    def write(tables: RunTables, **options) -> Path:
        folder = tmp_path_factory.mktemp("site")
        for path, content in site_files(tables, **{"title": "A test", "draws": 100, **options}):
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return folder

    return write


@pytest.fixture(scope="package")
def twelve(publish) -> Path:
    """The site of twelve models on twelve prompts."""
    card = {"name": "test", "funnel": {"read": 30, "too short": 18, "kept": 12}}
    return publish(make_run(MODELS, 12), card=card, note="Made-up data.")


@pytest.fixture(scope="package")
def many(publish) -> Path:
    """The site of more models than the table of pairs shows."""
    return publish(make_run([f"m{number:02d}" for number in range(24)], 4), style=())


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Chromium of this machine. It ends with this folder: its event loop is in others' way."""
    found = [shutil.which(name) for name in ("chromium", "google-chrome", "chromium-browser")]
    if not any(found):
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=next(filter(None, found)), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def idle_pages() -> dict[str, list[Page]]:
    """Pages that wait to be used again, by their options: making one takes longer than loading."""
    return defaultdict(list)


@pytest.fixture
def visit(chromium, idle_pages) -> Iterator[Callable[..., Page]]:
    """Open a page; at the end fail on any error on it and any request that is not its own."""
    problems: list[str] = []
    opened = []

    def open_page(place: Path | str, fragment: str = "", **options) -> Page:
        address = place if isinstance(place, str) else (place / "index.html").as_uri()
        own = address.rsplit("/", 1)[0]
        idle = idle_pages[repr(sorted(options.items()))]
        page = idle.pop() if idle else _new_page(chromium, options)
        heard = {
            "pageerror": lambda error: problems.append(f"error: {error}"),
            "console": lambda line: _note(problems, line.type, line.text),
            "request": lambda request: _check(problems, request.url, own),
        }
        for event, listener in heard.items():
            page.on(event, listener)
        opened.append((page, heard, idle))
        page.goto(address + fragment)
        return page

    yield open_page
    for page, heard, idle in opened:
        for event, listener in heard.items():
            page.remove_listener(event, listener)
        _leave(page)
        idle.append(page)
    assert problems == []


def _new_page(chromium: Browser, options: dict) -> Page:
    page = chromium.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})
    page.set_default_timeout(PATIENCE)
    return page


def _leave(page: Page) -> None:
    """Forget what a test did to a page."""
    page.emulate_media(media="null")
    page.evaluate("() => { try { localStorage.clear() } catch { } }")
    page.goto("about:blank")


def _note(problems: list[str], kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        problems.append(f"console: {text}")


def _check(problems: list[str], address: str, own: str) -> None:
    if not address.startswith((own, "data:image/svg", "blob:")):
        problems.append(f"request: {address}")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve a folder over http and return its address."""
    servers = []

    def start(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
