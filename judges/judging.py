"""Have a judge play the games; a reply without a verdict is a failure.

One request is about a game, about one answer (its rating serves all of the answer's games), or
about a list of answers (its ranking serves the games among them), as the protocol has it.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from benchbuilder.records import BenchmarkItem
from judges.asking import Asker, OnResult
from judges.planning import Game
from judges.protocols import LETTERS, LIST_SIZE, Protocol, all_texts, finished_text
from judges.records import Answer, Judgment
from judges.thoughts import Tags
from judges.verdicts import label_of, read_ranking, read_rating
from llms.errors import UserError
from llms.files import digest
from llms.outcomes import Check
from llms.records import Failure, ModelSpec, Reply, Request, Result

Answers = Mapping[tuple[str, str, int], Answer]
"""Answers by prompt id, model and sample."""
GAMES = "games"
"""The stage at which judges compare answers."""
_STRONG_RATING_GAP = 3


class _Spoken(TypedDict):
    text: str | None
    cost: float | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a judge works with: itself, its protocol, the answers, and how it is asked."""

    judge: ModelSpec
    protocol: Protocol
    answers: Answers
    ask: Asker
    think_tags: Tags
    on_result: OnResult
    extras: Mapping[str, Answer] = field(default_factory=dict)
    """By prompt id: the reference or checklist that the protocol shows beside the answers."""
    stage: str = GAMES

    def lacks(self, game: Game) -> str | None:
        """Return why the game cannot be played, or None."""
        pair = (game.model_a, game.model_b)
        if any(self.answers[game.item.id, model, game.sample].text is None for model in pair):
            return "no_answer"
        extra = self.protocol.form.extra
        lacking = extra is not None and self.extras[game.item.id].text is None
        return f"no_{extra}" if lacking else None

    def request(
        self,
        item: BenchmarkItem,
        models: Mapping[str, str],
        about: Mapping[str, str],
        *,
        sample: int,
        repeat: int,
    ) -> Request:
        """Return the request about the answers of `models`, which go by the letter shown."""
        shown = {letter: self.answers[item.id, model, sample] for letter, model in models.items()}
        extra = self.extras[item.id].text if self.protocol.form.extra else None
        return Request(
            spec=self.judge,
            messages=[self.protocol.message(item, shown, extra=extra)],
            params=self.protocol.params(),
            sample=repeat,
            about={"prompt_id": item.id, **about, "sample": str(sample)},
        )


def judge_games(games: Sequence[Game], bench: Bench) -> list[Judgment]:
    """Return one judgment for each game, in the same order.

    A game that lacks an answer, or what is to be shown beside it, is not asked; its judgment is a
    failure, `no_answer`, `no_reference` or `no_checklist`.
    """
    ways = {"game": _one_by_one, "answer": _by_ratings, "list": _by_rankings}
    playable = [game for game in games if bench.lacks(game) is None]
    judged = ways[bench.protocol.form.unit](playable, bench)
    return [
        judged.get(game) or _judgment(game, bench, None, error=bench.lacks(game)) for game in games
    ]


def _one_by_one(games: Sequence[Game], bench: Bench) -> dict[Game, Judgment]:
    by_label = {(*game.about().values(), game.repeat): game for game in games}
    alike = _alike(games, bench)
    judged: dict[Game, Judgment] = {}

    def read(reply: Reply) -> str | None:
        return bench.protocol.verdict(reply, bench.think_tags)

    def take(result: Result) -> None:
        game = by_label[(*result.request.about.values(), result.request.sample)]
        verdict = read(result) if isinstance(result, Reply) else None
        said = _spoken(result)
        if isinstance(result, Reply):
            said["cost"] = _shared_cost([(result, alike.get(game, 1))])
        judged[game] = _judgment(game, bench, verdict, **said)
        bench.on_result(result)

    requests = (
        bench.request(
            game.item,
            {"A": game.model_a, "B": game.model_b},
            _pair(game),
            sample=game.sample,
            repeat=game.repeat,
        )
        for game in games
    )
    bench.ask(requests, readable(read), take, stage=bench.stage)
    return judged


def _alike(games: Sequence[Game], bench: Bench) -> Mapping[Game, int]:
    """Return how many samples of each game have the same words: one reply serves them all."""
    if not any(game.sample for game in games):
        return {}

    def words(game: Game) -> tuple[object, ...]:
        models = _pair(game).values()
        answers = [bench.answers[game.item.id, model, game.sample] for model in models]
        return (game.item.id, *models, game.repeat, *(tuple(all_texts(one)) for one in answers))

    counts = Counter(map(words, games))
    return {game: counts[words(game)] for game in games}


def _by_ratings(games: Sequence[Game], bench: Bench) -> dict[Game, Judgment]:
    uses = Counter(
        (game.item.id, model, game.sample, game.repeat)
        for game in games
        for model in _pair(game).values()
    )
    items = {game.item.id: game.item for game in games}
    results: dict[tuple[str, str, int, int], Result] = {}

    def rating(reply: Reply) -> int | None:
        return read_rating(finished_text(reply, bench.think_tags) or "")

    def take(result: Result) -> None:
        about, repeat = result.request.about, result.request.sample
        results[about["prompt_id"], about["model"], int(about["sample"]), repeat] = result
        bench.on_result(result)

    def judged(game: Game) -> Judgment:
        models = _pair(game).values()
        keys = [(game.item.id, model, game.sample, game.repeat) for model in models]
        both = [results[key] for key in keys]
        ratings = [rating(r) if isinstance(r, Reply) else None for r in both]
        return _judgment(
            game,
            bench,
            _from_ratings(*ratings),
            text="\n\n".join(f"{x}: {r.text}" for x, r in zip("AB", both, strict=True)),
            cost=_shared_cost([(results[key], uses[key]) for key in keys]),
            error=next((r.reason for r in both if isinstance(r, Failure)), None),
        )

    requests = (
        bench.request(
            items[prompt_id], {"A": model}, {"model": model}, sample=sample, repeat=repeat
        )
        for prompt_id, model, sample, repeat in uses
    )
    bench.ask(requests, readable(rating), take, stage=bench.stage)
    return {game: judged(game) for game in games}


