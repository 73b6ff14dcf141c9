"""Scores of a whole extract, partition by partition: one Parquet file each, put in place when all are whole.

They record no screening: an official one goes through the service and its ledger. These are for planning and judging.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import distributed

from features.errors import ConfigError
from model_registry.package import PackageMeta, load_package
from training.distributed import tasks
from training.distributed.cluster import Cluster, refuse_unshared
from training.distributed.disk import put_whole, writing
from training.distributed.partitioned import read_index
from training.distributed.prepared import Prepared

SUMMARY, PACKAGE = "scores.json", "package"
NOT_OFFICIAL = (
    "Not screenings: no purpose was stated and nothing is in the ledger. No decision about a person may rest on them."
)


@dataclass(frozen=True)
class Scores:
    """What was written: person-dates in all and by level, and the folder."""

    folder: Path
    rows: int
    levels: Mapping[str, int]


def score_extract(
    cluster: Cluster, extract: Path, package: Path, out: Path, window: tasks.Window | None = None
) -> Scores:
    """Return the scores of a partitioned extract's person-dates (of the as-of dates in `window`), written to `out`.

    Every partition is read, computed, scored and written by one worker, and nothing of it is kept.
    """
    partitioned = read_index(extract)
    refuse_unshared(extract, cluster)
    model = load_package(package)

    def task(folder: Path, kept: Path) -> list[distributed.Future]:
        places = [tasks.Place(extract.resolve(), part, model.catalogue.source_text) for part in partitioned.parts]
        return list(
            cluster.client.map(
                tasks.prepare_and_score,
                places,
                package=kept,
                digest=model.meta.digest,
                out=folder,
                window=window or tasks.Window(),
                pure=False,
            )
        )

    return put_scores(cluster, package, model.meta, out, task)


def score_prepared(cluster: Cluster, prepared: Prepared, package: Path, out: Path) -> Scores:
    """Return the scores of every person-date whose features the workers hold, written to `out`."""
    meta = load_package(package).meta

    def task(folder: Path, kept: Path) -> list[distributed.Future]:
        return [
            cluster.client.submit(
                tasks.score, future, place.name, kept, meta.digest, folder, tasks.Window(), pure=False
            )
            for future, place in zip(prepared.futures, prepared.places, strict=True)
        ]

    return put_scores(cluster, package, meta, out, task)


def put_scores(
    cluster: Cluster,
    package: Path,
    meta: PackageMeta,
    out: Path,
    start: Callable[[Path, Path], Sequence[distributed.Future]],
) -> Scores:
    """Return the scores that tasks write into a folder of their own, which becomes `out` when all are done.

    Parameters
    ----------
    start : callable
        Starts a task a partition; given the folder to write to and the package to score by, both on the shared disk.

    Raises
    ------
    ConfigError
        Where `out` is not free.
    TrainingError
        Where a worker cannot see its folder.
    """
    refuse_taken(out)
    with writing("the scores", out), put_whole(out) as partial:
        refuse_unshared(partial, cluster)
        shutil.copytree(package, partial / PACKAGE)
        futures = start(partial, partial / PACKAGE)
        scores = _summed(out.resolve(), cluster.results("Scoring", futures))
        for left_over in partial.glob(".*.partial"):  # of a worker that ended while it wrote
            left_over.unlink()
        summary = {**_described(meta), "person_dates": scores.rows, "levels": dict(scores.levels)}
        (partial / SUMMARY).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return scores


def refuse_taken(out: Path) -> None:
    """Raise unless a folder is free for scores.

    Raises
    ------
    ConfigError
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} is not empty; name a new folder for the scores, or remove it first")


def _summed(folder: Path, found: Sequence[Mapping[str, Any]]) -> Scores:
    levels: Counter[str] = Counter()
    for part in found:
        levels.update(part["levels"])
    return Scores(folder, sum(part["rows"] for part in found), dict(levels))


def _described(meta: PackageMeta) -> dict[str, Any]:
    return {
        "model": meta.name,
        "version": meta.version,
        "package": meta.digest,
        "demonstration": meta.demonstration,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "not_official": NOT_OFFICIAL,
    }
