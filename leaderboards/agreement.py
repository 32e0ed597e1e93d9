"""How far a ranking, or a judge's verdicts, agree with people.

Against a table of human ratings, whole rankings are compared; against human votes, verdicts on the
same prompt and pair of models. Every interval says what was resampled.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import atanh, sqrt, tanh
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import kendalltau, pearsonr, spearmanr

from judges.records import RunTables, with_samples
from leaderboards.confusion import (
    accuracy,
    by_prompt,
    cohen,
    coincidences,
    decisive,
    krippendorff,
    redrawn,
)
from leaderboards.evidence import Floats
from leaderboards.intervals import percentile_interval, prompt_draws
from leaderboards.rank import rank
from leaderboards.records import Ranking, RankingError
from leaderboards.runs import battles_of, of_category, of_judges, rank_tables

CLASSES = ("first", "tie", "second")
_SHARES = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5, "tie (bothbad)": 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure of agreement over `n` units (models, pairs or verdicts), with its interval.

    `low` and `high` are None where the figure is a plain count or has no interval.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    n: int
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Figures of agreement, and the models that only one side knows."""

    kind: str
    level: float
    measures: tuple[Measure, ...]
    matched: tuple[str, ...]
    only_here: tuple[str, ...]
    only_human: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What could not be computed, and why."""


def agree_with_ratings(
    ranking: Ranking,
    ratings: pl.DataFrame,
    *,
    names: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> Agreement:
    """Compare a ranking with a table of human ratings.

    Args:
        ranking: the ranking.
        ratings: columns model, rating and, if known, low and high, the ends of an interval.
        names: for models of the ranking, what the ratings call them; others are matched exactly.
        level: of the intervals, which take the models as a sample of models.

    Raises:
        RankingError: a column is missing, a model is rated twice, or fewer than three are shared.
    """
    human = _rated(ratings)
    called = {row.model: (names or {}).get(row.model, row.model) for row in ranking.rows}
    matched = [row.model for row in ranking.rows if called[row.model] in human]
    if len(matched) < 3:
        raise RankingError(
            f"only {len(matched)} models have a human rating; at least three are needed "
            f"(ranked: {', '.join(called)})"
        )
    scores = np.array([row.score for row in ranking.rows if row.model in set(matched)])
    rated = np.array([human[called[model]][0] for model in matched])
    return Agreement(
        kind="ratings",
        level=level,
        measures=(
            *_correlations(scores, rated, level),
            *_pair_measures(ranking, {model: human[called[model]] for model in matched}),
        ),
        matched=tuple(matched),
        only_here=tuple(model for model in called if called[model] not in human),
        only_human=tuple(sorted(set(human) - set(called.values()))),
    )


def _rated(ratings: pl.DataFrame) -> dict[str, tuple[float, float | None, float | None]]:
    if missing := {"model", "rating"} - set(ratings.columns):
        raise RankingError(f"the human ratings lack the column {', '.join(sorted(missing))}")
    if ratings["model"].n_unique() < ratings.height:
        raise RankingError("a model stands twice in the human ratings")
    known = {"low", "high"} <= set(ratings.columns)
    ends = ratings.select("low", "high").rows() if known else [(None, None)] * ratings.height
    return {
        model: (float(rating), low, high)
        for model, rating, (low, high) in zip(
            ratings["model"], ratings["rating"], ends, strict=True
        )
    }


def _correlations(scores: Floats, rated: Floats, level: float) -> tuple[Measure, ...]:
    n = len(scores)
    spearman = float(spearmanr(scores, rated).statistic)
    kendall = float(kendalltau(scores, rated).statistic)
    pearson = float(pearsonr(scores, rated).statistic)
    return (
        _correlation("Spearman", spearman, 1 + spearman**2 / 2, n - 3, n, level),
        _correlation("Kendall τ-b", kendall, 0.437, n - 4, n, level),
        _correlation("Pearson", pearson, 1.0, n - 3, n, level),
    )


def _correlation(
    name: str, value: float, spread: float, degrees: int, n: int, level: float
) -> Measure:
    """Interval on Fisher's z scale, with variance spread / degrees (Bonett and Wright 2000)."""
    low = high = None
    value = round(value, 12)
    if degrees > 0 and abs(value) < 1:
        half = NormalDist().inv_cdf((1 + level) / 2) * sqrt(spread / degrees)
        low, high = tanh(atanh(value) - half), tanh(atanh(value) + half)
    return Measure(name=name, value=value, low=low, high=high, n=n, unit="models")


