"""The `judge` command and its subcommands, each a coat over one function."""

from typing import Annotated

import typer

from judges.commands.exchange import export, import_, publish
from judges.commands.ranking import agree, audit, plan, rank
from judges.commands.running import run, try_judge
from llms.console import show_version

app = typer.Typer(
    name="judge",
    help="Have models answer a benchmark, have judges compare the answers, rank and publish.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Options that stand before the command."""


COMMANDS = (
    (
        "run",
        run,
        "judge run results/mybench --out results/run1 --model vllm:./checkpoint-500 "
        "--model openai:gpt-4.1 --baseline gpt-4.1 --judge openai:gpt-4.1",
    ),
    (
        "test-judge",
        try_judge,
        "judge test-judge pairs.jsonl --judge openai:gpt-4.1 --protocol pairwise",
    ),
    (
        "import",
        import_,
        "judge import games verdicts.parquet --answers answers.parquet --out results/imported",
    ),
    ("rank", rank, "judge rank results/run1 --style length,headers,lists,bold"),
    ("plan", plan, "judge plan results/run1 --prompts 250,500,1000"),
    ("agree", agree, "judge agree results/run1 --human votes.parquet"),
    ("audit", audit, "judge audit results/run1"),
    ("export", export, "judge export results/run1 --format preferences --out results/pairs"),
    ("publish", publish, "judge publish results/run1 --out site"),
)
"""Name, function and example of each, in the order in which help lists them."""
for name, function, example in COMMANDS:
    app.command(name, epilog=f"Example: {example}")(function)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    app(arguments, prog_name="judge")
