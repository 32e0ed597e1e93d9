"""The files of other tools -> a run folder: Arena-Hard, AlpacaEval, MT-Bench.

Only their layouts are known here; rows and faults go the way of all imports (`reading`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from benchbuilder.records import BenchmarkItem, prompt_id
from judges.reading import (
    ImportReport,
    Reading,
    Unusable,
    clear,
    finish,
    needed,
    needed_models,
    needed_prompt,
    records,
    require_rows,
    styled_answer,
    to_answer,
    write_games,
)
from judges.records import Answer, Judgment
from judges.rows import Row
from llms.errors import UserError

_LABELS = {
    **{label: label for label in ("A>>B", "A>B", "A=B", "B>A", "B>>A")},
    **{"A<<B": "B>>A", "A<B": "B>A", "B=A": "A=B", "B<A": "A>B", "B<<A": "A>>B"},
}
"""The labels that Arena-Hard's judges may give, by ours."""
_UNNAMED = "baseline"


def import_arena_hard(
    paths: Sequence[Path],
    *,
    out: Path,
    answers: Path | None = None,
    prompts: Path | None = None,
    baseline: str | None = None,
) -> ImportReport:
    """Write a run folder from Arena-Hard's files, v0.1 or v2.

    A folder is taken with its model_judgment, model_answer and question files; a file is one of
    judgments. The first game of a row shows the baseline first, the second game the model.

    Args:
        paths: folders or files.
        out: the run folder.
        answers: another file of answers: prompt_id, model and text, or style counts.
        prompts: the question file, where it is not in a folder given.
        baseline: its name, where the rows do not say it (v0.1); by default the one model with
            answers and without judgments, else `baseline`.

    Raises:
        UserError: no such file, or no row can be used.
    """
    reading = Reading()
    judged = [file for path in paths for file in _judgment_files(path)]
    answered = [file for path in paths for file in sorted(path.rglob("model_answer/*.jsonl"))]
    games = list(chain.from_iterable(records(judged, _arena_games, reading)))
    require_rows(len(games), judged or paths, reading)
    read = list(records(answered, _arena_answer, reading))
    if answers:
        read += records([answers], to_answer, reading)
    games = _name_baseline(games, baseline or _only_unjudged(games, read))
    clear(out)
    return finish(
        "arena-hard",
        reading,
        out=out,
        kept=len(games),
        models=write_games(out, games),
        answers=read,
        answers_from=answers or (answered[0].parent if answered else None),
        prompts=prompts or _questions(paths),
    )


def import_alpaca_eval(
    paths: Sequence[Path],
    *,
    out: Path,
    answers: Path | None = None,
    prompts: Path | None = None,
) -> ImportReport:
    """Write a run folder from AlpacaEval's annotations.json, or Parquet of the same columns.

    Columns: instruction (or prompt), generator_1 and generator_2 (or model, against an unnamed
    `baseline`), output_1 and output_2 (or answer), preference from 1 (the baseline wins) to 2,
    annotator. The verdict is the probability that the first answer is better. A prompt's
    id is that of its text. Arguments and errors as `import_arena_hard`.
    """
    reading = Reading()
    kept = list(records(paths, _annotation, reading))
    require_rows(len(kept), paths, reading)
    own = [answer for annotation in kept for answer in annotation[1]]
    items = {item.id: item for _, _, item in kept}
    extra = list(records([answers], _alpaca_answer, reading)) if answers else []
    clear(out)
    games = [game for game, _, _ in kept]
    return finish(
        "alpaca-eval",
        reading,
        out=out,
        kept=len(games),
        models=write_games(out, games),
        answers=[*extra, *own],
        answers_from=answers or paths[0],
        prompts=prompts or [items[key] for key in sorted(items)],
    )


def import_mt_bench(
    paths: Sequence[Path],
    *,
    out: Path,
    answers: Path | None = None,
    prompts: Path | None = None,
) -> ImportReport:
    """Write a run folder from MT-Bench's files of pairs (gpt-4_pair.jsonl).

    Columns: question_id, model_1, model_2, g1_winner, g2_winner (model_1, model_2, tie or error),
    judge. The first game shows model_1 first, the second model_2. Both turns of a question are
    one prompt's evidence. Arguments and errors as `import_arena_hard`.
    """
    reading = Reading()
    games = list(chain.from_iterable(records(paths, _pair_games, reading)))
    require_rows(len(games), paths, reading)
    clear(out)
    return finish(
        "mt-bench",
        reading,
        out=out,
        kept=len(games),
        models=write_games(out, games),
        answers=list(records([answers], to_answer, reading)) if answers else [],
        answers_from=answers,
        prompts=prompts,
    )


def _judgment_files(path: Path) -> Iterator[Path]:
    """Yield the judgment files of a folder: those under model_judgment, else all its own."""
    if not path.is_dir():
        yield path
        return
    under = sorted(path.rglob("model_judgment/**/*.jsonl"))
    found = under or sorted(path.glob("*.jsonl"))
    if not found:
        raise UserError(f"{path} has no judgments: neither model_judgment/*/*.jsonl nor *.jsonl")
    yield from found


def _questions(paths: Iterable[Path]) -> Path | None:
    return next((file for path in paths for file in sorted(path.glob("question*.jsonl"))), None)


def _arena_games(row: Row) -> tuple[list[Judgment], str | None]:
    prompt, model = needed_prompt(row), needed(row, "model")
    judge, baseline = needed(row, "judge"), str(row.get("baseline") or _UNNAMED)
    games = row.get("games")
    if not isinstance(games, list) or not games:
        raise Unusable("no games")
    if model == baseline:
        raise Unusable(f"model {model} is matched with itself")
    orders = ((baseline, model), (model, baseline))
    read = [
        _game(prompt, judge, *orders[number % 2], game if isinstance(game, dict) else {})
        for number, game in enumerate(games)
    ]
    faults = [f"game {n}: {game.error}" for n, game in enumerate(read, start=1) if game.error]
    return read, "; ".join(faults) or None


