"""Which prompts may go on, and why the others may not.

Every check gives a reason or None for each prompt; the first that objects is the one recorded in
the `reason` column. A prompt whose `reason` is null is still in.
"""

import re
from collections.abc import Callable, Collection

import polars as pl

from benchbuilder.languages import UNDETERMINED

Check = Callable[[str], str | None]

_LETTERS = re.compile(r"\w")
_FOLDED_AWAY = re.compile(r"[\W_]+")

_ADDRESSES_ANNOTATOR = re.compile(
    r"""
    \b(?:ignore|disregard|forget|skip|override)\b.{0,40}
        \b(?:criteri\w+|rubric|annotation|grading|evaluation\s+(?:rules|instructions))
    | \b(?:note|message|instructions?|attention)\b.{0,12}
        \b(?:annotators?|graders?|evaluators?|raters?|judges?|labell?ers?)\b\s*[:,\-]
    | \b(?:satisf\w+|meets?|fulfil\w*)\b.{0,20}\b(?:all|every|each)\b.{0,12}\bcriteri\w+
    | \b(?:rate|score|label|grade|mark)\b.{0,12}\bthis\s+(?:prompt|question)\b.{0,30}
        \b(?:all|highest|maximum|seven|7)\b
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def clean(
    prompts: pl.DataFrame, *, languages: Collection[str], min_chars: int, max_chars: int
) -> pl.DataFrame:
    """Return `prompts` with the columns text, reason and duplicate_of (the id of the kept twin)."""
    checks: list[Check] = [
        lambda text: None if _LETTERS.search(text) else "empty",
        lambda text: "too_short" if len(text.strip()) < min_chars else None,
        lambda text: "too_long" if len(text) > max_chars else None,
        lambda text: "addresses_annotator" if addresses_annotator(text) else None,
    ]
    texts = prompts["turns"].list.join("\n\n")
    reasons = [_first_reason(text, checks) for text in texts]
    checked = prompts.with_columns(text=texts, reason=pl.Series(reasons, dtype=pl.String))
    return mark_exact_duplicates(_mark_languages(checked, languages))


def addresses_annotator(text: str) -> bool:
    """Tell whether a prompt speaks to whoever grades it instead of asking for something."""
    return _ADDRESSES_ANNOTATOR.search(text) is not None


def fold(text: str) -> str:
    """Return `text` without case, space and punctuation, which do not make two prompts differ."""
    return _FOLDED_AWAY.sub("", text.casefold()) or text


def mark_exact_duplicates(prompts: pl.DataFrame) -> pl.DataFrame:
    """Drop all but the first of prompts that are the same when folded."""
    folded = prompts.with_row_index("row").with_columns(
        folded=pl.Series([fold(text) for text in prompts["text"]], dtype=pl.String)
    )
    kept = (
        folded.filter(pl.col("reason").is_null())
        .group_by("folded")
        .agg(first=pl.col("row").min(), twin=pl.col("id").sort_by("row").first())
    )
    is_copy = pl.col("reason").is_null() & (pl.col("row") != pl.col("first"))
    return (
        folded.join(kept, on="folded", how="left", maintain_order="left")
        .with_columns(
            reason=pl.when(is_copy).then(pl.lit("duplicate")).otherwise("reason"),
            duplicate_of=pl.when(is_copy).then("twin"),
        )
        .drop("row", "folded", "first", "twin")
    )


def _first_reason(text: str, checks: list[Check]) -> str | None:
    return next((reason for check in checks if (reason := check(text))), None)


def _mark_languages(prompts: pl.DataFrame, languages: Collection[str]) -> pl.DataFrame:
    """Drop prompts not known to be in one of `languages`; with none given, all stay."""
    if not languages:
        return prompts
    foreign = ~pl.col("language").fill_null(UNDETERMINED).is_in(sorted(languages))
    reason = pl.when(pl.col("reason").is_null() & foreign).then(pl.lit("language"))
    return prompts.with_columns(reason=reason.otherwise("reason"))
