"""Made-up prompts of known topics and criteria, and an annotator that reads them off."""

import json
import random
import re
from pathlib import Path

from aiohttp import web

from tests.llms.fake_server import completion

WORDS = """
cooking bread dough oven flour yeast knead crust bake salt butter
chess rook bishop opening endgame castle pawn gambit knight queen mate
garden tomato soil compost prune seedling mulch roses weeds harvest rain
sailing sail mast anchor tide harbour keel rudder jib knots wind
music chord melody tempo violin scale rhythm octave piano key bass
"""
TOPICS = {line.split()[0]: line.split()[1:] for line in WORDS.strip().splitlines()}


def texts(count: int, *, seed: int = 0) -> list[tuple[str, str]]:
    """Return (topic, text) pairs; each text carries the criteria it meets, as `meets 1257`."""
    draws = random.Random(seed)
    pairs = []
    for number in range(count):
        topic = list(TOPICS)[number % len(TOPICS)]
        words = draws.sample(TOPICS[topic], 6)
        met = "".join(str(n) for n in range(1, 8) if draws.random() < 0.75)
        pairs.append((topic, f"{' '.join(words)} question{seed}x{number} meets {met or 0}"))
    return pairs


def criteria_of(text: str) -> set[int]:
    """Return the criteria a made-up text says it meets."""
    found = re.search(r"meets (\d+)", text)
    assert found is not None
    return {int(digit) for digit in found[1]} - {0}


def write_log(file: Path, rows: list[dict]) -> Path:
    """Write rows as JSONL."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def annotator(*, unreadable=lambda text: False, wrong=lambda text: False):
    """Return how a server answers: with the criteria the prompt names, unless told otherwise."""

    async def answer(body):
        asked = body["messages"][-1]["content"]
        inside = re.search(r"<<<(\w+)\n(.*)\n\1>>>", asked, re.DOTALL)
        assert inside is not None
        text = inside[2]
        if unreadable(text):
            return web.json_response(completion("I would rather talk about the weather."))
        met = set(range(1, 8)) if wrong(text) else criteria_of(text)
        return web.json_response(completion(f"The list is {sorted(met)}."))

    return answer
