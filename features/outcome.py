"""Labels: did unemployment become long? Three of them, computed side by side; not known (NaN) while nobody can tell.

docs/outcomes.md has the table of what each employment code, service and break does to each label's clock.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.as_of import KnownFacts, known_at
from features.catalogue import Catalogue
from features.errors import CatalogueError
from features.facts import DEPARTURES, Days, Facts, FactTable, Floats
from features.history import (
    DAYS_A_MONTH,
    IN_SERVICE,
    IS_UNEMPLOYED,
    IS_WORK,
    LAID_OFF,
    RUN_ROLE,
    SUBSIDISED,
    UNEMPLOYED,
)
from features.kernels import DAY_MAX, DAY_MIN, first_crowded_day, next_after, run_around

OFFICIAL, ACTIVATION_NEUTRAL, TWELVE_OF_SIXTEEN = "official", "activation_neutral", "twelve_of_sixteen"
LABELS = (OFFICIAL, ACTIVATION_NEUTRAL, TWELVE_OF_SIXTEEN)
"""A, B and C of docs/outcomes.md."""

WINDOW_DAYS, NEEDED_DAYS = 487, 365
"""Label C: twelve of the last sixteen months, in days. Source: StatFin 902, recurrent unemployment."""

KNOWN, FOLLOW_UP_TOO_SHORT, MOVED, NO_SPELL, ALREADY = range(5)
REASONS = (
    "known",
    "follow-up too short",
    "moved away",
    "no spell on the day, seen with hindsight",
    "already so on the as-of date",
)
"""Why an outcome is known or not, by the code in `Outcome.reason`."""

ENDS = (
    "reached the horizon",
    "work",
    "service",
    "subsidised work",
    "education",
    "other break",
    "old-age pension",
    "death",
    "moved away",
    "follow-up too short",
    "outside the cohort",
)
"""What stopped the clock, by the code in `Outcome.ended_by`."""
REACHED, BY_WORK, BY_SERVICE, BY_SUBSIDISED, BY_EDUCATION, BY_BREAK, BY_PENSION, BY_DEATH, BY_MOVE, UNSEEN, OUTSIDE = (
    range(len(ENDS))
)
_END_OF_CODE: NDArray[np.int8] = np.full(16, BY_BREAK, np.int8)
_END_OF_CODE[[1, 4]] = BY_WORK
_END_OF_CODE[IN_SERVICE] = BY_SERVICE
_END_OF_CODE[SUBSIDISED] = BY_SUBSIDISED
_END_OF_CODE[7] = BY_EDUCATION
_END_OF_DEPARTURE = {"old_age_pension": BY_PENSION, "died": BY_DEATH, "moved": BY_MOVE}

OFFICIAL_ROLE: NDArray[np.int8] = np.zeros(16, np.int8)
"""Label A: unemployed and laid off carry the run, as the statistics count them; anything else ends it."""
OFFICIAL_ROLE[[UNEMPLOYED, LAID_OFF]] = 1


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
        The day on which the horizon ends.
    ended_on : int32 (n,)
        The day on which the clock stopped, or from which on nothing more is seen; `matures_on` where that came first.
    ended_by : int8 (n,)
        Position in `ENDS`.
    """

    value: Floats
    reason: NDArray[np.int8]
    matures_on: Days
    ended_on: Days
    ended_by: NDArray[np.int8]

    @property
    def censored(self) -> NDArray[np.bool_]:
        """Rows of the cohort whose outcome nobody saw: moved away, or follow-up too short."""
        unseen: NDArray[np.bool_] = (self.ended_by == BY_MOVE) | (self.ended_by == UNSEEN)
        return unseen


