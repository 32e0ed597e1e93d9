"""What a newcomer waits for: --help, imports, the quick start twice, the size of the install.

python benchmarks/startup.py            # in an environment with the package installed
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from time import perf_counter


def seconds(*command: str, runs: int = 5) -> float:
    times = []
    for _ in range(runs):
        start = perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(perf_counter() - start)
    return statistics.median(times)


def megabytes(folder: Path) -> float:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def main() -> None:
    programs = Path(sysconfig.get_path("scripts"))
    for name in ("benchbuild", "judge"):
        print(f"{name} --help        {seconds(str(programs / name), '--help'):.2f} s")
    print(f"python -c pass           {seconds(sys.executable, '-c', 'pass'):.2f} s")
    print(f"import llms              {seconds(sys.executable, '-c', 'import llms'):.2f} s")
    folder = Path(tempfile.mkdtemp())
    quick = [str(programs / "benchbuild"), "quickstart", "--store", str(folder / "store.sqlite")]
    for name in ("first", "again"):
        wall = seconds(*quick, "--out", str(folder / name), runs=1)
        print(f"quickstart, {name}        {wall:.1f} s")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"quickstart, peak memory  {peak:.0f} MB; written {megabytes(folder):.1f} MB")
    shutil.rmtree(folder)
    print(f"environment on disk      {megabytes(Path(sys.prefix)):.0f} MB")
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
