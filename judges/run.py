"""A judge run: models answer a benchmark, judges compare the answers, a run folder is written.

A run is a function of the benchmark, its config and the response store. Whatever was paid for is
in the store, so the same command after a crash, or after failures, asks only for what is missing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from benchbuilder import __version__
from benchbuilder.records import BenchmarkItem, read_benchmark
from judges.answering import collect_answers
from judges.judging import judge_games
from judges.planning import Pair, all_pairs, baseline_pairs, plan_games
from judges.protocols import PROTOCOLS, protocol, rewritten
from judges.records import Answer, Judgment
from judges.runs import write_answers, write_judgments, write_meta, write_prompts
from judges.style import token_counter
from judges.thoughts import THINK_TAGS
from llms.files import digest
from llms.progress import Progress
from llms.records import ModelSpec
from llms.specs import read_specs
from llms.store import ResponseStore


class RunConfig(BaseModel):
    """What is to be run. Models and judges may be given as specs or as the texts that name them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[ModelSpec, ...] = Field(min_length=2)
    judges: tuple[ModelSpec, ...] = Field(min_length=1)
    pairs: str | tuple[Pair, ...] = "baseline"
    """`baseline` (every model against one), `all`, or a list of pairs of names."""
    baseline: str | None = None
    """The name of one of the models; needed for `baseline` pairs."""
    both_orders: bool = True
    protocol: str = "pairwise"
    structured: bool = False
    """Ask for JSON replies that follow a schema instead of a label at the end of the text."""
    think_tags: tuple[str, str] | None = THINK_TAGS
    keep_truncated: bool = False
    """Judge answers that were cut off at the token limit instead of counting them as failures."""
    note: str | None = None
    """A sentence that goes into the run's record and is shown with its numbers."""

    @field_validator("models", "judges", mode="before")
    @classmethod
    def _specs(cls, given: Any) -> Any:
        texts = [given] if isinstance(given, str) else list(given)
        return read_specs(texts) if all(isinstance(text, str) for text in texts) else given

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [spec.name for spec in self.models]
        if len(set(names)) < len(names):
            raise ValueError("two models have the same name")
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"no protocol {self.protocol!r}; there are {', '.join(PROTOCOLS)}")
        unknown = {name for pair in self.all_pairs() for name in pair} - set(names)
        if unknown:
            listed = ", ".join(names)
            raise ValueError(f"{sorted(unknown)[0]!r} is not one of the models: {listed}")
        return self

    def all_pairs(self) -> list[Pair]:
        """Return the pairs of models that meet, each once."""
        names = [spec.name for spec in self.models]
        listed = ", ".join(names)
        if not isinstance(self.pairs, str):
            return list(self.pairs)
        if self.pairs == "all":
            return all_pairs(names)
        if self.pairs != "baseline":
            raise ValueError(f"pairs are `baseline`, `all` or a list, not {self.pairs!r}")
        if self.baseline is None:
            raise ValueError(f"name a baseline (one of {listed}) or play all pairs")
        if self.baseline not in names:
            raise ValueError(f"baseline {self.baseline!r} is not one of the models: {listed}")
        return baseline_pairs(names, self.baseline)


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
    rewritten: Mapping[str, int]
    """By model: imitations of verdict labels or delimiters in its answers."""
    cost: float | None
    """US dollars for all replies of the run, whenever they were paid; None where unknown."""

    @property
    def owed(self) -> int:
        """How many answers and games are missing."""
        counts = [*self.answers_owed.values(), *self.games_owed.values()]
        return sum(sum(reasons.values()) for reasons in counts)


def run(
    benchmark: Path, *, out: Path, config: RunConfig, store: ResponseStore, progress: Progress
) -> RunReport:
    """Collect the answers, have them judged, and write the run folder `out`.

    Raises:
        UserError: the benchmark cannot be read, or `out` not be written.
    """
    items = read_benchmark(benchmark)
    answers = _answers(items, config, store, progress)
    judgments = _judgments(items, answers, config, store, progress)
    report = _report(items, answers, judgments)
    write_prompts(out, items)
    for spec in config.models:
        write_answers(out, spec.name, (a for a in answers if a.model == spec.name))
    for spec in config.judges:
        write_judgments(out, spec.name, (j for j in judgments if j.judge == spec.name))
    write_meta(out, run_record(items, config, report))
    return report


