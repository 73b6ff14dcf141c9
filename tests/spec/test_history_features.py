"""What each feature of work and unemployment says of a person, worked by hand."""

from typing import Any

import numpy as np
import pytest

from features.as_of import KnownFacts, known_at
from features.functions import FUNCTIONS, load_functions
from features.history import DAYS_A_MONTH, present_spell, statement
from features.kernels import DAY_MIN
from tests.people import days, facts_of

STATEMENTS = ("history_from", "occupation_isco")


def known(as_of: str, **tables: Any) -> KnownFacts:
    return known_at(facts_of(tables), days(as_of), STATEMENTS)


def feature(name: str, at: KnownFacts, **parameters: Any) -> float:
    load_functions()
    return float(FUNCTIONS[name](at, **parameters)[0])


OBSERVED = [("history_from", "2020-01-01", "2020-01-01")]


class TestPresentSpell:
    def test_begins_on_the_first_day_of_unemployment(self) -> None:
        spell = present_spell(known("2026-03-01", spells=[("02", "2026-02-01", None)]))
        assert spell.start[0] == days("2026-02-01")[0]
        assert spell.code[0] == 2
        assert spell.months[0] == pytest.approx(28 / DAYS_A_MONTH)

    def test_goes_on_through_a_service_and_a_short_break(self) -> None:
        spells = [
            ("02", "2026-01-01", "2026-01-31"),
            ("08", "2026-02-01", "2026-02-28"),
            ("02", "2026-03-20", None),
        ]
        assert present_spell(known("2026-04-01", spells=spells)).start[0] == days("2026-01-01")[0]

    @pytest.mark.parametrize(("resumes", "begins"), [("2026-02-28", "2026-01-01"), ("2026-03-01", "2026-03-01")])
    def test_a_break_of_28_days_begins_a_new_one(self, resumes: str, begins: str) -> None:
        spells = [("02", "2026-01-01", "2026-01-31"), ("02", resumes, None)]
        assert present_spell(known("2026-04-01", spells=spells)).start[0] == days(begins)[0]

    def test_work_on_the_open_market_begins_a_new_one_however_short(self) -> None:
        spells = [
            ("02", "2026-01-01", "2026-01-31"),
            ("01", "2026-02-01", "2026-02-03"),
            ("02", "2026-02-04", None),
        ]
        assert present_spell(known("2026-04-01", spells=spells)).start[0] == days("2026-02-04")[0]

    def test_there_is_none_in_work(self) -> None:
        spell = present_spell(known("2026-04-01", spells=[("01", "2026-01-01", None)]))
        assert spell.start[0] == DAY_MIN
        assert spell.code[0] == 1
        assert np.isnan(spell.months[0])


class TestSharesOfTime:
    def test_counts_days_before_the_present_spell_only(self) -> None:
        spells = [("02", "2025-01-01", "2025-01-31"), ("01", "2025-02-01", "2025-12-31"), ("02", "2026-01-01", None)]
        at = known("2026-06-01", spells=spells, statements=OBSERVED)
        assert feature("unemployed_share", at, months=12) == pytest.approx(31 / 365)
        assert feature("worked_share", at, months=12) == pytest.approx(334 / 365)
        assert feature("laid_off_share", at, months=36) == 0.0

    def test_is_relative_to_the_time_the_person_could_be_observed(self) -> None:
        spells = [("01", "2025-07-01", "2025-12-31"), ("02", "2026-01-01", None)]
        observed = [("history_from", "2025-07-01", "2026-01-01")]
        at = known("2026-01-10", spells=spells, statements=observed)
        assert feature("worked_share", at, months=36) == 1.0

    def test_is_not_known_without_the_start_of_history(self) -> None:
        at = known("2026-01-10", spells=[("01", "2024-07-01", "2025-12-31"), ("02", "2026-01-01", None)])
        assert np.isnan(feature("worked_share", at, months=36))

    def test_is_not_known_when_under_90_days_were_observed(self) -> None:
        observed = [("history_from", "2025-11-01", "2026-01-01")]
        at = known("2026-01-10", spells=[("02", "2026-01-01", None)], statements=observed)
        assert np.isnan(feature("worked_share", at, months=12))

    def test_spells_are_counted_for_each_year_observed(self) -> None:
        spells = [
            ("02", "2023-05-01", "2023-06-30"),
            ("02", "2024-05-01", "2024-06-30"),
            ("02", "2026-01-01", None),
        ]
        at = known("2026-01-10", spells=spells, statements=OBSERVED)
        assert feature("unemployment_spells", at, months=36) == pytest.approx(2 / 3, abs=0.001)


