"""Each fault of form is named with its place and its cure, and all of them at once."""

import pytest

from features.catalogue import load_catalogue
from features.errors import CatalogueError
from tests.catalogues import DEPENDANTS, FLAT, REAL, changed, refusal, within

SV_ADVISOR = 'sv = "Försörjda personer", en = "Dependants"}\nclient'


@pytest.mark.parametrize(
    ("old", "new", "place", "cure"),
    [
        (SV_ADVISOR, 'en = "Dependants"}\nclient', "inputs.dependants.advisor.sv", "is missing"),
        (SV_ADVISOR, 'sv = " ", en = "Dependants"}\nclient', "inputs.dependants.advisor.sv", "is empty"),
        (
            SV_ADVISOR,
            'de = "x", ' + SV_ADVISOR,
            "inputs.dependants.advisor.de",
            "is not a known key here; known are en, fi",
        ),
        ('why_needed = {fi = "Kuvaa', 'wy_needed = {fi = "Kuvaa', "inputs.dependants.wy_needed", "is not a known key"),
        ('why_needed = {fi = "Kuvaa', 'wy_needed = {fi = "Kuvaa', "inputs.dependants.why_needed.fi", "is missing"),
        ('version = "1"', "version = 1", "version", "must be a text"),
        ('version = "1"', "", "version", "is missing; write a text"),
        ("minimum = 0\nmaximum = 2", "minimum = 2\nmaximum = 0", "inputs.dependants.minimum", "must be below maximum"),
        ("minimum = 0\nmaximum = 2", 'minimum = "0"', "inputs.dependants.minimum", "must be a number"),
        ("minimum = 0\nmaximum = 2", "minimum = nan", "inputs.dependants.minimum", "must be a finite number"),
        ("example = 1\n", "example = 5\n", "inputs.dependants.example", "would be accepted"),
        ("example = 1\n", "example = true\n", "inputs.dependants.example", "would be accepted"),
        ("minimal = true", 'minimal = "yes"', "inputs.dependants.minimal", "must be true or false"),
        ("at_registration = true", "", "inputs.dependants.minimal", "not at hand at registration"),
        ('type = "integer"\nunit', 'type = "float"\nunit', "inputs.dependants.type", "must be one of code, date"),
        ('type = "integer"\nunit', 'type = "code"\nunit', "inputs.dependants.values", "must list the allowed codes"),
        ('unit = "people"', 'unit = "persons"', "inputs.dependants.unit", "must name a unit written under [units]"),
        ("as_of_origin = 1960-01-01", "as_of_origin = 1960", "flat.as_of_origin", "must be a date"),
        ("as_of_origin = 1960-01-01", "as_of_origin = 1960-01-01T00:00:00", "flat.as_of_origin", "without a time"),
        ('separator = "whitespace"', 'separator = "tabs"', "flat.separator", "must be one character"),
        ('as_of_type = "day_number"', 'as_of_type = "week"', "flat.as_of_type", "must be one of date, day_number"),
        ("at_least = 26\n", "", "label.at_least", "is missing"),
        ("horizon_days = 182", "horizon_days = 3", "label.horizon_days", "at least one month"),
        ('group = "situation_now"', 'group = "fate"', "domains.situation.group", "must be one of can_be_influenced"),
        ('name = "small_flat"', 'name = "Small Flat"', "name", "small letters"),
        ("[domains.situation]", "[domain.situation]", "domain", "is not a known key"),
    ],
)
def test_a_fault_is_named_with_place_and_cure(old: str, new: str, place: str, cure: str) -> None:
    message = refusal(changed(FLAT, old, new))
    lines = [line for line in message.splitlines() if line.startswith(f"  {place}: ")]
    assert any(cure in line for line in lines), message


@pytest.mark.parametrize(
    ("old", "new", "place", "cure"),
    [
        (
            'input = "dependants"',
            'input = "dependents"',
            "features.dependants.input",
            "must name a statement, or a column",
        ),
        ('input = "dependants"', "", "features.dependants", "either an input or a function"),
        ('domain = "situation"', 'domain = "luck"', "features.dependants.domain", "must be one of situation"),
        ('shown = "reason"', 'shown = "loudly"', "features.dependants.shown", "must be one of reason, topic, never"),
        ('shown = "reason"', 'shown = "topic"', "domains.situation.topic", "is missing"),
        ('shown = "reason"', 'shown = "never"', "features.dependants.raises", "is not a known key"),
        ('shown = "reason"', 'shown = "reason"\nmonotone = 2', "features.dependants.monotone", "must be -1, 0 or 1"),
        (
            'shown = "reason"',
            'shown = "reason"\nkind = "category"',
            "features.dependants.kind",
            "only an input with codes",
        ),
        ('shown = "reason"', 'shown = "reason"\nvoluntary = true', "features.dependants.voluntary", "must be false"),
        (
            'shown = "reason"',
            'shown = "reason"\nswitched_on = true',
            "features.dependants.switched_on",
            "not a known key",
        ),
        ('input = "dependants"', 'function = "worked_share"', "features.dependants.function", "has no dated facts"),
        ('lowers = {fi = "S', 'lower = {fi = "S', "features.dependants.lowers.en", "is missing; write the wording"),
    ],
)
def test_a_fault_of_a_feature(old: str, new: str, place: str, cure: str) -> None:
    message = refusal(within(FLAT, DEPENDANTS, old, new))
    lines = [line for line in message.splitlines() if line.startswith(f"  {place}: ")]
    assert any(cure in line for line in lines), message


