"""Services, subsidised work and lapses inside a run of unemployment: none of them ends it.

What is offered depends on time unemployed, age, arrival and the latent state, so services mark a need already seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.population.careers import UNEMPLOYED
from training.population.days import OPEN, Days, Floats, year_of
from training.population.parameters import Parameters, day
from training.population.people import People
from training.population.rows import Columns, Rows

SUBSIDISED, IN_SERVICE = 0, 8
LEAST_DAYS_BEFORE = 21
LEAST_DAYS_LEFT = 30
LAPSE = -1
"""A registration that lapsed for less than four weeks: no spell and no service is recorded."""
MOST_IN_A_RUN = 12


@dataclass(frozen=True)
class Kind:
    """One kind of service: how common, how long, and the employment code while it lasts (`None`: stays unemployed)."""

    code: str
    weight: float
    mean_days: float
    employment_code: int | None
    first_day: int | None = None
    last_day: int | None = None
    for_young: float = 1.0
    for_newly_arrived: float = 1.0
    for_long_unemployed: float = 1.0
    for_low_employability: float = 1.0


TRANSFER_OF_SERVICES = day(2025, 1, 1)
KINDS = (
    Kind("coaching", 2.2, 75, None),
    Kind("labour_market_training", 0.60, 120, IN_SERVICE, for_newly_arrived=7.0),
    Kind("self_motivated_studies", 0.20, 200, IN_SERVICE, for_young=0.8),
    Kind("work_trial", 0.55, 85, IN_SERVICE, for_young=1.6),
    Kind("pay_subsidy", 0.45, 190, SUBSIDISED, for_long_unemployed=2.0),
    Kind("start_up_grant", 0.12, 240, SUBSIDISED, for_long_unemployed=0.5),
    Kind("career_guidance", 0.9, 35, None, for_young=1.4),
    Kind("work_ability_assessment", 0.15, 60, None, for_long_unemployed=3.0, for_low_employability=2.0),
    Kind("rehabilitative_work", 0.12, 150, IN_SERVICE, last_day=day(2026, 12, 31), for_long_unemployed=8.0,
         for_low_employability=2.0),
    Kind("multisectoral_joint_service", 0.10, 240, None, last_day=TRANSFER_OF_SERVICES - 1, for_long_unemployed=6.0,
         for_low_employability=2.0),
    Kind("multisectoral_support", 0.10, 240, None, first_day=TRANSFER_OF_SERVICES, for_long_unemployed=6.0,
         for_low_employability=2.0),
    Kind("other", 0.2, 40, None),
)  # fmt: skip
"""Shares and lengths are assumptions; first and last days are the law's."""

CAPACITY_DAYS = (day(2023, 7, 1), day(2024, 7, 1), day(2025, 7, 1), day(2026, 7, 1))
CAPACITY = (1.22, 1.08, 0.84, 0.60)
"""Places in services against the level of 2025: 658 people in services in March 2025, 554 a year later, subsidised work
329 and 235 (S2); the path before is an assumption. Fewer breaks of the official count raise long-term unemployment."""
WORK_TRIAL, HIDING = 3, 4.0
"""A planted bias: one group is four times as often in a service, mostly a work trial, and so looks less unemployed."""
INTEGRATION = (4.4, 1.6, 1.0, 0.68)
"""The same for the newly arrived on top: the long-term unemployment of foreign citizens grew fastest (assumption)."""

SERVICES = ("person", "kind", "start", "planned_end", "end")
SPELLS = ("person", "code", "start", "end", "run")


@dataclass(frozen=True)
class RunLayout:
    """What the register sees of runs: `spells` (codes 02, 08, 00, without gaps save lapses) and `services`."""

    spells: Columns
    services: Columns


class _Dice:
    """One throw for every run, open or not, so that no run's services hang on how long another one lasted."""

    def __init__(self, rng: np.random.Generator, count: int, chosen: Days) -> None:
        self.waiting, self.length = rng.exponential(size=count)[chosen], rng.gamma(2.5, size=count)[chosen]
        self.lapse, self.kind, self.stopped, self.part = rng.random((4, count))[:, chosen]
        self.lapse_days = rng.integers(2, 20, count)[chosen]


