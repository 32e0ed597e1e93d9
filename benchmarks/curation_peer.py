"""BERTopic on given vectors; run by curation.py with the interpreter of its own environment.

    python benchmarks/curation_peer.py TEXTS VECTORS MIN_TOPIC_SIZE

TEXTS is a JSON list. Prints the labels before and after its outlier reduction, the seconds (with
and without that step, imports apart) and the peak memory as one JSON object.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from bertopic import BERTopic


def main() -> None:
    texts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    points = np.load(sys.argv[2])
    wall, cpu = time.perf_counter(), time.process_time()
    model = BERTopic(min_topic_size=int(sys.argv[3]))
    found, _ = model.fit_transform(texts, points)
    fewer = model.reduce_outliers(texts, found, strategy="embeddings", embeddings=points)
    result = {
        "labels": {
            "BERTopic": [int(label) for label in found],
            "BERTopic after reduce_outliers": [int(label) for label in fewer],
        },
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write("\n" + json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
