"""Loops over one person's facts after another, compiled. Nothing here knows what a fact means.

Compiled loops rather than array expressions, because a request has one person and an extract millions: array
expressions pay some microseconds for each of their steps however short the arrays are.
"""

from collections.abc import Callable
from typing import Any, cast

import numba
import numpy as np

DAY_MIN = -(2**31)
DAY_MAX = 2**31 - 1


def compiled(function: Callable[..., Any]) -> Callable[..., None]:
    """The loop compiled by numba on first use and kept on disk for the next process; it writes into its arguments."""
    return cast(Callable[..., None], numba.njit(cache=True, nogil=True)(function))


@compiled
def mark_known(offsets, fact_id, happened_on, known_on, as_of, keep):  # type: ignore[no-untyped-def]
    """Mark in `keep` the latest version of each fact known by `as_of` of its person, if it has happened by then."""
    for i in range(len(as_of)):
        first, last = offsets[i], offsets[i + 1]
        for row in range(first, last):
            if known_on[row] > as_of[i]:
                continue
            latest = True
            for other in range(first, last):
                if (
                    fact_id[other] == fact_id[row]
                    and known_on[other] <= as_of[i]
                    and (known_on[other] > known_on[row] or (known_on[other] == known_on[row] and other > row))
                ):
                    latest = False
                    break
            keep[row] = latest and happened_on[row] <= as_of[i]


@compiled
def count_kept(offsets, keep, new_offsets):  # type: ignore[no-untyped-def]
    """Write the offsets of the kept rows into `new_offsets`."""
    total = 0
    new_offsets[0] = 0
    for i in range(len(offsets) - 1):
        for row in range(offsets[i], offsets[i + 1]):
            if keep[row]:
                total += 1
        new_offsets[i + 1] = total


@compiled
def days_within(offsets, start, end, code, wanted, opens, closes, out):  # type: ignore[no-untyped-def]
    """Write, for each person, the days of spells with a wanted code between `opens` and `closes`, both included."""
    for i in range(len(out)):
        days = 0
        for row in range(offsets[i], offsets[i + 1]):
            if wanted[code[row]]:
                overlap = min(end[row], closes[i]) - max(start[row], opens[i]) + 1
                if overlap > 0:
                    days += overlap
        out[i] = days


@compiled
def last_wanted(offsets, start, end, code, wanted, closes, out_start, out_end):  # type: ignore[no-untyped-def]
    """Write start and end of each person's latest spell with a wanted code begun by `closes`; DAY_MIN for none."""
    for i in range(len(closes)):
        out_start[i] = DAY_MIN
        out_end[i] = DAY_MIN
        for row in range(offsets[i], offsets[i + 1]):
            if wanted[code[row]] and start[row] <= closes[i] and end[row] >= out_end[i]:
                out_start[i] = start[row]
                out_end[i] = end[row]


@compiled
def begun_within(offsets, start, code, wanted, opens, closes, out):  # type: ignore[no-untyped-def]
    """Write how many spells with a wanted code each person began between `opens` and `closes`, both included."""
    for i in range(len(out)):
        count = 0
        for row in range(offsets[i], offsets[i + 1]):
            if wanted[code[row]] and opens[i] <= start[row] <= closes[i]:
                count += 1
        out[i] = count


@compiled
def run_around(offsets, start, end, code, role, bridging, at, out_start, out_end, out_code):  # type: ignore[no-untyped-def]
    """Write the run of time that contains day `at` of each person, and the code on that day.

    `role` says what each code does to a run: 1 opens or carries it, 2 carries an open one, -1 ends it, 0 is a break.
    A break shorter than `bridging` days does not end a run. No run: DAY_MIN; no spell on the day: code -1.
    """
    for i in range(len(at)):
        out_start[i] = DAY_MIN
        out_end[i] = DAY_MIN
        out_code[i] = -1
        run_start = DAY_MIN
        run_end = DAY_MIN
        for row in range(offsets[i], offsets[i + 1]):
            if start[row] <= at[i] <= end[row]:
                out_code[i] = code[row]
            part = role[code[row]]
            is_open = run_start != DAY_MIN and start[row] - run_end - 1 < bridging
            if part == -1:
                if run_start <= at[i] <= run_end and run_start != DAY_MIN:
                    break
                run_start = DAY_MIN
                run_end = DAY_MIN
            elif part == 1 and not is_open:
                if run_start <= at[i] <= run_end and run_start != DAY_MIN:
                    break
                run_start = start[row]
                run_end = end[row]
            elif (part == 1 or part == 2) and is_open:
                run_end = max(run_end, end[row])
        if run_start != DAY_MIN and run_start <= at[i] <= run_end:
            out_start[i] = run_start
            out_end[i] = run_end


