"""The catalogue of Central Uusimaa as the rest of the house uses it."""

import hashlib
import json
import subprocess
import sys
import tomllib
from datetime import date

import numpy as np
import pytest

from features.catalogue import Catalogue, catalogue_from_text, load_catalogue
from features.errors import CatalogueError
from features.functions import load_functions
from tests.catalogues import FLAT, REAL, changed


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue("keski_uusimaa")


def test_about_eight_facts_at_registration_form_the_minimal_set(catalogue: Catalogue) -> None:
    assert set(catalogue.minimal_inputs) == {
        "employment_code",
        "spell_start",
        "spell_end",
        "education_level",
        "occupation_isco",
        "reason_job_ended",
        "activity_before",
        "history_from",
    }
    assert all(catalogue.input(name).at_registration for name in catalogue.minimal_inputs)


def test_every_registered_function_is_used(catalogue: Catalogue) -> None:
    used = {feature.function for feature in catalogue.features if feature.function}
    assert used == set(load_functions())


def test_the_register_model_sees_no_voluntary_answer(catalogue: Catalogue) -> None:
    voluntary = set(catalogue.feature_names) - set(catalogue.register_names)
    assert voluntary == {
        "own_expectation",
        "work_ability_score",
        "functioning",
        "work_ability_change",
        "life_satisfaction",
        "health",
        "inclusion",
        "mind",
        "everyday",
        "skills",
        "body",
        "self_assessment_age_days",
    }


def test_service_history_and_self_assessment_are_topics_never_causes(catalogue: Catalogue) -> None:
    functions = load_functions()
    for feature in catalogue.features:
        if feature.function and {"services", "self_assessments"} & set(functions[feature.function].reads):
            assert feature.shown in ("topic", "never"), feature.name
            assert feature.raises is None, feature.name


def test_time_unemployed_and_the_season_are_never_shown(catalogue: Catalogue) -> None:
    never = {feature.name for feature in catalogue.features if feature.shown == "never"}
    assert {"present_spell_months", "registration_month_sin", "registration_month_cos"} <= never


def test_age_and_language_skill_are_gated_and_off(catalogue: Catalogue) -> None:
    assert [feature.name for feature in catalogue.gated_features] == ["age", "language_skill"]
    assert not {"age", "language_skill"} & set(catalogue.feature_names)
    assert not {"birth_year", "language_skill"} & {item.name for item in catalogue.inputs}
    assert catalogue.active_features == catalogue.features


def test_strengths_speak_of_experience_education_recent_work_and_own_expectation(catalogue: Catalogue) -> None:
    with_strength = {feature.name for feature in catalogue.features if feature.strength}
    assert {"worked_share_36", "education_level", "days_since_work", "own_expectation"} <= with_strength


def test_protected_attributes_stand_apart(catalogue: Catalogue) -> None:
    assert [item.name for item in catalogue.protected] == [
        "sex",
        "birth_year",
        "citizenship_group",
        "native_language_group",
        "origin_group",
        "municipality_code",
        "disability_or_long_illness_flag",
        "form_language",
    ]
    assert [item.name for item in catalogue.protected if item.used_for == "data_quality"] == ["form_language"]


def test_a_code_becomes_its_position_and_not_known_becomes_nan(catalogue: Catalogue) -> None:
    encoded = catalogue.encode("education_level", ["0", "3", "8", "9", None])
    np.testing.assert_array_equal(encoded, [0.0, 3.0, 8.0, np.nan, np.nan])


def test_an_occupation_of_one_to_four_digits_counts_as_its_major_group(catalogue: Catalogue) -> None:
    encoded = catalogue.encode("occupation_isco", ["5", "52", "522", "5223", "0110", "X"])
    np.testing.assert_array_equal(encoded, [5.0, 5.0, 5.0, 5.0, 0.0, np.nan])


