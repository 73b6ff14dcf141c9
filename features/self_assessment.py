"""Kykyviisari-style section scores and the Work Ability Score: topics to talk about, never causes.

A self-assessment whose use is not permitted is left out as if it had not been given; the person is not refused.
"""

import numpy as np
from numpy.typing import NDArray

from features.as_of import KnownFacts
from features.facts import Floats
from features.functions import feature_function
from features.kernels import latest_rows, value_of_row


def _rows(known: KnownFacts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if "assessments" not in known.memo:
        table = known.tables["self_assessments"]
        last, previous = np.empty(len(known), np.int64), np.empty(len(known), np.int64)
        latest_rows(table.offsets, table["use_permitted"], last, previous)
        known.memo["assessments"] = (last, previous)
    rows: tuple[NDArray[np.int64], NDArray[np.int64]] = known.memo["assessments"]
    return rows


def _value(known: KnownFacts, name: str, rows: NDArray[np.int64]) -> Floats:
    out = np.empty(len(known))
    value_of_row(known.tables["self_assessments"][name], rows, out)
    return out


@feature_function("section", reads=("self_assessments",))
def section(known: KnownFacts, section: str) -> Floats:
    """One score of the latest permitted self-assessment; NaN where there is none or it was left empty.

    Scales: Work Ability Score and functioning 0-10, life satisfaction and health 1-5, sections 0-100; high is good.
    """
    return _value(known, section, _rows(known)[0])


@feature_function("self_assessment_age_days", reads=("self_assessments",))
def self_assessment_age_days(known: KnownFacts) -> Floats:
    """Days from the latest permitted self-assessment to the as-of date; NaN where there is none."""
    age: Floats = known.as_of - _value(known, "happened_on", _rows(known)[0])
    return age


@feature_function("work_ability_change", reads=("self_assessments",))
def work_ability_change(known: KnownFacts, at_least: float) -> Floats:
    """Change of the Work Ability Score between the two latest permitted self-assessments, in points.

    A change smaller than `at_least` is 0: below about two points it cannot be told from test-retest noise.
    NaN with fewer than two scores.

    Source: smallest detectable change 1.92 points, Stienstra et al. (Groningen), for the Work Ability Score.
    """
    last, previous = _rows(known)
    change = _value(known, "work_ability_score", last) - _value(known, "work_ability_score", previous)
    return np.where(np.abs(change) < at_least, 0.0 * change, change)
