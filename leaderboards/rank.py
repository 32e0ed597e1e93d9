"""Battles -> ranking: scores, intervals that resample prompts, paired differences, rank sets.

With one baseline in every battle a score is the weighted win rate against it, ties counting half,
which is what Bradley–Terry gives there. Otherwise Bradley–Terry is fitted, and a score is the
expected win rate against the baseline or, without one, against the field.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack

import numpy as np
import polars as pl

from leaderboards.bradley_terry import one_blas_thread
from leaderboards.estimators import (
    Build,
    Estimator,
    bradley_terry,
    style_controlled,
    win_rate,
    with_ties,
)
from leaderboards.evidence import (
    Evidence,
    Floats,
    Ints,
    by_model,
    games_of_models,
    gather,
    keep_cells,
    per_model,
    prompts_judged,
    prompts_of_models,
)
from leaderboards.features import style_features
from leaderboards.influence import flips
from leaderboards.intervals import (
    Uncertainty,
    by_bootstrap,
    by_sandwich,
    certain_low,
    p_values,
    prompt_draws,
    sandwich,
)
from leaderboards.multiplicity import benjamini_hochberg, holm, rank_sets
from leaderboards.options import DEFAULTS, Cluster, RankOptions, checked
from leaderboards.pieces import held_models, require_one_piece
from leaderboards.records import PairRow, Ranking, RankingError, RankingRow, StyleRow
from leaderboards.scales import MakeScale, against, against_field, ratings
from leaderboards.ties import TieModel, tie_scale

_TIES = {"davidson": "Davidson", "rao-kupper": "Rao–Kupper"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is to be estimated, and how: the evidence, the estimator, and what to call them."""

    evidence: Evidence
    build: Build
    method: str
    scale: str
    baseline: int | None
    without_style: int
    """Verdicts left out because an answer has no style features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """Scores (M,), then style coefficients (F,), how sure they are, and the prompts (or voters)
    behind each."""

    numbers: Floats
    unsure: Uncertainty
    behind: Ints


def rank(
    battles: pl.DataFrame,
    *,
    features: pl.DataFrame | None = None,
    missing: pl.DataFrame | None = None,
    missing_weight: float = 1.0,
    prompts: Iterable[str] = (),
    noted: Mapping[str, Any] | None = None,
    **options: Unpack[RankOptions],
) -> Ranking:
    """Rank the models of `battles`.

    Args:
        battles: columns of `BATTLE_SCHEMA`, one row a verdict; a battle whose prompt id is null
            is a prompt of its own. For clusters of voters, also a column voter.
        features: columns prompt_id, model [, sample], and those that the option `style` names.
        missing: games without verdict: columns prompt_id, model_a, model_b [, sample].
        missing_weight: what one of them could count.
        prompts: more prompt ids to draw from, so that rankings of parts share their draws.
        noted: more settings to record.
        options: see `RankOptions`.

    Raises:
        RankingError: no battles, an unknown baseline, feature or option, a field in pieces.
    """
    chosen = checked({**DEFAULTS, **options})
    with one_blas_thread():
        return _rank(battles, features, missing, missing_weight, prompts, noted or {}, chosen)


def _rank(
    battles: pl.DataFrame,
    features: pl.DataFrame | None,
    missing: pl.DataFrame | None,
    missing_weight: float,
    prompts: Iterable[str],
    noted: Mapping[str, Any],
    chosen: RankOptions,
) -> Ranking:
    if chosen["ties"] != "half" and not battles["outcome"].is_in([0.0, 0.5, 1.0]).all():
        raise RankingError("tie models need verdicts, not probabilities; use ties half")
    owed, unranked = _owed(battles, missing)
    evidence = gather(
        _clustered(battles, chosen["cluster"]),
        owed=owed,
        prompts=prompts,
        by_sample=bool(chosen["style"]),
    )
    question = _question(evidence, features, chosen)
    evidence = question.evidence
    require_one_piece(evidence)
    estimator = question.build(evidence)
    answer = _answer(question, estimator, battles, chosen)
    return Ranking(
        settings={**_settings(question, chosen), "unranked": unranked, **noted},
        counts={**_counts(evidence), "without_style": question.without_style},
        rows=_rows(question, estimator, answer, missing_weight, chosen),
        pairs=_pairs(evidence, answer, chosen["level"]),
        style=_style_rows(chosen["style"], answer),
    )


def _owed(
    battles: pl.DataFrame, missing: pl.DataFrame | None
) -> tuple[pl.DataFrame | None, list[str]]:
    """Return the missing games of the models that have a verdict, and the models that have none."""
    if missing is None:
        return None, []
    ranked = pl.concat([battles["model_a"], battles["model_b"]]).unique()
    both = pl.col("model_a").is_in(ranked.implode()) & pl.col("model_b").is_in(ranked.implode())
    named = pl.concat([missing["model_a"], missing["model_b"]]).unique()
    return missing.filter(both), sorted(set(named) - set(ranked))


def _clustered(battles: pl.DataFrame, cluster: Cluster) -> pl.DataFrame:
    """Return the battles with what is to be drawn in place of the prompt id."""
    if cluster == "prompt" or cluster == "both":
        return battles
    return _by_voter(battles, pl.col("voter"))


def _by_voter(battles: pl.DataFrame, cluster: pl.Expr) -> pl.DataFrame:
    if "voter" not in battles.columns or battles["voter"].null_count() == battles.height:
        raise RankingError("the voters are not known: nothing to cluster by")
    return battles.with_columns(prompt_id=cluster)


def _question(evidence: Evidence, answers: pl.DataFrame | None, options: RankOptions) -> _Question:
    baseline = _baseline(evidence, options["baseline"])
    star = baseline is not None and _star(evidence, baseline)
    make_scale, scale = _scale(evidence, baseline, options)
    ties = options["ties"]
    games = int(evidence.games.sum())
    if options["style"]:
        if answers is None:
            raise RankingError("style control needs a table of answer features")
        evidence, values = _with_features(evidence, answers, baseline if star else None, options)
        build, method = style_controlled(values, make_scale), "Bradley–Terry with style control"
    elif ties != "half":
        build = with_ties(ties, _scale_with_ties(ties, baseline, make_scale, options))
        method = f"Bradley–Terry with {_TIES[ties]} ties"
    elif star and options["scale"] == "win_rate" and baseline is not None:
        build, method = win_rate(baseline), "win rate"
    else:
        build, method = bradley_terry(make_scale), "Bradley–Terry"
    return _Question(
        evidence=evidence,
        build=build,
        method=method,
        scale=scale,
        baseline=baseline,
        without_style=games - int(evidence.games.sum()),
    )


def _scale(evidence: Evidence, baseline: int | None, options: RankOptions) -> tuple[MakeScale, str]:
    """Return what makes the scale of estimated effects, and what to call it."""
    if options["scale"] == "rating":
        anchor, rating = _anchor(evidence, options["anchor"]), options["anchor_rating"]
        return (
            lambda whole: ratings(whole, anchor=anchor, anchor_rating=rating),
            "rating, 400 points for odds of ten to one",
        )
    if baseline is None:
        return lambda _: against_field, "win rate against the field in percent"
    name = evidence.models[baseline]
    return lambda _: against(baseline), f"win rate against {name} in percent"


def _scale_with_ties(
    ties: TieModel, baseline: int | None, make_scale: MakeScale, options: RankOptions
) -> MakeScale:
    if options["scale"] == "rating":
        return lambda whole: make_scale(whole[:-1]).without_last(1)
    return lambda _: tie_scale(ties, baseline)


def _baseline(evidence: Evidence, named: str | None) -> int | None:
    if named is not None:
        if named not in evidence.models:
            raise RankingError(
                f"no battle of baseline {named!r}; models: {', '.join(evidence.models)}"
            )
        return evidence.models.index(named)
    pairs = evidence.over_prompts
    everywhere = np.flatnonzero(per_model(pairs, one := np.ones_like(pairs.first)) == len(one))
    return int(everywhere[0]) if len(everywhere) == 1 else None


def _star(evidence: Evidence, model: int) -> bool:
    pairs = evidence.over_prompts
    return bool(((pairs.first == model) | (pairs.second == model)).all())


def _anchor(evidence: Evidence, named: str | None) -> int | None:
    if named is None:
        return None
    if named not in evidence.models:
        raise RankingError(f"no battle of anchor {named!r}; models: {', '.join(evidence.models)}")
    return evidence.models.index(named)


def _with_features(
    evidence: Evidence, answers: pl.DataFrame, baseline: int | None, options: RankOptions
) -> tuple[Evidence, Floats]:
    """Return the cells whose two answers have all features, and their features (R, F)."""
    values = style_features(
        evidence,
        answers,
        options["style"],
        form=options["style_form"],
        baseline=baseline,
        centre=options["style_centre"],
    ).values
    known = np.asarray(~np.isnan(values).any(axis=1))
    kept = keep_cells(evidence, known)
    lost = np.flatnonzero(games_of_models(kept) == 0)
    if len(lost):
        names = ", ".join(evidence.models[model] for model in lost)
        raise RankingError(f"no style features for the answers of {names}")
    return kept, values[known]


def _answer(
    question: _Question, estimator: Estimator, battles: pl.DataFrame, options: RankOptions
) -> _Answer:
    evidence, models = question.evidence, len(question.evidence.models)
    numbers = _numbers(estimator, estimator.parameters[None])[0]
    behind = np.append(
        prompts_of_models(evidence),
        np.full(len(numbers) - models, prompts_judged(evidence)),
    )
    level, draws, seed = options["level"], options["draws"], options["seed"]
    if options["interval"] == "bootstrap":
        drawn = estimator.redraw(prompt_draws(len(evidence.prompts), draws, seed))
        unsure = by_bootstrap(
            numbers,
            _numbers(estimator, drawn),
            level=level,
            prompts=behind,
            models=models,
        )
    else:
        unsure = by_sandwich(
            numbers,
            _covariance(question, estimator, battles, options),
            level=level,
            prompts=behind,
            models=models,
            percent=options["scale"] == "win_rate",
            draws=draws,
            seed=seed,
        )
    if options["scale"] == "win_rate":
        unsure = _not_certain(question, numbers[:models], unsure, level, behind[:models])
    return _Answer(numbers=numbers, unsure=unsure, behind=behind)


def _numbers(estimator: Estimator, parameters: Floats) -> Floats:
    """Return scores and style coefficients (D, M + F) of parameters (D, k)."""
    style = parameters[:, parameters.shape[1] - estimator.coefficients :]
    return np.concatenate([estimator.scores(parameters), style], axis=1)


def _covariance(
    question: _Question, estimator: Estimator, battles: pl.DataFrame, options: RankOptions
) -> Floats:
    """Return the clustered covariance; two-way by Cameron, Gelbach and Miller (2011)."""
    own = sandwich(estimator, prompts_judged(question.evidence))
    if options["cluster"] != "both":
        return own
    voter = pl.col("voter")
    prompt_and_voter = pl.format("{}\0{}", pl.col("prompt_id"), voter)
    parts = [gather(_by_voter(battles, cluster)) for cluster in (voter, prompt_and_voter)]
    voters, cells = (sandwich(question.build(part), len(part.prompts)) for part in parts)
    return own + voters - cells


def _not_certain(
    question: _Question, scores: Floats, unsure: Uncertainty, level: float, prompts: Ints
) -> Uncertainty:
    """Give a model that won or lost every point the interval that so many prompts allow."""
    pairs = question.evidence.over_prompts
    total = by_model(pairs, pairs.weight, pairs.weight)
    won = by_model(pairs, pairs.won, pairs.weight - pairs.won)
    reach = certain_low(level, prompts)
    other = np.arange(len(scores)) != (-1 if question.baseline is None else question.baseline)
    low, high = unsure.low.copy(), unsure.high.copy()
    models = slice(len(scores))
    all_won, all_lost = other & (won >= total), other & (won <= 0)
    low[models] = np.where(all_won, np.minimum(reach, scores), low[models])
    high[models] = np.where(all_lost, np.maximum(100 - reach, scores), high[models])
    return replace(unsure, low=low, high=high)


def _settings(question: _Question, options: RankOptions) -> dict[str, Any]:
    baseline, evidence = question.baseline, question.evidence
    ridged = [] if question.method == "win rate" else held_models(evidence)
    style = bool(options["style"])
    return {
        "method": question.method,
        "scale": question.scale,
        "baseline": None if baseline is None else evidence.models[baseline],
        "interval": options["interval"],
        "cluster": options["cluster"],
        "level": options["level"],
        "draws": options["draws"],
        "seed": options["seed"],
        "style": list(options["style"]),
        "style_form": options["style_form"] if style else None,
        "style_centre": options["style_centre"] if style else None,
        "anchor": options["anchor"],
        "ties": options["ties"],
        "tie_rate": float(evidence.ties.sum() / evidence.games.sum()),
        "held_by_ridge": ridged,
    }


def _counts(evidence: Evidence) -> dict[str, int]:
    return {
        "models": len(evidence.models),
        "prompts": prompts_judged(evidence),
        "games": int(evidence.games.sum()),
        "ties": int(evidence.ties.sum()),
        "missing": int(evidence.owed.sum()),
    }


def _rows(
    question: _Question,
    estimator: Estimator,
    answer: _Answer,
    missing_weight: float,
    options: RankOptions,
) -> tuple[RankingRow, ...]:
    evidence, unsure = question.evidence, answer.unsure
    models = len(evidence.models)
    scores, behind = answer.numbers[:models], answer.behind[:models]
    best, worst = rank_sets(scores, unsure, options["level"])
    pairs = evidence.over_prompts
    games, owed = games_of_models(evidence), per_model(pairs, pairs.owed)
    order = _order(scores)
    either = _either_way(question, scores, owed, missing_weight)
    flipped = flips(question.build, evidence, estimator, order) if options["influence"] else {}
    return tuple(
        RankingRow(
            model=evidence.models[model],
            score=float(scores[model]),
            low=float(unsure.low[model]),
            high=float(unsure.high[model]),
            rank_low=int(best[model]),
            rank_high=int(worst[model]),
            prompts=int(behind[model]),
            games=int(games[model]),
            missing=int(owed[model]),
            flips=flipped.get(model),
            **either[model],
        )
        for model in order
    )


def _order(scores: Floats) -> list[int]:
    """Return the models from best to worst, equal ones by name (which is their number)."""
    return [int(model) for model in np.lexsort((np.arange(len(scores)), -scores))]


class _Either(TypedDict, total=False):
    if_lost: float
    if_won: float
    unsettled: bool


def _either_way(
    question: _Question, scores: Floats, owed: Ints, weight: float
) -> dict[int, _Either]:
    """Return each model's score if all its missing verdicts went against it, or for it."""
    either: dict[int, _Either] = {model: _Either() for model in range(len(scores))}
    place = {model: at for at, model in enumerate(_order(scores))}
    for model in np.flatnonzero(owed).tolist():
        ends = [_decided(question, model, weight, won) for won in (False, True)]
        places = [_order(end).index(model) for end in ends]
        either[model] = _Either(
            if_lost=float(ends[0][model]),
            if_won=float(ends[1][model]),
            unsettled=any(at != place[model] for at in places),
        )
    return either


