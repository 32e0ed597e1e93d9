"""Time, memory and agreement with given topics, of clustering and of the whole path.

    python benchmarks/curation.py topics DATA VECTORS [--peer PYTHON]
    python benchmarks/curation.py embed DATA MODEL VECTORS [--head N]
    python benchmarks/curation.py growth

Run from the checkout with PYTHONPATH=. before the command. `embed` writes the vectors of a
sentence-transformers model, so that every method is measured on the same ones. DATA is
arena_text_webdev.parquet (column topic) or banking77's train.csv (column category). With `--peer`,
the interpreter of an environment with bertopic, BERTopic clusters the same vectors after us, each
in a process of its own; neither time has imports in it. `growth` clusters generated vectors, 20,000
and 200,000 of them.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchbuilder.cluster import Reducer, cluster_vectors
from benchbuilder.embed import unit
from benchbuilder.topics import keyword_topics

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["topics", "ours", "embed", "growth", "grown"])
    parser.add_argument("arguments", nargs="*")
    parser.add_argument("--peer")
    parser.add_argument("--peer-size", type=int, default=8)
    parser.add_argument("--head", type=int)
    parser.add_argument("--reducer", default="umap")
    parser.add_argument("--min-cluster-size", type=int)
    options = parser.parse_args()
    if options.what in ("topics", "growth"):
        print(f"load {os.getloadavg()[0]:.1f}")
    if options.what == "embed":
        embed(*options.arguments, head=options.head)
    elif options.what == "ours":
        ours(*options.arguments)
    elif options.what == "growth":
        growth(options.reducer)
    elif options.what == "grown":
        grown(int(options.arguments[0]), options.reducer)
    else:
        topics(Path(options.arguments[0]), Path(options.arguments[1]), options)


def labelled(file: Path) -> tuple[list[str], list[str]]:
    """Return the texts and their given topics."""
    if file.suffix == ".csv":
        table = pl.read_csv(file)
        return table["text"].to_list(), table["category"].to_list()
    table = pl.read_parquet(file, columns=["prompt", "topic"])
    return table["prompt"].to_list(), table["topic"].to_list()


def embed(file: str, model: str, out: str, *, head: int | None) -> None:
    from sentence_transformers import SentenceTransformer

    texts = [text[:4000] for text in labelled(Path(file))[0][:head]]
    wall, cpu = time.perf_counter(), time.process_time()
    np.save(out, SentenceTransformer(model).encode(texts, batch_size=32))
    report(f"embedded {len(texts)}", wall, cpu)


def topics(file: Path, vectors: Path, options: argparse.Namespace) -> None:
    """Have both cluster the same texts and vectors, each in a process of its own."""
    from sklearn.metrics import adjusted_mutual_info_score

    texts, truth = labelled(file)
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder, "texts.json")
        given.write_text(json.dumps(texts), encoding="utf-8")
        size = [str(options.min_cluster_size)] if options.min_cluster_size else []
        own = [__file__, "ours", str(given), str(vectors), options.reducer, *size]
        commands = [[sys.executable, *own]]
        if options.peer:
            peer = [str(HERE / "curation_peer.py"), str(given), str(vectors)]
            commands.append([options.peer, *peer, str(options.peer_size)])
        for command in commands:
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found = json.loads(said.splitlines()[-1])
            for name, labels in found["labels"].items():
                agreed = adjusted_mutual_info_score(truth, labels)
                print(f"{name}: {len({*labels} - {-1})} clusters, AMI {agreed:.3f}")
            spent = f"{found['wall']:.1f} s ({found['cpu']:.1f} s of processor)"
            print(f"  {spent}, peak {found['mb']:.0f} MB", flush=True)


def ours(given: str, vectors: str, reducer: Reducer, size: str | None = None) -> None:
    """Print labels, seconds (imports apart) and peak memory as JSON, as curation_peer.py does."""
    texts, points = json.loads(Path(given).read_text(encoding="utf-8")), unit(np.load(vectors))
    if reducer == "umap":
        import umap  # noqa: F401
    wall, cpu = time.perf_counter(), time.process_time()
    found = cluster_vectors(
        points,
        reducer=reducer,
        min_cluster_size=int(size) if size else None,
        outlier_similarity=0.0,
        sample_size=20_000,
        seed=0,
    )
    keyword_topics(texts, found.labels)
    result = {
        "labels": {f"{reducer}, {found.assigned} outliers assigned": found.labels.tolist()},
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "mb": peak_mb(),
    }
    print(json.dumps(result))


def growth(reducer: Reducer) -> None:
    for count in (20_000, 200_000):
        subprocess.run(
            [sys.executable, __file__, "grown", str(count), "--reducer", reducer], check=True
        )


def grown(count: int, reducer: Reducer) -> None:
    draws = np.random.default_rng(0)
    middles = draws.normal(size=(200, 384)).astype(np.float32)
    points = np.empty((count, 384), dtype=np.float32)
    for start in range(0, count, 10_000):
        rows = draws.integers(0, 200, size=min(10_000, count - start))
        noise = draws.normal(size=(len(rows), 384)).astype(np.float32)
        points[start : start + len(rows)] = middles[rows] + noise
    points = unit(points)
    wall, cpu = time.perf_counter(), time.process_time()
    found = cluster_vectors(
        points,
        reducer=reducer,
        min_cluster_size=None,
        outlier_similarity=0.0,
        sample_size=20_000,
        seed=0,
    )
    report(f"{count} generated vectors: {len(found.centres)} clusters", wall, cpu)


def report(what: str, wall: float, cpu: float) -> None:
    seconds = f"{time.perf_counter() - wall:.1f} s ({time.process_time() - cpu:.1f} s of processor)"
    print(f"{what}; {seconds}, peak {peak_mb():.0f} MB", flush=True)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
