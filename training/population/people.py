"""People: who they are, and the latent state that no register holds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.population.days import OPEN, Days, Floats
from training.population.parameters import DAYS_A_YEAR, FIRST_CLIENTS_ON, WINDOW_OPENS, Parameters

MEN, WOMEN, OTHER_SEX, SEX_NOT_RECORDED = 0, 1, 2, 3
FINLAND, EU_EEA, OTHER_COUNTRY = 0, 1, 2
MOVED, DIED, OLD_AGE_PENSION = 0, 1, 2
EDUCATION_UNKNOWN = 9
SEX_SHARES = (0.557, 0.438, 0.002, 0.003)

SUB_MAJOR_GROUPS = (
    ("01", "02", "03"),
    ("11", "12", "13", "14", "1219", "1420"),
    ("21", "22", "23", "24", "25", "26", "2512", "2166", "2431"),
    ("31", "32", "33", "34", "35", "3115", "3322", "3343"),
    ("41", "42", "43", "44", "4110", "4222", "4321"),
    ("51", "52", "53", "54", "5120", "5223", "5311", "5321"),
    ("61", "62", "6113", "6130"),
    ("71", "72", "73", "74", "75", "7115", "7126", "7223", "7231", "7411"),
    ("81", "82", "83", "8322", "8332", "8344"),
    ("91", "92", "93", "94", "96", "9112", "9313", "9333", "9412"),
)
OCCUPATION_GROUPS_BY_EDUCATION = (
    (0.002, 0.01, 0.00, 0.02, 0.05, 0.27, 0.02, 0.19, 0.14, 0.298),
    (0.003, 0.02, 0.01, 0.07, 0.08, 0.31, 0.02, 0.24, 0.13, 0.117),
    (0.001, 0.07, 0.38, 0.27, 0.09, 0.10, 0.01, 0.03, 0.02, 0.029),
)
"""Major group 0-9 after basic, secondary and tertiary education (assumption)."""


@dataclass(frozen=True)
class People:
    """n people, one element each.

    Attributes
    ----------
    registers_on : day of the first registration ever
    born_on, arrived_on : birth and, for foreign citizens, arrival in the country
    departs_on, departs_why : the end of the person's time as a client, if it comes (`OPEN`)
    health, employability : latent, standard normal; higher is better
    education : 0-8; `education_recorded` may be 9 where it is not known
    occupation : position in `occupation_codes()`; -1 where it was never told
    """

    registers_on: Days
    born_on: Days
    arrived_on: Days
    departs_on: Days
    departs_why: Days
    sex: Days
    citizenship: Days
    language: Days
    form_language: Days
    origin: Days
    municipality: Days
    long_illness: NDArray[np.bool_]
    education: Days
    education_recorded: Days
    occupation_group: Days
    occupation: Days
    health: Floats
    employability: Floats

    def __len__(self) -> int:
        return len(self.registers_on)

    @property
    def foreign(self) -> NDArray[np.bool_]:
        """Whether each person is a foreign citizen."""
        foreign: NDArray[np.bool_] = self.citizenship != FINLAND
        return foreign

    def in_group(self, name: str) -> NDArray[np.bool_]:
        """Whether each person belongs to a group in which a bias can be planted (`GROUPS_OF_BIAS`)."""
        young = self.registers_on - self.born_on < 30 * DAYS_A_YEAR
        chosen: NDArray[np.bool_] = {
            "foreign": self.foreign,
            "women": self.sex == WOMEN,
            "under_30": young,
            "long_illness": self.long_illness,
        }[name]
        return chosen

    def age(self, who: Days, on: Days) -> Floats:
        """Age in years of some people on a day."""
        return (on - self.born_on[who]) / DAYS_A_YEAR


def occupation_codes() -> tuple[str, ...]:
    """Every occupation code that may be written, by position."""
    return tuple(code for group in SUB_MAJOR_GROUPS for code in group)


def draw_people(rng: np.random.Generator, n: int, parameters: Parameters, until: int) -> People:
    """n people who register for the first time between 2013 and `until`."""
    span = until - FIRST_CLIENTS_ON
    registers_on = FIRST_CLIENTS_ON + _registration_days(rng, n, span, parameters)
    knots = np.array(parameters.foreign_share_of_entrants)
    share = np.interp(registers_on if parameters.trend else np.full(n, WINDOW_OPENS), knots[:, 0], knots[:, 1])
    new_mix = (registers_on >= parameters.planted.drift_from) & parameters.planted.client_mix
    foreign = rng.random(n) < np.where(new_mix, 2.0 * share, share)
    knots = np.array(parameters.young_share)
    young = np.interp(registers_on if parameters.trend else np.full(n, WINDOW_OPENS), knots[:, 0], knots[:, 1])
    age = _first_ages(rng, young - 0.07 * foreign)
    born_on = registers_on - (age * DAYS_A_YEAR).astype(np.int64)
    years_here = np.where(rng.random(n) < 0.6, rng.exponential(1.2, n), rng.exponential(7.0, n))
    arrived_on = np.where(
        foreign, np.maximum(registers_on - (years_here * DAYS_A_YEAR).astype(np.int64), born_on), born_on
    )

    health = rng.standard_normal(n)
    employability = 0.35 * health + np.sqrt(1 - 0.35**2) * rng.standard_normal(n)
    health = health - 0.012 * (age - 35)
    education = _education(rng, age, employability - 0.8 * new_mix, foreign)
    unknown = rng.random(n) < np.where(foreign, 0.16, 0.025)
    group = _occupation_group(rng, education)
    illness_odds = np.log(parameters.long_illness_share / (1 - parameters.long_illness_share)) - 0.45
    illness = rng.random(n) < 1 / (1 + np.exp(-(illness_odds - 0.9 * health + 0.02 * (age - 35))))
    language = _language(rng, foreign)
    departs_on, departs_why = _departures(rng, registers_on, born_on, age, parameters)
    return People(
        registers_on=registers_on,
        born_on=born_on,
        arrived_on=arrived_on,
        departs_on=departs_on,
        departs_why=departs_why,
        sex=rng.choice(4, n, p=SEX_SHARES),
        citizenship=np.where(foreign, np.where(rng.random(n) < 0.33, EU_EEA, OTHER_COUNTRY), FINLAND).astype(np.int64),
        language=language,
        form_language=_form_language(rng, language),
        origin=_origin(rng, foreign),
        municipality=rng.choice(len(parameters.municipality_codes), n, p=parameters.municipality_weights),
        long_illness=illness,
        education=education,
        education_recorded=np.where(unknown, EDUCATION_UNKNOWN, education),
        occupation_group=group,
        occupation=_occupation(rng, group),
        health=health,
        employability=employability,
    )


def _registration_days(rng: np.random.Generator, n: int, span: int, parameters: Parameters) -> Days:
    """Days from 0 to `span` with more first registrations in January, June, July and August."""
    weight = np.ones(12)
    weight[[0, 5, 6, 7, 11]] = (1.25, 1.35, 1.25, 1.15, 1.10)
    days = np.arange(span)
    months = ((FIRST_CLIENTS_ON + days).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)) % 12
    knots = np.array(parameters.registrations)
    volume = np.interp(FIRST_CLIENTS_ON + days, knots[:, 0], knots[:, 1]) if parameters.trend else 1.0
    cumulative = np.cumsum(weight[months] * volume)
    drawn: Days = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right").astype(np.int64)
    return drawn


def _first_ages(rng: np.random.Generator, young_share: Floats) -> Floats:
    n = len(young_share)
    young = rng.random(n) < young_share
    return np.where(young, 18.05 + rng.gamma(1.6, 2.6, n), np.clip(rng.normal(41.0, 11.0, n), 20.0, 62.5)).clip(
        18.05, 62.5
    )


def _education(rng: np.random.Generator, age: Floats, employability: Floats, foreign: NDArray[np.bool_]) -> Days:
    """Highest completed level, 0-8; tertiary degrees take years."""
    position = 0.55 * employability + 0.85 * rng.standard_normal(len(age)) - 0.15 * foreign
    bounds = np.array([-0.72, 0.62, 0.66, 0.84, 1.45, 2.45])
    levels = np.array([2, 3, 4, 5, 6, 7, 8])[np.searchsorted(bounds, position)]
    levels = np.where((levels == 2) & (rng.random(len(age)) < np.where(foreign, 0.4, 0.06)), 1, levels)
    levels = np.where((levels == 1) & foreign & (rng.random(len(age)) < 0.2), 0, levels)
    too_young = (age < 23) & (levels > 3)
    return np.where(too_young, 3, levels).astype(np.int64)


def _occupation_group(rng: np.random.Generator, education: Days) -> Days:
    tier = np.searchsorted(np.array([3, 6]), education, side="right")
    cumulative = np.cumsum(np.array(OCCUPATION_GROUPS_BY_EDUCATION), axis=1)
    draw = rng.random(len(education)) * cumulative[tier, -1]
    group: Days = (draw[:, None] > cumulative[tier]).sum(axis=1).astype(np.int64)
    return group


def _occupation(rng: np.random.Generator, group: Days) -> Days:
    sizes = np.array([len(codes) for codes in SUB_MAJOR_GROUPS])
    first = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    code = first[group] + (rng.random(len(group)) * sizes[group]).astype(np.int64)
    return np.where(rng.random(len(group)) < 0.03, -1, code)


def _language(rng: np.random.Generator, foreign: NDArray[np.bool_]) -> Days:
    """0 Finnish, 1 Swedish, 2 Sámi, 3 other."""
    draw = rng.random(len(foreign))
    finns = np.searchsorted(np.array([0.925, 0.945, 0.9455]), draw, side="right")
    return np.where(foreign, np.where(draw < 0.03, 0, 3), finns).astype(np.int64)


def _form_language(rng: np.random.Generator, language: Days) -> Days:
    """0 Finnish, 1 plain Finnish, 2 Swedish, 3 English, 4 other; other forms are rare (publisher's counts to 2022)."""
    draw = rng.random(len(language))
    plain = np.where(draw < 0.02, 1, 0)
    swedish = np.where(draw < 0.45, 2, 0)
    other = np.searchsorted(np.array([0.45, 0.70, 0.70, 0.93]), draw, side="right")
    return np.select([language == 1, language == 3], [swedish, other], plain).astype(np.int64)


def _origin(rng: np.random.Generator, foreign: NDArray[np.bool_]) -> Days:
    """0 Finnish background born here, 1 born abroad, 2 foreign background born here, 3 born abroad."""
    draw = rng.random(len(foreign))
    finns = np.searchsorted(np.array([0.915, 0.930, 0.945]), draw, side="right")
    return np.where(foreign, np.where(draw < 0.04, 2, 3), finns).astype(np.int64)


def _departures(
    rng: np.random.Generator, registers_on: Days, born_on: Days, age: Floats, parameters: Parameters
) -> tuple[Days, Days]:
    n = len(age)
    mobility = parameters.moves_a_year * np.where(age < 30, 1.7, 0.75)
    moved = registers_on + 1 + (rng.exponential(1.0, n) / mobility * DAYS_A_YEAR).astype(np.int64)
    daily = parameters.hazard.death_daily
    died = registers_on + 1 + (rng.exponential(1.0, n) / daily).astype(np.int64)
    pension = born_on + int(parameters.pension_age * DAYS_A_YEAR)
    days = np.minimum(np.stack([moved, died, pension]), OPEN)
    return days.min(axis=0), days.argmin(axis=0).astype(np.int64)
