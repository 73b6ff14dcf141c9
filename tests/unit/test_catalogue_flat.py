"""A flat extract needs a TOML file and no code."""

from datetime import date

from features.catalogue import catalogue_from_text
from tests.catalogues import FLAT, changed


def test_a_flat_catalogue_says_how_its_extract_is_read() -> None:
    flat = catalogue_from_text(FLAT).flat
    assert flat is not None
    assert (flat.separator, flat.person, flat.as_of, flat.as_of_type) == (
        "whitespace",
        "row",
        "claim_day",
        "day_number",
    )
    assert flat.as_of_origin == date(1960, 1, 1)
    assert flat.forbidden == ("weeks_other_count",)


def test_its_label_is_a_column_with_a_bound_and_a_horizon() -> None:
    catalogue = catalogue_from_text(FLAT)
    label = catalogue.label
    assert (label.name, label.column, label.at_least, label.horizon_days) == ("flat", "weeks", 26.0, 182)
    assert (catalogue.horizon_days, catalogue.horizon_months) == (182, 6)
    assert catalogue.landmarks == (0,)


def test_an_input_may_have_another_name_than_its_column() -> None:
    dependants = catalogue_from_text(FLAT).input("dependants")
    assert (dependants.fact, dependants.field) == ("flat", "dep")


def test_a_tab_or_a_comma_may_separate() -> None:
    for written, read in ((r'"\t"', "\t"), ('","', ","), ('";"', ";")):
        flat = catalogue_from_text(changed(FLAT, '"whitespace"', written)).flat
        assert flat is not None
        assert flat.separator == read


def test_days_are_counted_from_1970_unless_said_otherwise() -> None:
    flat = catalogue_from_text(changed(FLAT, "as_of_origin = 1960-01-01\n", "")).flat
    assert flat is not None
    assert flat.as_of_origin == date(1970, 1, 1)
