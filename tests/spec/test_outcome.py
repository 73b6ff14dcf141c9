"""What counts as long-term unemployment under the activation-neutral label, and when it cannot be told yet.

Each row is one life: what was recorded, the day we ask on, how far the record goes, and the label with its reason.
"""

from typing import Any

import numpy as np
import pytest

from features.catalogue import load_catalogue
from features.outcome import ENDS, REASONS, all_labels, labels
from tests.people import day, days, facts_of

U = "02"
LIVES: dict[str, tuple[dict[str, Any], str, str, float | None, str]] = {
    "unemployed for thirteen months": (
        {"spells": [(U, "2024-01-01", "2025-01-31")]},
        "2024-01-01", "2026-01-01", 1.0, "known",
    ),
    "unemployed for eleven months, then work": (
        {"spells": [(U, "2024-01-01", "2024-11-30"), ("01", "2024-12-01", None)]},
        "2024-01-01", "2026-01-01", 0.0, "known",
    ),
    "the twelfth month is counted from the start, also when we ask in the ninth": (
        {"spells": [(U, "2024-01-01", "2025-01-31")]},
        "2024-10-01", "2026-01-01", 1.0, "known",
    ),
    "a service does not stop the clock": (
        {"spells": [(U, "2024-01-01", "2024-05-31"), ("08", "2024-06-01", "2024-08-31"), (U, "2024-09-01", None)]},
        "2024-01-01", "2026-01-01", 1.0, "known",
    ),
    "subsidised work does not stop the clock": (
        {"spells": [(U, "2024-01-01", "2024-05-31"), ("00", "2024-06-01", "2024-11-30"), (U, "2024-12-01", None)]},
        "2024-01-01", "2026-01-01", 1.0, "known",
    ),
    "a break of 27 days does not stop the clock": (
        {"spells": [(U, "2024-01-01", "2024-06-30"), (U, "2024-07-28", None)]},
        "2024-01-01", "2026-01-01", 1.0, "known",
    ),
    "a break of 28 days does": (
        {"spells": [(U, "2024-01-01", "2024-06-30"), (U, "2024-07-29", None)]},
        "2024-01-01", "2026-01-01", 0.0, "known",
    ),
    "a week of work on the open market stops it": (
        {"spells": [(U, "2024-01-01", "2024-06-30"), ("01", "2024-07-01", "2024-07-07"), (U, "2024-07-08", None)]},
        "2024-01-01", "2026-01-01", 0.0, "known",
    ),
    "old-age pension is a competing end": (
        {"spells": [(U, "2024-01-01", "2024-06-30")], "departures": [("old_age_pension", "2024-07-01")]},
        "2024-01-01", "2026-01-01", 0.0, "known",
    ),
    "death is a competing end": (
        {"spells": [(U, "2024-01-01", None)], "departures": [("died", "2024-07-01")]},
        "2024-01-01", "2026-01-01", 0.0, "known",
    ),
    "moving away leaves it untold": (
        {"spells": [(U, "2024-01-01", "2024-06-30")], "departures": [("moved", "2024-07-01")]},
        "2024-01-01", "2026-01-01", None, "moved away",
    ),
    "so does follow-up that stops too early": (
        {"spells": [(U, "2025-06-01", None)]},
        "2025-06-01", "2026-01-01", None, "follow-up too short",
    ),
    "but work found within a short follow-up is known": (
        {"spells": [(U, "2025-06-01", "2025-07-31"), ("01", "2025-08-01", None)]},
        "2025-06-01", "2026-01-01", 0.0, "known",
    ),
    "a spell taken back later leaves it untold": (
        {"spells": [(U, "2025-06-01", None, "2025-06-01", 5), ("01", "2025-06-01", None, "2025-06-20", 5)]},
        "2025-06-02", "2026-01-01", None, "no spell on the day, seen with hindsight",
    ),
}  # fmt: skip


@pytest.mark.parametrize("life", LIVES)
def test_activation_neutral_label(life: str) -> None:
    person, as_of, until, value, reason = LIVES[life]
    outcome = labels(load_catalogue("keski_uusimaa"), facts_of(person), days(as_of), day(until))
    assert REASONS[outcome.reason[0]] == reason
    assert np.isnan(outcome.value[0]) if value is None else outcome.value[0] == value


