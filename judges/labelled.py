"""Accuracy of a judge on pairs of answers whose better one is known.

Pairs come in JudgeBench's layout (`question`, `response_A`, `response_B`, `label`) or a generic one
(`prompt`, `answer_a`, `answer_b`, `label`), each with an optional `source`. A file of JudgeBench's
results brings recorded replies along; without a judge it is these that are read.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchbuilder.records import BenchmarkItem, prompt_id
from judges.asking import Asker
from judges.judging import Bench, judge_games
from judges.planning import Game, plan_games
from judges.protocols import Protocol
from judges.records import Answer, Judgment
from judges.thoughts import Tags
from judges.verdicts import POINTS, mirrored, read_label
from llms.errors import UserError
from llms.files import read_jsonl
from llms.progress import Progress
from llms.records import ModelSpec

Verdicts = tuple[str | None, str | None]
"""On a pair as given and swapped, A being the answer shown first; None if owed."""
FIRST, SECOND = "response_A", "response_B"
PAIRS = "labelled pairs"
"""The stage at which judges judge them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPair:
    """Two answers to one prompt and which of them is better; `label` is A>B or B>A.

    `recorded` are a judge's words on the pair as it stands and swapped, where the file has them.
    """

    id: str
    prompt: str
    answer_a: str
    answer_b: str
    label: str
    source: str = "all"
    recorded: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """A judge's accuracy on the pairs of one source.

    `as_given` and `swapped` are the shares of right verdicts in each order, a tie or a missing
    verdict being wrong; `combined` is the share of pairs on which both orders together favour the
    better answer (JudgeBench, arXiv 2410.12784: more right than wrong verdicts). `contradictions`
    is the share on which the orders favour different answers, `failed` counts missing verdicts.
    `low` and `high` are the 95 % interval of `combined` (Wilson).
    """

    source: str
    pairs: int
    as_given: float
    swapped: float
    combined: float
    low: float
    high: float
    contradictions: float
    failed: int


def read_pairs(file: Path) -> list[LabelledPair]:
    """Read labelled pairs, one JSON object a line.

    Raises:
        UserError: the file cannot be read, or a line lacks a field or has an unknown label.
    """
    pairs = [_pair(file, line, row) for line, row in read_jsonl(file)]
    if not pairs:
        raise UserError(f"{file} holds no pairs")
    return pairs


def judge_pairs(
    pairs: Sequence[LabelledPair],
    *,
    judge: ModelSpec,
    protocol: Protocol,
    think_tags: Tags,
    ask: Asker,
    progress: Progress,
    round_: int = 0,
) -> list[Judgment]:
    """Return the judge's judgments of each pair in both orders; each `round_` is asked anew.

    Raises:
        UserError: the protocol needs more than the two answers.
    """
    if protocol.form.extra is not None:
        raise UserError(
            f"labelled pairs have no {protocol.form.extra} to be judged by; "
            f"choose another protocol than {protocol.name}"
        )
    items = [BenchmarkItem(id=pair.id, turns=(pair.prompt,)) for pair in pairs]
    texts = {(p.id, FIRST): p.answer_a for p in pairs} | {(p.id, SECOND): p.answer_b for p in pairs}
    answers = {
        (prompt, model, 0): Answer(prompt_id=prompt, model=model, text=text)
        for (prompt, model), text in texts.items()
    }
    games = [
        replace(game, repeat=round_) for game in plan_games(items, lambda _: [(FIRST, SECOND)])
    ]
    stage = f"pairs judged by {judge.name}"
    progress.start(stage, len(games))
    bench = Bench(
        judge=judge,
        protocol=protocol,
        answers=answers,
        ask=ask,
        think_tags=think_tags,
        on_result=lambda _: progress.advance(stage),
        stage=PAIRS,
    )
    return judge_games(games, bench)


