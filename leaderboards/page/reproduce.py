"""The commands by which a reader gets the numbers of a page again, and the config they name."""

import json
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

CONFIG = "data/config.json"
_RECORDED = "replies"
_DEFAULTS = {"level": 0.95, "strong_weight": 3.0, "interval": "bootstrap"}
_LEFT_OUT = ("budget", "sentinel", "sentinel_round")


class Command(NamedTuple):
    """Lines for a shell whose folder is that of the site, and a sentence that says what for."""

    said: str
    command: str


def commands(data: Mapping[str, Any], *, with_prompts: bool) -> list[Command]:
    """Return how to rank again from the files of the site, and how to run everything again."""
    found = []
    if data["digests"].get("judgments"):
        found.append(
            Command(
                "The ranking again, without any model, in the folder of this site:",
                "judge import games data/games.parquet --answers data/answers.parquet --out run\n"
                f"judge rank run {shlex.join(_rank_options(data['settings']))}",
            )
        )
    run = data["run"]
    if (settings := config(run)) is not None:
        prompts = "data/prompts.jsonl" if with_prompts else "prompts.jsonl"
        found.append(
            Command(
                " ".join(_whole_run(settings, with_prompts=with_prompts)),
                f"judge run {prompts} --config {CONFIG} --out run",
            )
        )
    elif run.get("command"):
        found.append(Command("The run was made by:", _shell(run["command"])))
    return found


def config(run: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the config of a run as `judge run --config` takes it; None where it has no models.

    What was not set is left out, and so is what names a file of the machine it was run on.
    Recorded replies are looked for in the folder `replies`.
    """
    settings = run.get("config")
    if not isinstance(settings, Mapping) or not settings.get("models"):
        return None
    kept = {key: value for key, value in settings.items() if key not in _LEFT_OUT}
    roles = {
        role: [_spec(one) for one in settings.get(role) or ()] for role in ("models", "judges")
    }
    return _without_empty({**kept, **roles})


def config_file(run: Mapping[str, Any]) -> bytes | None:
    """Return the content of data/config.json."""
    settings = config(run)
    if settings is None:
        return None
    return (json.dumps(settings, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def _spec(model: Any) -> Any:
    if not isinstance(model, Mapping):
        return model
    known = _without_empty(model)
    return {**known, "address": _RECORDED} if model.get("kind") == "recorded" else known


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, {}, [])}


def _rank_options(settings: Mapping[str, Any]) -> list[str]:
    named = {key: settings.get(key) for key in ("baseline", "draws", "seed")}
    unusual = {key: value for key in _DEFAULTS if (value := settings.get(key)) != _DEFAULTS[key]}
    return [
        part
        for key, value in {**named, **unusual}.items()
        if value is not None
        for part in (f"--{key.replace('_', '-')}", str(value))
    ]


def _whole_run(settings: Mapping[str, Any], *, with_prompts: bool) -> list[str]:
    """Return the sentences over the command of the whole run, with what must be there first."""
    said = [f"The whole run again, with every setting in {CONFIG}."]
    specs = [*settings["models"], *settings.get("judges", ())]
    if any(isinstance(spec, Mapping) and spec.get("kind") == "recorded" for spec in specs):
        said.append(f"Its replies were recorded: put them into a folder named {_RECORDED} first.")
    if not with_prompts:
        said.append("Its prompts are not published: put them into prompts.jsonl first.")
    return said


def _shell(command: Any) -> str:
    return shlex.join(map(str, command)) if isinstance(command, list) else str(command)
