"""From a YAML file and flags to one frozen, validated config object."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from llms.errors import UserError

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

Config = TypeVar("Config", bound="BaseModel")


def read_config(kind: type[Config], file: Path | None, flags: Mapping[str, Any]) -> Config:
    """Return a `kind` with the values of `file`, overridden by the flags that are not None.

    Raises:
        UserError: the file cannot be read, or a value is not allowed (the field is named).
    """
    from pydantic import ValidationError

    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return kind.model_validate({**(_mapping(file) if file else {}), **given})
    except ValidationError as error:
        lines = "; ".join(_problem(kind, detail) for detail in error.errors())
        raise UserError(f"{file or 'options'}: {lines}") from error


def _mapping(file: Path) -> dict[str, Any]:
    import yaml

    try:
        value = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(value, dict):
        raise UserError(f"{file}: expected `name: value` lines")
    return value


def _problem(kind: "type[BaseModel]", detail: "ErrorDetails") -> str:
    name = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "value_error":
        said = detail["msg"].removeprefix("Value error, ")
        return f"{name}: {said}" if name else said
    if detail["type"] != "extra_forbidden":
        return f"{name}: {detail['msg']}, not {detail['input']!r}"
    near = get_close_matches(name, kind.model_fields, n=1)
    return f"there is no option {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
