"""docs/commands.md says what `--help` says."""

import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


@pytest.mark.parametrize(
    ("module", "name"), [("benchbuilder.cli", "benchbuild"), ("judges.cli", "judge")]
)
def test_the_page_of_commands_is_what_help_says(module, name):
    generated = subprocess.run(
        [sys.executable, "-m", "typer", module, "utils", "docs", "--name", name],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=PAGE.parents[1],
    ).stdout
    assert generated.strip() in PAGE.read_text(), "write it anew: bash docs/write_commands"
