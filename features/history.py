"""Work and unemployment before the present spell, and the present spell itself.

Windows of history end on the day before the present spell began, so that how long the spell has lasted is told by
`present_spell_months` alone. Shares and counts are relative to the time the person could be observed (the statement
`history_from`); without it, or with less than `LEAST_OBSERVED_DAYS` of it in the window, they are not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.as_of import KnownFacts
from features.facts import Days, Floats
from features.functions import feature_function
from features.kernels import (
    DAY_MIN,
    begun_within,
    days_within,
    last_wanted,
    latest_value,
    observed_window,
    run_around,
)

DAYS_A_MONTH = 30.4375
DAYS_A_YEAR = 365.25
LEAST_OBSERVED_DAYS = 90
"""Below this a share of time says more about the register than about the person (assumption)."""
TOLD_AHEAD_DAYS = 31
"""People register up to about a month before a job ends (assumption)."""

UNEMPLOYED, LAID_OFF, SUBSIDISED, IN_SERVICE = 2, 3, 0, 8
OPEN_MARKET_WORK = (1, 4)

RUN_ROLE: NDArray[np.int8] = np.zeros(16, np.int8)
"""What each employment code does to a run of unemployment: 1 opens or carries, 2 carries, -1 ends, 0 is a break."""
RUN_ROLE[UNEMPLOYED] = 1
RUN_ROLE[[SUBSIDISED, IN_SERVICE]] = 2
RUN_ROLE[list(OPEN_MARKET_WORK)] = -1


def _codes(wanted: Sequence[int]) -> NDArray[np.bool_]:
    mask = np.zeros(16, np.bool_)
    mask[list(wanted)] = True
    return mask


IS_WORK = _codes(OPEN_MARKET_WORK)
IS_UNEMPLOYED = _codes((UNEMPLOYED,))
IS_LAID_OFF = _codes((LAID_OFF,))


@dataclass(frozen=True)
class PresentSpell:
    """The run of unemployment on the as-of date.

    Attributes
    ----------
    start : int32 (n,)
        First day of the run; `kernels.DAY_MIN` where there is none.
    code : int8 (n,)
        Employment code on the day; -1 where no spell is known.
    months : float64 (n,)
        Time since `start` in months of 30.4375 days; NaN where there is none.
    """

    start: Days
    end: Days
    code: NDArray[np.int8]
    months: Floats


def present_spell(known: KnownFacts) -> PresentSpell:
    """The present run of unemployment, where services, subsidised work and short breaks do not stop the clock."""
    if "present_spell" not in known.memo:
        spells = known.tables["spells"]
        n = len(known)
        start, end, code = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int8)
        columns = (spells.offsets, spells["happened_on"], spells["end"], spells["code"])
        run_around(*columns, RUN_ROLE, known.bridging_days, known.as_of, start, end, code)
        months = np.where(start == DAY_MIN, np.nan, (known.as_of.astype(np.float64) - start) / DAYS_A_MONTH)
        known.memo["present_spell"] = PresentSpell(start, end, code, months)
    spell: PresentSpell = known.memo["present_spell"]
    return spell


def statement(known: KnownFacts, name: str, of_present_spell: bool = False) -> Floats:
    """The latest known value of a statement, float64 (n,); NaN where it is not known.

    With `of_present_spell`, one made longer than `TOLD_AHEAD_DAYS` before the present spell began is out of date: what
    somebody expected, or why a job ended, an earlier time says nothing of this one.
    """
    if name not in known.statement_inputs:
        return np.full(len(known), np.nan)
    table = known.tables["statements"]
    columns = (table.offsets, table["input"], table["value"], table["happened_on"])
    out = np.empty(len(known))
    latest_value(*columns, known.statement_inputs.index(name), _told_from(known, of_present_spell), out)
    return out


def _told_from(known: KnownFacts, of_present_spell: bool) -> Days:
    """The first day, int32 (n,), from which on a statement still says something."""
    key = ("told from", of_present_spell)
    if key not in known.memo:
        if of_present_spell:
            start = present_spell(known).start
            known.memo[key] = np.where(start == DAY_MIN, start, start - TOLD_AHEAD_DAYS).astype(np.int32)
        else:
            known.memo[key] = np.full(len(known), DAY_MIN, np.int32)
    told_from: Days = known.memo[key]
    return told_from


@dataclass(frozen=True)
class Window:
    """A stretch of history before the present spell: `opens` and `closes` (int32, both included), observed days."""

    opens: Days
    closes: Days
    observed_days: Floats


def history_window(known: KnownFacts, months: int) -> Window:
    """The observed part of the `months` before the present spell (before the as-of date where there is none)."""
    key = ("window", months)
    if key not in known.memo:
        known.memo[key] = observed_before(known, _history_closes(known), months, LEAST_OBSERVED_DAYS)
    window: Window = known.memo[key]
    return window


def observed_before(known: KnownFacts, closes: Days, months: int, fewest_days: int) -> Window:
    """The observed part of the `months` that end with day `closes` (n,), NaN days where it is under `fewest_days`."""
    if "observed_from" not in known.memo:
        known.memo["observed_from"] = statement(known, "history_from")
    opens, days = np.empty(len(known), np.int32), np.empty(len(known))
    observed_window(closes, known.memo["observed_from"], round(months * DAYS_A_MONTH), fewest_days, opens, days)
    return Window(opens, closes, days)


def _history_closes(known: KnownFacts) -> Days:
    """The day before the present spell (the as-of date where there is none), int32 (n,)."""
    if "history_closes" not in known.memo:
        start = present_spell(known).start
        known.memo["history_closes"] = np.where(start == DAY_MIN, known.as_of, start - 1).astype(np.int32)
    closes: Days = known.memo["history_closes"]
    return closes


def _spell_columns(known: KnownFacts) -> tuple[NDArray[Any], ...]:
    spells = known.tables["spells"]
    return spells.offsets, spells["happened_on"], spells["end"], spells["code"]


def _share(known: KnownFacts, months: int, wanted: NDArray[np.bool_]) -> Floats:
    window = history_window(known, months)
    days = np.empty(len(known))
    days_within(*_spell_columns(known), wanted, window.opens, window.closes, days)
    share: Floats = days / window.observed_days
    return share


@feature_function("present_spell_months", reads=("spells",))
def present_spell_months(known: KnownFacts) -> Floats:
    """Months since the present run of unemployment began, float64 (n,); NaN where there is none."""
    return present_spell(known).months


@feature_function("unemployed_share", reads=("spells", "history_from"))
def unemployed_share(known: KnownFacts, months: int) -> Floats:
    """Share (0-1) of the observed `months` before the present spell spent unemployed (code 02)."""
    return _share(known, months, IS_UNEMPLOYED)


@feature_function("worked_share", reads=("spells", "history_from"))
def worked_share(known: KnownFacts, months: int) -> Floats:
    """Share (0-1) of the observed `months` before the present spell spent in open-market work (codes 01, 04)."""
    return _share(known, months, IS_WORK)


@feature_function("laid_off_share", reads=("spells", "history_from"))
def laid_off_share(known: KnownFacts, months: int) -> Floats:
    """Share (0-1) of the observed `months` before the present spell spent temporarily laid off (code 03)."""
    return _share(known, months, IS_LAID_OFF)


@feature_function("unemployment_spells", reads=("spells", "history_from"))
def unemployment_spells(known: KnownFacts, months: int) -> Floats:
    """Spells of unemployment begun in the `months` before the present one, for each year observed."""
    window = history_window(known, months)
    count = np.empty(len(known))
    offsets, start, _, code = _spell_columns(known)
    begun_within(offsets, start, code, IS_UNEMPLOYED, window.opens, window.closes, count)
    rate: Floats = count / (window.observed_days / DAYS_A_YEAR)
    return rate


def _last_work(known: KnownFacts) -> tuple[Days, Days]:
    if "last_work" not in known.memo:
        start, end = np.empty(len(known), np.int32), np.empty(len(known), np.int32)
        closes = _history_closes(known)
        last_wanted(*_spell_columns(known), IS_WORK, closes, start, end)
        known.memo["last_work"] = (start, np.minimum(end, closes))
    last: tuple[Days, Days] = known.memo["last_work"]
    return last


@feature_function("days_since_work", reads=("spells", "history_from"))
def days_since_work(known: KnownFacts) -> Floats:
    """Days between the last open-market work and the start of the present spell, at most five years.

    Where the observed history holds no work, the days observed (the gap is at least that); NaN where nothing is known.
    """
    window = history_window(known, 60)
    _, end = _last_work(known)
    gap = window.closes.astype(np.float64) - end
    gap = np.where(end == DAY_MIN, window.observed_days, gap)
    return np.minimum(gap, 60 * DAYS_A_MONTH)


@feature_function("last_job_months", reads=("spells",))
def last_job_months(known: KnownFacts) -> Floats:
    """Months that the last open-market job lasted, at most five years; NaN where no job is known."""
    start, end = _last_work(known)
    months = (end.astype(np.float64) - start + 1) / DAYS_A_MONTH
    return np.where(start == DAY_MIN, np.nan, np.minimum(months, 60.0))


def _registration_month(known: KnownFacts) -> Floats:
    if "registration_month" not in known.memo:
        start = present_spell(known).start
        month = start.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
        known.memo["registration_month"] = np.where(start == DAY_MIN, np.nan, month.astype(np.float64))
    months: Floats = known.memo["registration_month"]
    return months


@feature_function("registration_month_sin", reads=("spells",))
def registration_month_sin(known: KnownFacts) -> Floats:
    """Sine of the month in which the present spell began (January is 0): summer starts last longer."""
    return np.sin(_registration_month(known) * (2 * np.pi / 12))


@feature_function("registration_month_cos", reads=("spells",))
def registration_month_cos(known: KnownFacts) -> Floats:
    """Cosine of the month in which the present spell began (January is 0)."""
    return np.cos(_registration_month(known) * (2 * np.pi / 12))
