"""Time, memory and agreement with given topics, of clustering and of the whole path.

    python benchmarks/curation.py topics DATA VECTORS [--bertopic]
    python benchmarks/curation.py embed DATA MODEL VECTORS
    python benchmarks/curation.py growth

`embed` writes the vectors of a sentence-transformers model, so that every method is measured on
the same ones. DATA is arena_text_webdev.parquet (column topic) or banking77's train.csv (column
category). `growth` clusters generated vectors, 20,000 and 200,000 of them, each in a process of
its own.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import adjusted_mutual_info_score

from benchbuilder.cluster import cluster_vectors, default_min_cluster_size
from benchbuilder.embed import Vectors, unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["topics", "embed", "growth", "grown"])
    parser.add_argument("arguments", nargs="*")
    parser.add_argument("--bertopic", action="store_true")
    parser.add_argument("--reducer", default="neighbours")
    parser.add_argument("--min-cluster-size", type=int)
    options = parser.parse_args()
    if options.what == "embed":
        embed(*options.arguments)
    elif options.what == "growth":
        growth()
    elif options.what == "grown":
        grown(int(options.arguments[0]))
    else:
        topics(Path(options.arguments[0]), Path(options.arguments[1]), options)


def labelled(file: Path) -> tuple[list[str], list[str]]:
    """Return the texts and their given topics."""
    if file.suffix == ".csv":
        table = pl.read_csv(file)
        return table["text"].to_list(), table["category"].to_list()
    table = pl.read_parquet(file)
    return table["prompt"].to_list(), table["topic"].to_list()


def embed(file: str, model: str, out: str) -> None:
    from sentence_transformers import SentenceTransformer

    texts, _ = labelled(Path(file))
    started = time.perf_counter()
    vectors = SentenceTransformer(model).encode([text[:4000] for text in texts], batch_size=32)
    np.save(out, vectors)
    report(f"embedded {len(texts)}", started)


def topics(file: Path, vectors: Path, options: argparse.Namespace) -> None:
    texts, truth = labelled(file)
    points = unit(np.load(vectors))
    size = options.min_cluster_size or default_min_cluster_size(len(points))
    started = time.perf_counter()
    if options.bertopic:
        bertopic(texts, truth, points, size)
        return
    found = cluster_vectors(
        points,
        reducer=options.reducer,
        min_cluster_size=size,
        outlier_similarity=0.0,
        sample_size=20_000,
        seed=0,
    )
    agreed = adjusted_mutual_info_score(truth, found.labels)
    report(
        f"{options.reducer}, min_cluster_size {size}: {len(found.centres)} clusters, "
        f"{found.assigned} outliers assigned, AMI {agreed:.3f}",
        started,
    )


def bertopic(texts: list[str], truth: list[str], points: Vectors, size: int) -> None:
    from bertopic import BERTopic

    started = time.perf_counter()
    model = BERTopic(min_topic_size=size)
    found, _ = model.fit_transform(texts, points)
    agreed = adjusted_mutual_info_score(truth, found)
    report(f"BERTopic, min_topic_size {size}: AMI {agreed:.3f}", started)
    fewer = model.reduce_outliers(texts, found, strategy="embeddings", embeddings=points)
    agreed = adjusted_mutual_info_score(truth, fewer)
    report(f"BERTopic after reduce_outliers: AMI {agreed:.3f}", started)


def growth() -> None:
    for count in (20_000, 200_000):
        subprocess.run([sys.executable, __file__, "grown", str(count)], check=True)


def grown(count: int) -> None:
    draws = np.random.default_rng(0)
    middles = draws.normal(size=(200, 384)).astype(np.float32)
    points = np.empty((count, 384), dtype=np.float32)
    for start in range(0, count, 10_000):
        rows = draws.integers(0, 200, size=min(10_000, count - start))
        noise = draws.normal(size=(len(rows), 384)).astype(np.float32)
        points[start : start + len(rows)] = middles[rows] + noise
    points = unit(points)
    started = time.perf_counter()
    found = cluster_vectors(
        points,
        reducer="neighbours",
        min_cluster_size=default_min_cluster_size(count),
        outlier_similarity=0.0,
        sample_size=20_000,
        seed=0,
    )
    report(f"{count} generated vectors: {len(found.centres)} clusters", started)


def report(what: str, started: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what}; {time.perf_counter() - started:.1f} s, peak {peak:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
