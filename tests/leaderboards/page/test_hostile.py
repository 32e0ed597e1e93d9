"""Texts of strangers run nothing, load nothing and navigate nowhere, wherever they stand."""

import base64
import gzip
import random
import re
import string

import polars as pl
import pytest
from playwright.sync_api import expect

from judges.records import ANSWER_SCHEMA, JUDGMENT_SCHEMA, PROMPT_SCHEMA, RunTables
from leaderboards.page.markdown import TAGS, markdown_tree

HOSTILE = [
    "<script>window.hit = 1</script>",
    "</script><script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    '"><img src=x onerror="window.hit = 1">',
    "<svg onload='window.hit = 1'></svg>",
    "<svg><script>window.hit = 1</script></svg>",
    "<iframe src='javascript:window.hit = 1'></iframe>",
    "<iframe srcdoc='<script>parent.hit = 1</script>'></iframe>",
    "<style>body{display:none}</style>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/gone'>",
    "<base href=http://127.0.0.1:9/>",
    "<form action=http://127.0.0.1:9/><button>go</button></form>",
    "<math><mtext><script>window.hit = 1</script></mtext></math>",
    "<object data='javascript:window.hit = 1'></object>",
    "<embed src='javascript:window.hit = 1'>",
    "<video src=http://127.0.0.1:9/x onerror='window.hit = 1'></video>",
    "<details open ontoggle='window.hit = 1'>x</details>",
    "<body onload='window.hit = 1'>",
    "<input autofocus onfocus='window.hit = 1'>",
    "<a href='javascript:window.hit = 1'>x</a>",
    "[x](javascript:window.hit=1)",
    "[x](JaVaScRiPt:window.hit=1)",
    "[x](java&#10;script:window.hit=1)",
    "[x](data:text/html,<script>window.hit=1</script>)",
    "[x](vbscript:window.hit)",
    "![x](http://127.0.0.1:9/pixel.png)",
    '![x](x" onerror="window.hit=1)',
    "<javascript:window.hit=1>",
    "```html\n<script>window.hit = 1</script>\n```",
    "~~~\"><script>window.hit=1</script>\n~~~",
    "&lt;script&gt;window.hit = 1&lt;/script&gt;",
    "&#60;img src=x onerror=window.hit=1&#62;",
    "<!-- --!><script>window.hit = 1</script>",
    "<![CDATA[<script>window.hit = 1</script>]]>",
    "{{ 7 * 7 }} {% raw %} ${window.hit=1} #{1}",
    "\u202eevil\u202c \u2066x\u2069 \u200b",
    "\u2028\u2029';window.hit=1//",
    "\\u003cscript\\u003ewindow.hit=1\\u003c/script\\u003e",
    "'); window.hit = 1; ('",
    "../../../etc/passwd",
    "__proto__",
    "constructor",
    "=HYPERLINK(\"http://127.0.0.1:9\")",
    "| a | <img src=x onerror=window.hit=1> |\n|---|---|\n| b | <script>window.hit=1</script> |",
    "> " * 300 + "deep",
    "- " * 200 + "deep",
    "*" * 500 + "x" + "*" * 500,
    "a" * 3000,
    "#battle=x&style=1",
    "%00%0a%2e%2e",
    "",
]  # fmt: skip


def hostile_run() -> RunTables:
    """Every string stands in every field: ids, names, topics, turns, answers, words, reasons."""
    names = [f"{number} {text[:60]}" for number, text in enumerate(HOSTILE)]
    models = names[:12]
    prompts = [
        {"prompt_id": name, "turns": [text, text], "category": f"c{text[:60]}", "topic": text}
        for name, text in zip(names, HOSTILE, strict=True)
    ]
    answers = [
        {
            "prompt_id": name,
            "model": model,
            "text": text,
            "earlier": [text],
            "reasoning": text,
            "tokens": 3,
        }
        for name, text in zip(names, HOSTILE, strict=True)
        for model in models
    ]
    games = [
        {
            "prompt_id": name,
            "judge": f"judge {HOSTILE[number % 2]}",
            "model_a": pair[0],
            "model_b": pair[1],
            "verdict": None if number % 9 == 8 else "A>B",
            "text": text,
            "error": text if number % 9 == 8 else None,
        }
        for number, (name, text) in enumerate(zip(names, HOSTILE, strict=True))
        for other in models[1:]
        for pair in ((models[0], other), (other, models[0]))
    ]
    canary = {"games": 6, "verdicts": 6, "share": 0.5, "won_twice": 1}
    judges = sorted({game["judge"] for game in games})
    return RunTables(
        meta={
            "counts": {
                "canaries": [
                    {"judge": judge, "canary": text, **canary}
                    for judge in judges
                    for text in HOSTILE
                ],
                "repeated": dict.fromkeys(models, 7),
            },
            "command": HOSTILE[1],
            "config": {text: text for text in HOSTILE},
            "date": HOSTILE[0],
        },
        prompts=pl.DataFrame(prompts, PROMPT_SCHEMA),
        answers=pl.DataFrame(answers, ANSWER_SCHEMA),
        judgments=pl.DataFrame(games, JUDGMENT_SCHEMA),
    )