@pytest.mark.parametrize("code", ["52231", "", "A5", "５"])
def test_another_occupation_is_refused_without_repeating_it(catalogue: Catalogue, code: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        catalogue.encode("occupation_isco", ["5", code])
    assert caught.value.message.startswith("Input occupation_isco, row 2: the code is not known")
    assert not code or code not in caught.value.message


def test_what_holds_no_codes_is_not_encoded(catalogue: Catalogue) -> None:
    with pytest.raises(CatalogueError, match="history_from holds no codes"):
        catalogue.encode("history_from", ["2021-01-01"])


def test_rehabilitative_work_activity_ends_with_2026(catalogue: Catalogue) -> None:
    assert catalogue.code_valid_on("service", "rehabilitative_work", date(2026, 12, 31))
    assert not catalogue.code_valid_on("service", "rehabilitative_work", date(2027, 1, 1))


def test_a_code_names_its_successor(catalogue: Catalogue) -> None:
    old = catalogue.value("service", "multisectoral_joint_service")
    assert old is not None
    assert (old.valid_to, old.successor) == (date(2024, 12, 31), "multisectoral_support")
    assert not catalogue.code_valid_on("service", "multisectoral_support", date(2024, 12, 31))


def test_employment_codes_keep_their_leading_zeros(catalogue: Catalogue) -> None:
    assert [value.code for value in catalogue.input("employment_code").values] == [f"0{n}" for n in range(9)]
    assert not catalogue.code_valid_on("employment_code", "2", date(2026, 1, 1))


def test_known_bad_periods(catalogue: Catalogue) -> None:
    periods = {period.name: period for period in catalogue.bad_periods}
    assert periods["pandemic"].covers("spells", date(2020, 3, 1))
    assert not periods["pandemic"].covers("spells", date(2022, 1, 1))
    assert periods["service_records"].covers("services", date(2025, 7, 31))
    assert {name: period.rule for name, period in periods.items()} == {
        "pandemic": "exclude",
        "transfer": "flag",
        "service_records": "flag",
    }


def test_each_kind_of_fact_has_a_rule_for_a_missing_recording_time(catalogue: Catalogue) -> None:
    assert catalogue.recording_rule("spells").rule == "first_delivery"
    assert catalogue.recording_rule("self_assessments").rule == "assumed_lag"


def test_asking_for_what_is_not_there_names_what_is(catalogue: Catalogue) -> None:
    with pytest.raises(CatalogueError, match="has no domain fortune; it has work_history, education"):
        catalogue.domain("fortune")


def test_reloading_the_source_text_gives_the_same_catalogue(catalogue: Catalogue) -> None:
    again = catalogue_from_text(catalogue.source_text)
    assert again == catalogue
    assert again.fingerprint == catalogue.fingerprint


def test_the_fingerprint_is_that_of_the_document_so_that_a_later_program_knows_an_older_package() -> None:
    canonical = json.dumps(
        tomllib.loads(FLAT), ensure_ascii=False, separators=(",", ":"), default=lambda part: part.isoformat()
    )
    assert catalogue_from_text(FLAT).fingerprint == hashlib.sha256(canonical.encode()).hexdigest()


def test_comments_and_blanks_do_not_change_the_fingerprint() -> None:
    told = changed(
        FLAT, 'name = "small_flat"\nversion = "1"\n', '# a remark\nname   = "small_flat"\n\nversion = "1"\n\n\n'
    )
    assert catalogue_from_text(told).fingerprint == catalogue_from_text(FLAT).fingerprint


@pytest.mark.parametrize(
    ("old", "new"),
    [("at_least = 26", "at_least = 27"), ("Tilanne", "Tilanne nyt"), ("maximum = 2", "maximum = 3")],
)
def test_any_word_or_number_changes_the_fingerprint(old: str, new: str) -> None:
    assert catalogue_from_text(changed(FLAT, old, new)).fingerprint != catalogue_from_text(FLAT).fingerprint


def test_the_order_of_features_changes_the_fingerprint() -> None:
    body = REAL.partition("[features.mind]")[2].partition("[features.everyday]")[0]
    without = REAL.replace("[features.mind]" + body, "")
    moved = changed(without, "[features.skills]", "[features.mind]" + body + "[features.skills]")
    assert catalogue_from_text(moved) != catalogue_from_text(REAL)


def test_loading_a_catalogue_brings_nothing_heavy() -> None:
    script = """
import sys
from features.catalogue import load_catalogue
load_catalogue("keski_uusimaa")
assert not {"pandas", "mlflow", "lightgbm", "sklearn", "pyarrow", "typer", "pydantic"} & set(sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_having_come_from_a_service_is_never_a_signal() -> None:
    came_from = load_catalogue("keski_uusimaa").encode("activity_before", ["service", "work"])
    assert [bool(value == value) for value in came_from] == [False, True]