def run_record(
    items: Sequence[BenchmarkItem], config: RunConfig, report: RunReport
) -> dict[str, Any]:
    """Return run.json: the resolved config, versions, digests and counts."""
    return {
        "kind": "run",
        "config": resolved(config),
        "versions": {"benchbuilder": __version__, "tokens": token_counter().name},
        "digests": {"benchmark": digest([asdict(item) for item in items])},
        "counts": {"prompts": len(items), **asdict(report)},
        "note": config.note,
    }


def resolved(config: RunConfig) -> dict[str, Any]:
    """Return the config as plain values; of folders and endpoints only what names the model."""
    values = config.model_dump(mode="json", exclude={"models", "judges", "note"})
    return {
        **values,
        "models": [_named(spec) for spec in config.models],
        "judges": [_named(spec) for spec in config.judges],
    }


def _named(spec: ModelSpec) -> dict[str, Any]:
    address = spec.address if spec.kind == "http" else None
    model = Path(spec.model).name if Path(spec.model).is_absolute() else spec.model
    kept = asdict(replace(spec, address=address, model=model))
    return {name: kept[name] for name in kept if name not in ("concurrency", "timeout")}


def _answers(
    items: Sequence[BenchmarkItem], config: RunConfig, store: ResponseStore, progress: Progress
) -> list[Answer]:
    progress.start("answers", len(items) * len(config.models))
    answers = collect_answers(
        config.models,
        items,
        store=store,
        think_tags=config.think_tags,
        keep_truncated=config.keep_truncated,
        on_answer=lambda: progress.advance("answers"),
    )
    failed = sum(answer.error is not None for answer in answers)
    progress.note(
        f"answers: {len(answers)} from {len(config.models)} models to {len(items)} prompts"
        f"{_owed(failed)}"
    )
    return answers


def _judgments(
    items: Sequence[BenchmarkItem],
    answers: Sequence[Answer],
    config: RunConfig,
    store: ResponseStore,
    progress: Progress,
) -> list[Judgment]:
    games = plan_games(items, config.all_pairs(), both_orders=config.both_orders)
    by_key = {(answer.prompt_id, answer.model): answer for answer in answers}
    progress.start("games", len(games) * len(config.judges))
    judgments = [
        judgment
        for judge in config.judges
        for judgment in judge_games(
            games,
            by_key,
            judge=judge,
            protocol=protocol(config.protocol, structured=config.structured),
            think_tags=config.think_tags,
            store=store,
            on_judgment=lambda: progress.advance("games"),
        )
    ]
    failed = sum(judgment.error is not None for judgment in judgments)
    progress.note(
        f"games: {len(games)} judged by {', '.join(j.name for j in config.judges)}{_owed(failed)}"
    )
    return judgments


def _owed(failed: int) -> str:
    return f"; {failed} failed and are owed" if failed else ""


def _report(
    items: Sequence[BenchmarkItem], answers: Sequence[Answer], judgments: Sequence[Judgment]
) -> RunReport:
    turns = {item.id: item.turns for item in items}
    imitations = Counter[str]()
    for answer in answers:
        imitations[answer.model] += rewritten(answer, turns[answer.prompt_id])
    rows: list[Answer | Judgment] = [*answers, *judgments]
    costs = [row.cost for row in rows if row.cost is not None]
    return RunReport(
        answers=len(answers),
        games=len(judgments),
        answers_owed=_reasons((answer.model, answer.error) for answer in answers),
        games_owed=_reasons((judgment.judge, judgment.error) for judgment in judgments),
        truncated=sum(answer.finish_reason == "length" for answer in answers),
        rewritten={model: count for model, count in sorted(imitations.items()) if count},
        cost=sum(costs) if costs else None,
    )


def _reasons(errors: Iterable[tuple[str, str | None]]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for name, error in errors:
        if error is not None:
            counts.setdefault(name, Counter())[error] += 1
    return {name: dict(sorted(reasons.items())) for name, reasons in sorted(counts.items())}
