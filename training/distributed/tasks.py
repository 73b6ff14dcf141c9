"""What a worker does with one partition: the code of a one-process run, on fewer people.

Every task can be done again anywhere with the same result, so a lost worker costs time and nothing else.
"""

import logging
import os
import resource
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.catalogue import Catalogue, catalogue_from_text
from features.errors import TrainingError
from features.frame import FeatureFrame
from features.outcome import Outcome
from model_registry.package import Package, load_package, voluntary_known
from training.cohort import Cohort, build_cohort, features_of_cohort
from training.distributed.partitioned import Part, read_part
from training.evaluate import REGISTER, SERVED
from training.fit import Candidate
from training.followed import told_by
from training.missing import with_values_missing_at_random

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Place:
    """Where a partition lies and by which catalogue it is read: all that a worker is told. The folder is shared."""

    folder: Path
    part: Part
    catalogue: str

    @property
    def name(self) -> str:
        """The partition's name."""
        return self.part.name


@dataclass(frozen=True)
class Light:
    """What the others need to know about a partition's n person-dates: small columns, gathered on the coordinator.

    Attributes
    ----------
    client_ids : tuple of str
        Sorted; `cohort.person` is the position here.
    answered : bool (n,)
    told : mapping of day number to Outcome (n,)
        Under the catalogue's own label, as known on each day asked for.
    """

    client_ids: tuple[str, ...]
    cohort: Cohort
    answered: NDArray[np.bool_]
    told: Mapping[int, Outcome]


@dataclass(frozen=True)
class Prepared:
    """A partition with its features, float64 (n, k): they stay with the worker."""

    light: Light
    frame: FeatureFrame


def prepare(place: Place, days: Sequence[int]) -> Prepared:
    """Return a partition's person-dates with features, and their outcomes as known on each of the days."""
    catalogue = catalogue_of(place.catalogue)
    extract = read_part(place.folder, place.part, catalogue)
    cohort = build_cohort(extract, catalogue)
    assert extract.facts is not None
    frame = features_of_cohort(catalogue, extract.facts, cohort)
    told = {day: told_by(catalogue, extract.facts, cohort.person, cohort.as_of, day) for day in days}
    return Prepared(Light(extract.client_ids, cohort, voluntary_known(catalogue, frame), told), frame)


def light_of(prepared: Prepared) -> Light:
    """Return what is gathered."""
    return prepared.light


def tell(place: Place, day: int) -> Outcome:
    """Return the outcomes of a partition's person-dates as known on one more day."""
    catalogue = catalogue_of(place.catalogue)
    extract = read_part(place.folder, place.part, catalogue)
    cohort = build_cohort(extract, catalogue)
    assert extract.facts is not None
    return told_by(catalogue, extract.facts, cohort.person, cohort.as_of, day)


def values_of(prepared: Prepared, rows: Rows) -> Floats:
    """Return the features (rows, k) of some person-dates."""
    return np.ascontiguousarray(prepared.frame.values[rows])


def fit_values(prepared: Prepared, rows: Rows, names: Sequence[str], catalogue: str, seed: int) -> Floats:
    """Return the features named (rows, m) as a model sees them: what is not known is missing at random.

    Values are borrowed within the partition. The fit that follows is told to keep quiet, in this process.
    """
    quiet_lightgbm()
    frame = FeatureFrame(values_of(prepared, rows), prepared.frame.names, prepared.frame.fingerprint)
    return with_values_missing_at_random(catalogue_of(catalogue), frame, seed).select(names).values


def quiet_lightgbm() -> None:
    """Keep LightGBM's talk about ports and ranks off stdout, where tables go; it talks before any verbosity is set."""
    import lightgbm

    logger = logging.getLogger("lightgbm")
    logger.setLevel(logging.CRITICAL)
    lightgbm.register_logger(logger)


