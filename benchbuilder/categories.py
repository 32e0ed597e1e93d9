"""What kind of prompt each one is: nothing in particular, its topic, or what a model says."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import polars as pl

from llms.budget import Budget
from llms.files import digest
from llms.progress import Progress
from llms.records import ModelSpec, Reply, Request
from llms.store import ResponseStore
from prompts import template

CategorySource = Literal["none", "topic", "annotator"]

ALL = "all"
KINDS = ("coding", "maths", "science", "creative_writing", "knowledge", "advice", "other")


def ask_categories(
    prompts: pl.DataFrame,
    *,
    categories: Sequence[str],
    annotator: ModelSpec,
    store: ResponseStore,
    progress: Progress,
    budget: Budget,
) -> pl.DataFrame:
    """Ask about each row (id, text); returns id and category, null where the reply failed."""
    from llms.complete import ask

    requests = [
        Request(
            spec=annotator,
            messages=[{"role": "user", "content": _question(text, categories)}],
            about={"prompt_id": key, "question": "category"},
        )
        for key, text in prompts.select("id", "text").iter_rows()
    ]
    check = partial(_unreadable, categories=categories)
    results = ask(
        requests, store=store, check=check, progress=progress, budget=budget, stage="categories"
    )
    found = [
        read_category(result.text, categories) if isinstance(result, Reply) else None
        for result in results
    ]
    return pl.DataFrame(
        {"id": prompts["id"], "category": pl.Series(found, dtype=pl.String)},
        {"id": pl.String(), "category": pl.String()},
    )


def read_category(text: str, categories: Sequence[str]) -> str | None:
    """Return the one of `categories` that `text` names; None if it names none or several."""
    said = " ".join(text.lower().replace("_", " ").split())
    named = [name for name in categories if name.lower().replace("_", " ") in said]
    return named[0] if len(named) == 1 else None


def _question(text: str, categories: Sequence[str]) -> str:
    marker = digest(text)[:12]
    return template("category").render(prompt=text, categories=categories, marker=marker)


def _unreadable(reply: Reply, *, categories: Sequence[str]) -> str | None:
    return None if read_category(reply.text, categories) else "unreadable"