def lay_out_runs(
    rng: np.random.Generator,
    people: People,
    runs: Columns,
    until: int,
    parameters: Parameters,
    hidden: NDArray[np.bool_],
) -> RunLayout:
    """Spells and services inside every run; `hidden` people are often in a service that stops the official count."""
    spells, services = Rows(SPELLS), Rows(SERVICES)
    count = len(runs["person"])
    cursor = runs["start"].copy()
    free_from = runs["start"] + LEAST_DAYS_BEFORE
    open_runs = np.arange(count)
    for _ in range(MOST_IN_A_RUN):
        who = runs["person"][open_runs]
        dice = _Dice(rng, count, open_runs)
        wait = dice.waiting * _days_between(people, runs, open_runs, free_from, parameters, hidden)
        begin = free_from[open_runs] + wait.astype(np.int64)
        lapse = dice.lapse < 0.03
        kind = _draw_kind(dice.kind, people, runs, open_runs, begin, hidden)
        planned = np.minimum(begin + _days(dice.length, kind) - 1, LAST_DAY[kind])
        lapse_end = begin + dice.lapse_days
        planned = np.where(lapse, lapse_end, planned)
        within = (begin <= runs["end"][open_runs]) & (begin <= until)
        within &= ~(lapse & (planned >= runs["end"][open_runs] - 1))
        open_runs, who, begin, planned = open_runs[within], who[within], begin[within], planned[within]
        stopped, part = dice.stopped[within] < 0.12, dice.part[within]
        kind = np.where(lapse, LAPSE, kind)[within]
        early = begin + ((planned - begin) * part).astype(np.int64)
        end = np.minimum(np.where(stopped & (kind != LAPSE), early, planned), runs["end"][open_runs])

        real = kind != LAPSE
        services.add(int(real.sum()), person=who[real], kind=kind[real], start=begin[real], planned_end=planned[real],
                     end=end[real])  # fmt: skip
        code = np.where(real, EMPLOYMENT_CODE[kind], LAPSE_CODE)
        breaks = code != UNEMPLOYED
        at = open_runs[breaks]
        spells.add(len(at), person=runs["person"][at], code=UNEMPLOYED, start=cursor[at], end=begin[breaks] - 1,
                   run=runs["run"][at])  # fmt: skip
        seen = breaks & (code != LAPSE_CODE)
        spells.add(int(seen.sum()), person=who[seen], code=code[seen], start=begin[seen], end=end[seen],
                   run=runs["run"][open_runs[seen]])  # fmt: skip
        cursor[at] = end[breaks] + 1
        free_from[open_runs] = end + LEAST_DAYS_BEFORE
        if len(open_runs) == 0:
            break
    rest = cursor <= runs["end"]
    spells.add(int(rest.sum()), person=runs["person"][rest], code=UNEMPLOYED, start=cursor[rest], end=runs["end"][rest],
               run=runs["run"][rest])  # fmt: skip
    return RunLayout(spells.columns(), services.columns())


LAPSE_CODE = -2
LAST_DAY = np.array([OPEN if kind.last_day is None else kind.last_day for kind in KINDS])
EMPLOYMENT_CODE = np.array(
    [UNEMPLOYED if k.employment_code is None else k.employment_code for k in KINDS] + [LAPSE_CODE]
)
"""By kind; the last element answers for `LAPSE` (-1)."""


def _days_between(
    people: People,
    runs: Columns,
    open_runs: Days,
    free_from: Days,
    parameters: Parameters,
    hidden: NDArray[np.bool_],
) -> Floats:
    """Mean days to the next service; shorter with time unemployed and for the young and the newly arrived."""
    who = runs["person"][open_runs]
    unemployed = free_from[open_runs] - runs["start"][open_runs]
    mean = np.where(unemployed < 120, 560.0, np.where(unemployed < 365, 480.0, 750.0))
    on = free_from[open_runs] if parameters.trend else np.full(len(open_runs), CAPACITY_DAYS[2])
    integration = 0.42 / np.interp(on, CAPACITY_DAYS, INTEGRATION)
    mean *= np.where(runs["age"][open_runs] < 30, 0.95, 1.0) * np.where(
        _newly_arrived(people, who, free_from[open_runs]), integration, 1
    )
    capacity = np.interp(on, CAPACITY_DAYS, CAPACITY) * np.where(hidden[who], HIDING, 1.0)
    return mean * np.exp(0.10 * people.employability[who]) / capacity


def _newly_arrived(people: People, who: Days, on: Days) -> NDArray[np.bool_]:
    return people.foreign[who] & (on - people.arrived_on[who] < 3 * 365)


def _draw_kind(
    uniform: Floats, people: People, runs: Columns, open_runs: Days, begin: Days, hidden: NDArray[np.bool_]
) -> Days:
    who = runs["person"][open_runs]
    young = runs["age"][open_runs] < 30
    arrived = _newly_arrived(people, who, begin)
    long = begin - runs["start"][open_runs] > 365
    weak = people.employability[who] < -0.5
    weights = np.empty((len(open_runs), len(KINDS)))
    for column, kind in enumerate(KINDS):
        weight = np.full(len(open_runs), kind.weight)
        weight[young] *= kind.for_young
        weight[arrived] *= kind.for_newly_arrived
        weight[long] *= kind.for_long_unemployed
        weight[weak] *= kind.for_low_employability
        if kind.first_day is not None:
            weight[begin < kind.first_day] = 0.0
        if kind.last_day is not None:
            weight[begin > kind.last_day - LEAST_DAYS_LEFT] = 0.0
        weights[:, column] = weight
    cumulative = np.cumsum(weights, axis=1)
    draw = uniform * cumulative[:, -1]
    kind_drawn: Days = (draw[:, None] >= cumulative).sum(axis=1)
    return np.where(hidden[who] & (uniform < 0.8), WORK_TRIAL, kind_drawn)


def _days(length: Floats, kind: Days) -> Days:
    mean = np.array([k.mean_days for k in KINDS])[kind]
    return 5 + (length * (mean - 5) / 2.5).astype(np.int64)


def recorded_share(start: Days) -> Floats:
    """Probability that a service is recorded at all: the change of register lost records of April to July 2025."""
    year, within = year_of(start), start - day(2025, 4, 1)
    return np.where((year == 2025) & (within >= 0) & (within < 122), 0.6, 1.0)
