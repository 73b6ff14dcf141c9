"""Two Dask workers against one, one thread each: a partitioned extract from facts to its scored file, in one run."""

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from tests.bench.asked import Row, at_least
from training.distributed.cluster import connected
from training.distributed.partition import partition_extract
from training.distributed.scores import score_extract

ASKED = 1.7
PARTITIONS = 12
TIMES = 3


def dask_rows(extract: Path, package: Path) -> list[Row]:
    """Person-dates a second with two workers against one (medians of three, after one to warm up).

    Reading, checking, features, scores and writing are all in it; starting the cluster and cutting the extract are not.
    """
    with TemporaryDirectory(prefix="varhain-bench-") as scratch:
        folder = Path(scratch)
        people = pq.ParquetFile(extract / "protected.parquet").metadata.num_rows
        partition_extract(extract, folder / "partitions", -(-people // PARTITIONS))
        speed = {workers: _speed(folder, package, workers) for workers in (1, 2)}
    about = f" ({speed[2]:,.0f} against {speed[1]:,.0f} person-dates a second)"
    return [at_least("scoring on Dask, two workers", "one worker", ASKED, speed[2] / speed[1], about=about)]


def _speed(folder: Path, package: Path, workers: int) -> float:
    took, scored = [], 0
    with connected(workers=workers) as cluster:
        cluster.client.wait_for_workers(workers)
        for number in range(TIMES + 1):
            begun = time.perf_counter()
            scored = score_extract(cluster, folder / "partitions", package, folder / f"scores-{workers}-{number}").rows
            took.append(time.perf_counter() - begun)
    return scored / median(took[1:])
