"""Whether anything is lost or doubled where 30 % of all attempts fail, and the memory it takes.

    python benchmarks/llms_faults.py [--requests 20000] [--concurrency 128] [--share 0.3]

Runs the tests' fault server and their asking program, each in a process of its own.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.llms.faults import counts, fault_server


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--share", type=float, default=0.3)
    options = parser.parse_args()
    with fault_server(options.share) as url, tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "responses.sqlite")
        numbers = [str(options.requests), str(options.concurrency)]
        command = [sys.executable, "-m", "tests.llms.asker", url, str(store), *numbers]
        start = perf_counter()
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        seconds = perf_counter() - start
        answers = counts(url)
        with closing(sqlite3.connect(store)) as connection:
            rows, keys = connection.execute(
                "SELECT count(*), count(DISTINCT key) FROM replies"
            ).fetchone()
    came = json.loads(printed)
    attempts = sum(answers["asked"].values())
    print(f"{options.requests:,} requests, {attempts:,} attempts, {seconds:.0f} s")
    print(f"results: {came['kinds']}, wrong texts: {came['wrong']}")
    print(f"store: {rows:,} replies, {keys:,} different keys")
    print(f"peak memory: {came['megabytes']:.0f} MB; at once: {answers['busiest']} requests")


if __name__ == "__main__":
    main()
