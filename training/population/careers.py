"""Careers: from the first registration on, work, unemployment, lay-offs and time outside follow one another.

Every person of a chunk takes one step of their career at a time, all persons at once. A step of unemployment is one
*run*: services and subsidised work inside it are laid out later (`services.py`), because they do not end it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.population.days import Days, Floats, last_day_of_month, month_of
from training.population.hazard import cumulative_hazard, time_to_work
from training.population.labour_market import LabourMarket
from training.population.parameters import DAYS_A_YEAR, Parameters, day
from training.population.people import People
from training.population.rows import Columns, Rows

WORK, UNEMPLOYED, LAID_OFF, OUTSIDE, IN_EDUCATION = 1, 2, 3, 5, 7
"""Employment codes, which double as the states of a career."""
GONE = -1

FROM_TEMPORARY_JOB, FROM_LOST_JOB, FROM_LEFT_JOB, FROM_EDUCATION, FROM_HOME, FROM_OWN_BUSINESS = range(6)
"""Where a person comes from when a run of unemployment begins."""
TO_WORK, TO_EDUCATION, TO_OUTSIDE, DEPARTED, STILL_GOING_ON = range(5)
"""How a run ends within the simulated time."""

LEAST_JOB_DAYS = 35
"""Work on the open market always lasts longer than the 28 days over which a register bridges a break."""
LEAST_BREAK_DAYS = 60
LOOK_BACK_DAYS = 1095
SPRING_2020 = (day(2020, 3, 16), day(2020, 5, 31))
KEPT_RUNS = 16

SPELLS = ("person", "code", "start", "end", "run", "reported", "registered")
"""`registered`: the last day on which the person still counts as a jobseeker; only the statistics know it."""
HISTORY = ("origin", "unemployed_days", "last_job_days", "age")
RUNS = ("run", "person", "start", "end", "ended_by", "eta", "other_daily", *HISTORY)
KEEP_REGISTERED = {WORK: ((0.5, 75.0), (0.27, 360.0)), IN_EDUCATION: ((0.95, 1500.0),), OUTSIDE: ((0.3, 200.0),)}
"""Shares who keep the registration, and for how many days on average (assumption)."""
HOME_HAZARD = {
    FROM_TEMPORARY_JOB: 0.18,
    FROM_LOST_JOB: -0.05,
    FROM_LEFT_JOB: -0.05,
    FROM_EDUCATION: 0.08,
    FROM_HOME: -0.55,
    FROM_OWN_BUSINESS: -0.10,
}
"""Log hazard ratio by where a person comes from (assumption)."""


@dataclass(frozen=True)
class Careers:
    """Spells outside unemployment and runs of unemployment of n people; `end` may lie beyond the simulated time."""

    spells: Columns
    runs: Columns


@dataclass
class _Walk:
    """Where every person stands now."""

    state: Days
    now: Days
    origin: Days
    last_job_days: Days
    run_starts: Days
    run_ends: Days
    run_count: Days
    came_from_run: NDArray[np.bool_]


def simulate_careers(
    rng: np.random.Generator, people: People, parameters: Parameters, market: LabourMarket, until: int
) -> Careers:
    """The careers of all people up to `until`."""
    n = len(people)
    spells, runs = Rows(SPELLS), Rows(RUNS)
    walk = _Walk(
        state=np.where(rng.random(n) < 0.10, LAID_OFF, UNEMPLOYED).astype(np.int64),
        now=people.registers_on.copy(),
        origin=np.zeros(n, np.int64),
        last_job_days=np.zeros(n, np.int64),
        run_starts=np.zeros((n, KEPT_RUNS), np.int64),
        run_ends=np.full((n, KEPT_RUNS), -1, np.int64),
        run_count=np.zeros(n, np.int64),
        came_from_run=np.zeros(n, np.bool_),
    )
    _life_before(rng, people, walk, spells)
    begun = 0
    while True:
        walk.state[(walk.now > until) | (walk.now > people.departs_on)] = GONE
        if np.all(walk.state == GONE):
            return Careers(spells.columns(), runs.columns())
        begun += _unemployment(rng, people, parameters, market, until, walk, runs, begun)
        _layoffs(rng, people, parameters, until, walk, spells)
        _breaks(rng, people, until, walk, spells)
        _work(rng, people, parameters, until, walk, spells)


def _standing(walk: _Walk, people: People, state: int, until: int) -> Days:
    return np.flatnonzero((walk.state == state) & (walk.now <= until) & (walk.now <= people.departs_on))


def _life_before(rng: np.random.Generator, people: People, walk: _Walk, spells: Rows) -> None:
    """Where people come from at their first registration, and the jobs they had before it."""
    n = len(people)
    age = people.age(np.arange(n), people.registers_on)
    years_here = (people.registers_on - people.arrived_on) / DAYS_A_YEAR
    from_education = rng.random(n) < np.clip(0.62 - 0.055 * (age - 19), 0.02, 0.55)
    from_home = rng.random(n) < np.where(years_here < 1.5, 0.65, 0.09)
    worked = ((walk.state == LAID_OFF) | ~(from_education | from_home)) & (age > 18.5)
    walk.state[(walk.state == LAID_OFF) & ~worked] = UNEMPLOYED
    who = np.flatnonzero(worked)
    days, temporary = _job_days(rng, people, who, people.registers_on[who])
    days = np.minimum(days, ((age[who] - 18.0) * DAYS_A_YEAR).astype(np.int64).clip(LEAST_JOB_DAYS))
    first = people.registers_on[who] - days
    spells.add(len(who), person=who, code=WORK, start=first, end=people.registers_on[who] - 1, run=-1, reported=False,
               registered=0)  # fmt: skip
    walk.last_job_days[who] = days
    walk.origin[:] = np.where(from_education, FROM_EDUCATION, FROM_HOME)
    walk.origin[who] = _why_job_ended(rng, temporary)

    gap = 1 + (rng.exponential(70.0, len(who))).astype(np.int64)
    earlier, _ = _job_days(rng, people, who, people.registers_on[who])
    adult_on = people.born_on[who] + int(18 * DAYS_A_YEAR)
    end = first - gap - 1
    start = np.maximum(end - earlier + 1, np.maximum(adult_on, people.arrived_on[who]))
    had_one = (rng.random(len(who)) < 0.55) & (end - start >= LEAST_JOB_DAYS)
    spells.add(
        int(had_one.sum()),
        person=who[had_one],
        code=WORK,
        start=start[had_one],
        end=end[had_one],
        run=-1,
        reported=False,
        registered=0,
    )


def _job_days(rng: np.random.Generator, people: People, who: Days, on: Days) -> tuple[Days, NDArray[np.bool_]]:
    """Length of jobs beginning on a day, and whether they are temporary."""
    age = people.age(who, on)
    skill = people.employability[who] + 0.3 * people.health[who]
    temporary = rng.random(len(who)) < 1 / (1 + np.exp(-(0.25 - 0.60 * skill + 0.5 * (age < 28))))
    short = LEAST_JOB_DAYS + rng.gamma(1.4, 195.0, len(who))
    long = LEAST_JOB_DAYS + rng.weibull(0.9, len(who)) * 3900.0 * np.exp(0.32 * skill + 0.012 * (age - 38))
    return np.where(temporary, short, long).astype(np.int64), temporary


def _why_job_ended(rng: np.random.Generator, temporary: NDArray[np.bool_]) -> Days:
    draw = rng.random(len(temporary))
    lasting = np.where(draw < 0.66, FROM_LOST_JOB, np.where(draw < 0.94, FROM_LEFT_JOB, FROM_OWN_BUSINESS))
    return np.where(temporary & (draw < 0.9), FROM_TEMPORARY_JOB, lasting).astype(np.int64)


def _days_unemployed(walk: _Walk, who: Days, on: Days) -> Days:
    """Days of earlier runs within the three years before a day."""
    low = np.maximum(walk.run_starts[who], (on - LOOK_BACK_DAYS)[:, None])
    days: Days = np.maximum(np.minimum(walk.run_ends[who], on[:, None] - 1) - low + 1, 0).sum(axis=1)
    return days


def log_hazard(
    people: People, parameters: Parameters, market: LabourMarket, who: Days, start: Days, history: Columns
) -> Floats:
    """Log hazard ratio of runs that begin, from facts and latent state, without the run's own noise.

    `history` holds unemployed_days, last_job_days, origin and age at the start.
    """
    e = parameters.effects
    age, unemployed, job = history["age"], history["unemployed_days"], history["last_job_days"]
    bounds, steps = np.array([a for a, _ in e.age_steps]), np.array([value for _, value in e.age_steps])
    foreign = people.foreign[who]
    tertiary = people.education[who] >= 6
    summer = (month_of(start) >= 6) & (month_of(start) <= 8)
    illness = people.long_illness[who]
    origin = np.array([HOME_HAZARD[place] for place in range(6)])[history["origin"]]
    eta: Floats = (
        e.unemployed_200_days * unemployed / 200.0
        + e.unemployed_over_a_year * (unemployed > 365)
        + steps[np.searchsorted(bounds, age, side="right") - 1]
        + e.older_with_history * ((age >= 50) & (unemployed > 180))
        + np.array(e.education)[people.education[who]]
        + e.long_illness * illness
        + e.long_illness_over_50 * (illness & (age >= 50))
        + e.health * people.health[who]
        + e.poor_health * (people.health[who] < -1.15)
        + e.employability * people.employability[who]
        + e.foreign_citizen * foreign
        + e.summer_start * summer
        + e.summer_start_tertiary_or_foreign * (summer & (tertiary | foreign))
        + e.tightness * market.log_tightness(people.occupation_group[who], start)
        + e.short_last_job * ((job > 0) & (job < 270))
        + e.long_last_job_over_50 * ((job > 3650) & (age >= 50))
        + origin
    )
    return eta


def _unemployment(
    rng: np.random.Generator,
    people: People,
    parameters: Parameters,
    market: LabourMarket,
    until: int,
    walk: _Walk,
    runs: Rows,
    begun: int,
) -> int:
    """Let everyone who is unemployed live through one run; the number of runs begun."""
    who = _standing(walk, people, UNEMPLOYED, until)
    start = walk.now[who]
    history: Columns = {
        "age": people.age(who, start),
        "unemployed_days": _days_unemployed(walk, who, start),
        "last_job_days": walk.last_job_days[who],
        "origin": walk.origin[who],
    }
    eta = log_hazard(people, parameters, market, who, start, history)
    eta += parameters.effects.run_noise * rng.standard_normal(len(who))
    other_daily = _other_exits(people, parameters, who, history["age"])
    to_work = time_to_work(rng, cumulative_hazard(parameters.hazard, market, start, eta))
    to_other = rng.exponential(1.0, len(who)) / other_daily
    to_school = rng.random(len(who)) < np.where(history["age"] < 30, 0.80, 0.60)
    lasted = np.minimum(to_work, to_other)
    beyond = float(until + 4000)
    end = start + np.minimum(lasted, beyond - start).astype(np.int64)
    ended_by = np.where(to_work <= to_other, TO_WORK, np.where(to_school, TO_EDUCATION, TO_OUTSIDE))
    ended_by = np.where(end >= people.departs_on[who], DEPARTED, np.where(end > until, STILL_GOING_ON, ended_by))
    end = np.minimum(end, people.departs_on[who])
    numbers = begun + np.arange(len(who))
    begun_now = {"run": numbers, "person": who, "start": start, "end": end, "ended_by": ended_by}
    runs.add(len(who), **begun_now, eta=eta, other_daily=other_daily, **history)

    slot = walk.run_count[who] % KEPT_RUNS
    walk.run_starts[who, slot], walk.run_ends[who, slot] = start, end
    walk.run_count[who] += 1
    walk.now[who] = end + 1
    next_state = np.array([WORK, IN_EDUCATION, OUTSIDE, GONE, GONE])[ended_by]
    walk.state[who] = next_state
    walk.came_from_run[who] = True
    return len(who)


def _other_exits(people: People, parameters: Parameters, who: Days, age: Floats) -> Floats:
    """Daily hazard of leaving for education or out of the labour force, float64 (n,)."""
    by_age = np.where(age < 25, 1.2, np.where(age < 35, 1.0, np.where(age < 55, 0.6, 0.8)))
    newly_arrived = np.where(people.foreign[who], 1.95, 1.0)
    sick = np.where(people.long_illness[who], 1.4, 1.0)
    return parameters.hazard.other_exit_daily * by_age * newly_arrived * sick


def _layoffs(
    rng: np.random.Generator, people: People, parameters: Parameters, until: int, walk: _Walk, spells: Rows
) -> None:
    """Temporary lay-offs: half end within a month, most in the same job, some in dismissal."""
    who = _standing(walk, people, LAID_OFF, until)
    start = walk.now[who]
    days = 3 + rng.gamma(0.75, 75.0, len(who)).astype(np.int64)
    end = np.minimum(start + days - 1, people.departs_on[who])
    spells.add(len(who), person=who, code=LAID_OFF, start=start, end=end, run=-1, reported=True, registered=end)
    dismissed = rng.random(len(who)) < parameters.layoff_becomes_dismissal * np.where(days > 90, 2.0, 0.8)
    walk.origin[who] = np.where(dismissed, FROM_LOST_JOB, walk.origin[who])
    walk.state[who] = np.where(dismissed, UNEMPLOYED, WORK)
    walk.now[who] = end + 1


def _breaks(rng: np.random.Generator, people: People, until: int, walk: _Walk, spells: Rows) -> None:
    """Education and time outside the labour force."""
    for state, mean, origin in ((IN_EDUCATION, 600.0, FROM_EDUCATION), (OUTSIDE, 260.0, FROM_HOME)):
        who = _standing(walk, people, state, until)
        start = walk.now[who]
        end = start + LEAST_BREAK_DAYS - 1 + rng.gamma(1.3, mean / 1.3, len(who)).astype(np.int64)
        end = np.minimum(end, people.departs_on[who])
        registered = _registered_until(rng, walk.came_from_run[who], start, end, state)
        spells.add(len(who), person=who, code=state, start=start, end=end, run=-1, reported=True,
                   registered=registered)  # fmt: skip
        walk.origin[who] = origin
        walk.last_job_days[who] = 0
        walk.state[who] = np.where(rng.random(len(who)) < 0.5, WORK, UNEMPLOYED)
        walk.now[who] = end + 1


def _registered_until(
    rng: np.random.Generator, came_from_run: NDArray[np.bool_], start: Days, end: Days, state: int
) -> Days:
    """Last day on which people in work, education or outside the labour force still count as jobseekers.

    Only who was unemployed before is registered at all. Part-time work keeps the registration longest (S2: 1,429 in
    full-time and 1,317 in part-time work in March 2026; how long each keeps it is an assumption).
    """
    n = len(start)
    kept = np.zeros(n)
    for share, mean_days in KEEP_REGISTERED[state]:
        kept += (rng.random(n) < share) * rng.exponential(mean_days, n)
    return np.where(came_from_run, np.minimum(end, start + kept.astype(np.int64) - 1), 0)


def _work(
    rng: np.random.Generator, people: People, parameters: Parameters, until: int, walk: _Walk, spells: Rows
) -> None:
    """One job each, and what follows it."""
    who = _standing(walk, people, WORK, until)
    start = walk.now[who]
    days, temporary = _job_days(rng, people, who, start)
    end = start + days - 1
    at_month_end = rng.random(len(who)) < 0.35
    end = np.where(at_month_end, last_day_of_month(end), end)
    pause = _spring_2020(rng, parameters, start, end)
    end = np.minimum(np.where(pause > 0, np.maximum(pause, start + LEAST_JOB_DAYS - 1), end), people.departs_on[who])
    reported = rng.random(len(who)) < 0.85
    registered = _registered_until(rng, walk.came_from_run[who], start, end, WORK)
    spells.add(len(who), person=who, code=WORK, start=start, end=end, run=-1, reported=reported,
               registered=registered)  # fmt: skip
    draw = rng.random(len(who))
    layoff = (pause > 0) | (draw < parameters.layoff_share_of_separations)
    follows = np.where(draw < 0.90, UNEMPLOYED, np.where(draw < 0.95, IN_EDUCATION, OUTSIDE))
    follows = np.where(rng.random(len(who)) < parameters.next_job_directly, WORK, follows)
    walk.state[who] = np.where(layoff, LAID_OFF, follows)
    walk.came_from_run[who] = False
    walk.origin[who] = _why_job_ended(rng, temporary)
    walk.last_job_days[who] = end - start + 1
    walk.now[who] = end + 1


def _spring_2020(rng: np.random.Generator, parameters: Parameters, start: Days, end: Days) -> Days:
    """The day before a job is interrupted by a lay-off of spring 2020, 0 where it is not."""
    if not parameters.trend:
        return np.zeros(len(start), np.int64)
    opens, closes = SPRING_2020
    when = opens + (rng.beta(1.2, 2.5, len(start)) * (closes - opens)).astype(np.int64)
    hit = (rng.random(len(start)) < parameters.spring_2020_layoffs) & (start < opens - LEAST_JOB_DAYS) & (end > when)
    return np.where(hit, when, 0)
