"""From what the user wrote to `ModelSpec`: `openai:gpt-4.1`, `http://host/v1#name`, a YAML file.

Everything that can be wrong with the naming of a model is found here, before anything is sent.
"""

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

from llms.errors import UserError
from llms.records import ModelSpec, Prices

FORMS = (
    "openai:NAME, http://HOST:PORT/v1#NAME, vllm:REPOSITORY-OR-FOLDER, litellm:PROVIDER/NAME, "
    "recorded:FOLDER#NAME, or a YAML file"
)

SAMPLES, SAMPLE_BYTES = 16, 65_536


def parse_spec(text: str) -> ModelSpec:
    """Return the model that `text` names.

    Raises:
        UserError: `text` has none of the known forms, or names a record that is not there.
    """
    scheme, colon, rest = text.strip().partition(":")
    if not colon or not rest:
        raise UserError(f"{text!r} does not name a model; write {FORMS}")
    if scheme in ("http", "https"):
        return _http(text.strip())
    if scheme == "openai":
        address = os.environ.get("OPENAI_BASE_URL") or None
        return ModelSpec(kind="openai", model=rest, name=rest, address=address)
    if scheme == "litellm":
        return ModelSpec(kind="litellm", model=rest, name=rest)
    if scheme == "vllm":
        weights = _fingerprint(Path(rest)) if Path(rest).is_dir() else None
        return ModelSpec(kind="vllm", model=rest, name=rest, revision=weights, concurrency=128)
    if scheme == "recorded":
        return _recorded(rest)
    close = get_close_matches(scheme, ["openai", "http", "https", "vllm", "litellm", "recorded"], 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise UserError(f"{text!r}: unknown kind of model {scheme!r}{hint} Write {FORMS}")


def read_specs(texts: Sequence[str]) -> list[ModelSpec]:
    """Return the models that `texts` name; each text is a spec or the path of a YAML file.

    Raises:
        UserError: a text or file is not understood, or two models have the same name.
    """
    specs = [spec for text in texts for spec in _read(text)]
    seen: set[str] = set()
    for spec in specs:
        if spec.name in seen:
            raise UserError(
                f"two models are called {spec.name!r}; give one another `name` in a YAML file"
            )
        seen.add(spec.name)
    return specs


def _http(text: str) -> ModelSpec:
    address, _, model = text.partition("#")
    if not model or not re.fullmatch(r"https?://[^/\s@]+(/\S*)?", address):
        raise UserError(f"{text!r}: write http://HOST:PORT/v1#NAME, NAME as the server calls it")
    return ModelSpec(kind="http", model=model, name=model, address=address.rstrip("/"))


def _recorded(rest: str) -> ModelSpec:
    from llms.endpoints.recorded import read_records

    folder, _, model = rest.partition("#")
    records = read_records(Path(folder))
    if not model and len(records.speakers) == 1:
        (model,) = records.speakers
    if model not in records.speakers:
        names = ", ".join(sorted(records.speakers))
        raise UserError(f"recorded:{rest}: name one of those recorded after #: {names}")
    return ModelSpec(
        kind="recorded", model=model, name=model, address=folder, revision=records.revision
    )


def _fingerprint(folder: Path) -> str:
    """Return a digest of the files of a checkpoint: their names, sizes and samples of their bytes.

    Training changes nearly every weight, so that a few samples of each file tell versions apart.
    """
    seen = sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        size = file.stat().st_size
        seen.update(f"{file.name} {size} ".encode())
        with file.open("rb") as content:
            for part in range(SAMPLES):
                content.seek(part * size // SAMPLES)
                seen.update(content.read(SAMPLE_BYTES))
    return seen.hexdigest()[:16]


def _read(text: str) -> list[ModelSpec]:
    if not text.endswith((".yaml", ".yml")):
        return [parse_spec(text)]
    import yaml

    try:
        content = yaml.safe_load(Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {text}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = " ".join(str(error).split())
        raise UserError(f"{text} is not YAML: {line}") from error
    entries = content if isinstance(content, list) else [content]
    if not entries:
        raise UserError(f"{text} names no model")
    return [_spec(text, entry) for entry in entries]


def _spec(file: str, entry: Any) -> ModelSpec:
    from pydantic import BaseModel, ConfigDict, Field, ValidationError

    class PriceEntry(BaseModel):
        model_config = ConfigDict(extra="forbid")
        input: float = Field(ge=0)
        output: float = Field(ge=0)
        cached: float | None = Field(default=None, ge=0)

    class Entry(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        model: str = Field(min_length=1)
        name: str | None = Field(default=None, min_length=1)
        revision: str | None = None
        system: str | None = None
        params: dict[str, Any] = {}
        concurrency: int | None = Field(default=None, ge=1, le=10_000)
        timeout: float | None = Field(default=None, gt=0)
        prices: PriceEntry | None = None
        price_per_hour: float | None = Field(default=None, ge=0)
        requests_per_minute: float | None = Field(default=None, gt=0)
        tokens_per_minute: float | None = Field(default=None, gt=0)
        key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
        engine_args: str | list[str] = []
        python: str | None = None

    if not isinstance(entry, dict):
        raise UserError(f"{file}: each model is a mapping with at least `model: SPEC`")
    try:
        given = Entry.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        allowed = ", ".join(Entry.model_fields)
        raise UserError(f"{file}: {where}: {first['msg']} (fields: {allowed})") from error
    if "api_key" in given.params:
        raise UserError(f"{file}: keys stay in the environment; name its variable with `key_env`")
    values = given.model_dump(exclude={"model", "prices", "engine_args"}, exclude_none=True)
    arguments = given.engine_args
    engine_args = tuple(shlex.split(arguments) if isinstance(arguments, str) else arguments)
    prices = Prices(**given.prices.model_dump()) if given.prices else None
    return replace(parse_spec(given.model), **values, prices=prices, engine_args=engine_args)
