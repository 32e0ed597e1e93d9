"""What `ranking_speed.py` runs in the environment of arena-rank: read, fit, intervals.

Prints the median seconds of five runs and the fitted effects, as JSON.
"""

import json
import math
import statistics
import sys
import time

import pandas as pd
from arena_rank.models.bradley_terry import BradleyTerry
from arena_rank.utils.data_utils import PairDataset


def rank(file: str, **precision: float) -> dict[str, float]:
    table = pd.read_parquet(file, columns=["model_a", "model_b", "outcome"])
    data = PairDataset.from_pandas(table, outcome_col="outcome", outcome_map=lambda x: x)
    model = BradleyTerry(n_competitors=len(data.competitors), **precision)
    found = model.compute_ratings_and_cis(data)
    effects = [(float(rating) - 1000) * math.log(10) / 400 for rating in found["ratings"]]
    return dict(zip(found["competitors"], effects, strict=True))


def main() -> None:
    file = sys.argv[1]
    rank(file)
    spans = []
    for _ in range(5):
        start, cpu = time.perf_counter(), time.process_time()
        rank(file)
        spans.append((time.perf_counter() - start, time.process_time() - cpu))
    wall, cpu = (statistics.median(column) for column in zip(*spans, strict=True))
    exact = rank(file, ftol=0.0, gtol=1e-13, max_iter=10_000)
    print(json.dumps({"seconds": wall, "cpu": cpu, "effects": exact}))


if __name__ == "__main__":
    main()
