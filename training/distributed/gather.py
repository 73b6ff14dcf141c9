"""The small columns of all partitions as one cohort, in the very order of a one-process run; features stay away."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.errors import TrainingError
from features.facts import Facts, LabourMarket, day_number
from features.frame import FeatureFrame
from features.outcome import Outcome
from training.cohort import Cohort
from training.distributed.partitioned import Partitioned, recording_told
from training.distributed.tasks import Light
from training.extract import Extract
from training.fit import Table
from training.followed import joined

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Gathered:
    """All partitions together.

    Attributes
    ----------
    extract : Extract
        Whose it is and until when; its facts hold the labour market and no fact of a person.
    cohort : Cohort
        Of everybody: partitions follow the order of the pseudonyms, so its rows stand as in a one-process run.
    table : Table
        Outcomes and landmarks, with a frame of no columns.
    offsets : int64 (partitions + 1,)
        Rows of partition i are `offsets[i]:offsets[i + 1]`.
    """

    extract: Extract
    cohort: Cohort
    table: Table
    offsets: Rows

    def by_part(self, rows: Rows) -> list[tuple[int, Rows]]:
        """The rows given (ascending) as (partition, rows there), without partitions that have none of them."""
        if len(rows) and (np.diff(rows) <= 0).any():
            raise TrainingError("rows of partitions must be asked for in ascending order, each once")
        ends = np.searchsorted(rows, self.offsets)
        return [
            (part, rows[ends[part] : ends[part + 1]] - self.offsets[part])
            for part in range(len(self.offsets) - 1)
            if ends[part + 1] > ends[part]
        ]


def gather(
    catalogue: Catalogue, partitioned: Partitioned, parts: Sequence[Light], market: LabourMarket | None
) -> Gathered:
    """Return what the partitions told, one after the other."""
    people = np.cumsum([0, *(len(part.client_ids) for part in parts)])
    client_ids = tuple(client for part in parts for client in part.client_ids)
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.cohort.counts)

    def column(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(part.cohort, name) for part in parts])

    names = list(dict.fromkeys(name for part in parts for name in part.cohort.flags))
    cohort = Cohort(
        person=np.concatenate([part.cohort.person + people[i] for i, part in enumerate(parts)]),
        as_of=column("as_of"),  # type: ignore[arg-type]
        matures_on=column("matures_on"),  # type: ignore[arg-type]
        landmark=column("landmark"),  # type: ignore[arg-type]
        outcome=column("outcome"),  # type: ignore[arg-type]
        counts=dict(counts),
        flags={name: np.concatenate([part.cohort.flags[name] for part in parts]) for name in names},
    )
    extract = Extract(
        client_ids=client_ids,
        facts=Facts(client_ids, {}, market),
        flat=None,
        protected={},
        delivered_until=day_number(date.fromisoformat(partitioned.delivered_until)),
        synthetic=partitioned.synthetic,
        recording=recording_told(partitioned, catalogue),
        fingerprints=dict(partitioned.source),
    )
    nothing = FeatureFrame(np.empty((len(cohort), 0)), (), catalogue.fingerprint)
    table = Table(nothing, cohort.outcome, np.concatenate([part.answered for part in parts]), cohort.landmark)
    return Gathered(extract, cohort, table, np.cumsum([0, *(len(part.cohort) for part in parts)]))


def told_by_parts(
    catalogue: Catalogue, parts: Sequence[Light], ask: Callable[[int], Sequence[Outcome]]
) -> Callable[[Rows, int, str | None], Outcome]:
    """Return a function that tells outcomes of rows of the gathered cohort on a day.

    Parameters
    ----------
    ask : callable
        Asks all partitions about a day that they were not asked about when they were read.
    """
    days = set.intersection(*(set(part.told) for part in parts))
    whole = {day: joined([part.told[day] for part in parts]) for day in days}

    def told(rows: Rows, known_on: int, name: str | None) -> Outcome:
        if name not in (None, catalogue.label.name):
            raise TrainingError(f"partitions tell the outcomes of the label {catalogue.label.name} only")
        if known_on not in whole:
            whole[known_on] = joined(ask(known_on))
        outcome = whole[known_on]
        return Outcome(**{column: values[rows] for column, values in vars(outcome).items()})

    return told
