"""How many prompts, games and judges it takes to see a difference.

A pilot run's verdicts vary by prompt, by sample, order and judge within a prompt, and from one
verdict to the next. More prompts lessen all five; more samples, orders, judges and repeats only
theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations, product
from math import sqrt
from statistics import NormalDist

import numpy as np
import polars as pl

from judges.records import RunTables
from leaderboards.battles import battles_from_judgments
from leaderboards.evidence import Floats
from leaderboards.records import RankingError

_MOST_PAIRS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Variances:
    """Variances of the difference of two models' points (in percent), one game each.

    None: the pilot cannot tell it from the part named before it (one judge, one order, or no
    repeated verdict), which then contains it; `sample` from `prompt` (one answer to each prompt).
    """

    prompt: float
    order: float | None
    judge: float | None
    repeat: float | None
    sample: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """US dollars for one answer and for one verdict; None where the price is not known."""

    answer: float | None
    game: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """A design for one model, and the smallest true difference it shows with the power wanted.

    `samples` are answers per prompt, `games` per sample and judge; `calls` to judges and `dollars`
    (answers too) are per model against one other; dollars are None where prices are not known.
    """

    prompts: int
    samples: int
    games: int
    judges: int
    detectable: float
    calls: int
    dollars: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The variances it rests on, and the designs."""

    variances: Variances
    power: float
    level: float
    rows: tuple[PlanRow, ...]


def plan(
    variances: Variances,
    *,
    prompts: Sequence[int] = (100, 200, 300, 500, 750, 1000, 2000),
    samples: Sequence[int] = (1,),
    games: Sequence[int] = (1, 2, 4),
    judges: Sequence[int] = (1, 2, 3),
    power: float = 0.8,
    level: float = 0.95,
    costs: Costs | None = None,
) -> Plan:
    """Return for each design the smallest difference detectable, in points of a hundred.

    It is (z of (1 + level) / 2, plus z of power) times the standard error of the difference:
    sqrt((prompt + sample / samples + order / orders + judge / judges
    + repeat / (samples·games·judges)) / prompts), where two games or more are in both orders.

    Args:
        variances: of a pilot (`variances_of`), or as assumed.
        prompts: numbers of prompts to try.
        samples: numbers of answers per prompt to try.
        games: numbers of games per sample and judge to try.
        judges: numbers of judges to try.
        power: probability of seeing a difference of that size.
        level: of the interval that is to leave zero out.
        costs: of one answer and one verdict.

    Raises:
        RankingError: power or level not between 0 and 1, or a negative variance.
    """
    if not 0 < power < 1 or not 0 < level < 1:
        raise RankingError("power and level are probabilities between 0 and 1")
    normal = NormalDist()
    reach = normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)
    rows = []
    for p, s, g, j in product(prompts, samples, games, judges):
        calls = p * s * g * j
        rows.append(
            PlanRow(
                prompts=p,
                samples=s,
                games=g,
                judges=j,
                detectable=reach * sqrt(_variance(variances, s, g, j) / p),
                calls=calls,
                dollars=_dollars(costs, p * s, calls),
            )
        )
    return Plan(variances=variances, power=power, level=level, rows=tuple(rows))


def costs_of(tables: RunTables) -> Costs:
    """Return the mean costs of a pilot's answers and verdicts."""
    return Costs(answer=_mean_cost(tables.answers), game=_mean_cost(tables.judgments))


def stated_variances(text: str) -> Variances:
    """Read variances as `prompt=900,order=100,judge=100,repeat=400`; only the first must be there.

    Raises:
        RankingError: an unknown name, a number below zero, or no prompt part.
    """
    parts = [part.partition("=") for part in text.replace(" ", "").split(",")]
    try:
        values = {name: float(value) for name, _, value in parts}
    except ValueError:
        values = {}
    names = {field.name for field in fields(Variances)}
    if "prompt" not in values or set(values) - names or not min(values.values()) >= 0:
        raise RankingError(
            f"{text!r}: expected variances like prompt=900,order=100,judge=100,repeat=400"
        )
    return Variances(
        prompt=values["prompt"],
        order=values.get("order"),
        judge=values.get("judge"),
        repeat=values.get("repeat"),
        sample=values.get("sample"),
    )


