"""A judge run: models answer a benchmark, judges compare the answers, a run folder is written.

A run is a function of the benchmark, its config and the response store. Whatever was paid for is
in the store, so the same command after a crash, or after failures, asks only for what is missing.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from benchbuilder import __version__
from benchbuilder.records import BenchmarkItem, read_benchmark
from judges.answering import collect_answers
from judges.asking import Asker, by_batch, live, stored
from judges.canaries import (
    CanaryScore,
    canary_answers,
    canary_games,
    choose_prompts,
    score_canaries,
)
from judges.config import RunConfig
from judges.costs import StageCost, stage_costs, total
from judges.extras import write_extras
from judges.judging import GAMES, Answers, Bench, judge_games
from judges.labelled import PAIRS, read_pairs
from judges.planning import Game, plan_games
from judges.protocols import Extra, rewritten
from judges.records import Answer, Judgment
from judges.repetition import largest_group
from judges.runs import (
    alone_at,
    remove_others,
    write_answers,
    write_canaries,
    write_judgments,
    write_meta,
    write_prompts,
)
from judges.sentinel import Watch, drift_line, watch
from judges.style import token_counter
from llms.budget import Budget
from llms.files import digest
from llms.progress import Progress
from llms.records import ModelSpec
from llms.store import ResponseStore

__all__ = ["RunConfig", "RunReport", "run"]
ANSWERS = "answers"
OVER_BUDGET = "over_budget"
_REPEATED_LEAST = 5
_REPEATED_SHARE = 0.1
"""Nearly equal answers are suspicious from this share of a model's prompts on."""
_BLOCK = 8
"""Prompts that a run with a budget takes up at once, before it pays for the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The answers and judgments of some prompts, canaries apart.

    `extras` are what judges wrote to have beside the answers, each with its stage.
    """

    answers: list[Answer]
    judgments: list[Judgment]
    canary_judgments: list[Judgment]
    extras: list[tuple[str, Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run has come to; `owed` answers and games are asked again by the next run."""

    answers: int
    games: int
    answers_owed: Mapping[str, Mapping[str, int]]
    """By model, then by reason."""
    games_owed: Mapping[str, Mapping[str, int]]
    """By judge, then by reason."""
    truncated: int
    """Answers that were cut off at the token limit and are judged all the same."""
    rewritten: Mapping[str, int]
    """By model: imitations of verdict labels or delimiters in its answers."""
    repeated: Mapping[str, int]
    """By model: the most prompts that got nearly the same answer, where that is suspicious."""
    canaries: tuple[CanaryScore, ...]
    cost: float | None
    """US dollars for all replies of the run, whenever they were paid; None where unknown."""
    costs: tuple[StageCost, ...]
    """The same by stage, and by model or judge."""
    sentinel: tuple[Watch, ...]
    """What the labelled pairs say of each judge."""

    @property
    def owed(self) -> int:
        """How many answers, games and verdicts on labelled pairs are missing."""
        counts = [*self.answers_owed.values(), *self.games_owed.values()]
        pairs = sum(watch.accuracy.failed for watch in self.sentinel)
        return sum(sum(reasons.values()) for reasons in counts) + pairs

    @property
    def drifted(self) -> list[str]:
        """The judges that have changed since the last round, at 5 % for all of them together."""
        level = 0.05 / max(1, len(self.sentinel))
        return [watch.judge for watch in self.sentinel if watch.changed(level)]

    @property
    def won_by_canaries(self) -> int:
        """How often a judge preferred an answer without merit in both orders."""
        return sum(score.won_twice for score in self.canaries)


def run(
    benchmark: Path, *, out: Path, config: RunConfig, store: ResponseStore, progress: Progress
) -> RunReport:
    """Collect the answers, have them judged, and write the run folder `out`.

    Raises:
        UserError: the benchmark cannot be read, or `out` not be written.
    """
    items = read_benchmark(benchmark)
    budget = Budget(config.budget)
    ask = (by_batch if config.batch else live)(store, budget, progress)

    def waiting() -> None:
        progress.note(f"another process works on {out}; waiting for it to end")

    with alone_at(out, waiting):
        watched = watch_judges(config, ask, stored(store, lambda *_: None), progress)
        played = _within_budget(items, config, ask, budget, progress)
        report = _report(items, played, watched)
        _tell(report, progress)
        _write(out, items, config, played, report)
    return report


def _write(
    out: Path,
    items: Sequence[BenchmarkItem],
    config: RunConfig,
    played: Played,
    report: RunReport,
) -> None:
    """Write the run folder, the record last."""
    write_prompts(out, items)
    for spec in config.models:
        write_answers(out, spec.name, (a for a in played.answers if a.model == spec.name))
    for spec in config.judges:
        write_judgments(out, spec.name, (j for j in played.judgments if j.judge == spec.name))
    remove_others(out, (s.name for s in config.models), (s.name for s in config.judges))
    write_canaries(out, played.canary_judgments)
    write_meta(out, run_record(items, config, report))


def watch_judges(
    config: RunConfig, ask: Asker, look_up: Asker, progress: Progress
) -> list[tuple[Watch, list[Judgment]]]:
    """Have every judge but the recorded ones judge the sentinel's pairs, where there are some.

    Raises:
        UserError: the pairs cannot be read, or not be judged by the run's protocol.
    """
    if config.sentinel is None:
        return []
    pairs = read_pairs(config.sentinel)
    return [
        watch(
            pairs,
            judge=judge,
            protocol=config.protocol_called(config.protocol),
            think_tags=config.think_tags,
            ask=ask,
            look_up=look_up,
            progress=progress,
            round_=config.sentinel_round,
        )
        for judge in config.judges
        if judge.kind != "recorded"
    ]


def play(
    items: Sequence[BenchmarkItem],
    config: RunConfig,
    *,
    with_canaries: Collection[str],
    ask: Asker,
    progress: Progress,
) -> Played:
    """Return the answers to `items` and every judge's judgments of them.

    `with_canaries` are the ids of the prompts that canaries answer too; a recorded judge never
    saw their answers and is not asked about them.
    """
    answers = _answers(items, config, ask, progress)
    chosen = [item for item in items if item.id in with_canaries]
    canaries = canary_answers(chosen)
    known = {(row.prompt_id, row.model, row.sample): row for row in (*answers, *canaries)}
    games = _games(items, config)
    against_canaries = canary_games(chosen, config.opponent)
    judged: list[Judgment] = []
    canary_judgments: list[Judgment] = []
    written: list[tuple[str, Answer]] = []
    for judge in config.judges:
        asked = games if judge.kind == "recorded" else [*games, *against_canaries]
        extras = _extras(asked, judge, config, ask, progress)
        written += [
            (f"{config.protocol_called(name).form.extra}s", extra)
            for name, some in extras.items()
            for extra in some.values()
            if extra.model == judge.name
        ]
        judgments = _judgments(asked, known, judge, extras, config, ask, progress)
        judged += judgments[: len(games)]
        canary_judgments += judgments[len(games) :]
    return Played(
        answers=answers,
        judgments=judged,
        canary_judgments=canary_judgments,
        extras=written,
    )


def run_record(
    items: Sequence[BenchmarkItem], config: RunConfig, report: RunReport
) -> dict[str, Any]:
    """Return run.json: the resolved config, versions, digests and counts."""
    return {
        "kind": "run",
        "config": config.resolved(),
        "versions": {"benchbuilder": __version__, "tokens": token_counter().name},
        "digests": {
            "benchmark": digest([asdict(item) for item in items]),
            "templates": config.templates(),
            **_sentinel_digest(config),
        },
        "counts": {"prompts": len(items), **asdict(report)},
        "note": config.note,
    }


def _sentinel_digest(config: RunConfig) -> dict[str, str]:
    pairs = read_pairs(config.sentinel) if config.sentinel else None
    return {"sentinel": digest([asdict(pair) for pair in pairs])} if pairs else {}


def _within_budget(
    items: Sequence[BenchmarkItem],
    config: RunConfig,
    ask: Asker,
    budget: Budget,
    progress: Progress,
) -> Played:
    """Play all items, or as many as the budget allows, in an order drawn by their ids.

    A prompt that the money ran out on is left unplayed as a whole, whatever of it was paid for.
    """
    chosen = {item.id for item in choose_prompts(items, config.canaries)}
    if budget.limit is None:
        return play(items, config, with_canaries=chosen, ask=ask, progress=progress)
    blocks: list[Played] = []
    rest = sorted(items, key=lambda item: digest(["budget", item.id]))
    cut: set[str] = set()
    dearest = 0.0
    # The first prompt alone, to learn what a prompt costs.
    count = 1
    while rest and count and not cut:
        block, rest = rest[:count], rest[count:]
        before = budget.spent
        blocks.append(play(block, config, with_canaries=chosen, ask=ask, progress=progress))
        cut = _cut_short(blocks[-1])
        dearest = max(dearest, (budget.spent - before) / len(block))
        count = _affordable(budget.limit - budget.spent, dearest, most=len(rest))
        # Batches take up to a day each, so there are to be few of them.
        count = count if config.batch else min(_BLOCK, count)
    whole = len(items) - len(rest) - len(cut)
    progress.note(f"{budget.summary()}; {whole} of {len(items)} prompts are whole")
    return _in_order(items, config, blocks, rest, cut)


def _affordable(dollars: float, each: float, *, most: int) -> int:
    return min(most, int(dollars / each)) if each else most


def _cut_short(played: Played) -> set[str]:
    """Return the prompts of which something was not bought for want of money."""
    extras = [extra for _, extra in played.extras]
    rows: list[Answer | Judgment] = [*played.answers, *played.judgments, *extras]
    return {row.prompt_id for row in rows if row.error == OVER_BUDGET}


def _in_order(
    items: Sequence[BenchmarkItem],
    config: RunConfig,
    blocks: Sequence[Played],
    rest: Sequence[BenchmarkItem],
    cut: Collection[str],
) -> Played:
    """Put what was played into the benchmark's order, and a failure where nothing was.

    The verdicts on prompts that were `cut` short become failures too; the next run finds them in
    the store.
    """
    answers = [answer for block in blocks for answer in block.answers]
    answers += [
        Answer(prompt_id=item.id, model=spec.name, sample=sample, text=None, error=OVER_BUDGET)
        for item in rest
        for spec in config.models
        for sample in range(config.samples)
    ]
    judgments = [
        replace(judgment, verdict=None, error=OVER_BUDGET)
        if judgment.prompt_id in cut
        else judgment
        for block in blocks
        for judgment in block.judgments
    ]
    judgments += [
        Judgment(
            prompt_id=game.item.id,
            judge=judge.name,
            model_a=game.model_a,
            model_b=game.model_b,
            sample=game.sample,
            verdict=None,
            error=OVER_BUDGET,
        )
        for game in _games(rest, config)
        for judge in config.judges
    ]
    place = {item.id: i for i, item in enumerate(items)}
    return Played(
        answers=sorted(answers, key=lambda answer: place[answer.prompt_id]),
        judgments=sorted(judgments, key=lambda judgment: place[judgment.prompt_id]),
        canary_judgments=[judgment for block in blocks for judgment in block.canary_judgments],
        extras=[extra for block in blocks for extra in block.extras],
    )


def _games(items: Sequence[BenchmarkItem], config: RunConfig) -> list[Game]:
    names = {config.protocol_name(item) for item in items}
    # An answer's rating does not know an order, so its games have but one.
    ordered = {name for name in names if config.protocol_called(name).form.unit != "answer"}
    return [
        game
        for item in items
        for game in plan_games(
            [item],
            config.item_pairs,
            both_orders=config.both_orders and config.protocol_name(item) in ordered,
            samples=config.samples,
            repeats=config.repeats,
        )
    ]


def _answers(
    items: Sequence[BenchmarkItem], config: RunConfig, ask: Asker, progress: Progress
) -> list[Answer]:
    progress.start(ANSWERS, len(items) * len(config.models) * config.samples)
    return collect_answers(
        config.models,
        items,
        ask=ask,
        think_tags=config.think_tags,
        keep_truncated=config.keep_truncated,
        on_result=lambda _: progress.advance(ANSWERS),
        stage=ANSWERS,
        samples=config.samples,
    )


def _judgments(
    games: Sequence[Game],
    answers: Answers,
    judge: ModelSpec,
    extras: Mapping[str, Mapping[str, Answer]],
    config: RunConfig,
    ask: Asker,
    progress: Progress,
) -> list[Judgment]:
    """Return one judge's judgments of the games, in their order, each by its prompt's protocol."""
    stage = f"games judged by {judge.name}"
    progress.start(stage, len(games))
    judged: dict[Game, Judgment] = {}
    for name, some in _by_protocol(games, config).items():
        bench = Bench(
            judge=judge,
            protocol=config.protocol_called(name),
            answers=answers,
            ask=ask,
            think_tags=config.think_tags,
            on_result=lambda _: progress.advance(stage),
            extras=extras[name],
        )
        judged.update(zip(some, judge_games(some, bench), strict=True))
    return [judged[game] for game in games]


def _by_protocol(games: Sequence[Game], config: RunConfig) -> dict[str, list[Game]]:
    by_protocol: dict[str, list[Game]] = defaultdict(list)
    for game in games:
        by_protocol[config.protocol_name(game.item)].append(game)
    return by_protocol


def _extras(
    games: Sequence[Game],
    judge: ModelSpec,
    config: RunConfig,
    ask: Asker,
    progress: Progress,
) -> dict[str, Mapping[str, Answer]]:
    """Return what is shown beside the answers, by the protocol's name and by prompt id."""
    return {
        name: _written(config.protocol_called(name).form.extra, some, judge, config, ask, progress)
        for name, some in _by_protocol(games, config).items()
    }


def _written(
    kind: Extra | None,
    games: Sequence[Game],
    judge: ModelSpec,
    config: RunConfig,
    ask: Asker,
    progress: Progress,
) -> Mapping[str, Answer]:
    if kind is None:
        return {}
    items = list({game.item.id: game.item for game in games}.values())
    stage = f"{kind}s by {judge.name}"
    progress.start(stage, len(items))
    return write_extras(
        kind,
        items,
        judge=judge,
        ask=ask,
        think_tags=config.think_tags,
        on_result=lambda _: progress.advance(stage),
    )


def _report(
    items: Sequence[BenchmarkItem],
    played: Played,
    watched: Sequence[tuple[Watch, Sequence[Judgment]]],
) -> RunReport:
    turns = {item.id: item.turns for item in items}
    imitations = Counter[str]()
    for answer in played.answers:
        if answer.text is not None:
            imitations[answer.model] += rewritten(answer, turns[answer.prompt_id])
    on_pairs = [(PAIRS, game.judge, game) for _, judged in watched for game in judged]
    costs = stage_costs([*_paid(played), *on_pairs])
    return RunReport(
        answers=len(played.answers),
        games=len(played.judgments),
        answers_owed=_reasons((answer.model, answer.error) for answer in played.answers),
        games_owed=_reasons((judgment.judge, judgment.error) for judgment in played.judgments),
        truncated=sum(answer.finish_reason == "length" for answer in played.answers),
        rewritten={model: count for model, count in sorted(imitations.items()) if count},
        repeated=_repeated(played.answers),
        canaries=tuple(score_canaries(played.canary_judgments)),
        cost=total(costs),
        costs=costs,
        sentinel=tuple(found for found, _ in watched),
    )


def _paid(played: Played) -> Iterator[tuple[str, str, Answer | Judgment]]:
    """Yield all that was paid for, with its stage and who gave it."""
    yield from ((ANSWERS, answer.model, answer) for answer in played.answers)
    yield from ((stage, extra.model, extra) for stage, extra in played.extras)
    yield from ((GAMES, judgment.judge, judgment) for judgment in played.judgments)
    yield from (("canaries", judgment.judge, judgment) for judgment in played.canary_judgments)


def _repeated(answers: Iterable[Answer]) -> dict[str, int]:
    by_model: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for answer in answers:
        if answer.text is not None:
            by_model[answer.model].append((answer.text, answer.prompt_id))
    found = {}
    for model, some in sorted(by_model.items()):
        texts, prompts = zip(*some, strict=True)
        count = largest_group(texts, prompts)
        if count >= max(_REPEATED_LEAST, _REPEATED_SHARE * len(set(prompts))):
            found[model] = count
    return found


def _reasons(errors: Iterable[tuple[str, str | None]]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for name, error in errors:
        if error is not None:
            counts.setdefault(name, Counter())[error] += 1
    return {name: dict(sorted(reasons.items())) for name, reasons in sorted(counts.items())}


def _tell(report: RunReport, progress: Progress) -> None:
    for name, owed in (("answers", report.answers_owed), ("games", report.games_owed)):
        failed = sum(sum(reasons.values()) for reasons in owed.values())
        owing = f", {failed} failed and are owed" if failed else ""
        progress.note(f"{name}: {getattr(report, name)}{owing}")
    for model, count in report.repeated.items():
        progress.note(f"{model} gives nearly the same answer to {count} different prompts")
    for found in report.sentinel:
        if found.round:
            progress.note(f"{found.judge}: {drift_line(found.drift, found.round)}")
    for judge, scores in groupby(report.canaries, key=lambda score: score.judge):
        some = list(scores)
        worst = max(some, key=lambda score: score.share or 0.0)
        progress.note(
            f"canaries: {judge} gave at most {worst.share or 0:.0%} of the points to answers "
            f"without merit (most to: {worst.canary})"
        )
