"""The only place where time is cut: what was known about people on the day we pretend to stand on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.facts import Days, Facts, FactTable, Floats, LabourMarket
from features.kernels import count_kept, latest_month_published, mark_known

STALE_AFTER_DAYS = 210
"""A published figure about a month that began longer ago than this tells nothing about today (assumption)."""


@dataclass(frozen=True)
class KnownFacts:
    """Facts known by each person's as-of date: one version of each, nothing later, no spell beyond the day.

    `memo` keeps what several features share (the present spell, the observed window) within one call.
    """

    as_of: Days
    tables: Mapping[str, FactTable]
    labour_market: LabourMarket | None
    statement_inputs: tuple[str, ...] = ()
    bridging_days: int = 28
    memo: dict[Any, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.as_of)


def known_at(facts: Facts, as_of: Days, statement_inputs: tuple[str, ...] = (), bridging_days: int = 28) -> KnownFacts:
    """The facts of n people as known on their as-of dates.

    A fact counts when its `known_on` is not after the as-of date; of several versions (same `fact_id`) the one
    known last counts; what was announced but has not happened yet is left out; a spell's `end` is cut to the day.

    Parameters
    ----------
    facts : Facts
        n people.
    as_of : int32 (n,)
        Day numbers, one a person.
    statement_inputs : tuple of str
        The catalogue's names for `input` in the table of statements.
    bridging_days : int
        Breaks shorter than this do not end a run of unemployment.
    """
    days = np.ascontiguousarray(as_of, dtype=np.int32)
    tables = {name: _known_table(table, days) for name, table in facts.tables.items()}
    return KnownFacts(days, tables, facts.labour_market, statement_inputs, bridging_days)


def published_at(series: LabourMarket, occupation: Floats, as_of: Days) -> Floats:
    """The figure of the latest month published by each as-of date for each occupation, as last revised, float64 (n,).

    NaN where the occupation is not known, nothing had been published, or the latest figure is stale.
    """
    value = np.empty(len(as_of))
    columns = (series.offsets, series.published_on, series.month, series.value)
    latest_month_published(*columns, occupation, as_of, STALE_AFTER_DAYS, value)
    return value


def _known_table(table: FactTable, as_of: Days) -> FactTable:
    if table.rows == 0:
        return table
    keep: NDArray[np.bool_] = np.zeros(table.rows, np.bool_)
    mark_known(table.offsets, table["fact_id"], table["happened_on"], table["known_on"], as_of, keep)
    offsets = np.empty_like(table.offsets)
    count_kept(table.offsets, keep, offsets)
    columns = {name: column[keep] for name, column in table.columns.items()}
    if "end" in columns:
        columns["end"] = np.minimum(columns["end"], np.repeat(as_of, np.diff(offsets)))
    return FactTable(offsets, columns)