@compiled
def latest_value(offsets, key, value, told_on, wanted, not_before, out):  # type: ignore[no-untyped-def]
    """Write the last value under the wanted key, told on `not_before` or later, of each person; NaN for none."""
    for i in range(len(out)):
        out[i] = np.nan
        for row in range(offsets[i], offsets[i + 1]):
            if key[row] == wanted and told_on[row] >= not_before[i]:
                out[i] = value[row]


@compiled
def latest_rows(offsets, usable, last, previous):  # type: ignore[no-untyped-def]
    """Write the rows of the last and the last but one usable fact of each person; -1 for none."""
    for i in range(len(last)):
        last[i] = -1
        previous[i] = -1
        for row in range(offsets[i], offsets[i + 1]):
            if usable[row]:
                previous[i] = last[i]
                last[i] = row


@compiled
def observed_window(closes, observed_from, days, fewest, opens, observed):  # type: ignore[no-untyped-def]
    """Write first day and length of the observed part of the `days` that end with day `closes` of each person.

    The length is NaN where nobody observed (`observed_from` is NaN), or for fewer than `fewest` days.
    """
    for i in range(len(closes)):
        first = np.int64(closes[i]) - days + 1
        if observed_from[i] > first:
            first = np.int64(observed_from[i])
        length = np.int64(closes[i]) - first + 1
        opens[i] = first
        observed[i] = np.nan if np.isnan(observed_from[i]) or length < fewest else float(length)


@compiled
def ended_within(offsets, end, opens, before, out):  # type: ignore[no-untyped-def]
    """Write how many facts of each person ended on day `opens` or later, and before day `before`."""
    for i in range(len(out)):
        count = 0
        for row in range(offsets[i], offsets[i + 1]):
            if opens[i] <= end[row] < before[i]:
                count += 1
        out[i] = count


@compiled
def value_of_row(column, rows, out):  # type: ignore[no-untyped-def]
    """Write the value in the row named for each person; NaN where the row is -1."""
    for i in range(len(rows)):
        out[i] = column[rows[i]] if rows[i] >= 0 else np.nan


@compiled
def latest_month_published(offsets, published_on, month, value, key, as_of, stale_after, out):  # type: ignore[no-untyped-def]
    """Write the value of the latest month of series `key` published by `as_of`, in its latest version.

    NaN where there is none, or where the month began more than `stale_after` days before.
    """
    for i in range(len(as_of)):
        out[i] = np.nan
        if np.isnan(key[i]):
            continue
        series = int(key[i])
        if series < 0 or series >= len(offsets) - 1:
            continue
        latest = -1
        for row in range(offsets[series], offsets[series + 1]):
            if published_on[row] > as_of[i]:
                break
            if latest < 0 or month[row] >= month[latest]:
                latest = row
        if latest >= 0 and as_of[i] - month[latest] <= stale_after:
            out[i] = value[latest]


@compiled
def next_after(offsets, start, code, day, out_start, out_code):  # type: ignore[no-untyped-def]
    """Write start and code of each person's first spell that begins after `day`; DAY_MAX and -1 for none."""
    for i in range(len(day)):
        out_start[i] = DAY_MAX
        out_code[i] = -1
        for row in range(offsets[i], offsets[i + 1]):
            if start[row] > day[i]:
                out_start[i] = start[row]
                out_code[i] = code[row]
                break


@compiled
def first_crowded_day(offsets, start, end, code, wanted, at, horizon, window, needed, out_day, out_already):  # type: ignore[no-untyped-def]
    """Write the first day in the `horizon` days after `at` on which the last `window` days hold `needed` wanted ones.

    DAY_MAX where there is none. `out_already` marks who satisfies it on `at` itself.
    """
    for i in range(len(at)):
        count = 0
        for row in range(offsets[i], offsets[i + 1]):
            if wanted[code[row]]:
                overlap = min(end[row], at[i]) - max(start[row], at[i] - window + 1) + 1
                if overlap > 0:
                    count += overlap
        out_already[i] = count >= needed
        out_day[i] = DAY_MAX
        entering = offsets[i]
        leaving = offsets[i]
        last = offsets[i + 1]
        for day in range(at[i] + 1, at[i] + horizon + 1):
            while entering < last and (end[entering] < day or not wanted[code[entering]]):
                entering += 1
            if entering < last and start[entering] <= day:
                count += 1
            gone = day - window
            while leaving < last and (end[leaving] < gone or not wanted[code[leaving]]):
                leaving += 1
            if leaving < last and start[leaving] <= gone:
                count -= 1
            if count >= needed:
                out_day[i] = day
                break
