"""The prompt templates, one Jinja file each, as they are sent to models.

Values are filled in as plain text: braces or tags inside a user's prompt have no meaning here.
"""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment

_ENVIRONMENT: Environment = SandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False
)


def template(name: str) -> Template:
    """Return the template in `prompts/<name>.jinja`.

    Raises:
        FileNotFoundError: there is no such template.
    """
    return read_template(template_text(name))


@cache
def template_text(name: str) -> str:
    """Return the text of `prompts/<name>.jinja`."""
    return files("prompts").joinpath(f"{name}.jinja").read_text(encoding="utf-8")


@cache
def read_template(source: str) -> Template:
    """Return the template that `source` is; one of a user's own can reach nothing but its values.

    Raises:
        TemplateSyntaxError: `source` is not a template.
    """
    return _ENVIRONMENT.from_string(source)