def variances_of(judgments: pl.DataFrame, *, strong_weight: float = 3.0) -> Variances:
    """Return the variance parts of a pilot's judgments, by the method of moments.

    For each two models, the difference of their points on a prompt (against the same opponents)
    is split by analysis of variance over the prompts where nothing is missing, for each sample, and
    within the prompts among their samples; parts are averaged over pairs of models, and a negative
    part is none. Points are weighted as scores are.

    Raises:
        RankingError: fewer than two models or two prompts have all their verdicts.
    """
    table = _points(judgments, strong_weight)
    parts = [_parts(grid, repeats) for grid, repeats in _differences(table)]
    if not parts:
        raise RankingError("the pilot has no two models with two prompts judged in full")
    mean = {name: _mean([part[name] for part in parts]) for name in parts[0]}
    return Variances(
        prompt=max(mean["prompt"] or 0.0, 0.0),
        order=mean["order"],
        judge=mean["judge"],
        repeat=mean["repeat"],
        sample=mean["sample"],
    )


def _variance(variances: Variances, samples: int, games: int, judges: int) -> float:
    """Return the variance of a difference on one prompt, for games per sample and judge."""
    return (
        variances.prompt
        + (variances.sample or 0) / samples
        + (variances.order or 0) / min(games, 2)
        + (variances.judge or 0) / judges
        + (variances.repeat or 0) / (samples * games * judges)
    )


def _dollars(costs: Costs | None, answers: int, calls: int) -> float | None:
    if costs is None or costs.answer is None or costs.game is None:
        return None
    return costs.answer * answers + costs.game * calls


def _points(judgments: pl.DataFrame, strong_weight: float) -> pl.DataFrame:
    """Return one row for each side of each verdict: model, other, prompt_id, sample, judge, place,
    points.

    Points are the verdict's part of the model's weighted win rate: their mean is the score.
    """
    battles = battles_from_judgments(judgments, strong_weight=strong_weight)
    share = pl.col("outcome")
    sides = [
        battles.select(
            "prompt_id",
            "sample",
            "judge",
            "weight",
            model=own,
            other=their,
            place=pl.lit(place),
            share=won,
        )
        for own, their, place, won in (
            ("model_a", "model_b", 0, share),
            ("model_b", "model_a", 1, 1 - share),
        )
    ]
    weight = pl.col("weight")
    score = ((weight * pl.col("share")).sum() / weight.sum()).over("model")
    relative = weight / weight.mean().over("model")
    return pl.concat(sides).with_columns(
        points=100 * (score + relative * (pl.col("share") - score))
    )