class TestWork:
    def test_days_since_work_are_counted_to_the_start_of_the_present_spell(self) -> None:
        spells = [("01", "2024-01-01", "2025-11-30"), ("02", "2026-01-01", None)]
        at = known("2026-06-01", spells=spells, statements=OBSERVED)
        assert feature("days_since_work", at) == 31

    def test_without_any_work_the_gap_is_the_time_observed(self) -> None:
        observed = [("history_from", "2025-01-01", "2026-01-01")]
        at = known("2026-06-01", spells=[("02", "2026-01-01", None)], statements=observed)
        assert feature("days_since_work", at) == 365
        assert np.isnan(feature("last_job_months", at))

    def test_the_last_job(self) -> None:
        spells = [
            ("01", "2022-01-01", "2023-12-31"),
            ("01", "2025-09-01", "2025-11-30"),
            ("02", "2026-01-01", None),
        ]
        at = known("2026-06-01", spells=spells, statements=OBSERVED)
        assert feature("last_job_months", at) == pytest.approx(91 / DAYS_A_MONTH)


class TestRegistrationMonth:
    def test_is_that_of_the_start_of_the_spell(self) -> None:
        at = known("2026-06-01", spells=[("02", "2026-04-10", None)])
        assert feature("registration_month_sin", at) == pytest.approx(1.0)
        assert feature("registration_month_cos", at) == pytest.approx(0.0, abs=1e-12)


class TestServices:
    def test_share_and_number_of_services_within_what_was_observed(self) -> None:
        services = [("1", "2025-01-01", "2025-01-31"), ("2", "2025-12-01", None)]
        observed = [("history_from", "2025-01-01", "2025-12-31")]
        at = known("2025-12-31", services=services, statements=observed)
        assert feature("service_share", at, months=36) == pytest.approx(62 / 365)
        assert feature("services_ended", at, months=24) == 1.0


class TestSelfAssessment:
    def test_the_latest_permitted_one_counts(self) -> None:
        assessments = [
            ("2026-01-01", True, {"work_ability_score": 8.0, "mind": 70.0}),
            ("2026-02-01", True, {"work_ability_score": 5.0}),
            ("2026-03-01", False, {"work_ability_score": 1.0, "mind": 5.0}),
        ]
        at = known("2026-03-10", spells=[("02", "2026-01-01", None)], self_assessments=assessments)
        assert feature("section", at, section="work_ability_score") == 5.0
        assert np.isnan(feature("section", at, section="mind"))
        assert feature("self_assessment_age_days", at) == 37
        assert feature("work_ability_change", at, at_least=2) == -3.0

    def test_a_change_under_two_points_is_no_change(self) -> None:
        scores = [("2026-01-01", True, {"work_ability_score": 7.0}), ("2026-02-01", True, {"work_ability_score": 8.0})]
        at = known("2026-03-10", spells=[], self_assessments=scores)
        assert feature("work_ability_change", at, at_least=2) == 0.0

    def test_one_score_alone_has_no_change(self) -> None:
        at = known("2026-03-10", spells=[], self_assessments=[("2026-01-01", True, {"work_ability_score": 7.0})])
        assert np.isnan(feature("work_ability_change", at, at_least=2))


class TestStatements:
    SPELLS = (("02", "2023-01-01", "2023-06-30"), ("01", "2023-07-01", "2025-12-31"), ("02", "2026-01-01", None))

    @pytest.mark.parametrize(
        ("told_on", "counts"), [("2023-01-02", False), ("2025-11-30", False), ("2025-12-01", True)]
    )
    def test_what_was_said_of_an_earlier_spell_is_out_of_date(self, told_on: str, counts: bool) -> None:
        at = known("2026-01-10", spells=self.SPELLS, statements=[("occupation_isco", 4, told_on)])
        assert statement(at, "occupation_isco")[0] == 4
        assert np.isnan(statement(at, "occupation_isco", of_present_spell=True)[0]) != counts

    def test_the_latest_counts(self) -> None:
        told = [("occupation_isco", 4, "2026-01-01"), ("occupation_isco", 5, "2026-01-05")]
        at = known("2026-01-10", spells=self.SPELLS, statements=told)
        assert statement(at, "occupation_isco")[0] == 5