def labels(catalogue: Catalogue, facts: Facts, as_of: Days, observed_until: int, name: str | None = None) -> Outcome:
    """The outcome of n people on their as-of dates.

    Parameters
    ----------
    catalogue : Catalogue
        Its label names the default, the months and the longest break that is bridged.
    facts : Facts
        n people; everything delivered.
    as_of : int32 (n,)
    observed_until : int
        Day number up to which the delivery is complete.
    name : str, optional
        One of `LABELS`.

    Raises
    ------
    CatalogueError
        For another name.
    """
    wanted = name or catalogue.label.name
    if wanted not in LABELS:
        raise CatalogueError(f"Label {wanted} is not computed from facts; choose one of {', '.join(LABELS)}.")
    until = np.full(len(facts), observed_until, np.int32)
    hindsight = known_at(facts, until, catalogue.statement_inputs, catalogue.label.bridging_days)
    days = np.ascontiguousarray(as_of, dtype=np.int32)
    if wanted == TWELVE_OF_SIXTEEN:
        return _twelve_of_sixteen(hindsight, days, observed_until)
    months = catalogue.label.horizon_months
    start, end, _ = _run(hindsight, RUN_ROLE, catalogue.label.bridging_days, days)
    matures_on = np.where(start == DAY_MIN, days, start + np.int64(round(months * DAYS_A_MONTH)))
    if wanted == ACTIVATION_NEUTRAL:
        return _continuous(hindsight, days, start, end, matures_on, catalogue.label.bridging_days, observed_until)
    official, official_end, _ = _run(hindsight, OFFICIAL_ROLE, 1, days)
    # a temporary lay-off before the dismissal is part of the same official spell, whose year ends so much earlier
    with_layoff = (official < start) & (official != DAY_MIN)
    full = np.where(with_layoff, official + np.int64(round(months * DAYS_A_MONTH)), matures_on)
    outcome = _continuous(hindsight, days, official, official_end, full, 1, observed_until)
    return _with_restarted_clocks(outcome, days, (official > start) & (start != DAY_MIN), hindsight, official)


def all_labels(catalogue: Catalogue, facts: Facts, as_of: Days, observed_until: int) -> dict[str, Outcome]:
    """Every label by name, for reporting them side by side."""
    return {name: labels(catalogue, facts, as_of, observed_until, name) for name in LABELS}


def _continuous(
    hindsight: KnownFacts,
    as_of: Days,
    start: Days,
    end: Days,
    matures_on: NDArray[np.int64],
    bridging: int,
    observed_until: int,
) -> Outcome:
    """The outcome of a clock that runs from `start` to `end` and is asked whether it reaches `matures_on`."""
    spells = hindsight.tables["spells"]
    n = len(as_of)
    next_start, next_code = np.empty(n, np.int32), np.empty(n, np.int8)
    next_after(spells.offsets, spells["happened_on"], spells["code"], end, next_start, next_code)
    left_for_good, why = _departure(hindsight.tables["departures"], start)
    followed = next_start.astype(np.int64) - end <= hindsight.bridging_days
    # A register may leave the spell of somebody who died open, so a departure counts before the spell's own end.
    departed = (left_for_good <= matures_on) & (left_for_good <= end.astype(np.int64) + bridging)
    departed &= ~(followed & (next_start < left_for_good))
    reached = (end >= matures_on) & ~departed
    found_work = followed & (next_code >= 0) & IS_WORK[np.maximum(next_code, 0)]
    unseen = (end >= observed_until - bridging + 1) & ~reached & ~departed & ~found_work

    ended_by = np.where(followed & (next_code >= 0), _END_OF_CODE[np.maximum(next_code, 0)], BY_BREAK).astype(np.int8)
    for position, reason in enumerate(DEPARTURES):
        ended_by[departed & (why == position)] = _END_OF_DEPARTURE[reason]
    ended_by[reached] = REACHED
    ended_by[unseen] = UNSEEN
    ended_by[start == DAY_MIN] = OUTSIDE
    ended_on = np.where(departed, np.minimum(left_for_good, end), end)
    ended_on = np.where(unseen, np.minimum(end, observed_until), ended_on)
    return _outcome(ended_by, np.minimum(ended_on, matures_on), matures_on, as_of)


