"""Self-assessments with Kykyviisari: section scores only, with their own minimum and maximum; never an item.

Who answers at registration is not random: people with lower work ability and those met face to face answer more often.
Loadings and noise are assumptions; the Work Ability Score of entrants has mean 7.3 and standard deviation 2.1
(assumption), test-retest correlation about .8 (published range .71-.93).
"""

import numpy as np
from numpy.typing import NDArray

from training.population.days import Days, Floats
from training.population.parameters import WINDOW_OPENS, Parameters
from training.population.people import People
from training.population.rows import Columns, join, take

SECTIONS = ("inclusion", "mind", "everyday", "skills", "body")
ITEMS = {"inclusion": 12, "mind": 9, "everyday": 11, "skills": 10, "body": 2}
"""Items in each scale (J Public Health, 10.1007/s10389-020-01438-1); each is counted from 1 to 4 here (assumption)."""
LOADINGS = {
    "inclusion": (0.45, 0.45),
    "mind": (0.60, 0.25),
    "everyday": (0.50, 0.30),
    "skills": (0.35, 0.50),
    "body": (0.70, 0.0),
}
"""On health and employability (assumption)."""
LEAST_DAYS_BETWEEN, MEAN_DAYS_BETWEEN = 30, 470.0
DECLINE_A_YEAR, RECOVERY_A_YEAR = 0.08, 0.10
"""Of the weak third and of the others, in standard deviations: the spread widens with time (assumption)."""
GENTLE_FROM, GENTLE = 0.75, 0.55
"""Few choose the very best answer: the top quarter of each scale is drawn together (assumption; 7 % said 10)."""
MOST_IN_A_RUN = 4
FEWER = 0.30
"""A planted bias: 30 points fewer of one group answer."""


def draw_self_assessments(
    rng: np.random.Generator, people: People, runs: Columns, parameters: Parameters, until: int
) -> Columns:
    """Self-assessments of all runs: person, date, and what was answered (NaN: left out).

    At every registration there is a row, also where nobody asked or answered (`answered` is false): what the person
    would have said, for the figures of entrants; it is never written.
    """
    every = np.arange(len(runs["run"]))
    told = [_told(every, runs["start"] + rng.integers(0, 6, len(every)), _answers_first(rng, people, runs, parameters))]
    previous = runs["start"]
    silent = people.in_group(parameters.planted.group)[runs["person"]] & parameters.planted.missing_assessments
    for _ in range(1, MOST_IN_A_RUN):
        gap = LEAST_DAYS_BETWEEN + rng.gamma(2.0, MEAN_DAYS_BETWEEN / 2.0, len(runs["run"]))
        previous = previous + gap.astype(np.int64)
        rows = np.flatnonzero(rng.random(len(previous)) < 0.45 - FEWER * silent)
        told.append(_told(rows, previous[rows], np.ones(len(rows), np.bool_)))
    asked = join(*told)
    answers = _answers(rng, people, runs, asked["row"], asked["date"], parameters)
    answers["answered"] = asked["answered"]
    seen = (answers["known_on"] <= until) & (answers["date"] >= WINDOW_OPENS)
    return take(answers, seen & (answers["date"] <= runs["end"][asked["row"]]))


def _told(row: Days, date: Days, answered: NDArray[np.bool_]) -> Columns:
    return {"row": row, "date": date, "answered": answered}


def _answers_first(
    rng: np.random.Generator, people: People, runs: Columns, parameters: Parameters
) -> NDArray[np.bool_]:
    """Whether a self-assessment is made in the first week of each run."""
    who = runs["person"]
    odds = np.log(parameters.assessment_at_registration / (1 - parameters.assessment_at_registration)) - 0.18
    odds = odds - 0.35 * people.health[who] - 0.20 * people.employability[who] + 0.5 * (runs["start"] > 20_100)
    silent = people.in_group(parameters.planted.group)[who] & parameters.planted.missing_assessments
    answers: NDArray[np.bool_] = rng.random(len(who)) < 1 / (1 + np.exp(-odds)) - FEWER * silent
    return answers


def _declines(people: People, who: Days) -> NDArray[np.bool_]:
    """Whether a person's work ability falls with time unemployed: the weak third by health and employability."""
    falls: NDArray[np.bool_] = people.health[who] + 0.8 * people.employability[who] < -0.6
    return falls


def _answers(
    rng: np.random.Generator, people: People, runs: Columns, row: Days, date: Days, parameters: Parameters
) -> Columns:
    who = runs["person"][row]
    health, employability = people.health[who], people.employability[who]
    years = np.minimum((date - runs["start"][row]) / 365.25, 3.0)
    ill = people.long_illness[who]
    decline = np.where(_declines(people, who), DECLINE_A_YEAR, -RECOVERY_A_YEAR)
    work_ability = 0.68 * health + 0.15 * employability - 0.35 * ill - decline * years
    n = len(row)

    def scale(mean: float, spread: float, state: Floats, noise: float, low: int, high: int) -> Floats:
        value = mean + spread * (state + noise * rng.standard_normal(n))
        top = low + GENTLE_FROM * (high - low)
        value = np.clip(np.rint(np.where(value > top, top + GENTLE * (value - top), value)), low, high)
        return np.where(rng.random(n) < 0.02, np.nan, value)

    was_scale = (parameters.work_ability_mean + 1.00, parameters.work_ability_sd * 1.47, work_ability, 0.38, 0, 10)
    columns: Columns = {
        "person": who,
        "day_of_run": date - runs["start"][row],
        "date": date,
        "known_on": date + rng.integers(0, 3, n),
        "work_ability_score": scale(*was_scale),
        "functioning": scale(7.9, 2.0, 0.9 * work_ability, 0.55, 0, 10),
        "life_satisfaction": scale(3.8, 0.9, 0.5 * health + 0.2 * employability - 0.2 * years, 0.8, 1, 5),
        "health": scale(3.8, 0.95, 0.75 * health - 0.4 * ill, 0.55, 1, 5),
        "use_permitted": rng.random(n) >= parameters.use_not_permitted,
        "version_2020": date > 18_400,
    }
    columns["repeated"] = scale(*was_scale)
    shared = rng.standard_normal(n)
    for section in SECTIONS:
        on_health, on_employability = LOADINGS[section]
        items = ITEMS[section]
        state = on_health * health + on_employability * employability - 0.15 * years + 0.30 * shared
        columns[f"{section}_score"] = scale(2.9 * items, 0.50 * items, state, 0.65, items, 4 * items)
        columns[f"{section}_minimum"] = np.full(n, float(items))
        columns[f"{section}_maximum"] = np.full(n, 4.0 * items)
    return columns