def _differences(table: pl.DataFrame) -> list[tuple[Floats, float | None]]:
    """Return, for pairs of models, their differences (P, S, O, J) on prompts judged in full, and
    the variance of one verdict's difference among repeats, where some were repeated."""
    models = _comparable(table)
    grid = _grid(table, models)
    repeats = _repeat_variance(table)
    pairs = list(combinations(range(len(models)), 2))
    step = max(1, len(pairs) // _MOST_PAIRS)
    found = []
    for first, second in pairs[::step]:
        difference = grid[first] - grid[second]
        complete = ~np.isnan(difference).any(axis=(1, 2, 3))
        if complete.sum() > 1:
            found.append((difference[complete], repeats))
    return found


def _comparable(table: pl.DataFrame) -> list[str]:
    """Return the models but the one that all others were compared with, if there is one."""
    models: list[str] = table["model"].unique().sort().to_list()
    opponents = dict(table.group_by("model").agg(pl.col("other").unique()).iter_rows())
    for centre in models:
        rest = [model for model in models if model != centre]
        if len(rest) > 1 and all(opponents[model] == [centre] for model in rest):
            return rest
    return models


def _grid(table: pl.DataFrame, models: Sequence[str]) -> Floats:
    """Return mean points (M, P, S, O, J) by model, prompt, sample, place and judge; NaN where
    none."""
    keys = ("model", "prompt_id", "sample", "place", "judge")
    cells = (
        table.filter(pl.col("model").is_in(list(models)))
        .group_by(keys)
        .agg(pl.col("points").mean())
    )
    codes = [cells[key].rank("dense").to_numpy().astype(int) - 1 for key in keys]
    grid = np.full([code.max() + 1 for code in codes], np.nan)
    grid[tuple(codes)] = cells["points"].to_numpy()
    return grid


def _repeat_variance(table: pl.DataFrame) -> float | None:
    """Return twice the pooled variance of points among verdicts on the very same game."""
    game = ["model", "other", "prompt_id", "sample", "place", "judge"]
    repeated = table.group_by(game).agg(
        spread=((pl.col("points") - pl.col("points").mean()) ** 2).sum(), degrees=pl.len() - 1
    )
    degrees = int(repeated["degrees"].sum())
    return 2 * float(repeated["spread"].sum()) / degrees if degrees else None


def _parts(grid: Floats, repeats: float | None) -> Mapping[str, float | None]:
    """Return the variance parts of differences (P, S, O, J)."""
    samples = grid.shape[1]
    sample, single = _within(grid, repeats) if samples > 1 else (None, repeats)
    each = [_parts_of_sample(grid[:, number], single) for number in range(samples)]
    mean = {name: _mean_part([parts[name] for parts in each]) for name in each[0]}
    return {**mean, "prompt": (mean["prompt"] or 0.0) - max(sample or 0.0, 0.0), "sample": sample}


def _within(grid: Floats, repeats: float | None) -> tuple[float, float | None]:
    """Return the variance among the samples of a prompt, and that of a single verdict.

    The latter is what samples do differently in one order or with one judge than in another; where
    there is but one of both, it is `repeats`.
    """
    prompts, samples = grid.shape[:2]
    cells = grid.reshape(prompts, samples, -1)
    rest = cells - cells.mean(axis=1, keepdims=True)
    by_sample = rest.mean(axis=2, keepdims=True)
    degrees, each = prompts * (samples - 1), cells.shape[2]
    square = each * float((by_sample**2).sum()) / degrees
    if each == 1:
        return square - (repeats or 0.0), repeats
    single = float(((rest - by_sample) ** 2).sum()) / (degrees * (each - 1))
    return (square - single) / each, single if repeats is None else repeats


def _parts_of_sample(grid: Floats, repeats: float | None) -> Mapping[str, float | None]:
    """Return the variance parts of differences (P, O, J), order and judge effects taken off.

    Expected mean squares of the random part (Searle, Casella and McCulloch 1992, chapter 4).
    """
    prompts, orders, judges = grid.shape
    rest = grid - grid.mean(axis=0)
    prompt = rest.mean(axis=(1, 2))
    by_order, by_judge = rest.mean(axis=2), rest.mean(axis=1)
    squares = float((prompt**2).sum()) * orders * judges / (prompts - 1)
    order = float(((by_order - prompt[:, None]) ** 2).sum()) * judges
    judge = float(((by_judge - prompt[:, None]) ** 2).sum()) * orders
    order = order / ((prompts - 1) * (orders - 1)) if orders > 1 else 0.0
    judge = judge / ((prompts - 1) * (judges - 1)) if judges > 1 else 0.0
    single = 0.0
    if orders > 1 and judges > 1:
        left = rest - by_order[:, :, None] - by_judge[:, None, :] + prompt[:, None, None]
        single = float((left**2).sum()) / ((prompts - 1) * (orders - 1) * (judges - 1))
    known = repeats if repeats is not None else (single if orders > 1 and judges > 1 else None)
    return {
        "prompt": (squares - order - judge + single) / (orders * judges),
        "order": _less(order, single, repeats, judges) if orders > 1 else None,
        "judge": _less(judge, single, repeats, orders) if judges > 1 else None,
        "repeat": known,
    }


def _less(square: float, single: float, repeats: float | None, levels: int) -> float:
    """Return a part's variance: its mean square less what lies below it."""
    below = single if single else (repeats or 0.0)
    return (square - below) / levels


def _mean(values: Sequence[float | None]) -> float | None:
    mean = _mean_part(values)
    return None if mean is None else max(mean, 0.0)


def _mean_part(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _mean_cost(table: pl.DataFrame) -> float | None:
    mean = table["cost"].mean()
    return float(mean) if isinstance(mean, int | float) else None