def _game(prompt: str, judge: str, model_a: str, model_b: str, game: Row) -> Judgment:
    score = game.get("score")
    verdict = _LABELS.get(str(score))
    error = "no verdict" if score is None else f"unknown verdict {score!r}"
    return Judgment(
        prompt_id=prompt,
        judge=judge,
        model_a=model_a,
        model_b=model_b,
        verdict=verdict,
        text=_text_of(game.get("judgment")),
        error=None if verdict else error,
    )


def _text_of(content: object) -> str | None:
    """Return a message's content: a text, a mapping with `answer`, or parts with `text`."""
    match content:
        case str():
            return content
        case {"answer": str(text)} | {"text": str(text)}:
            return text
        case list():
            return "".join(filter(None, map(_text_of, content))) or None
    return None


def _name_baseline(games: list[Judgment], name: str) -> list[Judgment]:
    """Return the games with the baseline that no row named called `name`."""
    names = {_UNNAMED: name}
    return [
        replace(
            game,
            model_a=names.get(game.model_a, game.model_a),
            model_b=names.get(game.model_b, game.model_b),
        )
        for game in games
    ]


def _only_unjudged(games: Iterable[Judgment], answers: Iterable[Answer]) -> str:
    judged = {model for game in games for model in (game.model_a, game.model_b)}
    others = {answer.model for answer in answers} - judged
    return others.pop() if len(others) == 1 else _UNNAMED


def _arena_answer(row: Row) -> tuple[Answer, str | None]:
    name = "model" if row.get("model") is not None else "model_id"
    prompt, model = needed_prompt(row), needed(row, name)
    text = "\n\n".join(turn for turn in _turns(row) if turn)
    if not text:
        return Answer(prompt_id=prompt, model=model, text=None, error="no answer"), "no answer"
    return styled_answer(prompt, model, text), None


def _turns(row: Row) -> list[str | None]:
    """Return the model's turns: of `choices` (v0.1), or its messages (v2)."""
    choices: Any = row.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return [_text_of(turn.get("content")) for turn in choices[0].get("turns") or ()]
    messages: Any = row.get("messages") or ()
    return [_text_of(said.get("content")) for said in messages if said.get("role") == "assistant"]


def _annotation(row: Row) -> tuple[tuple[Judgment, list[Answer], BenchmarkItem], str | None]:
    """Return the game, its two answers where they are given, and its prompt."""
    text = needed(row, "instruction" if "instruction" in row else "prompt")
    named = {
        "model_a": row.get("generator_1") or _UNNAMED,
        "model_b": row.get("generator_2") or row.get("model"),
    }
    model_a, model_b = needed_models(named)
    verdict, fault = _preference(row.get("preference"))
    key = prompt_id([text])
    game = Judgment(
        prompt_id=key,
        judge=str(row.get("annotator") or "annotator"),
        model_a=model_a,
        model_b=model_b,
        verdict=verdict,
        text=_text_of(row.get("raw_completion")),
        error=fault,
    )
    outputs = ((model_a, row.get("output_1")), (model_b, row.get("output_2", row.get("answer"))))
    answers = [styled_answer(key, model, str(said)) for model, said in outputs if said is not None]
    return (game, answers, BenchmarkItem(id=key, turns=(text,))), fault


def _preference(value: object) -> tuple[str | None, str | None]:
    """Return the probability that the first is better: 1 -> 1, 2 -> 0; 0 is an older tie."""
    if value is None:
        return None, "no verdict"
    try:
        preference = float(str(value))
    except ValueError:
        preference = -1.0
    if preference == 0:
        return "0.5", None
    if not 1 <= preference <= 2:
        return None, f"preference {value!r} is not between 1 and 2"
    return repr(2 - preference), None


def _alpaca_answer(row: Row) -> tuple[Answer, str | None]:
    """Convert an answer that names its prompt by id, or by its text."""
    text = row.get("instruction", row.get("prompt"))
    said = next((row[name] for name in ("text", "output", "answer") if row.get(name)), None)
    known = {"prompt_id": prompt_id([str(text)])} if text is not None else {}
    model = row.get("model") or row.get("generator") or _UNNAMED
    return to_answer(row | known | {"model": model, "text": said})


def _pair_games(row: Row) -> tuple[list[Judgment], str | None]:
    prompt = needed_prompt(row)
    first, second = needed_models(row, "model_1", "model_2")
    judge = row.get("judge")
    name = judge[0] if isinstance(judge, list) and judge else needed(row, "judge")
    games = [
        _pair_game(prompt, str(name), first, second, row, "g1", "model_1", "model_2"),
        _pair_game(prompt, str(name), second, first, row, "g2", "model_2", "model_1"),
    ]
    faults = [f"game {n}: {game.error}" for n, game in enumerate(games, start=1) if game.error]
    return games, "; ".join(faults) or None


def _pair_game(
    prompt: str, judge: str, model_a: str, model_b: str, row: Row, game: str, a: str, b: str
) -> Judgment:
    winner = row.get(f"{game}_winner")
    verdict = {a: "A>B", b: "B>A", "tie": "A=B"}.get(str(winner))
    error = "no verdict" if winner in (None, "error") else f"unknown winner {winner!r}"
    return Judgment(
        prompt_id=prompt,
        judge=judge,
        model_a=model_a,
        model_b=model_b,
        verdict=verdict,
        text=_text_of(row.get(f"{game}_judgment")),
        error=None if verdict else error,
    )
