"""Scores of a whole extract, partition by partition: one Parquet file each, put in place when all are whole.

They record no screening: an official one goes through the service and its ledger. These are for planning and judging.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
KEEP_DAYS = 30
EVERYBODY = tasks.Wanted()
NOT_OFFICIAL = (
    "Not screenings: no purpose was stated and nothing is in the ledger. No decision about a person may rest on them."
)


@dataclass(frozen=True)
class Scores:
    """What was written: person-dates in all and by level, how many were left out, and the folder."""

    folder: Path
    rows: int
    left_out: int
    levels: Mapping[str, int]


def score_extract(
    cluster: Cluster,
    extract: Path,
    package: Path,
    out: Path,
    wanted: tasks.Wanted = EVERYBODY,
    keep_days: int = KEEP_DAYS,
) -> Scores:
    """Return the scores of a partitioned extract's person-dates (those wanted), written to `out`.

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
                wanted=wanted,
                pure=False,
            )
        )

    return put_scores(cluster, package, model.meta, out, task, keep_days)


def score_prepared(
    cluster: Cluster,
    prepared: Prepared,
    package: Path,
    out: Path,
    wanted: tasks.Wanted = EVERYBODY,
    keep_days: int = KEEP_DAYS,
) -> Scores:
    """Return the scores of the person-dates wanted whose features the workers hold, written to `out`."""
    meta = load_package(package).meta

    def task(folder: Path, kept: Path) -> list[distributed.Future]:
        return [
            cluster.client.submit(tasks.score, future, place.name, kept, meta.digest, folder, wanted, pure=False)
            for future, place in zip(prepared.futures, prepared.places, strict=True)
        ]

    return put_scores(cluster, package, meta, out, task, keep_days)


def put_scores(
    cluster: Cluster,
    package: Path,
    meta: PackageMeta,
    out: Path,
    start: Callable[[Path, Path], Sequence[distributed.Future]],
    keep_days: int,
) -> Scores:
    """Return the scores that tasks write into a folder of their own, which becomes `out` when all are done.

    Parameters
    ----------
    start : callable
        Starts a task a partition; given the folder to write to and the package to score by, both on the shared disk.
    keep_days : int
        After so many days the folder is to be deleted; scores.json names the day.

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
        counts = {"person_dates": scores.rows, "left_out": scores.left_out, "levels": dict(scores.levels)}
        summary = {**_described(meta, keep_days), **counts}
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
    rows, left_out = (sum(part[what] for part in found) for what in ("rows", "left_out"))
    return Scores(folder, rows, left_out, dict(levels))


def _described(meta: PackageMeta, keep_days: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "model": meta.name,
        "version": meta.version,
        "package": meta.digest,
        "demonstration": meta.demonstration,
        "made_at": now.isoformat(timespec="seconds"),
        "delete_by": (now.date() + timedelta(days=keep_days)).isoformat(),
        "not_official": NOT_OFFICIAL,
    }
