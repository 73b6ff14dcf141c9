"""What no catalogue may hold: protected, gated and outcome material, labels of people, identity codes."""

import pytest

from features.catalogue import catalogue_from_text, load_catalogue
from features.errors import CatalogueError
from features.functions import FUNCTIONS, feature_function, load_functions
from tests.catalogues import DEPENDANTS, FLAT, REAL, UNDER_35, changed, refusal, within

JUSTIFIED = """switched_on = true
justification = {purpose = "Earlier meetings", legal_basis = "Act 380/2023", benefit_and_cost_by_group = "See the report", alternatives_considered = "None worked", approved_by = "Steering group", approved_on = 2026-05-01, review_by = 2027-05-01}
"""  # noqa: E501


def renamed(name: str) -> str:
    """The small flat catalogue with its one input, column and feature called `name`."""
    return FLAT.replace("dependants", name).replace('column = "dep"', f'column = "{name}"')


@pytest.mark.parametrize(
    "name",
    [
        "female",
        "sex",
        "client_sex",
        "gender",
        "citizenship_group",
        "native_language",
        "municipality_code",
        "postal_code",
    ],
)
def test_a_protected_attribute_among_the_features_is_refused(name: str) -> None:
    message = refusal(renamed(name))
    assert f"  inputs.{name}: is a protected attribute among the inputs" in message
    assert f"  features.{name}: is or reads a protected attribute" in message


@pytest.mark.parametrize("column", ["Female", "FEMALE", "fe_male", "isFemale", "AgeLT35", "AGE_LT_35"])
def test_a_variant_of_its_name_does_not_help(column: str) -> None:
    message = refusal(changed(FLAT, 'column = "dep"', f'column = "{column}"'))
    assert "  inputs.dependants: is a protected attribute among the inputs" in message


def test_a_function_that_reads_a_protected_attribute_is_refused() -> None:
    load_functions()

    @feature_function("years_lived", reads=("Birth_Year",))
    def years_lived(known):  # type: ignore[no-untyped-def]
        return known

    try:
        text = within(REAL, "[features.days_since_work]", 'function = "days_since_work"', 'function = "years_lived"')
        assert "  features.days_since_work: is or reads a protected attribute" in refusal(text)
    finally:
        del FUNCTIONS["years_lived"]


def test_a_protected_attribute_as_a_parameter_is_refused() -> None:
    text = within(REAL, "[features.mind]", 'section = "mind"', 'section = "native_language_group"')
    assert "  features.mind: is or reads a protected attribute" in refusal(text)


def test_data_of_class_protected_stands_only_among_the_gated() -> None:
    text = within(FLAT, "[inputs.dependants]", "minimum = 0", 'data_class = "protected"\nminimum = 0')
    assert "  inputs.dependants: is of data class protected" in refusal(text)


@pytest.mark.parametrize("name", ["age", "birth_year", "under_35", "under35", "language_skill", "ika"])
def test_a_gated_feature_outside_the_gate_is_refused(name: str) -> None:
    assert f"  features.{name}: is gated: put it under [gated.features]" in refusal(renamed(name))


def test_a_gated_feature_needs_its_justification_to_be_switched_on() -> None:
    message = refusal(changed(FLAT, UNDER_35, UNDER_35 + "switched_on = true\n"))
    assert "  gated.features.under_35.justification: is missing; without it a gated feature stays off" in message


@pytest.mark.parametrize(
    "part", ['purpose = "Earlier meetings", ', "approved_on = 2026-05-01, ", 'legal_basis = "Act 380/2023", ']
)
def test_a_justification_must_be_complete(part: str) -> None:
    message = refusal(changed(FLAT, UNDER_35, UNDER_35 + changed(JUSTIFIED, part, "")))
    assert f"  gated.features.under_35.justification.{part.partition(' ')[0]}: is missing" in message


def test_a_justified_gated_feature_is_computed_and_its_input_asked() -> None:
    catalogue = catalogue_from_text(changed(FLAT, UNDER_35, UNDER_35 + JUSTIFIED))
    assert catalogue.feature_names == ("dependants", "under_35")
    assert catalogue.input("under_35").data_class == "protected"
    justification = catalogue.feature("under_35").justification
    assert justification is not None
    assert "legal_basis: Act 380/2023" in justification


def test_age_can_be_switched_on_in_the_real_catalogue_with_a_justification() -> None:
    catalogue = catalogue_from_text(within(REAL, "[gated.features.age]", "switched_on = false", JUSTIFIED))
    assert "age" in catalogue.feature_names
    assert "birth_year" in catalogue.statement_inputs


@pytest.mark.parametrize("column", ["weeks", "WEEKS", "weeks_other_count", "Weeks-Other-Count", "weeksothercount"])
def test_outcome_material_among_the_inputs_is_refused(column: str) -> None:
    message = refusal(changed(FLAT, 'column = "dep"', f'column = "{column}"'))
    assert "  inputs.dependants: is outcome material" in message


@pytest.mark.parametrize("name", ["true_risk", "long_term_unemployed", "LTU_12"])
def test_outcome_material_among_the_real_features_is_refused(name: str) -> None:
    text = changed(REAL, "[features.days_since_work]", f"[features.{name}]")
    assert f"  features.{name}: is or reads outcome material" in refusal(text)


def test_the_as_of_column_is_no_input() -> None:
    message = refusal(changed(FLAT, 'column = "dep"', 'column = "claim_day"'))
    assert "  inputs.dependants: is the person or as-of column" in message


def test_a_self_assessment_is_never_a_reason() -> None:
    message = refusal(within(REAL, "[features.mind]", 'shown = "topic"', 'shown = "reason"'))
    assert "  features.mind.shown: must be topic or never: a self-assessment is a topic, never a cause" in message


def test_service_history_is_never_a_reason() -> None:
    message = refusal(within(REAL, "[features.services_ended_24]", 'shown = "topic"', 'shown = "reason"'))
    assert "  features.services_ended_24.shown: must be topic or never: service history is a topic" in message


@pytest.mark.parametrize("words", ["Riskiasiakas", "Vaikeasti työllistyvä", "koska sinä", "ongelmia"])
def test_a_forbidden_word_is_named_with_its_place(words: str) -> None:
    message = refusal(within(FLAT, DEPENDANTS, "Samassa tilanteessa työn", f"{words} työn"))
    assert "  features.dependants.raises.fi: holds words that label or blame people" in message


CODE = "131052" + "-308T"


def test_an_identity_code_in_a_text_is_refused_and_not_repeated() -> None:
    message = refusal(within(FLAT, DEPENDANTS, "Samassa tilanteessa", CODE))
    assert "features.dependants.raises.fi: holds something shaped like a personal identity code" in message
    assert CODE not in message


def test_an_identity_code_in_a_key_is_refused_and_not_repeated() -> None:
    message = refusal(changed(FLAT, DEPENDANTS, f'"{CODE}" = 1\n{DEPENDANTS}'))
    assert "shaped like a personal identity code" in message
    assert CODE not in message


def test_an_identity_code_in_a_file_name_is_not_repeated() -> None:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(f"data/{CODE}.toml")
    assert "cannot be read" in caught.value.message
    assert CODE not in caught.value.message


def test_an_identity_code_in_a_comment_is_refused_by_its_line() -> None:
    message = refusal(f"# {CODE}\n{FLAT}")
    assert "line 1: holds something shaped like a personal identity code" in message
    assert CODE not in message
