"""Time and memory of rankings, beside arena-rank on the same battles.

Run from the checkout: PYTHONPATH=. python benchmarks/ranking_speed.py [--peer PYTHON].
PYTHON is the interpreter
of an environment with arena-rank and pyarrow; without it our own figures come alone. Every figure
is the median of five runs (three for 10,000,000 battles) after one to warm up, each with the
seconds that passed and the processor's seconds: on a machine that others use, the second tells.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from ranking_data import STYLE, arena_battles, baseline_games

from leaderboards.estimators import bradley_terry
from leaderboards.evidence import gather
from leaderboards.rank import rank
from leaderboards.scales import against_field

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Span:
    """Median seconds: passed, and of the processor."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.cpu:.2f} s of processor)"


def measured(work: Callable[[], object], times: int = 5) -> Span:
    work()
    spans = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        spans.append((time.perf_counter() - wall, time.process_time() - cpu))
    return Span(*(statistics.median(column) for column in zip(*spans, strict=True)))


def with_style() -> Span:
    battles, answers = baseline_games()
    return measured(lambda: rank(battles, baseline="model-000", features=answers, style=STYLE))


def only(file: Path, times: int) -> None:
    """Print the figures of ranking one Parquet file."""
    span = measured(lambda: rank(pl.read_parquet(file), interval="sandwich"), times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"wall": span.wall, "cpu": span.cpu, "gib": peak}))


def in_a_process(file: Path, times: int) -> tuple[Span, float]:
    """Return the time and the peak memory (GiB) of ranking a file, in a process of its own."""
    command = [sys.executable, __file__, "--only", str(file), "--times", str(times)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return Span(found["wall"], found["cpu"]), found["gib"]


def beside_peer(file: Path, python: str, ours: Span) -> None:
    command = [python, str(HERE / "ranking_peer.py"), str(file)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    theirs = Span(found["seconds"], found["cpu"])
    evidence = gather(pl.read_parquet(file))
    effects = bradley_terry(lambda _: against_field)(evidence).parameters
    peer = np.array([found["effects"][model] for model in evidence.models])
    apart = np.abs(effects - (peer - peer.mean())).max()
    print(f"  arena-rank: {theirs}; ours is {theirs.wall / ours.wall:.1f} times as fast")
    print(f"  largest difference of effects: {apart:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer")
    parser.add_argument("--only", type=Path)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    if options.only:
        only(options.only, options.times)
        return
    print(f"76 models x 500 prompts x 2 games, four style features, 1,000 draws: {with_style()}")
    with tempfile.TemporaryDirectory() as folder:
        for battles, times in ((1_000_000, 5), (10_000_000, 3)):
            file = Path(folder) / f"{battles}.parquet"
            arena_battles(battles=battles).write_parquet(file)
            span, gib = in_a_process(file, times)
            print(f"{battles:,} battles, clustered intervals: {span}, peak {gib:.2f} GiB")
            if options.peer and battles == 1_000_000:
                beside_peer(file, options.peer, span)


if __name__ == "__main__":
    main()