def _by_rankings(games: Sequence[Game], bench: Bench) -> dict[Game, Judgment]:
    lists = {game: names for names, among in _lists(games).items() for game in among}
    uses = Counter((game.item.id, names, game.sample, game.repeat) for game, names in lists.items())
    items = {game.item.id: game.item for game in games}
    results: dict[tuple[str, tuple[str, ...], int, int], Result] = {}

    def ranking(reply: Reply, names: Sequence[str]) -> dict[str, int] | None:
        text = finished_text(reply, bench.think_tags) or ""
        places = read_ranking(text, LETTERS[: len(names)])
        return {names[LETTERS.index(x)]: place for x, place in places.items()} if places else None

    def take(result: Result) -> None:
        about, repeat = result.request.about, result.request.sample
        names = tuple(json.loads(about["models"]))
        results[about["prompt_id"], names, int(about["sample"]), repeat] = result
        bench.on_result(result)

    def check(reply: Reply) -> str | None:
        names = json.loads(reply.request.about["models"])
        return readable(lambda read: ranking(read, names))(reply)

    def judged(game: Game) -> Judgment:
        key = (game.item.id, lists[game], game.sample, game.repeat)
        result = results[key]
        places = ranking(result, lists[game]) if isinstance(result, Reply) else None
        lead = places[game.model_b] - places[game.model_a] if places else 0
        verdict = label_of(lead, tie=0, strong=LIST_SIZE) if places else None
        said = _spoken(result)
        said["cost"] = _shared_cost([(result, uses[key])])
        return _judgment(game, bench, verdict, **said)

    requests = (
        bench.request(
            items[prompt_id],
            dict(zip(LETTERS, names, strict=False)),
            {"models": json.dumps(names)},
            sample=sample,
            repeat=repeat,
        )
        for prompt_id, names, sample, repeat in uses
    )
    bench.ask(requests, check, take, stage=bench.stage)
    return {game: judged(game) for game in games}


def readable(read: Callable[[Reply], object]) -> Check:
    """Return the check that a judge's reply holds what `read` finds in it."""

    def check(reply: Reply) -> str | None:
        if read(reply) is not None:
            return None
        if reply.finish_reason == "length":
            return "truncated"
        return "refused" if reply.finish_reason == "content_filter" else "unreadable"

    return check


def list_groups(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Return lists of at most five models in which every pair stands together.

    Raises:
        UserError: more than five models meet without one of them taking part in every pair.
    """
    unordered = {frozenset(pair) for pair in pairs}
    models = sorted({model for pair in unordered for model in pair})
    if len(models) <= LIST_SIZE:
        return [tuple(models)] if models else []
    common = frozenset[str].intersection(*unordered)
    if not common:
        raise UserError(
            f"lists hold {LIST_SIZE} answers, so all pairs of {len(models)} models cannot be "
            "ranked in lists; compare with a baseline, or use another protocol"
        )
    (baseline,) = common
    others = [model for model in models if model != baseline]
    return [
        tuple(sorted((baseline, *some)))
        for some in (others[i : i + LIST_SIZE - 1] for i in range(0, len(others), LIST_SIZE - 1))
    ]


def _lists(games: Sequence[Game]) -> dict[tuple[str, ...], list[Game]]:
    """Group games by the list that has their A before their B.

    The order of a list is drawn by prompt; the games' other orders are its reverse.
    """
    by_prompt: dict[str, list[Game]] = defaultdict(list)
    for game in games:
        by_prompt[game.item.id].append(game)
    found: dict[tuple[str, ...], list[Game]] = defaultdict(list)
    for prompt, some in by_prompt.items():
        groups = [
            tuple(sorted(group, key=lambda name: digest([prompt, name])))
            for group in list_groups((game.model_a, game.model_b) for game in some)
        ]
        for game in some:
            pair = {game.model_a, game.model_b}
            names = next(group for group in groups if pair <= set(group))
            ahead = names.index(game.model_a) < names.index(game.model_b)
            found[names if ahead else names[::-1]].append(game)
    return found


def _from_ratings(first: int | None, second: int | None) -> str | None:
    if first is None or second is None:
        return None
    return label_of(first - second, tie=0, strong=_STRONG_RATING_GAP)


def _shared_cost(results: Sequence[tuple[Result, int]]) -> float | None:
    """Return a game's part of what these replies cost, each shared by so many games."""
    parts = [result.cost / games for result, games in results if result.cost is not None]
    return sum(parts) if parts else None


def _pair(game: Game) -> dict[str, str]:
    return {"model_a": game.model_a, "model_b": game.model_b}


def _spoken(result: Result) -> _Spoken:
    reason = result.reason if isinstance(result, Failure) else None
    return {"text": result.text, "cost": result.cost, "error": reason}


def _judgment(
    game: Game,
    bench: Bench,
    verdict: str | None,
    *,
    text: str | None = None,
    cost: float | None = None,
    error: str | None = None,
) -> Judgment:
    return Judgment(
        prompt_id=game.item.id,
        judge=bench.judge.name,
        model_a=game.model_a,
        model_b=game.model_b,
        sample=game.sample,
        verdict=verdict,
        text=text,
        cost=cost,
        error=error,
    )
