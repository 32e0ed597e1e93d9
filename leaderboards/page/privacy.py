"""What of a run may be published, where prompts or answers are private."""

from dataclasses import replace

import polars as pl

from judges.records import ANSWER_SCHEMA, PROMPT_SCHEMA, RunTables


def published(tables: RunTables, *, prompts: bool, answers: bool) -> RunTables:
    """Return the run with the texts that are kept back as null.

    Without `answers` the judges' words go too, which quote them; without `prompts` all three do.
    Of an error only the short reason stays. Verdicts, counts and names stay.
    """
    if prompts and answers:
        return tables
    reason = pl.col("error").str.split(":").list.first()
    texts = [pl.lit(None, ANSWER_SCHEMA[name]).alias(name) for name in ("text", "earlier")]
    thoughts = pl.lit(None, ANSWER_SCHEMA["reasoning"]).alias("reasoning")
    turns = pl.lit(None, PROMPT_SCHEMA["turns"]).alias("turns")
    return replace(
        tables,
        prompts=tables.prompts if prompts else tables.prompts.with_columns(turns),
        answers=tables.answers.with_columns(*texts, thoughts, error=reason),
        judgments=tables.judgments.with_columns(texts[0], error=reason),
    )
