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
from sklearn.metrics import adjusted_mutual_info_score

from benchbuilder.cluster import Reducer, cluster_vectors
from benchbuilder.embed import unit
from benchbuilder.topics import keyword_topics

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["topics", "embed", "growth", "grown"])
    parser.add_argument("arguments", nargs="*")
    parser.add_argument("--peer")
    parser.add_argument("--peer-size", type=int, default=8)
    parser.add_argument("--head", type=int)
    parser.add_argument("--reducer", default="umap")
    parser.add_argument("--min-cluster-size", type=int)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    if options.what == "embed":
        embed(*options.arguments, head=options.head)
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
    texts, truth = labelled(file)
    points = unit(np.load(vectors))
    if options.peer:
        beside_peer(file, vectors, truth, options)
        return
    if options.reducer == "umap":
        import umap  # noqa: F401
    wall, cpu = time.perf_counter(), time.process_time()
    found = cluster_vectors(
        points,
        reducer=options.reducer,
        min_cluster_size=options.min_cluster_size,
        outlier_similarity=0.0,
        sample_size=20_000,
        seed=0,
    )
    keyword_topics(texts, found.labels)
    report(
        f"{options.reducer}: {len(found.centres)} clusters, {found.assigned} outliers assigned",
        wall,
        cpu,
    )
    print(f"  AMI {adjusted_mutual_info_score(truth, found.labels):.3f}", flush=True)


def beside_peer(file: Path, vectors: Path, truth: list[str], options: argparse.Namespace) -> None:
    again = [sys.executable, __file__, "topics", str(file), str(vectors)]
    subprocess.run([*again, "--reducer", options.reducer], check=True)
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder, "texts.json")
        texts.write_text(json.dumps(labelled(file)[0]), encoding="utf-8")
        command = [options.peer, str(HERE / "curation_peer.py"), str(texts), str(vectors)]
        said = subprocess.run(
            [*command, str(options.peer_size)], check=True, capture_output=True, text=True
        )
    found = json.loads(said.stdout.splitlines()[-1])
    for name in ("labels", "reduced"):
        agreed = adjusted_mutual_info_score(truth, found[name])
        print(f"BERTopic, min_topic_size {options.peer_size}, {name}: AMI {agreed:.3f}")
    print(f"  {found['wall']:.1f} s ({found['cpu']:.1f} s of processor), peak {found['mb']:.0f} MB")


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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = f"{time.perf_counter() - wall:.1f} s ({time.process_time() - cpu:.1f} s of processor)"
    print(f"{what}; {seconds}, peak {peak:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
