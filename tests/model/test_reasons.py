"""Reasons are relative, grouped, worded by the catalogue, and silent about what they must not say."""

from math import nan

import pytest

from features.catalogue import Catalogue, load_catalogue
from model_registry.scoring.reasons import DOMAIN_FLOOR, Explanation, explain


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue("keski_uusimaa")


def said(catalogue: Catalogue, told: tuple[str, ...] = (), **relative: float) -> Explanation:
    """The explanation when every feature named has the contribution given and the value 1."""
    return explain(catalogue, relative, dict.fromkeys(relative, 1.0), told)


def domains(reasons: tuple[object, ...]) -> list[str]:
    return [reason.domain for reason in reasons]  # type: ignore[attr-defined]


def test_a_raising_domain_stands_in_the_group_of_its_catalogue(catalogue: Catalogue) -> None:
    found = said(catalogue, worked_share_12=0.4, unemployed_share_12=0.3)

    assert domains(found.can_be_influenced) == ["work_history"]
    assert domains(found.situation_now) == ["unemployment_history"]
    assert found.strengths == ()


def test_a_domain_whose_net_lowers_the_risk_is_a_strength(catalogue: Catalogue) -> None:
    found = said(catalogue, worked_share_12=-0.5, days_since_work=0.2)

    assert domains(found.strengths) == ["work_history"]
    assert [statement.feature for statement in found.strengths[0].statements] == ["worked_share_12"]
    assert found.can_be_influenced == ()


def test_a_strength_is_said_in_its_own_words(catalogue: Catalogue) -> None:
    (strength,) = said(catalogue, education_level=-0.5).strengths

    assert strength.statements[0].text == catalogue.feature("education_level").strength


def test_the_weightiest_domain_comes_first(catalogue: Catalogue) -> None:
    found = said(catalogue, unemployed_share_12=0.2, occupation_isco=0.6, reason_job_ended=0.3)

    assert domains(found.situation_now) == ["occupation", "job_end", "unemployment_history"]


def test_the_time_unemployed_is_never_a_reason(catalogue: Catalogue) -> None:
    found = said(catalogue, present_spell_months=3.0)

    assert (found.strengths, found.can_be_influenced, found.situation_now) == ((), (), ())


def test_a_topic_is_named_whatever_it_contributes_and_never_a_reason(catalogue: Catalogue) -> None:
    raising, lowering = said(catalogue, health=0.9), said(catalogue, health=-0.9)

    assert raising.topics == lowering.topics
    assert domains(raising.topics) == ["wellbeing"]
    assert (raising.can_be_influenced, raising.situation_now, lowering.strengths) == ((), (), ())


def test_a_topic_of_which_nothing_is_known_is_not_named(catalogue: Catalogue) -> None:
    found = explain(catalogue, {"health": 0.9}, {"health": nan}, ())

    assert found.topics == ()


def test_services_are_no_topic_for_somebody_who_had_none(catalogue: Catalogue) -> None:
    none = explain(catalogue, {}, {"service_share_36": 0.0}, ())
    some = explain(catalogue, {}, {"service_share_36": 0.2}, ())

    assert (domains(none.topics), domains(some.topics)) == ([], ["services"])


def test_what_is_not_known_is_never_a_reason(catalogue: Catalogue) -> None:
    found = explain(catalogue, {"education_level": 0.9}, {"education_level": nan}, ())

    assert found.can_be_influenced == ()


def test_a_small_net_is_not_worth_a_word(catalogue: Catalogue) -> None:
    assert said(catalogue, education_level=DOMAIN_FLOOR - 0.01).can_be_influenced == ()
    assert said(catalogue, education_level=DOMAIN_FLOOR).can_be_influenced != ()


def test_the_same_thing_over_several_years_is_said_once(catalogue: Catalogue) -> None:
    (reason,) = said(catalogue, worked_share_12=0.2, worked_share_36=0.5, worked_share_60=0.3).can_be_influenced

    assert [statement.feature for statement in reason.statements] == ["worked_share_36"]
    assert reason.contribution == pytest.approx(1.0)


def test_without_a_strong_domain_single_strengths_are_found(catalogue: Catalogue) -> None:
    found = said(catalogue, worked_share_12=0.9, days_since_work=-0.2)

    assert domains(found.can_be_influenced) == ["work_history"]
    assert [statement.feature for statement in found.strengths[0].statements] == ["days_since_work"]


def test_what_would_help_is_what_was_not_told_with_its_reason(catalogue: Catalogue) -> None:
    told = [item.name for item in catalogue.inputs if item.name not in ("own_expectation", "education_level")]

    first, last = said(catalogue, tuple(told)).not_known

    assert (first.input, last.input) == ("education_level", "own_expectation")
    assert first.why_needed == catalogue.input("education_level").why_needed
    assert (first.voluntary, last.voluntary) == (False, True)


def test_whether_somebody_is_in_scope_is_no_missing_answer(catalogue: Catalogue) -> None:
    assert "within_legal_age_range" not in [item.input for item in said(catalogue).not_known]


def test_a_reason_names_the_fact_it_rests_on_so_that_it_can_be_contested() -> None:
    area = load_catalogue("keski_uusimaa")
    weights = {"unemployed_share_36": 0.5, "reason_job_ended": 0.4}
    said = explain(area, weights, {"unemployed_share_36": 0.425, "reason_job_ended": 0.0}, told=[])
    facts = {one.feature: one.fact for domain in said.situation_now for one in domain.statements}
    assert facts["unemployed_share_36"]["fi"].endswith(": 42,5 % ajasta")
    assert facts["unemployed_share_36"]["en"].endswith(": 42.5 % of the time")
    ended = area.input("reason_job_ended").values[0].label
    assert all(facts["reason_job_ended"][language].endswith(f": {ended[language]}") for language in ended)