def _decided(question: _Question, model: int, weight: float, won: bool) -> Floats:
    """Return the scores (M,) if every missing verdict of a model goes one way."""
    evidence = question.evidence
    mine = (evidence.first == model) | (evidence.second == model)
    added = weight * evidence.owed * mine
    to_first = (evidence.first == model) == won
    estimator = question.build(
        replace(evidence, weight=evidence.weight + added, won=evidence.won + added * to_first)
    )
    return np.asarray(estimator.scores(estimator.parameters[None])[0])


def _pairs(evidence: Evidence, answer: _Answer, level: float) -> tuple[PairRow, ...]:
    """Return all pairs, the better model first, best pairs first."""
    unsure = answer.unsure
    first, second = unsure.first, unsure.second
    scores, behind = answer.numbers, np.minimum(answer.behind[first], answer.behind[second])
    difference = scores[first] - scores[second]
    p = p_values(difference, unsure.pair_error, behind)
    together = holm(p, 1 - level), benjamini_hochberg(p, 1 - level)
    place = np.argsort(_order(scores[: len(evidence.models)]))
    turned = place[first] > place[second]
    sign = np.where(turned, -1, 1)
    low = np.where(turned, -unsure.pair_high, unsure.pair_low)
    high = np.where(turned, -unsure.pair_low, unsure.pair_high)
    upper, lower = np.where(turned, second, first), np.where(turned, first, second)
    listed = np.lexsort((place[lower], place[upper]))
    columns = (sign * difference, low, high, (low > 0) | (high < 0), p, *together)
    names = np.array(evidence.models, dtype=object)
    best, other = names[upper[listed]].tolist(), names[lower[listed]].tolist()
    return tuple(map(PairRow, best, other, *(column[listed].tolist() for column in columns)))


def _style_rows(style: Sequence[str], answer: _Answer) -> tuple[StyleRow, ...]:
    start = len(answer.numbers) - len(style)
    return tuple(
        StyleRow(
            feature=name,
            coefficient=float(answer.numbers[at]),
            low=float(answer.unsure.low[at]),
            high=float(answer.unsure.high[at]),
        )
        for at, name in enumerate(style, start=start)
    )
