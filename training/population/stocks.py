"""Counts as the official statistics make them: stocks at month ends, and spells of registered unemployment.

A stretch is unemployment (02) or temporary lay-off (03) without a day between; services, subsidised work and lapses end
it, as in the statistics. Long-term unemployed is whose stretch has lasted twelve months. A jobseeker is whoever is
registered: also in work, in a service or in education for as long as the registration is kept.
"""

from dataclasses import dataclass

import numpy as np

from training.population.careers import IN_EDUCATION, LAID_OFF, UNEMPLOYED, WORK
from training.population.days import Days, Floats, first_day_of_month, month_index
from training.population.parameters import DAYS_A_YEAR, HORIZON_DAYS, WINDOW_OPENS
from training.population.people import People
from training.population.rows import Columns
from training.population.services import IN_SERVICE, SUBSIDISED

MONTHS = 12 * 14
"""Room for the month ends of 2019 to 2032."""
FIRST_MONTH = int(np.datetime64(int(WINDOW_OPENS), "D").astype("datetime64[M]").astype(np.int64))
MONTH_ENDS: Days = first_day_of_month(FIRST_MONTH + 1 + np.arange(MONTHS)) - 1
GROUPS = ("all", "finns", "foreign", "under_30")
MEASURES = (
    "jobseekers",
    "unemployed",
    "long_term",
    "laid_off",
    "in_work",
    "subsidised",
    "in_service",
    "in_education",
    "runs",
)


@dataclass(frozen=True)
class Stretches:
    """Continuous registered unemployment: person, first and last day; `at_run_start` where a run begins with it."""

    person: Days
    start: Days
    end: Days
    at_run_start: Days


def stretches(lived: Columns) -> Stretches:
    """The stretches of spells sorted by person and start."""
    counted = np.isin(lived["code"], (UNEMPLOYED, LAID_OFF))
    person, start, end, run = (lived[name][counted] for name in ("person", "start", "end", "run"))
    goes_on = np.zeros(len(person), np.bool_)
    goes_on[1:] = (person[1:] == person[:-1]) & (start[1:] == end[:-1] + 1)
    first = np.flatnonzero(~goes_on)
    last = np.append(first[1:], len(person)) - 1 if len(first) else first
    begins = np.ones(len(person), np.int64)
    begins[1:] = run[1:] != run[:-1]
    return Stretches(person[first], start[first], end[last], begins[first] * (run[first] >= 0))


def count_stocks(people: People, lived: Columns, runs: Columns, until: int) -> Floats:
    """People in each stock at each month end, float64 (groups, measures, months); zero after `until`."""
    stocks = np.zeros((len(GROUPS), len(MEASURES), MONTHS))
    official = stretches(lived)
    code, kept = lived["code"], np.minimum(lived["end"], lived["registered"])
    intervals = {
        "jobseekers": (lived["person"], lived["start"], kept),
        "unemployed": (official.person, official.start, official.end),
        "long_term": (official.person, official.start + HORIZON_DAYS, official.end),
        "runs": (runs["person"], runs["start"], runs["end"]),
    }
    codes = {
        "laid_off": (LAID_OFF,),
        "in_work": (WORK,),
        "subsidised": (SUBSIDISED,),
        "in_service": (IN_SERVICE,),
        "in_education": (IN_EDUCATION,),
    }
    for name, chosen in codes.items():
        rows = np.isin(code, chosen)
        intervals[name] = (lived["person"][rows], lived["start"][rows], kept[rows])
    thirty = people.born_on + int(30 * DAYS_A_YEAR)
    months = int(np.searchsorted(MONTH_ENDS, until, side="right"))
    for column, name in enumerate(MEASURES):
        person, start, end = intervals[name]
        foreign = people.foreign[person]
        for row, (rows, last) in enumerate(
            (
                (slice(None), end),
                (~foreign, end[~foreign]),
                (foreign, end[foreign]),
                (slice(None), np.minimum(end, thirty[person] - 1)),
            )
        ):
            stocks[row, column] = _standing_at_month_ends(start[rows], last)
    stocks[:, :, months:] = 0.0
    return stocks


def _standing_at_month_ends(start: Days, end: Days) -> Floats:
    begin, stop = np.searchsorted(MONTH_ENDS, start), np.searchsorted(MONTH_ENDS, end, side="right")
    real = stop > begin
    change = np.bincount(begin[real], minlength=MONTHS + 1) - np.bincount(stop[real], minlength=MONTHS + 1)
    return np.cumsum(change)[:MONTHS].astype(np.float64)


def month_place(year: int, month: int) -> int:
    """Column of a calendar month's end."""
    return (year - 1970) * 12 + month - 1 - FIRST_MONTH


def starts_by_month(days: Days) -> Floats:
    """How many of some days fall in each month, float64 (months,)."""
    place = month_index(days) - FIRST_MONTH
    inside = (place >= 0) & (place < MONTHS)
    return np.bincount(place[inside], minlength=MONTHS).astype(np.float64)
