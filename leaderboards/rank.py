"""Battles -> ranking: scores, intervals that resample prompts, paired differences, rank ranges.

With one baseline in every battle a score is the weighted win rate against it, ties counting half,
which is what Bradley–Terry gives there. Otherwise Bradley–Terry is fitted, and a score is the
expected win rate against the baseline or, without one, against the field.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from judges.records import RunTables
from leaderboards.battles import battles_from_judgments, choose_judges, equal_judges, owed
from leaderboards.bradley_terry import fit, fit_draws, make_design, win_probabilities
from leaderboards.evidence import (
    Evidence,
    Floats,
    Ints,
    games_of_models,
    gather,
    keep_cells,
    prompts_of_models,
)
from leaderboards.features import StyleForm, style_features
from leaderboards.intervals import percentile_interval, prompt_draws
from leaderboards.records import PairRow, Ranking, RankingError, RankingRow, StyleRow

_CHUNK = 2_000_000
"""Numbers in one (draws x cells) array: small enough to stay near the processor."""


@dataclass(frozen=True, slots=True)
class _Draws:
    """Scores (D, M) in percent and style coefficients (D, F), one row a draw."""

    scores: Floats
    style: Floats


Estimator = Callable[[Floats], _Draws]
"""From counts of prompts (D, P) to the scores each row of counts gives."""


def rank_tables(
    tables: RunTables,
    *,
    judges: Sequence[str] | None = None,
    category: str | None = None,
    strong_weight: float = 3.0,
    baseline: str | None = None,
    style: Sequence[str] = (),
    style_form: StyleForm = "ratio",
    style_centre: bool = False,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> Ranking:
    """Rank the models of a run; options as in `rank`.

    Args:
        tables: the run.
        judges: the judges to rank by; all of them where None.
        category: keep the prompts of this category only.
        strong_weight: how many times A>>B and B>>A count.

    Raises:
        RankingError: as `rank`, or an unknown judge or category.
    """
    judgments = choose_judges(tables.judgments, judges)
    battles = (
        battles_from_judgments(judgments, strong_weight=strong_weight)
        if tables.battles is None
        else equal_judges(choose_judges(tables.battles, judges))
    )
    if category is not None:
        kept = _prompts_of(tables.prompts, category)
        judgments = judgments.join(kept, on="prompt_id", how="semi")
        battles = battles.join(kept, on="prompt_id", how="semi")
    return rank(
        battles,
        baseline=baseline,
        features=tables.answers if style else None,
        style=style,
        style_form=style_form,
        style_centre=style_centre,
        level=level,
        draws=draws,
        seed=seed,
        missing=owed(judgments),
        noted={"strong_weight": strong_weight, "category": category},
    )


def rank(
    battles: pl.DataFrame,
    *,
    baseline: str | None = None,
    features: pl.DataFrame | None = None,
    style: Sequence[str] = (),
    style_form: StyleForm = "ratio",
    style_centre: bool = False,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
    missing: Mapping[str, int] | None = None,
    noted: Mapping[str, Any] | None = None,
) -> Ranking:
    """Rank the models of `battles` (`BATTLE_SCHEMA`).

    Args:
        battles: one row a verdict; prompt ids may be null, each such battle being a prompt.
        baseline: scores are win rates against it; by default the one model in every battle.
        features: prompt_id, model and a numeric column for each name in `style`.
        style: features to control for; none by default.
        style_form: how headers, lists and bold of two answers are compared (see `features`).
        style_centre: centre the features, as the published tables do.
        level: of the intervals.
        draws: bootstrap draws of prompts, the same for every model.
        seed: of the draws. Same seed and battles: same ranking, whatever the row order.
        missing: for each model, games whose verdict is owed.
        noted: more settings to record.

    Raises:
        RankingError: no battles, an unknown baseline, a field in two pieces, missing features.
    """
    evidence = gather(battles)
    against = _baseline(evidence, baseline)
    star = against is not None and _star(evidence, against)
    if style:
        if features is None:
            raise RankingError("style control needs a table of answer features")
        evidence, columns = _with_features(
            evidence, features, style, style_form, style_centre, against if star else None
        )
        estimate = _style_estimator(evidence, columns, against)
        method = "Bradley–Terry with style control"
    elif against is not None and star:
        estimate, method = _win_rate_estimator(evidence, against), "win rate"
    else:
        estimate, method = _pair_estimator(evidence, against), "Bradley–Terry"
    whole = estimate(np.ones((1, len(evidence.prompts))))
    drawn = estimate(prompt_draws(len(evidence.prompts), draws, seed))
    name = None if against is None else evidence.models[against]
    settings = {
        "method": method,
        "scale": f"win rate against {name or 'the field'} in percent",
        "baseline": name,
        "level": level,
        "interval": "prompt bootstrap",
        "draws": draws,
        "seed": seed,
        "style": list(style),
        "style_form": style_form if style else None,
        "style_centre": style_centre if style else None,
        **(noted or {}),
    }
    owing = missing or {}
    return Ranking(
        settings=settings,
        counts={
            "models": len(evidence.models),
            "prompts": len(evidence.prompts),
            "games": int(evidence.games.sum()),
            "ties": int(evidence.ties.sum()),
            "missing": sum(owing.values()) // 2,
        },
        rows=_rows(evidence, whole, drawn, level, owing),
        pairs=_pairs(evidence, whole, drawn, level),
        style=_style_rows(style, whole, drawn, level, len(evidence.prompts)),
    )


def _baseline(evidence: Evidence, named: str | None) -> int | None:
    if named is not None:
        if named not in evidence.models:
            raise RankingError(
                f"no battle of baseline {named!r}; models: {', '.join(evidence.models)}"
            )
        return evidence.models.index(named)
    everywhere = [model for model in range(len(evidence.models)) if _star(evidence, model)]
    return everywhere[0] if len(everywhere) == 1 else None


def _star(evidence: Evidence, model: int) -> bool:
    return bool(((evidence.first == model) | (evidence.second == model)).all())


def _prompts_of(prompts: pl.DataFrame, category: str) -> pl.DataFrame:
    kept = prompts.filter(pl.col("category") == category)
    if not kept.height:
        known = ", ".join(sorted(prompts["category"].drop_nulls().unique())) or "none"
        raise RankingError(f"no prompt of category {category!r}; categories: {known}")
    return kept.select("prompt_id")


def _win_rate_estimator(evidence: Evidence, baseline: int) -> Estimator:
    other = np.where(evidence.first == baseline, evidence.second, evidence.first)
    won = np.where(evidence.first == baseline, evidence.weight - evidence.won, evidence.won)
    shape = (len(evidence.prompts), len(evidence.models))
    won_by, weight_by = np.zeros(shape), np.zeros(shape)
    np.add.at(won_by, (evidence.prompt, other), won)
    np.add.at(weight_by, (evidence.prompt, other), evidence.weight)

    def estimate(counts: Floats) -> _Draws:
        weight = counts @ weight_by
        scores = np.full(weight.shape, np.nan)
        np.divide(100 * (counts @ won_by), weight, out=scores, where=weight > 0)
        scores[:, baseline] = 50.0
        return _Draws(scores, np.empty((len(counts), 0)))

    return estimate


def _pair_estimator(evidence: Evidence, baseline: int | None) -> Estimator:
    models = len(evidence.models)
    keys, pair = np.unique(evidence.first * models + evidence.second, return_inverse=True)
    design = make_design(models, keys // models, keys % models)
    shape = (len(evidence.prompts), len(keys))
    won_by, weight_by = np.zeros(shape), np.zeros(shape)
    won_by[evidence.prompt, pair] = evidence.won
    weight_by[evidence.prompt, pair] = evidence.weight
    whole = fit(design, weight_by.sum(axis=0), won_by.sum(axis=0))

    def estimate(counts: Floats) -> _Draws:
        start = np.broadcast_to(whole, (len(counts), models))
        effects = fit_draws(design, counts @ weight_by, counts @ won_by, start=start)
        return _Draws(_scores(effects, baseline), np.empty((len(counts), 0)))

    return estimate


def _style_estimator(evidence: Evidence, features: Floats, baseline: int | None) -> Estimator:
    models = len(evidence.models)
    order = np.lexsort((evidence.prompt, evidence.second, evidence.first))
    prompt, weight, won = evidence.prompt[order], evidence.weight[order], evidence.won[order]
    design = make_design(models, evidence.first[order], evidence.second[order], features[order])
    whole = fit(design, weight, won)

    def estimate(counts: Floats) -> _Draws:
        block = max(1, _CHUNK // len(prompt))
        parts = []
        for low in range(0, len(counts), block):
            cells = counts[low : low + block, prompt]
            start = np.broadcast_to(whole, (len(cells), design.size))
            parts.append(
                fit_draws(design, cells * weight, cells * won, start=start, tolerance=0.02)
            )
        fitted = np.concatenate(parts)
        return _Draws(_scores(fitted[:, :models], baseline), fitted[:, models:])

    return estimate


def _scores(effects: Floats, baseline: int | None) -> Floats:
    """Return scores in percent (D, M) of model effects (D, M)."""
    if baseline is not None:
        return 100 / (1 + np.exp(effects[:, [baseline]] - effects))
    models = effects.shape[1]
    beaten = np.stack([win_probabilities(row).sum(axis=1) for row in effects])
    scores: Floats = 100 * (beaten - 0.5) / (models - 1)
    return scores


def _with_features(
    evidence: Evidence,
    answers: pl.DataFrame,
    style: Sequence[str],
    form: StyleForm,
    centre: bool,
    baseline: int | None,
) -> tuple[Evidence, Floats]:
    table = style_features(
        evidence, answers, style, form=form, baseline=baseline, centre=centre
    ).values
    known = np.asarray(~np.isnan(table).any(axis=1))
    kept = keep_cells(evidence, known)
    if lost := sorted(set(evidence.models) - _present(kept)):
        raise RankingError(f"no style features for the answers of {', '.join(lost)}")
    return kept, table[known]


def _present(evidence: Evidence) -> set[str]:
    return {evidence.models[model] for model in {*evidence.first, *evidence.second}}


def _rows(
    evidence: Evidence, whole: _Draws, drawn: _Draws, level: float, missing: Mapping[str, int]
) -> tuple[RankingRow, ...]:
    scores = whole.scores[0]
    prompts, games = prompts_of_models(evidence), games_of_models(evidence)
    low, high = percentile_interval(drawn.scores, level, prompts)
    best, worst = _rank_ranges(scores, drawn.scores, level, prompts)
    order = sorted(range(len(scores)), key=lambda model: (-scores[model], evidence.models[model]))
    return tuple(
        RankingRow(
            model=evidence.models[model],
            score=float(scores[model]),
            low=float(low[model]),
            high=float(high[model]),
            rank_low=int(best[model]),
            rank_high=int(worst[model]),
            prompts=int(prompts[model]),
            games=int(games[model]),
            missing=missing.get(evidence.models[model], 0),
        )
        for model in order
    )


def _differences(
    scores: Floats, drawn: Floats, level: float, prompts: Ints
) -> tuple[Ints, Ints, Floats, Floats]:
    """Return the pairs i < j of models, and the ends of the intervals of their differences."""
    first, second = np.triu_indices(len(scores), 1)
    behind = np.minimum(prompts[first], prompts[second])
    low, high = percentile_interval(drawn[:, first] - drawn[:, second], level, behind)
    return first, second, low, high


def _rank_ranges(scores: Floats, drawn: Floats, level: float, prompts: Ints) -> tuple[Ints, Ints]:
    first, second, low, high = _differences(scores, drawn, level, prompts)
    models = len(scores)
    above = np.bincount(first[high < 0], minlength=models)
    above += np.bincount(second[low > 0], minlength=models)
    below = np.bincount(first[low > 0], minlength=models)
    below += np.bincount(second[high < 0], minlength=models)
    return 1 + above, models - below


def _pairs(evidence: Evidence, whole: _Draws, drawn: _Draws, level: float) -> tuple[PairRow, ...]:
    scores = whole.scores[0]
    order = np.lexsort((np.arange(len(scores)), -scores))
    prompts = prompts_of_models(evidence)[order]
    scores, ranked = scores[order], drawn.scores[:, order]
    names = [evidence.models[model] for model in order]
    first, second, low, high = _differences(scores, ranked, level, prompts)
    return tuple(
        PairRow(
            model_a=names[a],
            model_b=names[b],
            difference=float(scores[a] - scores[b]),
            low=float(down),
            high=float(up),
            separated=bool(down > 0 or up < 0),
        )
        for a, b, down, up in zip(first, second, low, high, strict=True)
    )


def _style_rows(
    style: Sequence[str], whole: _Draws, drawn: _Draws, level: float, prompts: int
) -> tuple[StyleRow, ...]:
    low, high = percentile_interval(drawn.style, level, np.full(len(style), prompts))
    return tuple(
        StyleRow(feature=name, coefficient=float(value), low=float(down), high=float(up))
        for name, value, down, up in zip(style, whole.style[0], low, high, strict=True)
    )
