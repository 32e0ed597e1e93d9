"""What a run would ask, what of it the store already has, and what the rest would cost.

Nothing is sent. The run's own code is played against the store alone; what that cannot know (the
length of replies that do not exist yet) is taken from the replies that do.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

from benchbuilder.records import BenchmarkItem, read_benchmark
from judges.asking import stored
from judges.canaries import choose_prompts
from judges.config import RunConfig
from judges.judging import GAMES
from judges.records import Judgment
from judges.run import ANSWERS, play, watch_judges
from judges.style import token_counter
from llms.prices import prices_of, unpriced
from llms.progress import Silent
from llms.records import ModelSpec, Reply, Request
from llms.store import ResponseStore

REPLY_TOKENS = 600
"""Assumed of a reply where the store has none by the same model at the same stage."""
PAIRED_SPREAD = 0.45
"""Assumed standard deviation over prompts of the difference between two models' win shares; on
public judgments of both orders (Arena-Hard's prompts) it lies between 0.32 and 0.46."""
_TWO_SIDED_95, _POWER_80 = 1.959964, 0.841621


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEstimate:
    """One model at one stage; tokens and dollars are for what is still to be asked.

    `dollars` is None where the model's price is not known.
    """

    stage: str
    model: str
    calls: int
    stored: int
    input_tokens: int
    output_tokens: int
    dollars: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A whole run before it is made.

    `detectable` is the difference between two models, in points of win rate, that this many
    prompts show with 80 % power at the 5 % level.
    """

    prompts: int
    stages: tuple[StageEstimate, ...]
    detectable: float

    @property
    def dollars(self) -> float | None:
        """What is still to be paid; None where a price is not known."""
        parts = [stage.dollars for stage in self.stages]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None


@dataclass(slots=True)
class _Seen:
    """The requests of one model at one stage that the dry run came by."""

    calls: int = 0
    stored: int = 0
    new_input: int = 0
    input: int = 0
    outputs: list[int] = field(default_factory=list)

    def add(self, request: Request, reply: Reply | None) -> None:
        tokens = sum(_tokens(str(message["content"])) for message in request.sent_messages())
        self.calls += 1
        self.input += tokens
        if reply is None:
            self.new_input += tokens
            return
        self.stored += 1
        self.outputs.append(reply.usage.output or _tokens(reply.text))


def estimate(benchmark: Path, *, config: RunConfig, store: ResponseStore) -> Estimate:
    """Return what the run would take, without asking anything.

    Raises:
        UserError: the benchmark cannot be read.
    """
    items = read_benchmark(benchmark)
    seen: dict[tuple[str, str], _Seen] = defaultdict(_Seen)

    def note(stage: str, request: Request, reply: Reply | None) -> None:
        seen[stage, request.spec.name].add(request, reply)

    look_up = stored(store, note)
    watch_judges(config, look_up, stored(store, lambda *_: None), Silent())
    played = play(
        items,
        config,
        with_canaries={item.id for item in choose_prompts(items, config.canaries)},
        ask=look_up,
        progress=Silent(),
    )
    _add_turns(items, config, seen)
    _add_games([*played.judgments, *played.canary_judgments], config, seen)
    specs = {spec.name: spec for spec in (*config.judges, *config.models)}
    return Estimate(
        prompts=len(items),
        stages=tuple(
            _stage(name, specs[model], some, discount=_discount(specs[model], config))
            for (name, model), some in seen.items()
        ),
        detectable=100 * (_TWO_SIDED_95 + _POWER_80) * PAIRED_SPREAD / sqrt(len(items)),
    )


def _add_turns(
    items: Sequence[BenchmarkItem], config: RunConfig, seen: Mapping[tuple[str, str], _Seen]
) -> None:
    """Count the later turns that could not be asked for want of the earlier replies."""
    for spec in config.models:
        if spec.kind == "recorded":
            continue
        some = seen[ANSWERS, spec.name]
        later = config.samples * sum(len(item.turns) for item in items) - some.calls
        mean = some.input // max(1, some.calls)
        some.calls += later
        some.new_input += later * (mean + REPLY_TOKENS)


def _add_games(
    judgments: Sequence[Judgment], config: RunConfig, seen: dict[tuple[str, str], _Seen]
) -> None:
    """Count the games that could not be put for want of answers, at the mean length of others."""
    for judge in config.judges:
        unplayed = [j for j in judgments if j.judge == judge.name and _unplayed(j)]
        some = seen[GAMES, judge.name]
        mean = some.input // some.calls if some.calls else 3 * REPLY_TOKENS
        some.calls += len(unplayed)
        some.new_input += mean * len(unplayed)


def _discount(spec: ModelSpec, config: RunConfig) -> float:
    """Return the part of the listed price that is to be paid."""
    if not config.batch or spec.kind != "openai":
        return 1.0
    from llms.batch import OPENAI_DISCOUNT

    return OPENAI_DISCOUNT


def _stage(name: str, spec: ModelSpec, seen: _Seen, *, discount: float) -> StageEstimate:
    new = seen.calls - seen.stored
    length = sum(seen.outputs) // len(seen.outputs) if seen.outputs else REPLY_TOKENS
    prices = prices_of(spec)
    dollars = 0.0 if not new or not unpriced([spec]) else None
    if prices is not None:
        listed = (seen.new_input * prices.input + new * length * prices.output) / 1e6
        dollars = listed * discount
    return StageEstimate(
        stage=name,
        model=spec.name,
        calls=seen.calls,
        stored=seen.stored,
        input_tokens=seen.new_input,
        output_tokens=new * length,
        dollars=dollars,
    )


def _tokens(text: str) -> int:
    return token_counter().count(text)


def _unplayed(judgment: Judgment) -> bool:
    return judgment.error in ("no_answer", "no_reference", "no_checklist")
