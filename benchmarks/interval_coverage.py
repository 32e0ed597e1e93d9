"""How often nominal 95 % intervals hold the truth, in simulation.

Run from the checkout: PYTHONPATH=. python benchmarks/interval_coverage.py [SIMULATIONS]. Two games
of 7, then of 20 models against a baseline on 500 prompts; strong verdicts count three times; models
differ by prompt, and a prompt is kind or hard to all of them. Beside ours stand intervals that
resample verdicts as if each were evidence of its own. Each share has its own standard error.
"""

import sys

import numpy as np
import polars as pl

from leaderboards.estimators import win_rate
from leaderboards.evidence import Evidence, Floats
from leaderboards.intervals import Uncertainty, by_bootstrap, by_sandwich, prompt_draws, sandwich
from leaderboards.multiplicity import rank_sets

PROMPTS, DRAWS, LEVEL = 500, 1000, 0.95
FIELDS = (8, 21)
"""Models, the baseline among them."""


def games(
    rng: np.random.Generator, prompts: int, models: int, spread: float
) -> tuple[Floats, Floats]:
    """Return weights and won weights (2, prompts, models - 1) of the two games of each model."""
    edge = np.linspace(-spread, spread, models - 1) + rng.normal(0, 1, (prompts, models - 1))
    edge += rng.normal(0, 0.7, (prompts, 1))
    margin = edge + rng.logistic(size=(2, *edge.shape))
    weight = np.where(np.abs(margin) > 2, 3.0, 1.0)
    return weight, weight * np.where(np.abs(margin) < 0.2, 0.5, margin > 0)


def as_evidence(weight: Floats, won: Floats) -> Evidence:
    prompts, others = weight.shape[1:]
    cells = np.arange(prompts * others)
    none = np.zeros(len(cells), dtype=np.int64)
    return Evidence(
        models=tuple(f"m{m:02}" for m in range(others + 1)),
        prompts=pl.Series([f"p{p:04}" for p in range(prompts)]),
        prompt=cells // others,
        first=none,
        second=cells % others + 1,
        sample=none,
        weight=weight.sum(axis=0).ravel(),
        won=(weight - won).sum(axis=0).ravel(),
        tied=np.zeros(len(cells)),
        games=none + 2,
        ties=none,
        owed=none,
    )


def verdicts_alone(rng: np.random.Generator, weight: Floats, won: Floats) -> tuple[Floats, Floats]:
    """Return intervals that resample copies of verdicts, model by model (200 draws)."""
    copies = weight.sum(axis=(0, 1)).astype(int)
    share = won.sum(axis=(0, 1)) / copies
    drawn = rng.binomial(copies, share, (200, len(copies))) / copies
    return 100 * np.quantile(drawn, 0.025, axis=0), 100 * np.quantile(drawn, 0.975, axis=0)


def both_kinds(evidence: Evidence, seed: int) -> tuple[Floats, dict[str, Uncertainty]]:
    """Return the scores and their uncertainty by either kind, drawn apart from the data."""
    estimator, models = win_rate(0)(evidence), len(evidence.models)
    scores, seed = 100 * estimator.parameters, 10**6 + seed
    drawn = 100 * estimator.redraw(prompt_draws(PROMPTS, DRAWS, seed))
    behind, covariance = np.full(models, PROMPTS), sandwich(estimator, PROMPTS)
    return scores, {
        "bootstrap": by_bootstrap(scores, drawn, level=LEVEL, prompts=behind, models=models),
        "sandwich": by_sandwich(
            scores,
            covariance,
            percent=True,
            draws=DRAWS,
            seed=seed,
            level=LEVEL,
            prompts=behind,
            models=models,
        ),
    }


def held(scores: Floats, sure: Uncertainty, true: Floats) -> dict[str, float]:
    """Return which share of the intervals hold the truth, and whether all rank sets do: equal
    models share all their places."""
    apart = true[sure.first] - true[sure.second]
    best, worst = rank_sets(scores, sure, LEVEL)
    above, below = ((sign * true[:, None] < sign * true).sum(axis=1) for sign in (1, -1))
    return {
        "scores": float(((sure.low <= true) & (true <= sure.high))[1:].mean()),
        "differences": float(((sure.pair_low <= apart) & (apart <= sure.pair_high)).mean()),
        "all rank sets at once": float(((best <= 1 + above) & (len(true) - below <= worst)).all()),
    }


def simulate(models: int, spread: float, simulations: int) -> None:
    weight, won = games(np.random.default_rng(10**6), 200_000, models, spread)
    true = 100 * np.append(0.5, won.sum(axis=(0, 1)) / weight.sum(axis=(0, 1)))
    if not spread:
        true[:] = 50
    hits: dict[str, list[float]] = {}
    for seed in range(simulations):
        rng = np.random.default_rng(seed)
        weight, won = games(rng, PROMPTS, models, spread)
        low, high = verdicts_alone(rng, weight, won)
        alone = float(((low <= true[1:]) & (true[1:] <= high)).mean())
        hits.setdefault("verdicts alone: scores", []).append(alone)
        scores, kinds = both_kinds(as_evidence(weight, won), seed)
        for kind, sure in kinds.items():
            for name, value in held(scores, sure, true).items():
                hits.setdefault(f"{kind}: {name}", []).append(value)
    print(f"{models} models, {'all equal' if not spread else 'apart'}")
    for name, values in hits.items():
        error = np.std(values) / np.sqrt(simulations)
        print(f"  {name}: {100 * np.mean(values):.1f} % ± {100 * error:.1f}", flush=True)


def main() -> None:
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for models in FIELDS:
        for spread in (1.0, 0.0):
            simulate(models, spread, simulations)


if __name__ == "__main__":
    main()
