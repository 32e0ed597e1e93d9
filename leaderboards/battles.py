"""From judgments to battles, and what is still owed.

A battle is one usable verdict: model_a's share of the point, and how much the verdict counts. A
judgment without a verdict gives no battle; it is counted by `owed` instead.
"""

from collections import Counter
from collections.abc import Collection, Mapping

import polars as pl

from judges.records import VERDICTS, with_samples
from leaderboards.records import BATTLE_SCHEMA, RankingError

_OUTCOMES = dict(zip(VERDICTS, (1.0, 1.0, 0.5, 0.0, 0.0), strict=True))
STRONG = ("A>>B", "B>>A")
_PAIR = (
    pl.col("prompt_id"),
    pl.min_horizontal("model_a", "model_b").alias("first"),
    pl.max_horizontal("model_a", "model_b").alias("second"),
)
"""What names a prompt's pair of models, whichever was shown first."""


def battles_from_judgments(
    judgments: pl.DataFrame,
    *,
    strong_weight: float = 3.0,
    judges: Collection[str] | None = None,
    weights: Mapping[str, float] | None = None,
) -> pl.DataFrame:
    """Return the battles (`BATTLE_SCHEMA`, and sample) of the judgments that have a verdict.

    A verdict that is a number is model_a's share of the point as it stands, counted once. Where
    models answered each prompt several times, the samples share the prompt: a verdict on one of N
    counts 1/N, whether the others have a verdict or not. With several judges, each has its weight
    on a prompt's pair of models however many of its verdicts are missing, and the prompt weighs the
    same however many judges are.

    Args:
        judgments: columns of `JUDGMENT_SCHEMA`.
        strong_weight: how many times A>>B and B>>A count.
        judges: the judges to keep; all of them where None.
        weights: of the judges, relative to each other; 1 where not named.

    Raises:
        RankingError: an unknown judge, an unreadable verdict or a model that meets itself.
    """
    chosen = _with_shares(choose_judges(judgments, judges))
    battles = _scored(chosen.filter(pl.col("verdict").is_not_null()), strong_weight)
    return equal_judges(battles.select(*BATTLE_SCHEMA.names(), "sample"), weights)


def choose_judges(table: pl.DataFrame, judges: Collection[str] | None) -> pl.DataFrame:
    """Return the rows of the named judges.

    Raises:
        RankingError: a judge has no row.
    """
    if judges is None:
        return table
    known = set(table["judge"].drop_nulls().unique())
    if unknown := sorted(set(judges) - known):
        raise RankingError(
            f"no verdicts of judge {', '.join(unknown)}; there are {', '.join(sorted(known))}"
        )
    return table.filter(pl.col("judge").is_in(list(judges)))


def owed(judgments: pl.DataFrame) -> dict[str, int]:
    """Return for each model the number of its games whose verdict is missing."""
    missing = judgments.filter(pl.col("verdict").is_null())
    counts = Counter(missing["model_a"].to_list())
    counts.update(missing["model_b"].to_list())
    return dict(sorted(counts.items()))


def equal_judges(battles: pl.DataFrame, weights: Mapping[str, float] | None = None) -> pl.DataFrame:
    """Scale weights so that each judge has its part of a prompt's pair, and prompts weigh alike.

    Within a prompt and pair, each judge's verdicts are scaled to the mean total of the judges that
    gave one, times the judge's weight, and together to what the whole panel would have weighed. A
    judge of weight 2 is as two judges of one mind. One judge's weights stay as they are.

    Args:
        battles: columns of `BATTLE_SCHEMA`.
        weights: of the judges, relative to each other; 1 where not named, or all where None.
    """
    panel = panel_weights(battles, weights)
    if len(panel) < 2:
        return battles
    part = pl.col("judge").replace_strict(panel, default=1.0, return_dtype=pl.Float64)
    games = pl.len().over(*_PAIR, "judge")
    own = pl.col("weight").sum().over(*_PAIR, "judge")
    present = (part / games).sum().over(*_PAIR)
    mean = (part / games * own).sum().over(*_PAIR) / present
    scale = part / own * mean * len(panel) / present
    return battles.with_columns(weight=pl.col("weight") * scale)


def panel_weights(
    verdicts: pl.DataFrame, weights: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return the weight of each judge that gave `verdicts`, 1 on average."""
    judges = verdicts["judge"].drop_nulls().unique().sort().to_list()
    given = {judge: (weights or {}).get(judge, 1.0) for judge in judges}
    return {judge: weight * len(given) / sum(given.values()) for judge, weight in given.items()}


def points_of_a(verdict: pl.Expr) -> pl.Expr:
    """Return the share of the point that a verdict, label or probability, gives to model_a."""
    labelled = verdict.replace_strict(_OUTCOMES, default=None, return_dtype=pl.Float64)
    return pl.coalesce(labelled, verdict.cast(pl.Float64, strict=False))


def _with_shares(judgments: pl.DataFrame) -> pl.DataFrame:
    """Return judgments with `share`: one sample's part of what its judge says of a prompt's pair.

    Samples count whether they have a verdict or not, so that a missing one weighs as one more.
    """
    known = with_samples(judgments)
    if not known["sample"].max():
        return known.with_columns(share=pl.lit(1.0))
    return known.with_columns(share=1 / pl.col("sample").n_unique().over(*_PAIR, "judge"))


def _scored(judgments: pl.DataFrame, strong_weight: float) -> pl.DataFrame:
    verdict = pl.col("verdict")
    return readable(judgments).with_columns(
        outcome=points_of_a(verdict),
        weight=pl.when(verdict.is_in(STRONG)).then(strong_weight).otherwise(1.0) * pl.col("share"),
    )


def readable(judgments: pl.DataFrame) -> pl.DataFrame:
    """Return judgments that all have a verdict, as they are.

    Raises:
        RankingError: a verdict is neither a label nor a probability.
    """
    fits = points_of_a(pl.col("verdict")).is_between(0, 1).fill_null(False)
    bad = judgments.filter(~fits)
    if bad.height:
        raise RankingError(
            f"verdict {bad['verdict'][0]!r} is none of {', '.join(VERDICTS)} "
            "nor a probability between 0 and 1"
        )
    return judgments