def test_the_label_matures_twelve_months_after_the_start_of_the_spell() -> None:
    person = {"spells": [(U, "2024-01-01", "2025-01-31")]}
    outcome = labels(load_catalogue("keski_uusimaa"), facts_of(person), days("2024-07-01"), day("2026-01-01"))
    assert outcome.matures_on[0] == day("2024-12-31")


A_LIVES: dict[str, tuple[dict[str, Any], str, float | None, str]] = {
    "twelve unbroken months": ({"spells": [(U, "2024-01-01", "2025-02-28")]}, "2024-01-01", 1.0, "reached the horizon"),
    "a service stops the official clock": (
        {"spells": [(U, "2024-01-01", "2024-05-31"), ("08", "2024-06-01", "2024-08-31"), (U, "2024-09-01", None)]},
        "2024-01-01", 0.0, "service",
    ),
    "so does subsidised work": (
        {"spells": [(U, "2024-01-01", "2024-05-31"), ("00", "2024-06-01", "2024-08-31"), (U, "2024-09-01", None)]},
        "2024-01-01", 0.0, "subsidised work",
    ),
    "and education": (
        {"spells": [(U, "2024-01-01", "2024-05-31"), ("07", "2024-06-01", None)]},
        "2024-01-01", 0.0, "education",
    ),
    "and a break of one day": (
        {"spells": [(U, "2024-01-01", "2024-05-31"), (U, "2024-06-02", None)]},
        "2024-01-01", 0.0, "other break",
    ),
    "a lay-off that becomes a dismissal is one spell": (
        {"spells": [("03", "2024-01-01", "2024-02-29"), (U, "2024-03-01", "2025-03-31")]},
        "2024-03-01", 1.0, "reached the horizon",
    ),
    "the lay-off's months are part of the twelve": (
        {"spells": [("03", "2024-01-01", "2024-02-29"), (U, "2024-03-01", "2025-02-10"), ("01", "2025-02-11", None)]},
        "2024-03-01", 1.0, "reached the horizon",
    ),
    "eleven months with the lay-off's are not": (
        {"spells": [("03", "2024-01-01", "2024-02-29"), (U, "2024-03-01", "2024-11-30"), ("01", "2024-12-01", None)]},
        "2024-03-01", 0.0, "work",
    ),
    "asked after a service, the official clock cannot be full at the horizon": (
        {"spells": [(U, "2024-01-01", "2024-05-31"), ("08", "2024-06-01", "2024-08-31"), (U, "2024-09-01", None)]},
        "2024-10-01", 0.0, "service",
    ),
}  # fmt: skip


@pytest.mark.parametrize("life", A_LIVES)
def test_official_label(life: str) -> None:
    person, as_of, value, end = A_LIVES[life]
    outcome = labels(load_catalogue("keski_uusimaa"), facts_of(person), days(as_of), day("2026-06-01"), "official")
    assert outcome.value[0] == value
    assert ENDS[outcome.ended_by[0]] == end


def test_under_the_activation_neutral_label_a_dismissal_begins_the_clock() -> None:
    person = {"spells": [("03", "2024-01-01", "2024-02-29"), (U, "2024-03-01", "2025-02-15")]}
    outcome = labels(load_catalogue("keski_uusimaa"), facts_of(person), days("2024-03-01"), day("2026-06-01"))
    assert (outcome.value[0], outcome.matures_on[0]) == (0.0, day("2025-03-01"))


