"""A document of one person: what is refused, where it says so, and what becomes of the rest."""

from copy import deepcopy
from datetime import date
from typing import Any

import numpy as np
import pytest

from features.catalogue import Catalogue, load_catalogue
from features.errors import FactsError
from features.facts import SECTIONS, day_number
from features.intake import facts_of_document, frame_of_document

TODAY = date(2026, 11, 1)
AS_OF = date(2026, 10, 14)
DOCUMENT: dict[str, Any] = {
    "client_id": "abc",
    "purpose": "service_planning",
    "within_legal_age_range": True,
    "education_level": "3",
    "occupation_isco": "52",
    "reason_job_ended": "fixed_term_ended",
    "activity_before": "work",
    "history_from": "2019-01-01",
    "spells": [
        {"employment_code": "01", "start": "2023-08-21", "end": "2026-10-11"},
        {"employment_code": "02", "start": "2026-10-12"},
    ],
}
ASSESSMENT = {
    "instrument_version": "2020",
    "date": "2026-10-12",
    "use_permitted": True,
    "work_ability_score": 7,
    "functioning": 7,
    "life_satisfaction": 4,
    "health": 4,
    "mind": {"score": 30, "minimum": 12, "maximum": 48},
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue("keski_uusimaa")


def changed(*path: Any, to: Any = None, drop: bool = False) -> dict[str, Any]:
    document = deepcopy(DOCUMENT)
    document["self_assessments"] = [deepcopy(ASSESSMENT)]
    target: Any = document
    for step in path[:-1]:
        target = target[step]
    if drop:
        del target[path[-1]]
    else:
        target[path[-1]] = to
    return document


def faults(catalogue: Catalogue, document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(FactsError) as caught:
        facts_of_document(catalogue, document, AS_OF, TODAY)
    return {fault.pointer: fault.message for fault in caught.value.faults}


REFUSED = [
    (changed("shoe_size", to=42), "/shoe_size", "is not a field of catalogue"),
    (changed("spells", 0, "colour", to="red"), "/spells/0/colour", "is not a field"),
    (changed("education_level", to="77"), "/education_level", "is not a code of this list; allowed: 0, 1, 2"),
    (changed("education_level", to=3), "/education_level", "must be a code written as text"),
    (changed("spells", 1, "employment_code", to="99"), "/spells/1/employment_code", "is not a code"),
    (changed("spells", 1, "start", to="2026-12-24"), "/spells/1/start", "lies in the future"),
    (changed("spells", 1, "start", to="14.10.2026"), "/spells/1/start", "written as YYYY-MM-DD"),
    (changed("spells", 0, "end", to="2023-01-01"), "/spells/0/end", "lies before the start"),
    (changed("spells", 0, "end", to="2026-10-12"), "/spells/1/start", "overlaps the spell at /spells/0"),
    (changed("spells", 1, "employment_code", drop=True), "/spells/1/employment_code", "is missing"),
    (changed("spells", drop=True), "/spells", "is missing; give at least the present spell"),
    (changed("spells", to="none"), "/spells", "must be a list"),
    (changed("spells", 0, to=7), "/spells/0", "must be an object"),
    (changed("self_assessments", 0, "work_ability_score", to=11), "/self_assessments/0/work_ability_score", "10"),
    (changed("self_assessments", 0, "life_satisfaction", to=3.5), "/self_assessments/0/life_satisfaction", "whole"),
    (changed("self_assessments", 0, "health", to=float("nan")), "/self_assessments/0/health", "must be a finite"),
    (changed("self_assessments", 0, "health", to=float("inf")), "/self_assessments/0/health", "must be a finite"),
    (changed("self_assessments", 0, "health", to="4"), "/self_assessments/0/health", "without quotation marks"),
    (changed("self_assessments", 0, "use_permitted", to="yes"), "/self_assessments/0/use_permitted", "true or false"),
    (changed("self_assessments", 0, "mind", "score", to=49), "/self_assessments/0/mind/score", "highest 48"),
    (changed("self_assessments", 0, "mind", "maximum", to=12), "/self_assessments/0/mind/minimum", "below maximum"),
    (changed("self_assessments", 0, "mind", to=30), "/self_assessments/0/mind", "score, minimum and maximum"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "pointer", "sentence"), REFUSED)
def test_refused(catalogue: Catalogue, document: dict[str, Any], pointer: str, sentence: str) -> None:
    found = faults(catalogue, document)
    assert list(found) == [pointer]
    assert sentence in found[pointer]


def test_a_code_is_refused_outside_its_dates(catalogue: Catalogue) -> None:
    ended = next(value for item in catalogue.inputs_of("services") for value in item.values if value.valid_to)
    assert ended.valid_to is not None
    later = date(ended.valid_to.year + 1, 2, 1)
    document = changed("services", to=[{"service": ended.code, "start": later.isoformat()}])
    with pytest.raises(FactsError, match="/services/0/service: is a code that was not in force"):
        facts_of_document(catalogue, document, later, later)


def test_all_faults_are_told_at_once(catalogue: Catalogue) -> None:
    document = changed("education_level", to="77")
    document["spells"][0]["end"] = "2023-01-01"
    assert list(faults(catalogue, document)) == ["/education_level", "/spells/0/end"]


def test_a_fact_without_known_on_was_carried_by_this_delivery(catalogue: Catalogue) -> None:
    facts = facts_of_document(catalogue, DOCUMENT, AS_OF, TODAY)
    assert facts.tables["spells"]["known_on"].tolist() == [day_number(AS_OF)] * 2


def test_sections_are_scaled_by_their_own_limits(catalogue: Catalogue) -> None:
    facts = facts_of_document(catalogue, changed("client_id", to="abc"), AS_OF, TODAY)
    assessment = facts.tables["self_assessments"]
    assert assessment["mind"].tolist() == [50.0]
    assert all(np.isnan(assessment[name][0]) for name in SECTIONS if name != "mind")


def test_a_self_assessment_that_may_not_be_used_is_ignored_without_refusing_the_person(catalogue: Catalogue) -> None:
    forbidden = changed("self_assessments", 0, "use_permitted", to=False)
    with_it = frame_of_document(catalogue, forbidden, AS_OF, TODAY)
    without = frame_of_document(catalogue, DOCUMENT, AS_OF, TODAY)
    np.testing.assert_array_equal(with_it.values, without.values)


def test_the_minimal_set_is_about_eight_facts_and_enough(catalogue: Catalogue) -> None:
    assert 7 <= len(catalogue.minimal_inputs) <= 11
    frame = frame_of_document(catalogue, DOCUMENT, AS_OF, TODAY)
    known = ~np.isnan(frame.select(catalogue.register_names).values[0])
    assert known.mean() > 0.8


def test_unknown_education_is_missing_and_no_signal(catalogue: Catalogue) -> None:
    frame = frame_of_document(catalogue, DOCUMENT | {"education_level": "9"}, AS_OF, TODAY)
    assert np.isnan(frame.column("education_level")[0])
