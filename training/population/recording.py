"""How a register comes to know: lags, ends that arrive later, corrections, and dates of recording that are missing.

A fact's later version is a new row with the same `fact_id` and a later `known_on`; the version known last counts.
Nothing is known before it happens: `known_on` is never before the first day of what it tells. What was going on when
the window opened came with its first delivery and is known from that day, so that nobody can be screened on an earlier
one: of the runs of 2018 only those that lasted are in the register.
"""

import numpy as np
from numpy.typing import NDArray

from training.population.careers import IN_EDUCATION, OUTSIDE, WORK
from training.population.days import OPEN, Days
from training.population.keyed import Keyed, key_of
from training.population.parameters import WINDOW_OPENS, day
from training.population.rows import Columns, join, take
from training.population.services import recorded_share

NOT_RECORDED = np.int64(-(2**40))
"""Stands for a missing `known_on`."""
START_LAG = (0.55, 0.25, 0.12, 0.08)
"""Days from the start of a spell to its recording: 0, 1, 2, 3 (assumption)."""
TRANSFER = (day(2025, 1, 1), day(2025, 1, 31))
"""The change of register on 1.1.2025 delayed recording by up to a week (assumption)."""
LATE_DAYS = 90
"""How much later the outcomes of one group are recorded where that bias is planted."""
CORRECTED_START, CORRECTED_END, WITHOUT_RECORDING_DATE = 0.007, 0.010, 0.03
FACT_IDS_A_PERSON = 10_000
SERVICE_IDS, ASSESSMENT_IDS, STATEMENT_IDS, DEPARTURE_ID = 2_000, 4_000, 5_000, 9_000
"""Where the numbering of each kind of fact begins within a person's fact ids; spells begin at 0."""


def start_lag(draw: Keyed, purpose: int, key: Days, start: Days) -> Days:
    """Days between the start of what is told and its recording."""
    lag = np.searchsorted(np.cumsum(START_LAG)[:-1], draw.uniform(purpose, key), side="right")
    moved = (start >= TRANSFER[0]) & (start <= TRANSFER[1])
    return lag + np.where(moved, draw.integers(purpose + 1, key, 8), 0)


def record_spells(
    draw: Keyed, spells: Columns, departs_on: Days, until: int, late: NDArray[np.bool_]
) -> tuple[Columns, Columns]:
    """Rows of the register from the spells as lived, and the lived spells with the day each became known.

    Parameters
    ----------
    spells : columns person, code, start, end, run, reported
        As lived; `end` may lie after `until`.
    departs_on : int64 (people,)
    late : bool (people,)
        Whose outcomes are recorded `LATE_DAYS` later (a planted bias).

    Returns
    -------
    rows : columns person, fact, code, start, end, known_on
        Sorted by person; `end` is `OPEN` where it is not known; `known_on` may be `NOT_RECORDED`.
    lived : the spells in order, with `known`
    """
    lived = take(spells, np.lexsort((spells["start"], spells["person"])))
    person, code, start, end = lived["person"], lived["code"], lived["start"], lived["end"]
    n = len(person)
    follows_same = np.zeros(n, np.bool_)
    follows_same[:-1] = person[1:] == person[:-1]
    after_work = np.zeros(n, np.bool_)
    after_work[1:] = follows_same[:-1] & (code[:-1] == WORK)
    reported = lived["reported"] & ~(np.isin(code, (IN_EDUCATION, OUTSIDE)) & after_work)
    key = key_of(person, start)
    delay = LATE_DAYS * (late[person] & np.isin(code, (WORK, IN_EDUCATION, OUTSIDE)))
    own = start + start_lag(draw, 0, key, start) + delay
    known = np.where(reported, own, _known_with_the_next(own, reported, person))
    known = _never_after_a_later_one(np.maximum(known, WINDOW_OPENS), person)

    next_known = np.full(n, OPEN)
    next_known[:-1][follows_same[:-1]] = known[1:][follows_same[:-1]]
    next_reported = np.zeros(n, np.bool_)
    next_reported[:-1] = reported[1:] & follows_same[:-1]
    adjacent = np.zeros(n, np.bool_)
    adjacent[:-1] = follows_same[:-1] & (start[1:] == end[:-1] + 1)
    in_register = ~np.isin(code, (WORK,)) & reported
    told = end + 1 + np.minimum(draw.geometric(2, key, 0.22) - 1, 45) + LATE_DAYS * late[person]
    end_known = np.where(adjacent & next_reported, next_known, np.where(in_register, told, next_known))
    end_known = np.where(end >= departs_on[person], end + 1 + draw.integers(3, key, 5), end_known)
    end_known = np.minimum(end_known, next_known)
    end_known = np.maximum(end_known, np.maximum(known, end))

    lived["known"] = known
    lived["fact"] = _count_within(person)
    kept = (_end_of_run(lived) >= WINDOW_OPENS) & (known <= until) & (start <= until)
    rows = _versions(draw, take(lived, kept), end_known[kept], reported[kept], until)
    return rows, lived