def risks(prepared: Prepared, rows: Rows, candidate: Candidate, catalogue: str) -> dict[str, Floats]:
    """Return the risks (rows,) of some person-dates: by the served rule, and by the register model alone."""
    frame = FeatureFrame(values_of(prepared, rows), prepared.frame.names, prepared.frame.fingerprint)
    found = {SERVED: candidate.risk(frame, prepared.light.answered[rows], catalogue_of(catalogue))}
    if candidate.full is not None:
        found[REGISTER] = candidate.register.risk(frame)
    return found


@dataclass(frozen=True)
class Wanted:
    """Which person-dates are scored: as-of dates as day numbers, both included, and the pseudonyms to leave out."""

    starts: int = -(2**31)
    ends: int = 2**31 - 1
    left_out: frozenset[str] = frozenset()


def score(prepared: Prepared, name: str, package: Path, digest: str, out: Path, wanted: Wanted) -> dict[str, Any]:
    """Return how many person-dates of a partition were scored into `out/<name>.parquet`, at which level, or left out.

    Sorted by client and date. The file takes its place when it is whole, and holds the same bytes however often and
    wherever it is made.
    """
    cohort = prepared.light.cohort
    objects = np.array([client in wanted.left_out for client in prepared.light.client_ids], np.bool_)[cohort.person]
    within = (cohort.as_of >= wanted.starts) & (cohort.as_of <= wanted.ends)
    rows = np.flatnonzero(within & ~objects)
    model = package_at(package, digest)
    frame = FeatureFrame(values_of(prepared, rows), prepared.frame.names, prepared.frame.fingerprint)
    scored = model.screen(frame, landmark=cohort.landmark[rows].astype(np.int64))
    levels = [level.key for level in model.policy.levels]
    keys = pa.array(levels, pa.string())
    columns: dict[str, Any] = {
        "client_id": pa.array(prepared.light.client_ids, pa.string()).take(pa.array(cohort.person[rows])),
        "as_of": pa.array(cohort.as_of[rows]).cast(pa.date32()),
        "landmark": cohort.landmark[rows],
        "level": keys.take(pa.array(scored.level)),
        "other_level": keys.take(pa.array(scored.certainty.other_level)),
    }
    # every figure that a screening has of each row, whichever there are
    for said in (scored, scored.certainty):
        for field in fields(said):
            value = getattr(said, field.name)
            if field.name not in columns and isinstance(value, np.ndarray) and value.shape == (len(rows),):
                columns[field.name] = value
    partial = out / f".{name}.{uuid4().hex}.partial"  # two machines may have a process of the same id
    pq.write_table(pa.table(columns), partial, compression="zstd")
    os.replace(partial, out / f"{name}.parquet")
    counts = np.bincount(scored.level, minlength=len(levels))
    left_out = int((within & objects).sum())
    return {"rows": len(rows), "left_out": left_out, "levels": dict(zip(levels, counts.tolist(), strict=True))}


def prepare_and_score(place: Place, package: Path, digest: str, out: Path, wanted: Wanted) -> dict[str, Any]:
    """Return the same as `score` for a partition whose features nobody has made yet; nothing is kept."""
    return score(prepare(place, ()), place.name, package, digest, out, wanted)


def free_ports(ports: range, wanted: int) -> list[int]:
    """Return at most `wanted` of the ports, those LightGBM could listen on here now; none for a minute after use."""
    free: list[int] = []
    for port in ports:
        if len(free) == wanted:
            break
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            free.append(port)
    return free


def peak_memory() -> float:
    """Return the most memory this process ever took, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@lru_cache(maxsize=2)
def catalogue_of(text: str) -> Catalogue:
    """Return the catalogue in a TOML text, read once a process."""
    return catalogue_from_text(text)


@lru_cache(maxsize=1)
def package_at(folder: Path, digest: str) -> Package:
    """Return the package in a shared folder, loaded and checked once a process.

    Raises
    ------
    TrainingError
        Where another package lies there than the coordinator meant.
    """
    package = load_package(folder)
    if package.meta.digest != digest:
        raise TrainingError("a worker finds another package than was put there for it; run the command again")
    return package