FORBIDDEN = ", ".join(
    f"main {one}"
    for one in [
        *(
            "script",
            "img",
            "iframe",
            "object",
            "embed",
            "form:not(#battle-filters)",
            "meta",
            "link",
        ),
        *("base", "style", "video", "math", "[onerror]", "[onload]", "[onclick]", "[onfocus]"),
        *("a[href^='javascript:' i]", "a[href^='data:' i]", "a[href^='vbscript:' i]"),
    ]
)
WALK = """async (forbidden) => {
    const battle = document.getElementById("battle");
    for (let seen = 1, found = 0; ; seen += 1) {
        found += document.querySelectorAll(forbidden).length;
        const next = document.getElementById("next");
        if (next.disabled) return [seen, found];
        await new Promise((drawn) => {
            new MutationObserver((_, watcher) => { watcher.disconnect(); drawn(); })
                .observe(battle, { childList: true });
            next.click();
        });
    }
}"""
"""Opens one battle after the other; returns how many there are and the forbidden nodes in them."""

STATE = "() => [window.hit, location.pathname, getComputedStyle(document.body).display]"


@pytest.fixture(scope="module")
def hostile(publish):
    table = pl.DataFrame(
        {
            "prompt_id": HOSTILE,
            "turns": [[text] for text in HOSTILE],
            "topic": HOSTILE,
            "source": HOSTILE,
            "language": HOSTILE,
            "reason": HOSTILE,
            "x": [float(n) for n in range(len(HOSTILE))],
            "y": [float(n % 7) for n in range(len(HOSTILE))],
            "kept": [n % 2 == 0 for n in range(len(HOSTILE))],
        }
    )
    card = {"name": HOSTILE[0], "funnel": dict.fromkeys(HOSTILE, 3), "licence": HOSTILE[2]}
    return publish(
        hostile_run(), title=HOSTILE[3], note=HOSTILE[4], card=card, prompts=table, style=()
    )


def nothing_happened(page, name):
    hit, path, display = page.evaluate(STATE)
    return hit is None and path.endswith(name) and display == "block"


@pytest.mark.browser
def test_hostile_texts_do_nothing_in_any_field_of_the_page(visit, hostile):
    page = visit(hostile)
    page.locator("#battles").scroll_into_view_if_needed()
    expect(page.locator(".battle-row").first).to_be_visible()
    assert page.locator(FORBIDDEN).count() == 0
    assert nothing_happened(page, "index.html")


@pytest.mark.browser
def test_hostile_names_of_canaries_families_judges_and_repeating_models_are_shown_as_text(
    visit, hostile
):
    page = visit(hostile)
    shown = page.locator("#judge bdi").all_text_contents()
    assert set(HOSTILE) <= set(shown)
    assert {f"judge {text}" for text in HOSTILE[:2]} <= set(shown)
    assert f"9 {HOSTILE[9]}" in shown
    assert page.locator("#judge").locator(FORBIDDEN.replace("main ", "")).count() == 0


@pytest.mark.browser
def test_hostile_texts_do_nothing_in_any_battle_rendered_or_raw(visit, hostile):
    page = visit(hostile, "#outcome=")
    page.locator("#battles").scroll_into_view_if_needed()
    page.locator("#f-a").select_option("0")
    page.locator("#f-b").select_option("1")
    page.locator(".battle-row").first.click()
    expect(page.locator("#battle-title")).to_be_visible()
    assert page.evaluate(WALK, FORBIDDEN) == [len(HOSTILE), 0]
    page.keyboard.press("r")
    assert page.locator(FORBIDDEN).count() == 0
    assert nothing_happened(page, "index.html")


@pytest.mark.browser
@pytest.mark.parametrize("name", ["prompts.html", "embed.html"])
def test_hostile_texts_do_nothing_on_the_other_pages(visit, hostile, name):
    page = visit((hostile / name).as_uri())
    expect(page.locator("html")).to_have_attribute("data-ready", "1")
    assert page.locator(FORBIDDEN).locator("visible=true").count() == 0
    assert nothing_happened(page, name)


@pytest.mark.browser
def test_a_hidden_reordering_of_text_is_shown_as_what_it_is(visit, publish, run_of):
    tables = run_of(["a", "b"], 2)
    turned = tables.prompts.with_columns(turns=pl.lit(["\u202eevil"]))
    site = publish(RunTables(**{**_fields(tables), "prompts": turned}), style=())
    page = visit(site, "#battle=q00/a/b")
    expect(page.locator("#battle .turn")).to_have_text("⟨U+202E⟩evil")


def _fields(tables):
    return {name: getattr(tables, name) for name in ("meta", "prompts", "answers", "judgments")}


def tags_and_links(tree):
    for node in tree:
        if isinstance(node, list):
            yield node[0], node[2] if node[0] == "a" else ""
            yield from tags_and_links(node[1])


def test_random_markdown_gives_only_known_elements_and_safe_links():
    rng = random.Random(0)
    pieces = [*HOSTILE, *string.punctuation, "\n", "\n\n", "[a](", "![b](", "https://x.y", " "]
    for _ in range(500):
        tree = markdown_tree("".join(rng.choices(pieces, k=12))[:4000])
        for tag, link in tags_and_links(tree):
            assert tag in TAGS
            assert not link or link.lower().startswith(("https://", "http://", "mailto:"))


def test_texts_that_may_not_be_published_are_in_no_file_of_the_site(publish, run_of):
    site = publish(run_of(["a", "b"], 3), with_prompts=False, style=())
    for file in site.rglob("*.*"):
        content = file.read_bytes()
        if found := re.fullmatch(rb'__shard\("[^"]+","([^"]+)"\)', content):
            content = gzip.decompress(base64.b64decode(found[1]))
        if file.suffix == ".parquet":
            content = repr(pl.read_parquet(file).to_dicts()).encode()
        for words in (b"Question q0", b"The **answer**", b"I looked at", b"said hello"):
            assert words not in content, file
