"""What a person states at registration: education, occupation, why the last job ended, the own expectation."""

import numpy as np
from numpy.typing import NDArray

from training.population.careers import (
    FROM_EDUCATION,
    FROM_HOME,
    FROM_LEFT_JOB,
    FROM_LOST_JOB,
    FROM_OWN_BUSINESS,
    FROM_TEMPORARY_JOB,
)
from training.population.days import Days, Floats, iso
from training.population.parameters import DAYS_A_YEAR, WINDOW_OPENS, Parameters
from training.population.people import People, occupation_codes
from training.population.recording import STATEMENT_IDS
from training.population.rows import Columns, join, take

REASONS = {
    FROM_TEMPORARY_JOB: (("fixed_term_ended", 1.0),),
    FROM_LOST_JOB: (("redundancy", 0.80), ("employer_other", 0.10), ("trial_period", 0.10)),
    FROM_LEFT_JOB: (("own_request", 0.80), ("agreement", 0.20)),
    FROM_EDUCATION: (("no_job_before", 0.75), ("fixed_term_ended", 0.15), ("other", 0.10)),
    FROM_HOME: (("no_job_before", 0.50), ("other", 0.30), ("own_request", 0.20)),
    FROM_OWN_BUSINESS: (("business_ended", 1.0),),
}
ACTIVITIES = {
    FROM_TEMPORARY_JOB: (("work", 1.0),),
    FROM_LOST_JOB: (("work", 1.0),),
    FROM_LEFT_JOB: (("work", 1.0),),
    FROM_EDUCATION: (("studies", 0.93), ("military_or_civil_service", 0.07)),
    FROM_HOME: (("outside_work", 1.0),),
    FROM_OWN_BUSINESS: (("self_employment", 1.0),),
}
"""What each way into unemployment is called (shares are assumptions)."""
EXPECTATIONS = ("within_1_month", "within_3_months", "within_6_months", "within_12_months", "later")
CANNOT_SAY = "cannot_say"
EXPECTATION_BOUNDS = (-0.85, 0.20, 0.95, 1.55)
EXPECTATION_WEIGHT = 0.72
"""Correlation of the answer behind the classes with the state that drives the hazard (assumption)."""
CANNOT_SAY_SHARE = 0.06
NEW_CODES = "x_"
"""What a planted new code list puts before every code."""
LEFT_OUT = 0.02
STATED_AGAIN = 0.10
INPUTS = (
    "education_level",
    "occupation_isco",
    "history_from",
    "reason_job_ended",
    "activity_before",
    "own_expectation",
)


def draw_statements(
    rng: np.random.Generator, people: People, runs: Columns, parameters: Parameters, until: int
) -> Columns:
    """Statements made at every registration known by `until`.

    Columns person, fact, input, value, happened_on, known_on. `runs` holds `known`, the day on which the run became
    known, and is sorted by person and start.
    """
    kept = take(runs, (runs["end"] >= WINDOW_OPENS) & (runs["known"] <= until))
    person = kept["person"]
    n = len(person)
    first = np.ones(n, np.bool_)
    first[1:] = person[1:] != person[:-1]
    again = first | (rng.random(n) < STATED_AGAIN)
    occupation = people.occupation[person]
    codes = np.array([*occupation_codes(), ""])
    told = [
        _rows(kept, again, "education_level", people.education_recorded[person].astype(str)),
        _rows(kept, again & (occupation >= 0), "occupation_isco", codes[occupation]),
        _rows(kept, first, "history_from", iso(_history_from(rng, people, kept))),
        _rows(kept, rng.random(n) >= LEFT_OUT, "reason_job_ended", _drawn(rng, REASONS, kept["origin"])),
        _rows(kept, rng.random(n) >= LEFT_OUT, "activity_before", _drawn(rng, ACTIVITIES, kept["origin"])),
        _rows(kept, _answers_expectation(rng, people, kept, parameters), "own_expectation", _expectation(rng, kept)),
    ]
    _plant(told, parameters)
    rows = join(*told)
    rows = take(rows, np.lexsort((rows["input"], rows["happened_on"], rows["person"])))
    starts = np.searchsorted(rows["person"], rows["person"])
    rows["fact"] = STATEMENT_IDS + np.arange(len(starts)) - starts
    return rows


def _plant(told: list[Columns], parameters: Parameters) -> None:
    """Change what is told from the day on which a drift is planted."""
    planted = parameters.planted
    for place, table in enumerate(told):
        name = INPUTS[int(table["input"][0])] if len(table["input"]) else ""
        late = table["happened_on"] >= planted.drift_from
        if name == "reason_job_ended" and planted.new_code_list:
            table["value"] = np.where(late, np.char.add(NEW_CODES, table["value"]), table["value"])
        if name and name == planted.lost_field:
            told[place] = take(table, ~late)


def _rows(runs: Columns, stated: NDArray[np.bool_], name: str, value: NDArray[np.str_]) -> Columns:
    return {
        "person": runs["person"][stated],
        "input": np.full(int(stated.sum()), INPUTS.index(name)),
        "value": value[stated],
        "happened_on": runs["start"][stated],
        "known_on": runs["known"][stated],
    }


def _drawn(
    rng: np.random.Generator, choices: dict[int, tuple[tuple[str, float], ...]], origin: Days
) -> NDArray[np.str_]:
    draw = rng.random(len(origin))
    value = np.full(len(origin), "", dtype="U32")
    for place, options in choices.items():
        bounds = np.cumsum([weight for _, weight in options])
        codes = np.array([code for code, _ in options])
        here = origin == place
        value[here] = codes[np.minimum(np.searchsorted(bounds, draw[here], side="right"), len(codes) - 1)]
    return value


def _history_from(rng: np.random.Generator, people: People, runs: Columns) -> Days:
    """Day from which a person's work and unemployment are known: the window, adulthood, arrival, or what was told."""
    person, start = runs["person"], runs["start"]
    years = np.where(rng.random(len(person)) < 0.75, 10.0, rng.uniform(0.6, 3.5, len(person)))
    told = start - (years * DAYS_A_YEAR).astype(np.int64)
    told = np.where(people.registers_on[person] < WINDOW_OPENS, WINDOW_OPENS, told)
    adult = people.born_on[person] + int(18 * DAYS_A_YEAR)
    earliest = np.maximum(np.maximum(people.arrived_on[person], adult), WINDOW_OPENS)
    history_from: Days = np.minimum(np.maximum(told, earliest), start)
    return history_from


def _answers_expectation(
    rng: np.random.Generator, people: People, runs: Columns, parameters: Parameters
) -> NDArray[np.bool_]:
    answered = parameters.own_expectation_answered
    odds = np.log(answered / (1 - answered)) + 0.25 * people.employability[runs["person"]]
    answers: NDArray[np.bool_] = rng.random(len(odds)) < 1 / (1 + np.exp(-odds))
    return answers


def _expectation(rng: np.random.Generator, runs: Columns) -> NDArray[np.str_]:
    """The own expectation: the person knows part of what drives the hazard."""
    eta: Floats = runs["eta"]
    state = (eta + 0.38) / 0.68
    answer = -EXPECTATION_WEIGHT * state + np.sqrt(1 - EXPECTATION_WEIGHT**2) * rng.standard_normal(len(eta))
    said = np.array([*EXPECTATIONS, CANNOT_SAY])[np.searchsorted(EXPECTATION_BOUNDS, answer)]
    return np.where(rng.random(len(eta)) < CANNOT_SAY_SHARE, CANNOT_SAY, said)
