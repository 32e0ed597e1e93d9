"""Estimates of runs and accuracies of judges as tables for a terminal."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from judges.estimate import Estimate
from judges.labelled import Accuracy


def estimate_table(planned: Estimate) -> Table:
    """Return what a run would ask and cost, stage by stage and model by model."""
    total = "unknown: a price is missing" if planned.dollars is None else f"{planned.dollars:.2f}"
    table = Table(
        *("stage", "model", "calls", "in the store", "input tokens", "output tokens", "USD"),
        box=SIMPLE_HEAD,
        caption=f"still to pay: {total} USD. {planned.prompts} prompts show a difference of "
        f"{planned.detectable:.1f} points between two models with 80 % power.",
        caption_justify="left",
    )
    for stage in planned.stages:
        table.add_row(
            stage.stage,
            escape(stage.model),
            f"{stage.calls:,}",
            f"{stage.stored:,}",
            f"{stage.input_tokens:,}",
            f"{stage.output_tokens:,}",
            "?" if stage.dollars is None else f"{stage.dollars:.2f}",
        )
    return table


def accuracy_table(rows: Sequence[Accuracy]) -> Table:
    """Return a judge's accuracy, over all pairs and by source."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("source", overflow="fold", min_width=20)
    for name in (
        "pairs",
        "as given",
        "swapped",
        "both orders",
        "95% interval",
        "opposed",
        "failed",
    ):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            escape(row.source),
            str(row.pairs),
            f"{row.as_given:.1%}",
            f"{row.swapped:.1%}",
            f"{row.combined:.2%}",
            f"{row.low:.1%} to {row.high:.1%}",
            f"{row.contradictions:.1%}",
            str(row.failed),
        )
    return table
