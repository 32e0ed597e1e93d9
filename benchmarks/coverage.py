"""How often nominal 95 % intervals hold the truth, in simulation.

Run from the checkout: python benchmarks/coverage.py [SIMULATIONS]. Two games of 20 models against a
baseline on 500 prompts; strong verdicts count three times; models differ by prompt, and a prompt is
kind or hard to all of them. Beside ours stand intervals that resample verdicts as if each were
evidence of its own.
"""

import sys

import numpy as np
import polars as pl

from leaderboards.estimators import win_rate
from leaderboards.evidence import Evidence, Floats, Ints
from leaderboards.intervals import by_bootstrap, by_sandwich, prompt_draws, sandwich
from leaderboards.multiplicity import rank_sets

MODELS, PROMPTS, DRAWS, LEVEL = 20, 500, 1000, 0.95


def games(rng: np.random.Generator, prompts: int, spread: float = 1.0) -> tuple[Floats, Floats]:
    """Return weights and won weights (2, prompts, models) of the two games of each model."""
    edge = np.linspace(-spread, spread, MODELS) + rng.normal(0, 1, (prompts, MODELS))
    edge += rng.normal(0, 0.7, (prompts, 1))
    margin = edge + rng.logistic(size=(2, *edge.shape))
    weight = np.where(np.abs(margin) > 2, 3.0, 1.0)
    return weight, weight * np.where(np.abs(margin) < 0.2, 0.5, margin > 0)


def as_evidence(weight: Floats, won: Floats) -> Evidence:
    cells = np.arange(weight.size)
    none = np.zeros(weight.size, dtype=np.int64)
    return Evidence(
        models=tuple(f"m{m:02}" for m in range(MODELS + 1)),
        prompts=pl.Series([f"p{p:04}" for p in range(len(weight))]),
        prompt=cells // MODELS,
        first=none,
        second=cells % MODELS + 1,
        sample=none,
        weight=weight.ravel(),
        won=(weight - won).ravel(),
        tied=np.zeros(weight.size),
        games=none + 2,
        ties=none,
        owed=none,
    )


def verdicts_alone(rng: np.random.Generator, weight: Floats, won: Floats) -> tuple[Floats, Floats]:
    """Return intervals that resample copies of verdicts, model by model (200 draws)."""
    copies = weight.sum(axis=(0, 1)).astype(int)
    share = won.sum(axis=(0, 1)) / copies
    drawn = rng.binomial(copies, share, (200, MODELS)) / copies
    return 100 * np.quantile(drawn, 0.025, axis=0), 100 * np.quantile(drawn, 0.975, axis=0)


def equal_models_stay_equal(seed: int, behind: Ints) -> float:
    """Return whether no rank set leaves out a place where all models are equally good."""
    weight, won = games(np.random.default_rng(seed), PROMPTS, spread=0.0)
    estimator = win_rate(0)(as_evidence(weight.sum(axis=0), won.sum(axis=0)))
    scores = 100 * estimator.parameters
    drawn = 100 * estimator.redraw(prompt_draws(PROMPTS, DRAWS, seed))
    sure = by_bootstrap(scores, drawn, level=LEVEL, prompts=behind, models=MODELS + 1)
    best, worst = rank_sets(scores, sure, LEVEL, behind)
    return float((best == 1).all() and (worst == MODELS + 1).all())


def main() -> None:
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    weight, won = games(np.random.default_rng(10**6), 200_000)
    true = 100 * np.append(0.5, won.sum(axis=(0, 1)) / weight.sum(axis=(0, 1)))
    place = (-true).argsort().argsort() + 1
    behind = np.full(MODELS + 1, PROMPTS)
    hits: dict[str, list[float]] = {}
    for seed in range(simulations):
        rng = np.random.default_rng(seed)
        weight, won = games(rng, PROMPTS)
        low, high = verdicts_alone(rng, weight, won)
        hits.setdefault("verdicts alone: scores", []).append(
            float(((low <= true[1:]) & (true[1:] <= high)).mean())
        )
        estimator = win_rate(0)(as_evidence(weight.sum(axis=0), won.sum(axis=0)))
        scores = 100 * estimator.parameters
        drawn = 100 * estimator.redraw(prompt_draws(PROMPTS, DRAWS, seed))
        options = {"level": LEVEL, "prompts": behind, "models": MODELS + 1}
        both = {
            "bootstrap": by_bootstrap(scores, drawn, **options),
            "sandwich": by_sandwich(
                scores,
                sandwich(estimator, PROMPTS),
                percent=True,
                draws=DRAWS,
                seed=seed,
                **options,
            ),
        }
        for kind, sure in both.items():
            apart = true[sure.first] - true[sure.second]
            best, worst = rank_sets(scores, sure, LEVEL, behind)
            found = {
                "scores": ((sure.low <= true) & (true <= sure.high))[1:].mean(),
                "differences": ((sure.pair_low <= apart) & (apart <= sure.pair_high)).mean(),
                "all rank sets at once": ((best <= place) & (place <= worst)).all(),
                "pairs separated": ((sure.pair_low > 0) | (sure.pair_high < 0)).mean(),
            }
            for name, value in found.items():
                hits.setdefault(f"{kind}: {name}", []).append(float(value))
        hits.setdefault("bootstrap: all rank sets at once, all models equal", []).append(
            equal_models_stay_equal(seed, behind)
        )
    for name, values in hits.items():
        print(f"{name}: {100 * np.mean(values):.1f} %")


if __name__ == "__main__":
    main()
