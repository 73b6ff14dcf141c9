"""An extract's partitions as the workers hold them: features there, small columns here, and how to ask for more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import distributed
import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.facts import day_number
from training.config import TrainingConfig
from training.distributed import tasks
from training.distributed.cluster import Cluster
from training.distributed.gather import Gathered, gather
from training.distributed.partitioned import Partitioned, read_part
from training.fit import Candidate
from training.material import expected_known_on

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Prepared:
    """The partitions with their features on the workers (futures), and their small columns here."""

    places: tuple[tasks.Place, ...]
    futures: tuple[distributed.Future, ...]
    gathered: Gathered
    lights: tuple[tasks.Light, ...]


def prepare(config: TrainingConfig, catalogue: Catalogue, partitioned: Partitioned, cluster: Cluster) -> Prepared:
    """Return the partitions read, with features, and what they told of outcomes on the days of the splits."""
    until = day_number(date.fromisoformat(partitioned.delivered_until))
    days = tuple({until, expected_known_on(config, catalogue, until)})
    folder = config.extract.resolve()
    places = tuple(tasks.Place(folder, part, catalogue.source_text) for part in partitioned.parts)
    futures = tuple(cluster.client.map(tasks.prepare, places, days=days, pure=False))
    lights = cluster.results("Features", cluster.client.map(tasks.light_of, futures, pure=False))
    first = read_part(folder, partitioned.parts[0], catalogue)
    market = first.facts.labour_market if first.facts else None
    return Prepared(places, futures, gather(catalogue, partitioned, lights, market), tuple(lights))


def gathered_risks(
    catalogue: Catalogue, cluster: Cluster, prepared: Prepared, candidate: Candidate, rows: Rows, title: str
) -> dict[str, NDArray[np.float64]]:
    """Return the risks (rows,) by model of some person-dates, computed where their features are."""
    futures = [
        cluster.client.submit(tasks.risks, prepared.futures[part], own, candidate, catalogue.source_text, pure=False)
        for part, own in prepared.gathered.by_part(rows)
    ]
    parts = cluster.results(title, futures)
    return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}


def gathered_values(cluster: Cluster, prepared: Prepared, rows: Rows) -> NDArray[np.float64]:
    """Return the features (rows, k) of some person-dates, fetched from the workers."""
    futures = [
        cluster.client.submit(tasks.values_of, prepared.futures[part], own, pure=False)
        for part, own in prepared.gathered.by_part(rows)
    ]
    return np.concatenate(cluster.client.gather(futures)) if futures else np.empty((0, 0))


def told_on(cluster: Cluster, places: Sequence[tasks.Place], day: int) -> list[Any]:
    """Return what each partition tells of its outcomes on one more day."""
    return list(cluster.client.gather(cluster.client.map(tasks.tell, places, day=day, pure=False)))