def _pair_measures(
    ranking: Ranking, human: Mapping[str, tuple[float, float | None, float | None]]
) -> tuple[Measure, ...]:
    """Return separability, agreement with confidence, and the Brier score over pairs.

    A pair scores +1 where both sides separate it alike, -1 where they separate it the other way,
    0 otherwise (BenchBuilder, arXiv 2406.11939, section 4).
    """
    pairs = [row for row in ranking.pairs if row.model_a in human and row.model_b in human]
    here = np.array([np.sign(row.difference) * row.separated for row in pairs])
    there = np.array([_separated(human[row.model_a], human[row.model_b]) for row in pairs])
    order = np.array([np.sign(human[row.model_a][0] - human[row.model_b][0]) for row in pairs])
    chance = np.array([_chance_above(row.difference, row.low, row.high, ranking) for row in pairs])
    n, sure = len(pairs), int((there != 0).sum())
    both = here * there
    figures = [
        ("separability here", float((here != 0).mean()), n),
        ("separability of people", sure / n, n),
        ("agreement with confidence, all pairs", float(both.mean()), n),
        ("the most that people's intervals allow", sure / n, n),
        ("pairs alike (+1)", float((both > 0).sum()), n),
        ("pairs unclear (0)", float((both == 0).sum()), n),
        ("pairs against (-1)", float((both < 0).sum()), n),
        ("pair-rank Brier score", float(((chance - (order + 1) / 2) ** 2).mean()), n),
    ]
    if sure:
        over = ("agreement with confidence, pairs people separate", float(both.sum() / sure), sure)
        figures.insert(3, over)
    return tuple(
        Measure(name=name, value=value, low=None, high=None, n=count, unit="pairs")
        for name, value, count in figures
    )


def _separated(
    a: tuple[float, float | None, float | None], b: tuple[float, float | None, float | None]
) -> int:
    """Return 1 or -1 where the two intervals do not touch, 0 where they do or are unknown."""
    if a[1] is None or a[2] is None or b[1] is None or b[2] is None:
        return 0
    return int(a[1] > b[2]) - int(a[2] < b[1])


def _chance_above(difference: float, low: float, high: float, ranking: Ranking) -> float:
    """Return the probability that model_a is above model_b, from the paired interval."""
    spread = (high - low) / (2 * NormalDist().inv_cdf((1 + ranking.settings["level"]) / 2))
    if spread <= 0:
        return (float(np.sign(difference)) + 1) / 2
    return NormalDist().cdf(difference / spread)