def verdicts_on(pairs: Sequence[LabelledPair], judgments: Sequence[Judgment]) -> list[Verdicts]:
    """Return the verdicts on each pair as given and swapped."""
    found = {(judgment.prompt_id, judgment.model_a): judgment.verdict for judgment in judgments}
    return [(found[pair.id, FIRST], found[pair.id, SECOND]) for pair in pairs]


def recorded_verdicts(pairs: Sequence[LabelledPair]) -> list[Verdicts]:
    """Return the verdicts read from the replies that the file brings along.

    Raises:
        UserError: a pair has none.
    """
    if any(pair.recorded is None for pair in pairs):
        raise UserError("these pairs have no recorded replies; name a judge with --judge")
    texts = [pair.recorded for pair in pairs if pair.recorded is not None]
    return [(read_label(given), read_label(swapped)) for given, swapped in texts]


def accuracy(pairs: Sequence[LabelledPair], verdicts: Sequence[Verdicts]) -> list[Accuracy]:
    """Return the accuracy over all pairs, then for each source where there are several.

    `verdicts` are those on each pair as given and swapped, A being the answer shown first.
    """
    by_source: dict[str, list[tuple[float | None, float | None]]] = defaultdict(list)
    for pair, (given, swapped) in zip(pairs, verdicts, strict=True):
        by_source[pair.source].append(
            (_side(given, pair.label), _side(swapped, mirrored(pair.label)))
        )
    everything = [sides for some in by_source.values() for sides in some]
    sources = sorted(by_source.items()) if len(by_source) > 1 else []
    return [_accuracy(name, sides) for name, sides in [("all", everything), *sources]]


def _accuracy(source: str, sides: Sequence[tuple[float | None, float | None]]) -> Accuracy:
    n = len(sides)
    right = sum((given or 0) + (swapped or 0) > 0 for given, swapped in sides)
    low, high = wilson(right, n)
    return Accuracy(
        source=source,
        pairs=n,
        as_given=sum((given or 0) > 0 for given, _ in sides) / n,
        swapped=sum((swapped or 0) > 0 for _, swapped in sides) / n,
        combined=right / n,
        low=low,
        high=high,
        contradictions=sum((given or 0) * (swapped or 0) < 0 for given, swapped in sides) / n,
        failed=sum(side is None for both in sides for side in both),
    )


def wilson(hits: int, n: int, *, z: float = 1.959964) -> tuple[float, float]:
    """Return Wilson's interval (1927) for a share of `hits` in `n`."""
    share, scale = hits / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def _side(verdict: str | None, label: str) -> float | None:
    """Return 1, 0 or -1 as the verdict favours the better answer, none or the other."""
    if verdict is None:
        return None
    lead = POINTS[verdict] if verdict in POINTS else float(verdict) - 0.5
    wanted = 1 if label == "A>B" else -1
    return float((lead > 0) - (lead < 0)) * wanted


def _place(game: Game) -> tuple[str, str]:
    return game.item.id, game.model_a


def _pair(file: Path, line: int, row: Mapping[str, Any]) -> LabelledPair:
    prompt = row.get("question", row.get("prompt"))
    first = row.get("response_A", row.get("answer_a"))
    second = row.get("response_B", row.get("answer_b"))
    label = row.get("label")
    if not all(isinstance(text, str) for text in (prompt, first, second)):
        raise UserError(f"{file}, line {line}: needs prompt, answer_a, answer_b and label")
    if label not in ("A>B", "B>A"):
        raise UserError(f"{file}, line {line}: label {label!r} is neither 'A>B' nor 'B>A'")
    return LabelledPair(
        id=str(row.get("pair_id") or prompt_id([str(prompt), str(first), str(second)])),
        prompt=str(prompt),
        answer_a=str(first),
        answer_b=str(second),
        label=str(label),
        source=str(row.get("source") or "all"),
        recorded=_recorded(row.get("judgments")),
    )


def _recorded(judgments: Any) -> tuple[str, str] | None:
    if not isinstance(judgments, list) or len(judgments) != 2:
        return None
    given, swapped = (str((game.get("judgment") or {}).get("response", "")) for game in judgments)
    return given, swapped
