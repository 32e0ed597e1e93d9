"""What sways a judge besides the answers' merit: length and layout, kinship, and other judges.

All shares come with intervals that resample prompts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from judges.records import with_samples
from leaderboards.battles import battles_from_judgments
from leaderboards.confusion import by_prompt, cohen, expected_by_chance, redrawn
from leaderboards.intervals import percentile_interval
from leaderboards.shares import Draws, Share, ShareOf, draws_of, share_of

STYLE = ("tokens", "headers", "lists", "bold")
_GAME = ("prompt_id", "model_a", "model_b")


@dataclass(frozen=True, slots=True, kw_only=True)
class StylePreference:
    """How often a judge that took sides took the side of the answer with more of a feature."""

    judge: str
    feature: str
    share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyPreference:
    """What a judge gives to a family of models when it meets other families.

    `points` is the share of the points; `beyond_others` how much that is more than what the other
    judges give to the same answers (nothing is known of it with a single judge). `own` marks the
    judge's own family.
    """

    judge: str
    family: str
    own: bool
    points: Share
    beyond_others: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeAgreement:
    """How often two judges favour the same side of a game; `kappa` corrects for chance.

    Cohen's kappa over first, second and tie, with an interval from the same draws of prompts; None
    where chance alone explains everything.
    """

    judge_a: str
    judge_b: str
    same: Share
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """All that is known of what sways the judges of a run."""

    style: tuple[StylePreference, ...]
    families: tuple[FamilyPreference, ...]
    agreement: tuple[JudgeAgreement, ...]

    def of(self, judge: str) -> "Preferences":
        """Return what is known of one judge, its agreement with each other judge among it."""
        return Preferences(
            style=tuple(row for row in self.style if row.judge == judge),
            families=tuple(row for row in self.families if row.judge == judge),
            agreement=tuple(r for r in self.agreement if judge in (r.judge_a, r.judge_b)),
        )


def preferences(
    judgments: pl.DataFrame,
    answers: pl.DataFrame,
    *,
    families: Mapping[str, str] | None = None,
    among: pl.DataFrame | None = None,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> Preferences:
    """Return what sways the judges in `judgments`.

    Args:
        judgments: columns of `JUDGMENT_SCHEMA`.
        answers: columns of `ANSWER_SCHEMA`, for the style counts; may be empty.
        families: the family of a model or judge; where absent, the first word of its name.
        among: prompt_id, model_a, model_b: style is compared on these pairs only (either way
            round), for instance those that people call equal.

    Raises:
        RankingError: an unreadable verdict.
    """
    verdicts = battles_from_judgments(judgments)
    drawn = draws_of(judgments["prompt_id"], level=level, draws=draws, seed=seed)
    share = share_of(drawn)
    compared = verdicts if among is None else _among(verdicts, among)
    return Preferences(
        style=tuple(_style(compared, answers, share)),
        families=tuple(_families(verdicts, families or {}, share)),
        agreement=tuple(_agreement(verdicts, drawn)),
    )


def family(name: str) -> str:
    """Return the first word of a model's name, without organisation and version.

    >>> family("Qwen/Qwen2.5-7B-Instruct")
    'qwen'
    """
    last = name.rstrip("/").rsplit("/", 1)[-1].lower()
    return re.split(r"[^a-z]", last.lstrip("0123456789-_. "), maxsplit=1)[0] or last


def tied_pairs(votes: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs (prompt_id, model_a, model_b) on which voters give both the same points.

    Votes (prompt_id, model_a, model_b, winner) of either way round count together.
    """
    side = pl.when(pl.col("winner") == "model_a").then(1).otherwise(0)
    lead = side - pl.when(pl.col("winner") == "model_b").then(1).otherwise(0)
    straight = votes.select(*_GAME, lead=lead)
    turned = votes.select("prompt_id", model_a="model_b", model_b="model_a", lead=-lead)
    summed = pl.concat([straight, turned]).group_by(_GAME).agg(pl.col("lead").sum())
    return summed.filter(pl.col("lead") == 0).select(
        pl.col("prompt_id").cast(pl.String), *_GAME[1:]
    )