@pytest.mark.parametrize(
    ("heading", "old", "new", "place", "cure"),
    [
        (
            "[features.unemployed_share_12]",
            "unemployed_share",
            "unemployed",
            "features.unemployed_share_12.function",
            "must be one of",
        ),
        (
            "[features.unemployed_share_12]",
            "{months = 12}",
            "{}",
            "features.unemployed_share_12.parameters.months",
            "is missing",
        ),
        (
            "[features.unemployed_share_12]",
            "months = 12",
            "months = -1",
            "features.unemployed_share_12.parameters.months",
            "above 0",
        ),
        (
            "[features.unemployed_share_12]",
            "months = 12",
            "months = 12, weeks = 1",
            "features.unemployed_share_12.parameters.weeks",
            "is not known",
        ),
        (
            "[features.mind]",
            'section = "mind"',
            'section = "mood"',
            "features.mind.parameters.section",
            "must be one of body",
        ),
        ("[features.mind]", "voluntary = true", "", "features.mind.voluntary", "must be true"),
        (
            "[features.occupation_isco]",
            'kind = "category"',
            'kind = "category"\nmonotone = 1',
            "features.occupation_isco.monotone",
            "must be 0",
        ),
        (
            "[features.education_level]",
            'input = "education_level"',
            'input = "history_from"',
            "features.education_level.input",
            "is a date",
        ),
        (
            "[features.education_level]",
            'input = "education_level"',
            'input = "reason_job_ended"',
            "inputs.statement.education_level",
            "no feature uses it",
        ),
        (
            "[inputs.services.service]",
            'successor = "multisectoral_support"',
            'successor = "nothing"',
            "inputs.services.service.values[9].successor",
            "another code",
        ),
        (
            "[inputs.services.service]",
            "valid_to = 2024-12-31, ",
            "",
            "inputs.services.service.values[9].valid_to",
            "is missing",
        ),
        (
            "[inputs.services.service]",
            'code = "work_trial"',
            'code = "coaching"',
            "inputs.services.service.values[0].code",
            "stands twice",
        ),
        (
            "[inputs.spells.spell_end]",
            'field = "end"',
            'field = "start"',
            "inputs.spells.spell_end",
            "shares its field",
        ),
        (
            "[recording_rules.departures]",
            "days = 30",
            "days = -1",
            "recording_rules.departures.days",
            "must not be negative",
        ),
        ("", "[recording_rules.departures]", "[recording_rules.exits]", "recording_rules.departures", "is missing"),
        ("[bad_periods.pandemic]", "2021-12-31", "2019-12-31", "bad_periods.pandemic.ends", "lies before starts"),
        ("[bad_periods.pandemic]", '["spells"]', '["spell"]', "bad_periods.pandemic.facts", "must list one or more of"),
        ("", "landmarks = [0, 3, 6, 9]", "landmarks = [3, 6, 9]", "landmarks", "must begin with 0"),
        ("", "landmarks = [0, 3, 6, 9]", "landmarks = [0, 12]", "landmarks", "stay below the horizon"),
    ],
)
def test_a_fault_of_dated_facts(heading: str, old: str, new: str, place: str, cure: str) -> None:
    message = refusal(within(REAL, heading, old, new) if heading else changed(REAL, old, new))
    lines = [line for line in message.splitlines() if line.startswith(f"  {place}: ")]
    assert any(cure in line for line in lines), message


def test_all_faults_are_named_at_once() -> None:
    text = changed(FLAT, 'version = "1"', "")
    text = changed(text, "maximum = 2", "maximum = -2")
    text = within(text, DEPENDANTS, 'domain = "situation"', 'domain = "luck"')
    message = refusal(text)
    places = [line.strip().partition(":")[0] for line in message.splitlines()[1:]]
    assert {"version", "inputs.dependants.minimum", "features.dependants.domain"} <= set(places)
    assert message.startswith(f"Catalogue area.toml has {len(places)} faults:")


def test_a_file_that_is_not_toml_names_the_line() -> None:
    message = refusal('name = "x"\nversion = = 1')
    assert message.startswith("area.toml is not valid TOML: ")
    assert "line 2" in message


def test_an_empty_file_is_told_what_to_write() -> None:
    message = refusal("")
    assert "  name: is missing; write a text" in message
    assert "  inputs: is missing; write a table [inputs]" in message


def test_an_unknown_name_lists_the_catalogues_at_hand() -> None:
    with pytest.raises(CatalogueError, match=r"cannot be read .* one of: keski_uusimaa\."):
        load_catalogue("keski_suomi")


def test_another_encoding_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "area.toml"
    file.write_bytes(FLAT.encode("utf-16"))
    with pytest.raises(CatalogueError, match=r"area\.toml is not UTF-8; save it as UTF-8"):
        load_catalogue(file)