def _with_restarted_clocks(
    outcome: Outcome, as_of: Days, restarted: NDArray[np.bool_], hindsight: KnownFacts, official: Days
) -> Outcome:
    """Label A where a service or a break had stopped the official clock before the as-of date: it is not reached.

    Whatever follows, twelve unbroken months cannot be full at the horizon, so the outcome is known on the day itself.
    """
    ended_by = outcome.ended_by.copy()
    before = np.where(restarted, official - 1, as_of).astype(np.int32)
    spells = hindsight.tables["spells"]
    n = len(as_of)
    start, end, code = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int8)
    columns = (spells.offsets, spells["happened_on"], spells["end"], spells["code"])
    run_around(*columns, OFFICIAL_ROLE, 1, before, start, end, code)
    because = np.where(code >= 0, _END_OF_CODE[np.maximum(code, 0)], BY_BREAK)
    ended_by[restarted] = because[restarted]
    ended_on = np.where(restarted, as_of, outcome.ended_on)
    return _outcome(ended_by, ended_on, outcome.matures_on.astype(np.int64), as_of)


def _twelve_of_sixteen(hindsight: KnownFacts, as_of: Days, observed_until: int) -> Outcome:
    """Label C: on some day within sixteen months, twelve of the last sixteen months were unemployment (code 02)."""
    spells = hindsight.tables["spells"]
    n = len(as_of)
    day, already = np.empty(n, np.int32), np.empty(n, np.bool_)
    columns = (spells.offsets, spells["happened_on"], spells["end"], spells["code"])
    first_crowded_day(*columns, IS_UNEMPLOYED, as_of, WINDOW_DAYS, WINDOW_DAYS, NEEDED_DAYS, day, already)
    matures_on = as_of.astype(np.int64) + WINDOW_DAYS
    start, _, code = _run(hindsight, RUN_ROLE, hindsight.bridging_days, as_of)
    left_for_good, why = _departure(hindsight.tables["departures"], start)
    reached = (day != DAY_MAX) & (day <= left_for_good)
    departed = (left_for_good <= matures_on) & (left_for_good > as_of) & ~reached
    unseen = (matures_on > observed_until) & ~reached & ~departed

    ended_by = np.full(n, BY_BREAK, np.int8)
    ended_by[reached] = REACHED
    for position, reason in enumerate(DEPARTURES):
        ended_by[departed & (why == position)] = _END_OF_DEPARTURE[reason]
    ended_by[unseen] = UNSEEN
    ended_by[already | (code < 0)] = OUTSIDE
    ended_on = np.where(reached, day, np.where(departed, left_for_good, matures_on))
    outcome = _outcome(ended_by, np.minimum(ended_on, np.maximum(observed_until, as_of)), matures_on, as_of)
    outcome.reason[already] = ALREADY
    return outcome


def _outcome(
    ended_by: NDArray[np.int8], ended_on: NDArray[np.int64], matures_on: NDArray[np.int64], as_of: Days
) -> Outcome:
    value = (ended_by == REACHED).astype(np.float64)
    reason = np.full(len(ended_by), KNOWN, np.int8)
    for end, because in ((UNSEEN, FOLLOW_UP_TOO_SHORT), (BY_MOVE, MOVED), (OUTSIDE, NO_SPELL)):
        value[ended_by == end] = np.nan
        reason[ended_by == end] = because
    ended_on = np.where(ended_by == OUTSIDE, as_of, np.maximum(ended_on, as_of))
    return Outcome(value, reason, matures_on.astype(np.int32), ended_on.astype(np.int32), ended_by)


def _run(
    hindsight: KnownFacts, role: NDArray[np.int8], bridging: int, as_of: Days
) -> tuple[Days, Days, NDArray[np.int8]]:
    spells = hindsight.tables["spells"]
    n = len(as_of)
    start, end, code = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int8)
    columns = (spells.offsets, spells["happened_on"], spells["end"], spells["code"])
    run_around(*columns, role, bridging, as_of, start, end, code)
    return start, end, code


def _departure(departures: FactTable, since: Days) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """First departure of each of n people since a day (n,): day (far future for none) and code.

    Whoever left before the run began has come back.
    """
    n = len(since)
    day = np.full(n, 2**40, np.int64)
    code = np.full(n, -1, np.int8)
    owner = np.repeat(np.arange(n), np.diff(departures.offsets))
    counted = np.flatnonzero(departures["happened_on"] >= since[owner])[::-1]
    day[owner[counted]] = departures["happened_on"][counted]
    code[owner[counted]] = departures["code"][counted]
    return day, code