def _among(verdicts: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    turned = pairs.select("prompt_id", model_a="model_b", model_b="model_a")
    both = pl.concat([pairs.select(*_GAME), turned]).unique()
    return verdicts.join(both, on=_GAME, how="semi")


def _style(
    verdicts: pl.DataFrame, answers: pl.DataFrame, share: ShareOf
) -> Sequence[StylePreference]:
    counts = with_samples(answers).select("prompt_id", "model", "sample", *STYLE)
    sided = verdicts.filter(pl.col("outcome") != 0.5)
    for place in ("model_a", "model_b"):
        named = counts.rename({"model": place, **{name: f"{name}_{place}" for name in STYLE}})
        sided = sided.join(named, on=["prompt_id", place, "sample"], how="left")
    found = []
    for judge in verdicts["judge"].unique().sort():
        own = sided.filter(pl.col("judge") == judge)
        for name in STYLE:
            more = pl.col(f"{name}_model_a") - pl.col(f"{name}_model_b")
            uneven = own.filter(more != 0)
            taken = (more > 0) == (pl.col("outcome") > 0.5)
            found.append(StylePreference(judge=judge, feature=name, share=share(uneven, taken)))
    return found


def _families(
    verdicts: pl.DataFrame, known: Mapping[str, str], share: ShareOf
) -> Sequence[FamilyPreference]:
    points = _points(verdicts, known)
    found = []
    for judge in verdicts["judge"].unique().sort():
        given = points.filter(pl.col("judge") == judge)
        for name in given["family"].unique().sort():
            some = given.filter(pl.col("family") == name)
            shared = some.filter(pl.col("judges") > 1)
            found.append(
                FamilyPreference(
                    judge=judge,
                    family=name,
                    own=known.get(judge, family(judge)) == name,
                    points=share(some, pl.col("points")),
                    beyond_others=share(shared, pl.col("points") - pl.col("others"), least=-1),
                )
            )
    return found


def _points(verdicts: pl.DataFrame, known: Mapping[str, str]) -> pl.DataFrame:
    """Return what each judge gave to each model of a pair of families, and what others gave."""
    straight = verdicts.select(
        "prompt_id", "judge", model="model_a", other="model_b", points=pl.col("outcome")
    )
    turned = verdicts.select(
        "prompt_id", "judge", model="model_b", other="model_a", points=1 - pl.col("outcome")
    )
    names = {*verdicts["model_a"], *verdicts["model_b"]}
    of = {name: known.get(name, family(name)) for name in names}
    met = ["prompt_id", "model", "other"]
    total, judges = pl.col("points").sum().over(met), pl.len().over(met)
    return (
        pl.concat([straight, turned])
        .group_by("judge", *met)
        .agg(pl.col("points").mean())
        .with_columns(family=_replaced("model", of), other_family=_replaced("other", of))
        .filter(pl.col("family") != pl.col("other_family"))
        .with_columns(judges=judges, others=(total - pl.col("points")) / (judges - 1))
    )


def _replaced(column: str, names: Mapping[str, str]) -> pl.Expr:
    return pl.col(column).replace_strict(dict(names), return_dtype=pl.String)


def _agreement(verdicts: pl.DataFrame, drawn: Draws) -> Sequence[JudgeAgreement]:
    game = [*_GAME, "sample"]
    sides = verdicts.group_by("judge", *game).agg(side=(pl.col("outcome").mean() - 0.5).sign())
    found = []
    for first, second in combinations(verdicts["judge"].unique().sort(), 2):
        left, right = (sides.filter(pl.col("judge") == judge) for judge in (first, second))
        both = left.join(right, on=game, suffix="_other")
        same = share_of(drawn)(both, pl.col("side") == pl.col("side_other"))
        kappa, low, high = _kappa(both, same, drawn)
        found.append(
            JudgeAgreement(
                judge_a=first,
                judge_b=second,
                same=same,
                kappa=kappa,
                kappa_low=low,
                kappa_high=high,
            )
        )
    return found


def _kappa(
    both: pl.DataFrame, same: Share, drawn: Draws
) -> tuple[float | None, float | None, float | None]:
    """Return Cohen's kappa and the ends of its interval.

    Where two judges always agree, drawing prompts shows nothing; the interval is then that of the
    share of games on which they do, corrected for the same chance.
    """
    place = pl.DataFrame({"prompt_id": drawn.prompts}).with_row_index("place")
    games = both.join(place, on="prompt_id")
    sides = [games[name].to_numpy().astype(np.int64) + 1 for name in ("side", "side_other")]
    cells = np.eye(3)[sides[0]][:, :, None] * np.eye(3)[sides[1]][:, None, :]
    tables = by_prompt(games["place"].to_numpy().astype(np.int64), cells, len(drawn.prompts))
    whole = tables.sum(axis=0, keepdims=True)
    value = float(cohen(whole)[0])
    if np.isnan(value):
        return None, None, None
    if value == 1 and same.low is not None:
        chance = float(expected_by_chance(whole)[0])
        return value, (same.low - chance) / (1 - chance), value
    drawn_values = cohen(redrawn(tables, drawn.counts))[:, None]
    prompts = np.array([games["place"].n_unique()])
    low, high = percentile_interval(drawn_values, drawn.level, prompts)
    return value, float(low[0]), float(high[0])
