"""Labels: did unemployment go on to its twelfth month? `None` (NaN here) while that cannot be told yet."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.as_of import known_at
from features.catalogue import Catalogue
from features.facts import DEPARTURES, Days, Facts, FactTable, Floats
from features.history import DAYS_A_MONTH, RUN_ROLE
from features.kernels import DAY_MIN, run_around

KNOWN, FOLLOW_UP_TOO_SHORT, MOVED, NO_SPELL = range(4)
REASONS = ("known", "follow-up too short", "moved away", "no spell on the day, seen with hindsight")
"""Why an outcome is known or not, by the code in `Outcome.reason`."""


@dataclass(frozen=True)
class Outcome:
    """The label of n person-dates.

    Attributes
    ----------
    value : float64 (n,)
        1 long-term unemployed within the horizon, 0 not, NaN not known (`reason` says why).
    reason : int8 (n,)
        Position in `REASONS`.
    matures_on : int32 (n,)
        The day on which the horizon ends: the start of the run plus the catalogue's months.
    """

    value: Floats
    reason: NDArray[np.int8]
    matures_on: Days


def labels(catalogue: Catalogue, facts: Facts, as_of: Days, observed_until: int) -> Outcome:
    """Whether the run of unemployment on each as-of date lasts to the catalogue's horizon, counted from its start.

    Services, subsidised work and breaks shorter than the catalogue's `bridging_days` do not stop the clock; work on
    the open market does. Death and old-age pension before the horizon are competing ends (0). Moving away within the
    run and follow-up that stops before the horizon are censoring (NaN).

    Parameters
    ----------
    catalogue : Catalogue
    facts : Facts
        n people; everything delivered.
    as_of : int32 (n,)
    observed_until : int
        Day number up to which the delivery is complete.
    """
    until = np.full(len(facts), observed_until, np.int32)
    hindsight = known_at(facts, until, catalogue.statement_inputs, catalogue.label.bridging_days)
    spells = hindsight.tables["spells"]
    n = len(facts)
    start, end, code = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int8)
    columns = (spells.offsets, spells["happened_on"], spells["end"], spells["code"])
    run_around(*columns, RUN_ROLE, catalogue.label.bridging_days, as_of, start, end, code)

    matures_on = (start.astype(np.int64) + round(catalogue.label.horizon_months * DAYS_A_MONTH)).astype(np.int64)
    left_for_good, why = _departure(hindsight.tables["departures"], n)
    # A register may leave the spell of somebody who died open, so the departure counts before the spell's own end.
    departed = (left_for_good <= matures_on) & (left_for_good <= end + catalogue.label.bridging_days)
    reached = (end >= matures_on) & ~departed
    moved = departed & (why == DEPARTURES.index("moved"))
    ended_otherwise = departed & ~moved
    running = (end >= observed_until - catalogue.label.bridging_days) & ~reached & ~moved & ~ended_otherwise

    value = np.where(reached, 1.0, 0.0)
    reason = np.full(n, KNOWN, np.int8)
    for unknown, because in ((running, FOLLOW_UP_TOO_SHORT), (moved, MOVED), (start == DAY_MIN, NO_SPELL)):
        value[unknown] = np.nan
        reason[unknown] = because
    matures_on[start == DAY_MIN] = as_of[start == DAY_MIN]
    return Outcome(value, reason, matures_on.astype(np.int32))


def _departure(departures: FactTable, n: int) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """First departure of each person: day (far future for none) and code."""
    day = np.full(n, 2**40, np.int64)
    code = np.full(n, -1, np.int8)
    owner = np.repeat(np.arange(n), np.diff(departures.offsets))[::-1]
    day[owner] = departures["happened_on"][::-1]
    code[owner] = departures["code"][::-1]
    return day, code
