"""Simulated battles for the measurements: reproducible, in the shape of the real thing."""

import numpy as np
import polars as pl

from leaderboards.evidence import Floats, Ints

STYLE = ("length", "headers", "lists", "bold")


def baseline_games(
    *, models: int = 76, prompts: int = 500, seed: int = 0
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two games of every model against model 0 on every prompt, and the answers' style counts."""
    rng = np.random.default_rng(seed)
    strength = rng.normal(0, 1.2, models)
    prompt, model = (a.ravel() for a in np.mgrid[:prompts, 1:models])
    luck = rng.normal(0, 0.8, (prompts, models))[prompt, model]
    tokens = rng.lognormal(6, 0.5, (prompts, models)).astype(int) + 1
    markup = rng.poisson(4, (3, prompts, models))
    a, b = tokens[prompt, model], tokens[prompt, 0]
    edge = strength[model] - strength[0] + luck + 0.8 * (a - b) / (a + b)
    games = [_game(rng, edge, prompt, model, place) for place in (0, 1)]
    everyone, who = (a.ravel() for a in np.mgrid[:prompts, :models])
    answers = pl.DataFrame(
        {
            "prompt_id": everyone,
            "model": who,
            "tokens": tokens.ravel(),
            "headers": markup[0].ravel(),
            "lists": markup[1].ravel(),
            "bold": markup[2].ravel(),
        }
    )
    return _named(pl.concat(games), "model_a", "model_b"), _named(answers, "model")


def _game(
    rng: np.random.Generator, edge: Floats, prompt: Ints, model: Ints, place: int
) -> pl.DataFrame:
    margin = edge + (0.2 if place == 0 else -0.2) + rng.logistic(size=len(edge))
    outcome = np.where(np.abs(margin) < 0.3, 0.5, (margin > 0).astype(float))
    sides = (model, 0 * model) if place == 0 else (0 * model, model)
    return pl.DataFrame(
        {
            "prompt_id": prompt,
            "judge": "judge",
            "model_a": sides[0],
            "model_b": sides[1],
            "outcome": outcome if place == 0 else 1 - outcome,
            "weight": np.where(np.abs(margin) > 2.5, 3.0, 1.0),
        }
    )


def _named(table: pl.DataFrame, *columns: str) -> pl.DataFrame:
    return table.with_columns(
        pl.format("q{}", pl.col("prompt_id").cast(pl.String).str.zfill(5)).alias("prompt_id"),
        *(pl.format("model-{}", pl.col(c).cast(pl.String).str.zfill(3)).alias(c) for c in columns),
    )


def arena_battles(
    *, battles: int, models: int = 200, prompts: int = 20_000, seed: int = 0
) -> pl.DataFrame:
    """Battles of random pairs of models on random prompts."""
    rng = np.random.default_rng(seed)
    strength = rng.normal(0, 1, models)
    prompt = rng.integers(prompts, size=battles)
    a = rng.integers(models, size=battles)
    b = (a + rng.integers(1, models, size=battles)) % models
    hard = rng.normal(0, 0.5, (prompts, 8))
    edge = strength[a] - strength[b] + hard[prompt, a % 8] - hard[prompt, b % 8]
    margin = edge + rng.logistic(size=battles)
    table = pl.DataFrame(
        {
            "prompt_id": prompt,
            "judge": "people",
            "model_a": a,
            "model_b": b,
            "outcome": np.where(np.abs(margin) < 0.3, 0.5, (margin > 0).astype(float)),
            "weight": 1.0,
        }
    )
    return _named(table, "model_a", "model_b")
