"""Which prompts may go on, and why the others may not.

Every step looks at the prompts that are still in and may give a reason to drop them; the first
reason is the one recorded in the `reason` column. A prompt whose `reason` is null is still in.
"""

import re
from collections.abc import Callable, Collection

import polars as pl

from benchbuilder.duplicates import fold, twins
from benchbuilder.languages import identify
from benchbuilder.personal import Policy, kinds_in, mask
from benchbuilder.records import prompt_id

_LETTERS = re.compile(r"\w")

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
    prompts: pl.DataFrame,
    *,
    languages: Collection[str],
    min_chars: int,
    max_chars: int,
    pii: Policy,
    near_duplicates: float | None,
) -> pl.DataFrame:
    """Return `prompts` with the columns text, reason, personal and duplicate_of.

    `personal` names the kinds of personal data found; `duplicate_of` is the id of the prompt that
    is kept instead. `near_duplicates` is the similarity from which on two prompts count as one;
    with None only exact copies do.
    """
    table = prompts.with_columns(
        text=pl.col("turns").list.join("\n\n"), reason=pl.lit(None, pl.String)
    )
    table = _check(table, lambda text: "empty" if not _LETTERS.search(text) else None)
    table = _check(table, lambda text: "too_short" if len(text.strip()) < min_chars else None)
    table = _check(table, lambda text: "too_long" if len(text) > max_chars else None)
    table = _languages(table, languages)
    table = _check(table, lambda text: "addresses_annotator" if addresses_annotator(text) else None)
    table = _personal(table, pii)
    table = _exact_duplicates(table)
    return table if near_duplicates is None else _near_duplicates(table, near_duplicates)


def addresses_annotator(text: str) -> bool:
    """Tell whether a prompt speaks to whoever grades it instead of asking for something."""
    return _ADDRESSES_ANNOTATOR.search(text) is not None


def drop(prompts: pl.DataFrame, where: pl.Expr, reason: str) -> pl.DataFrame:
    """Give `reason` to the prompts that are still in and for which `where` holds."""
    dropped = pl.col("reason").is_null() & where
    return prompts.with_columns(reason=pl.when(dropped).then(pl.lit(reason)).otherwise("reason"))


def _still_in(prompts: pl.DataFrame) -> pl.DataFrame:
    return prompts.with_row_index("row").filter(pl.col("reason").is_null())


def _check(prompts: pl.DataFrame, check: Callable[[str], str | None]) -> pl.DataFrame:
    reasons = [
        reason or (check(text) if reason is None else None)
        for text, reason in prompts.select("text", "reason").iter_rows()
    ]
    return prompts.with_columns(reason=pl.Series(reasons, dtype=pl.String))


def _languages(prompts: pl.DataFrame, languages: Collection[str]) -> pl.DataFrame:
    """Fill in the languages the logs do not say, and keep only `languages`, if any are given."""
    known = [
        identify(text) if language is None and reason is None else language
        for text, language, reason in prompts.select("text", "language", "reason").iter_rows()
    ]
    named = prompts.with_columns(language=pl.Series(known, dtype=pl.String))
    if not languages:
        return named
    return drop(named, ~pl.col("language").is_in(sorted(languages)), "language")


def _personal(prompts: pl.DataFrame, pii: Policy) -> pl.DataFrame:
    """Find personal data, and drop the prompts that hold some or mask it, as `pii` says.

    Masking makes another prompt, with an id of its own.
    """
    found = [kinds_in(text) for text in prompts["text"]]
    marked = prompts.with_columns(personal=pl.Series(found, dtype=pl.List(pl.String)))
    if pii == "drop":
        return drop(marked, pl.col("personal").list.len() > 0, "personal_data")
    if pii == "keep":
        return marked
    turns = [
        [mask(turn) for turn in said] if kinds else said
        for said, kinds in zip(marked["turns"].to_list(), found, strict=True)
    ]
    return marked.with_columns(
        id=pl.Series([prompt_id(said) for said in turns], dtype=pl.String),
        turns=pl.Series(turns, dtype=pl.List(pl.String)),
        text=pl.Series(["\n\n".join(said) for said in turns], dtype=pl.String),
    )


def _exact_duplicates(prompts: pl.DataFrame) -> pl.DataFrame:
    rest = _still_in(prompts)
    rest = rest.with_columns(
        folded=pl.Series([fold(text) for text in rest["text"]], dtype=pl.String)
    )
    copies = rest.select(
        "row",
        reason_now=pl.when(pl.col("row") != pl.col("row").first().over("folded")).then(
            pl.lit("duplicate")
        ),
        twin=pl.col("id").first().over("folded"),
    )
    return _with_copies(prompts.with_columns(duplicate_of=pl.lit(None, pl.String)), copies)


def _near_duplicates(prompts: pl.DataFrame, similarity: float) -> pl.DataFrame:
    rest = _still_in(prompts)
    ids = rest["id"].to_list()
    kept = twins(rest["text"].to_list(), similarity=similarity)
    copies = pl.DataFrame(
        {
            "row": rest["row"],
            "reason_now": [None if twin is None else "near_duplicate" for twin in kept],
            "twin": [None if twin is None else ids[twin] for twin in kept],
        },
        {"row": pl.get_index_type(), "reason_now": pl.String(), "twin": pl.String()},
    )
    return _with_copies(prompts, copies)


def _with_copies(prompts: pl.DataFrame, copies: pl.DataFrame) -> pl.DataFrame:
    found = copies.filter(pl.col("reason_now").is_not_null())
    return (
        prompts.with_row_index("row")
        .join(found, on="row", how="left", maintain_order="left")
        .with_columns(
            reason=pl.coalesce("reason", "reason_now"),
            duplicate_of=pl.coalesce("duplicate_of", "twin"),
        )
        .drop("row", "reason_now", "twin")
    )
