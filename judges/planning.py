"""Which games are to be played, and in which order they are asked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from benchbuilder.records import BenchmarkItem

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Game:
    """Two models' answers to one prompt, `model_a`'s shown first.

    Both answers are of the same `sample`; `repeat` counts how often the judge was asked before.
    """

    item: BenchmarkItem
    model_a: str
    model_b: str
    sample: int = 0
    repeat: int = 0

    def __hash__(self) -> int:
        return hash((self.item.id, self.model_a, self.model_b, self.sample, self.repeat))

    def about(self) -> dict[str, str]:
        """Return what names the game but for its repeat: prompt_id, model_a, model_b, sample."""
        return {
            "prompt_id": self.item.id,
            "model_a": self.model_a,
            "model_b": self.model_b,
            "sample": str(self.sample),
        }


def baseline_pairs(models: Sequence[str], baseline: str) -> list[Pair]:
    """Pair every other model with the baseline."""
    return [(baseline, model) for model in models if model != baseline]


def all_pairs(models: Sequence[str]) -> list[Pair]:
    """Pair every model with every other."""
    return list(combinations(models, 2))


def plan_games(
    items: Sequence[BenchmarkItem],
    pairs: Callable[[BenchmarkItem], Sequence[Pair]],
    *,
    both_orders: bool = True,
    samples: int = 1,
    repeats: int = 1,
) -> list[Game]:
    """Return the games of each item's pairs in each of the `samples`, each `repeats` times.

    They stand by prompt and, within a prompt, by the answer shown first, so that requests with
    the same beginning follow one another and a server's prefix cache serves them.
    """
    return [
        Game(item, first, second, sample, repeat)
        for item in items
        for sample in range(samples)
        for first, second in sorted(_orders(pairs(item), both_orders=both_orders))
        for repeat in range(repeats)
    ]


def _orders(pairs: Sequence[Pair], *, both_orders: bool) -> Iterator[Pair]:
    for first, second in pairs:
        yield first, second
        if both_orders:
            yield second, first