def agree_with_votes(
    tables: RunTables,
    votes: pl.DataFrame,
    *,
    names: Mapping[str, str] | None = None,
    judges: Sequence[str] | None = None,
    category: str | None = None,
    strong_weight: float = 3.0,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> Agreement:
    """Compare the verdicts of a run with human votes on the same prompts and pairs of models.

    The verdicts on a pair (both orders, all judges) make one decision: the side that every verdict
    favours, else a tie. A pair with a missing verdict makes none; intervals of these figures
    resample prompts. The ranking is compared with that of the votes as with a table of ratings.

    Args:
        tables: the run.
        votes: columns prompt_id, model_a, model_b, winner
            (`model_a`, `model_b`, `tie` or `tie (bothbad)`).
        names: for models of the run, what the votes call them; others are matched exactly.
        judges: the judges to compare; all of them where None.
        category: compare on the prompts of this category only.
        strong_weight: how many times A>>B and B>>A count in the ranking.
        level: of the intervals.
        draws: bootstrap draws of prompts.
        seed: of the draws.

    Raises:
        RankingError: a column is missing, a winner unknown, or no vote is on a judged pair.
    """
    tables = of_category(of_judges(tables, judges), category)
    _require(votes)
    ours = {theirs: own for own, theirs in (names or {}).items()}
    votes = votes.with_columns(pl.col("model_a", "model_b").replace(ours))
    battles = _complete_battles(tables)
    people = _vote_counts(votes)
    judged = _decisions(battles)
    items = people.join(judged, on=["prompt_id", "first", "second"]).sort(
        "prompt_id", "first", "second"
    )
    if not items.height:
        raise RankingError("no vote is on a prompt and pair of models that was judged")
    counts = prompt_draws(items["prompt_id"].n_unique(), draws, seed)
    here, there = _models(battles), _models(votes)
    same = votes.join(tables.prompts, on="prompt_id", how="semi") if category else votes
    ranked, notes = _ranked_measures(tables, same, strong_weight, level, draws, seed)
    return Agreement(
        kind="votes",
        level=level,
        notes=notes,
        measures=(*_vote_measures(items, counts, level), *ranked),
        matched=tuple(sorted(here & there)),
        only_here=tuple(sorted(here - there)),
        only_human=tuple(sorted(there - here)),
    )


def agree_by_category(
    tables: RunTables, votes: pl.DataFrame, **options: Any
) -> dict[str, Agreement]:
    """Return `agree_with_votes` for each category of the prompts that were judged and voted on."""
    judged = tables.judgments if tables.battles is None else tables.battles
    shared = tables.prompts.join(votes, on="prompt_id", how="semi").join(
        judged, on="prompt_id", how="semi"
    )
    return {
        category: agree_with_votes(tables, votes, category=category, **options)
        for category in shared["category"].drop_nulls().unique().sort()
    }


def _ranked_measures(
    tables: RunTables,
    votes: pl.DataFrame,
    strong_weight: float,
    level: float,
    draws: int,
    seed: int,
) -> tuple[tuple[Measure, ...], tuple[str, ...]]:
    """Return the figures of the two rankings, or why there are none."""
    options: dict[str, Any] = {"level": level, "draws": draws, "seed": seed}
    cast = votes.select(
        "prompt_id",
        "model_a",
        "model_b",
        outcome=pl.col("winner").replace_strict(_SHARES, return_dtype=pl.Float64),
        weight=pl.lit(1.0),
    )
    try:
        people = rank(cast, scale="rating", **options)
        ranking = rank_tables(tables, strong_weight=strong_weight, **options)
        ratings = pl.DataFrame(
            [(row.model, row.score, row.low, row.high) for row in people.rows],
            schema=["model", "rating", "low", "high"],
            orient="row",
        )
        return agree_with_ratings(ranking, ratings, level=level).measures, ()
    except RankingError as reason:
        return (), (f"the ranking of the votes is not compared: {reason}",)


def _complete_battles(tables: RunTables) -> pl.DataFrame:
    """Return the battles of the prompts and pairs that owe no verdict."""
    if tables.battles is not None:
        return tables.battles
    pair = [
        pl.col("prompt_id"),
        pl.min_horizontal("model_a", "model_b"),
        pl.max_horizontal("model_a", "model_b").alias("other"),
    ]
    complete = pl.col("verdict").is_not_null().all().over(pair)
    return battles_of(replace(tables, judgments=tables.judgments.filter(complete)))


def _require(votes: pl.DataFrame) -> None:
    if missing := {"prompt_id", "model_a", "model_b", "winner"} - set(votes.columns):
        raise RankingError(f"the votes lack the column {', '.join(sorted(missing))}")


def _vote_counts(votes: pl.DataFrame) -> pl.DataFrame:
    """Return one row a prompt and pair, with the number of votes for each of `CLASSES`."""
    scored = votes.with_columns(
        outcome=pl.col("winner").replace_strict(_SHARES, default=None, return_dtype=pl.Float64)
    )
    if scored["outcome"].null_count():
        bad = scored.filter(pl.col("outcome").is_null())["winner"][0]
        raise RankingError(f"winner {bad!r} is none of {', '.join(_SHARES)}")
    share = pl.col("share")
    return (
        _turned(scored)
        .group_by("prompt_id", "first", "second")
        .agg(
            (share > 0.5).sum().alias("first_votes"),
            (share == 0.5).sum().alias("tie_votes"),
            (share < 0.5).sum().alias("second_votes"),
        )
    )


def _decisions(battles: pl.DataFrame) -> pl.DataFrame:
    """Return one row a prompt and pair: 0 first, 1 tie, 2 second, as in `CLASSES`.

    The verdicts on a sample decide for a side where all of them favour it; of several samples,
    more must be decided for it than against it.
    """
    pair, share = ["prompt_id", "first", "second"], pl.col("share")
    lead = pl.when((share > 0.5).all()).then(1).when((share < 0.5).all()).then(-1).otherwise(0)
    samples = _turned(with_samples(battles)).group_by(*pair, "sample").agg(lead=lead)
    return samples.group_by(pair).agg(decision=1 - pl.col("lead").sum().sign())


def _turned(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with models in alphabetical order and the first one's share."""
    outcome = pl.col("outcome")
    swapped = pl.col("model_a") > pl.col("model_b")
    return table.with_columns(
        first=pl.min_horizontal("model_a", "model_b"),
        second=pl.max_horizontal("model_a", "model_b"),
        share=pl.when(swapped).then(1 - outcome).otherwise(outcome),
    )


def _models(table: pl.DataFrame) -> set[str]:
    return set(table["model_a"]) | set(table["model_b"])


def _vote_measures(items: pl.DataFrame, counts: Floats, level: float) -> tuple[Measure, ...]:
    prompt = items["prompt_id"].rank("dense").to_numpy().astype(np.int64) - 1
    decided = np.eye(3)[items["decision"].to_numpy()]
    votes = items.select("first_votes", "tie_votes", "second_votes").to_numpy().astype(float)
    most = votes.max(axis=1, keepdims=True)
    clear = (votes == most).sum(axis=1) == 1
    majority = (votes == most) * clear[:, None]
    several = votes.sum(axis=1) > 1
    paired = coincidences(votes) * several[:, None, None]
    tables: list[tuple[str, Callable[[Floats], Floats], Floats, int, str]] = []
    for name, human in (("votes", votes), ("majority", majority)):
        confusion = decided[:, :, None] * human[:, None, :]
        n, unit = int(human.sum()), "votes" if name == "votes" else "pairs of answers"
        sided = int(confusion[:, ::2, ::2].sum())
        tables += [
            (f"accuracy against the {name}", accuracy, confusion, n, unit),
            (f"accuracy against the {name}, ties left out", decisive, confusion, sided, unit),
            (f"Cohen's κ against the {name}", cohen, confusion, n, unit),
        ]
    joint = coincidences(votes + decided)
    tables += [
        ("Krippendorff's α, judge and votes", krippendorff, joint, int(votes.sum()), "votes"),
        (
            "Krippendorff's α among people",
            krippendorff,
            paired,
            int(votes[several].sum()),
            "votes",
        ),
        ("agreement of two people", accuracy, paired, int(votes[several].sum()), "votes"),
        (
            "agreement of two people, ties left out",
            decisive,
            paired,
            int(votes[several].sum()),
            "votes",
        ),
    ]
    found = (
        _measure(name, figure, by_prompt(prompt, cells, len(counts[0])), counts, level, n, unit)
        for name, figure, cells, n, unit in tables
        if n
    )
    return tuple(measure for measure in found if not np.isnan(measure.value))


def _measure(
    name: str,
    figure: Callable[[Floats], Floats],
    tables: Floats,
    counts: Floats,
    level: float,
    n: int,
    unit: str,
) -> Measure:
    prompts = len(tables)
    drawn = figure(redrawn(tables, counts))
    low, high = percentile_interval(drawn[:, None], level, np.array([prompts]))
    value = float(figure(tables.sum(axis=0)[None])[0])
    return Measure(name=name, value=value, low=float(low[0]), high=float(high[0]), n=n, unit=unit)
