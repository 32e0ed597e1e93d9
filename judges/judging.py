"""Have a judge play the games: each is one request, and a reply without a verdict is a failure."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from judges.planning import Game
from judges.protocols import Protocol
from judges.records import Answer, Judgment
from judges.thoughts import Tags
from llms.complete import complete
from llms.records import Failure, ModelSpec, Reply, Request, Result
from llms.store import ResponseStore

Answers = Mapping[tuple[str, str], Answer]
"""Answers by prompt id and model."""


def judge_games(
    games: Sequence[Game],
    answers: Answers,
    *,
    judge: ModelSpec,
    protocol: Protocol,
    think_tags: Tags,
    store: ResponseStore,
    on_judgment: Callable[[], None],
) -> list[Judgment]:
    """Return one judgment for each game, in the same order.

    A game that lacks an answer is not asked; its judgment is a failure, `no_answer`.
    """
    playable = [game for game in games if _complete(game, answers)]
    judged: dict[Game, Judgment] = {}

    async def collect() -> None:
        requests = (_request(game, answers, judge, protocol) for game in playable)
        check = verdict_check(protocol, think_tags)
        async for result in complete(requests, store=store, check=check):
            game = games_by_labels[_labels(result.request.about)]
            judged[game] = _judgment(game, result, judge, protocol, think_tags)
            on_judgment()

    games_by_labels = {_labels(game.about()): game for game in playable}
    asyncio.run(collect())
    return [judged.get(game) or _unplayed(game, judge) for game in games]


def verdict_check(protocol: Protocol, think_tags: Tags) -> Callable[[Reply], str | None]:
    """Return the check that a judge's reply holds a verdict."""

    def check(reply: Reply) -> str | None:
        if protocol.read(reply, think_tags) is not None:
            return None
        if reply.finish_reason == "length":
            return "truncated"
        return "refused" if reply.finish_reason == "content_filter" else "unreadable"

    return check


def _complete(game: Game, answers: Answers) -> bool:
    pair = (game.model_a, game.model_b)
    return all(answers[game.item.id, model].text is not None for model in pair)


def _request(game: Game, answers: Answers, judge: ModelSpec, protocol: Protocol) -> Request:
    first, second = (answers[game.item.id, model] for model in (game.model_a, game.model_b))
    return Request(
        spec=judge,
        messages=[protocol.message(game, first, second)],
        params=protocol.params(),
        about=game.about(),
    )


def _labels(about: Mapping[str, str]) -> tuple[str, str, str]:
    return about["prompt_id"], about["model_a"], about["model_b"]


def _judgment(
    game: Game, result: Result, judge: ModelSpec, protocol: Protocol, think_tags: Tags
) -> Judgment:
    return Judgment(
        prompt_id=game.item.id,
        model_a=game.model_a,
        model_b=game.model_b,
        judge=judge.name,
        verdict=protocol.read(result, think_tags) if isinstance(result, Reply) else None,
        text=result.text,
        cost=result.cost,
        error=result.reason if isinstance(result, Failure) else None,
    )


def _unplayed(game: Game, judge: ModelSpec) -> Judgment:
    return Judgment(
        prompt_id=game.item.id,
        judge=judge.name,
        model_a=game.model_a,
        model_b=game.model_b,
        verdict=None,
        error="no_answer",
    )