C_LIVES: dict[str, tuple[dict[str, Any], str, str, float | None, str]] = {
    "twelve of sixteen months, with work between": (
        {"spells": [(U, "2024-01-01", "2024-06-30"), ("01", "2024-07-01", "2024-08-31"), (U, "2024-09-01", None)]},
        "2024-01-01", "2026-06-01", 1.0, "reached the horizon",
    ),
    "too little within sixteen months": (
        {"spells": [(U, "2024-01-01", "2024-06-30"), ("01", "2024-07-01", "2024-12-31"), (U, "2025-01-01", None)]},
        "2024-01-01", "2026-06-01", 0.0, "other break",
    ),
    "already so on the as-of date: outside the cohort": (
        {"spells": [(U, "2023-01-01", None)]},
        "2024-02-01", "2026-06-01", None, "outside the cohort",
    ),
    "not yet seen for sixteen months": (
        {"spells": [(U, "2025-06-01", "2025-08-31"), ("01", "2025-09-01", None)]},
        "2025-06-01", "2026-06-01", None, "follow-up too short",
    ),
    "moved away before it could be told": (
        {"spells": [(U, "2024-01-01", "2024-06-30")], "departures": [("moved", "2024-07-01")]},
        "2024-01-01", "2026-06-01", None, "moved away",
    ),
    "days of temporary lay-off do not count": (
        {"spells": [(U, "2024-01-01", "2024-06-30"), ("03", "2024-07-01", "2025-12-31")]},
        "2024-01-01", "2026-06-01", 0.0, "other break",
    ),
}  # fmt: skip


BACK_AGAIN = {
    "spells": [(U, "2020-01-01", "2021-05-31"), (U, "2024-01-01", "2025-06-30"), ("01", "2025-07-01", None)],
    "departures": [("moved", "2021-06-01")],
}


def test_whoever_moved_away_once_and_came_back_is_judged_by_the_new_spell() -> None:
    everyone = all_labels(load_catalogue("keski_uusimaa"), facts_of(BACK_AGAIN), days("2024-01-01"), day("2026-06-01"))
    assert {name: outcome.value[0] for name, outcome in everyone.items()} == dict.fromkeys(everyone, 1.0)


def test_a_second_departure_counts_though_the_first_did_not() -> None:
    person = {
        "spells": [(U, "2020-01-01", "2021-05-31"), (U, "2024-01-01", "2024-06-30")],
        "departures": [("moved", "2021-06-01"), ("moved", "2024-07-01")],
    }
    everyone = all_labels(load_catalogue("keski_uusimaa"), facts_of(person), days("2024-01-01"), day("2026-06-01"))
    assert {ENDS[outcome.ended_by[0]] for outcome in everyone.values()} == {"moved away"}


@pytest.mark.parametrize("life", C_LIVES)
def test_twelve_of_sixteen_label(life: str) -> None:
    person, as_of, until, value, end = C_LIVES[life]
    outcome = labels(load_catalogue("keski_uusimaa"), facts_of(person), days(as_of), day(until), "twelve_of_sixteen")
    assert np.isnan(outcome.value[0]) if value is None else outcome.value[0] == value
    assert ENDS[outcome.ended_by[0]] == end


def test_the_first_day_that_holds_twelve_of_sixteen_months_is_the_365th_day_of_unemployment() -> None:
    person = {"spells": [(U, "2024-01-01", None)]}
    everyone = all_labels(load_catalogue("keski_uusimaa"), facts_of(person), days("2024-01-01"), day("2026-06-01"))
    assert everyone["twelve_of_sixteen"].ended_on[0] == day("2024-12-30")


CLOCK_STOPS = [
    ("01", "work", "work"),
    ("04", "work", "work"),
    ("00", "subsidised work", None),
    ("08", "service", None),
    ("07", "education", "education"),
    ("05", "other break", "other break"),
    ("03", None, "other break"),
]


@pytest.mark.parametrize(("code", "official", "neutral"), CLOCK_STOPS)
def test_what_each_code_does_to_the_clock_after_five_months(
    code: str, official: str | None, neutral: str | None
) -> None:
    """Two months of the code between unemployment; None: the clock runs on to the horizon."""
    person = {"spells": [(U, "2024-01-01", "2024-05-31"), (code, "2024-06-01", "2024-07-31"), (U, "2024-08-01", None)]}
    found = all_labels(load_catalogue("keski_uusimaa"), facts_of(person), days("2024-01-01"), day("2026-06-01"))
    assert ENDS[found["official"].ended_by[0]] == (official or "reached the horizon")
    assert ENDS[found["activation_neutral"].ended_by[0]] == (neutral or "reached the horizon")
