"""The policy file and the levels it suggests."""

from pathlib import Path

import numpy as np
import pytest

from features.catalogue import load_catalogue
from features.errors import ConfigError
from model_registry.scoring.segments import LEVELS, SegmentPolicy, landmark_of
from tests.policies import fixed_policy


@pytest.fixture
def policy() -> SegmentPolicy:
    return fixed_policy()


@pytest.mark.parametrize(
    ("risk", "landmark", "level"),
    [
        (0.37, 0, "standard_service"),
        (0.38, 0, "early_meeting"),
        (0.50, 0, "close_support"),
        (0.40, 3, "standard_service"),
        (0.74, 9, "standard_service"),
        (1.00, 9, "close_support"),
    ],
)
def test_a_level_starts_at_its_threshold_and_each_landmark_has_its_own(
    policy: SegmentPolicy, risk: float, landmark: int, level: str
) -> None:
    assert policy.level(risk, landmark).key == level


def test_many_risks_get_the_levels_they_get_alone(policy: SegmentPolicy) -> None:
    risk, landmark = np.linspace(0, 1, 101), np.tile([0, 3, 6, 9], 26)[:101]

    together = [LEVELS[position] for position in policy.positions(risk, landmark)]

    assert together == [policy.level(r, int(m)).key for r, m in zip(risk, landmark, strict=True)]


def test_a_landmark_without_thresholds_is_refused(policy: SegmentPolicy) -> None:
    with pytest.raises(ConfigError, match="month 12"):
        policy.level(0.5, 12)


def test_the_names_are_the_ones_agreed(policy: SegmentPolicy) -> None:
    assert [level.name["fi"] for level in policy.levels] == ["peruspalvelu", "varhainen tapaaminen", "tiivis tuki"]
    assert [level.name["sv"] for level in policy.levels] == ["grundservice", "tidigt möte", "intensivt stöd"]
    assert [level.name["en"] for level in policy.levels] == ["standard service", "early meeting", "close support"]


def test_it_says_what_the_estimate_is_not_for(policy: SegmentPolicy) -> None:
    said = " ".join(words["fi"] for words in policy.not_for)

    assert all(word in said for word in ("lausuntoihin", "velvoitteiden", "etuuksiin", "valvontaan"))


def test_the_areas_policy_waits_for_a_model_to_get_its_thresholds() -> None:
    policy = SegmentPolicy.load()
    assert policy.thresholds_are == "capacity"
    assert policy.thresholds == {}
    assert policy.capacity is not None
    assert policy.capacity.early_talks_a_month == 120
    with pytest.raises(ConfigError, match="month 0"):
        policy.level(0.5, 0)


def test_thresholds_that_a_model_set_stand_in_its_policy_to_the_last_bit(policy: SegmentPolicy) -> None:
    third = {0: (1 / 3, 2 / 3)}
    made = SegmentPolicy.load().with_thresholds(third, "Set for a test.")
    assert SegmentPolicy.parse(made.source_text).thresholds == third
    assert "# Set for a test." in made.source_text
    with pytest.raises(ConfigError, match="has thresholds already"):
        policy.with_thresholds(third, "Again.")


def test_options_are_those_of_the_domains_named(policy: SegmentPolicy) -> None:
    assert [option.name["en"] for option in policy.options_for(["education"])] == ["training guidance"]
    assert policy.options_for(["season"]) == ()


def test_options_name_domains_of_the_areas_catalogue(policy: SegmentPolicy) -> None:
    known = {domain.name for domain in load_catalogue("keski_uusimaa").domains}
    assert {domain for option in policy.options for domain in option.domains} <= known


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('version = "2026-2"', "", "version"),
        ('thresholds_are = "capacity"', 'thresholds_are = "taste"', "thresholds_are"),
        ("early_talks_a_month = 120", "early_talks_a_month = 0", "capacity.early_talks_a_month"),
        ("[capacity]", "[room]", "capacity: must be a table"),
        ("early_meeting = 0.38", "early_meeting = 0.60", "thresholds.0"),
        ("close_support = 0.5", "close_support = 1.54", "thresholds.0"),
        ("close_support = 0.5\n", "", "thresholds.0"),
        ("[thresholds.3]", "[thresholds.three]", "landmark"),
        ('name.sv = "tidigt möte"', "", "levels.early_meeting.name.sv"),
        ('name.sv = "utbildningsrådgivning"', "", "options"),
        ('domains = ["education", "skills", "occupation"]', "domains = []", "options"),
        ("[levels.close_support]", "[levels.closest_support]", "levels"),
        ("[a_person_decides]", "[nobody_decides]", "nobody_decides"),
    ],
)
def test_a_fault_is_named_with_its_place(policy: SegmentPolicy, old: str, new: str, place: str) -> None:
    assert old in policy.source_text

    with pytest.raises(ConfigError, match=place):
        SegmentPolicy.parse(policy.source_text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("extra", "place"), [("options = ['x']", "options"), ("thresholds = 3", "thresholds"), ("levels = 'x'", "levels")]
)
def test_a_value_in_place_of_a_table_is_a_fault_and_no_crash(extra: str, place: str) -> None:
    text = f'version = "1"\nthresholds_are = "assumption"\n{extra}\n'
    with pytest.raises(ConfigError, match=place):
        SegmentPolicy.parse(text)


def test_a_capacity_beside_fixed_thresholds_is_a_fault(policy: SegmentPolicy) -> None:
    text = policy.source_text.replace('thresholds_are = "capacity"', 'thresholds_are = "assumption"')
    with pytest.raises(ConfigError, match="capacity: sets nothing"):
        SegmentPolicy.parse(text)


def test_every_set_of_thresholds_has_a_version_of_its_own(policy: SegmentPolicy) -> None:
    other = SegmentPolicy.load().with_thresholds({0: (0.3, 0.6)}, "Other.")
    assert policy.version.startswith("2026-2+")
    assert other.version.startswith("2026-2+")
    assert other.version != policy.version


def test_a_file_that_is_not_there_or_not_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no policy file"):
        SegmentPolicy.load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="not TOML"):
        SegmentPolicy.parse("version = ")


def test_people_are_compared_at_the_latest_landmark_they_have_reached() -> None:
    months = np.array([0.0, 2.8, 2.92, 5.95, 11.0, np.nan])

    assert landmark_of(months, (0, 3, 6, 9)).tolist() == [0, 0, 3, 6, 9, 0]
