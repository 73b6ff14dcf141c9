"""What counts as long-term unemployment under the activation-neutral label, and when it cannot be told yet.

Each row is one life: what was recorded, the day we ask on, how far the record goes, and the label with its reason.
"""

from typing import Any

import numpy as np
import pytest

from features.catalogue import load_catalogue
from features.outcome import REASONS, labels
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
