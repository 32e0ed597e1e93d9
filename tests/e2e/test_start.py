"""What a command costs before it does anything."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "vllm", "litellm", "ray", "umap", "openai", "polars", "sklearn", "hdbscan")


@pytest.mark.parametrize("program", ["benchbuilder", "judges"])
def test_help_loads_nothing_heavy(program):
    code = (
        f"import sys, {program}.cli\n"
        f"try: {program}.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert shown.splitlines()[-1].strip() == "loaded:"


@pytest.mark.parametrize("program", ["benchbuilder", "judges"])
def test_every_command_shows_help_with_an_example(program):
    from typer.main import get_command

    module = __import__(f"{program}.cli", fromlist=["app"])
    commands = get_command(module.app).commands  # type: ignore[attr-defined]
    assert commands
    for name, command in commands.items():
        assert command.help, name
        assert "Example" in (command.epilog or ""), name