def _end_of_run(lived: Columns) -> Days:
    """The end of each spell, or of the run it is part of: a run is kept as a whole, with its true start."""
    run, end = lived["run"], lived["end"]
    last = np.zeros(int(run.max(initial=-1)) + 1, np.int64)
    np.maximum.at(last, run[run >= 0], end[run >= 0])
    return np.where(run >= 0, np.append(last, 0)[run], end)


def _known_with_the_next(own: Days, reported: NDArray[np.bool_], person: Days) -> Days:
    """When a spell that nobody reported is told: with the person's next reported one; `OPEN` if there is none."""
    n = len(own)
    position = np.where(reported, np.arange(n), n)
    following = np.minimum.accumulate(position[::-1])[::-1]
    found = (following < n) & (person[np.minimum(following, n - 1)] == person)
    return np.where(found, own[np.minimum(following, n - 1)], OPEN)


def _never_after_a_later_one(known: Days, person: Days) -> Days:
    """The day on which each spell is known: whoever tells of a later spell tells of the earlier ones too."""
    apart = 2 * OPEN * person
    earliest: Days = np.minimum.accumulate((known + apart)[::-1])[::-1] - apart
    return earliest


def _count_within(person: Days) -> Days:
    """Position of each row among its person's rows; rows of a person stand together."""
    n = len(person)
    first = np.ones(n, np.bool_)
    first[1:] = person[1:] != person[:-1]
    where = np.flatnonzero(first)
    return np.arange(n) - np.repeat(where, np.diff(np.append(where, n)))


def _versions(draw: Keyed, lived: Columns, end_known: Days, reported: NDArray[np.bool_], until: int) -> Columns:
    """Every version of each spell that had reached the register by `until`."""
    start, end, known, code = lived["start"], lived["end"], lived["known"], lived["code"]
    n, key = len(start), key_of(lived["person"], lived["start"])
    ended = end_known <= until
    at_once = ended & (end_known <= known)
    late_start = (draw.uniform(4, key) < CORRECTED_START) & ~at_once & (known > start) & (end > known)
    shift = np.where(late_start, 1 + (draw.uniform(5, key) * (known - start)).astype(np.int64).clip(0, 2), 0)
    shift = np.minimum(shift, known - start)
    first_end = np.where(at_once, end, OPEN)
    base = {"person": lived["person"], "fact": lived["fact"], "code": code}
    first = {**base, "start": start + shift, "end": first_end, "known_on": known}

    corrected_on = known + 5 + draw.integers(6, key, 20)
    again = late_start & (corrected_on < np.minimum(end_known, end)) & (corrected_on <= until)
    second = take({**base, "start": start, "end": np.full(n, OPEN), "known_on": corrected_on}, again)

    closing = ended & ~at_once
    early_end = closing & (draw.uniform(7, key) < CORRECTED_END) & (end - start > 10) & (end_known + 40 <= until)
    wrong = np.where(early_end, end - 1 - draw.integers(8, key, 5), end)
    third = take({**base, "start": start, "end": wrong, "known_on": end_known}, closing)
    fourth = take(
        {**base, "start": start, "end": end, "known_on": end_known + 7 + draw.integers(9, key, 25)}, early_end
    )

    nobody_noted = at_once & ~reported & (code == WORK) & (draw.uniform(10, key) < WITHOUT_RECORDING_DATE)
    first["known_on"] = np.where(nobody_noted, NOT_RECORDED, first["known_on"])
    rows = join(first, second, third, fourth)
    return take(rows, np.lexsort((rows["known_on"], rows["fact"], rows["person"])))


def record_services(draw: Keyed, services: Columns, until: int) -> Columns:
    """Rows for services: the planned end is known at once, an earlier end comes as a correction."""
    services = take(services, np.lexsort((services["start"], services["person"])))
    fact = SERVICE_IDS + _count_within(services["person"])
    key = key_of(services["person"], services["start"])
    start, planned, end = services["start"], services["planned_end"], services["end"]
    known = np.maximum(start + start_lag(draw, 20, key, start), WINDOW_OPENS)
    unnoted = draw.uniform(22, key) < WITHOUT_RECORDING_DATE
    base = {"person": services["person"], "fact": fact, "kind": services["kind"], "start": start}
    first = {**base, "end": planned, "known_on": known}
    told = np.maximum(known + 1, end + 1 + draw.integers(23, key, 6))
    recorded = draw.uniform(24, key) < recorded_share(start)
    broken_off = (end < planned) & (told <= until)
    later = take({**base, "end": end, "known_on": told}, broken_off & recorded & (end >= WINDOW_OPENS))
    kept = recorded & (planned >= WINDOW_OPENS) & (end >= WINDOW_OPENS) & (known <= until)
    first["known_on"] = np.where(unnoted, NOT_RECORDED, known)
    rows = join(take(first, kept), later)
    return take(rows, np.lexsort((rows["known_on"], rows["fact"], rows["person"])))
