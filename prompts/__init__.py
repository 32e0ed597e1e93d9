"""The prompt templates, one Jinja file each, as they are sent to models.

Values are filled in as plain text: braces or tags inside a user's prompt have no meaning here.
"""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

_ENVIRONMENT = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)


@cache
def template(name: str) -> Template:
    """Return the template in `prompts/<name>.jinja`.

    Raises:
        FileNotFoundError: there is no such template.
    """
    source = files("prompts").joinpath(f"{name}.jinja").read_text(encoding="utf-8")
    return _ENVIRONMENT.from_string(source)
