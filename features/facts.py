"""Facts: dated things known about n people, as sorted columns with offsets.

One person in a request and ten million in an extract have the same form, so the same feature functions take both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import FrameError

Days = NDArray[np.int32]
Floats = NDArray[np.float64]

EPOCH = date(1970, 1, 1)
OPEN_END = 2_932_896
"""The day number of 9999-12-31: the `end` of a spell that has not ended."""

DEPARTURES = ("moved", "died", "old_age_pension")
"""Why somebody left the register for good; `code` in the table `departures` is the position here."""

SECTIONS = ("inclusion", "mind", "everyday", "skills", "body")
"""Kykyviisari's five summary scales, held as 0-100 (high is good) from the raw score and its own limits."""

SCORES = ("work_ability_score", "functioning", "life_satisfaction", "health", *SECTIONS)

COLUMNS: Mapping[str, Mapping[str, type]] = {
    "spells": {"end": np.int32, "code": np.int8},
    "services": {"end": np.int32, "code": np.int16},
    "self_assessments": {
        "use_permitted": np.bool_,
        "instrument_version": np.float64,
        **dict.fromkeys(SCORES, np.float64),
    },
    "statements": {"input": np.int16, "value": np.float64},
    "departures": {"code": np.int8},
}
"""The columns of each table beside `fact_id` (int64), `happened_on` and `known_on` (int32), which all have."""


def day_number(day: date) -> int:
    """Days from 1970-01-01 to `day`.

    >>> day_number(date(2026, 1, 1))
    20454
    """
    return (day - EPOCH).days


def to_date(day: int) -> date:
    """The calendar date of a day number; the inverse of `day_number`."""
    return EPOCH + timedelta(days=int(day))


@dataclass(frozen=True)
class FactTable:
    """Facts of one kind for n people.

    Attributes
    ----------
    offsets : int64 (n + 1,)
        Rows of person i are `offsets[i]:offsets[i + 1]`, sorted by `happened_on`, then `known_on`.
    columns : mapping of name to array (rows,)
        Dtypes as in `COLUMNS`.
    """

    offsets: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    @property
    def rows(self) -> int:
        """The number of facts of all people together."""
        return int(self.offsets[-1])

    def take(self, people: NDArray[np.int64]) -> "FactTable":
        """The same facts for people in another order, or several times over (one row block a person-date)."""
        counts = np.diff(self.offsets)[people]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][people] - offsets[:-1], counts)
        return FactTable(offsets, {name: column[rows] for name, column in self.columns.items()})


@dataclass(frozen=True)
class LabourMarket:
    """Jobseekers per vacancy by occupation, month by month, each value with the day it was published.

    Attributes
    ----------
    offsets : int64 (occupations + 1,)
        Rows of the occupation at position i of the catalogue's list.
    published_on, month : int32 (rows,)
        Day numbers; `published_on` ascends within an occupation; `month` is the first day of the month described.
    value : float64 (rows,)
        Jobseekers per vacancy.
    """

    offsets: NDArray[np.int64]
    published_on: Days
    month: Days
    value: Floats


@dataclass(frozen=True)
class Facts:
    """All facts of n people, whenever they became known. Only `as_of.known_at` may hand them to a feature."""

    client_ids: tuple[str, ...]
    tables: Mapping[str, FactTable]
    labour_market: LabourMarket | None = None

    def __len__(self) -> int:
        return len(self.client_ids)

    def take(self, people: NDArray[np.int64]) -> "Facts":
        """The facts of `people` (positions, repeats allowed), as another Facts."""
        chosen = np.asarray(people, dtype=np.int64)
        return Facts(
            tuple(self.client_ids[i] for i in chosen),
            {name: table.take(chosen) for name, table in self.tables.items()},
            self.labour_market,
        )


def join_facts(parts: Sequence[Facts]) -> Facts:
    """The facts of the people of all parts, one after the other; at least one part, all with the same labour market."""
    if len(parts) == 1:
        return parts[0]
    tables = {}
    for kind in COLUMNS:
        pieces = [part.tables[kind] for part in parts]
        ends = np.concatenate([np.diff(piece.offsets) for piece in pieces]).cumsum()
        columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0].columns}
        tables[kind] = FactTable(np.concatenate([[0], ends]).astype(np.int64), columns)
    return Facts(tuple(name for part in parts for name in part.client_ids), tables, parts[0].labour_market)


def fact_table(kind: str, n: int, person: NDArray[Any], columns: Mapping[str, Any]) -> FactTable:
    """A table of the given kind from rows in any order.

    Parameters
    ----------
    kind : str
        A key of `COLUMNS`.
    n : int
        How many people there are.
    person : int (rows,)
        Position of each row's person, 0 to n - 1.
    columns : mapping
        `fact_id`, `happened_on`, `known_on` and the kind's own columns, each (rows,).

    Raises
    ------
    FrameError
        When a column is missing or has another length.
    """
    owner = np.asarray(person, dtype=np.int64)
    dtypes: dict[str, type] = {"fact_id": np.int64, "happened_on": np.int32, "known_on": np.int32, **COLUMNS[kind]}
    arrays: dict[str, NDArray[Any]] = {}
    for name, dtype in dtypes.items():
        if name not in columns or len(columns[name]) != len(owner):
            raise FrameError(f"table {kind}: column {name} must be there with {len(owner)} rows, one for each fact")
        arrays[name] = np.asarray(columns[name], dtype=dtype)
    order = np.lexsort((arrays["known_on"], arrays["happened_on"], owner))
    offsets = np.searchsorted(owner[order], np.arange(n + 1)).astype(np.int64)
    return FactTable(offsets, {name: column[order] for name, column in arrays.items()})


def empty_table(kind: str, n: int) -> FactTable:
    """A table of the given kind in which nobody has a fact."""
    none: dict[str, list[int]] = {name: [] for name in ("fact_id", "happened_on", "known_on", *COLUMNS[kind])}
    return fact_table(kind, n, np.zeros(0, np.int64), none)
