"""A voluntary answer may only add support: whoever tells more never gets a lower level for it."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.catalogue import Catalogue, catalogue_from_text, load_catalogue
from features.errors import PackageError
from features.frame import FeatureFrame
from features.intake import frame_of_document
from model_registry.package import Package, voluntary_known, write_package
from model_registry.scoring.answers import answer_groups, parts_told
from tests.policies import fixed_policy
from tests.small_package import CATALOGUE_TEXT, NUMBER, _feature, _input
from training.committee import fit_committee
from training.config import CommitteeConfig, FitConfig
from training.fit import SMALL_TREES, Candidate, Table, fit_candidate, tree_fitter

DAY = date(2026, 10, 15)
CODES = ("within_1_month", "within_3_months", "within_6_months", "within_12_months", "later")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue("keski_uusimaa")


def people(catalogue: Catalogue, n: int, seed: int) -> Table:
    """Own expectation and work ability tell much of the outcome, and often speak against each other."""
    random = np.random.default_rng(seed)
    names = catalogue.feature_names
    values = np.full((n, len(names)), np.nan)
    for name in catalogue.register_names:
        if catalogue.feature(name).kind == "number":
            values[:, names.index(name)] = random.random(n)
    expectation, ability = random.integers(0, 5, n).astype(float), random.integers(0, 11, n).astype(float)
    told, assessed = random.random(n) < 0.7, random.random(n) < 0.4
    values[:, names.index("own_expectation")] = np.where(told, expectation, np.nan)
    values[:, names.index("work_ability_score")] = np.where(assessed, ability, np.nan)
    log_odds = -1.5 + 2 * values[:, names.index("unemployed_share_36")] + 0.6 * (expectation - 2) - 0.3 * (ability - 6)
    outcome = (random.random(n) < 1 / (1 + np.exp(-log_odds))).astype(float)
    frame = FeatureFrame(values, names, catalogue.fingerprint)
    return Table(frame, outcome, voluntary_known(catalogue, frame), np.zeros(n, np.int8))


FIT = FitConfig(trees=60, fewest_in_leaf=50, learning_rate=0.1, threads=1)


@pytest.fixture(scope="module")
def fitted(catalogue) -> Candidate:
    fit, calibration = people(catalogue, 8_000, 1), people(catalogue, 3_000, 2)
    return fit_candidate(SMALL_TREES, catalogue, fit, calibration, tree_fitter(catalogue, FIT, 1))


@pytest.fixture(scope="module")
def package(catalogue, fitted, tmp_path_factory) -> Package:
    fit, calibration = people(catalogue, 8_000, 1), people(catalogue, 3_000, 2)
    person = np.arange(len(fit))
    committee = fit_committee(fitted, catalogue, CommitteeConfig(members=5), FIT, 1, fit, person, calibration, None)
    return write_package(
        tmp_path_factory.mktemp("package") / "package",
        name="demo-answers",
        catalogue=catalogue,
        register=fitted.register,
        full=fitted.full,
        committee=committee,
        policy=fixed_policy(),
        reference=dict.fromkeys(catalogue.landmarks, fit.frame),
        evidence={},
        trained_on={},
        demonstration=True,
    )


PESSIMIST = {
    "client_id": "person",
    "purpose": "service_planning",
    "within_legal_age_range": True,
    "history_from": "2021-01-01",
    "own_expectation": "later",
    "spells": [{"employment_code": "02", "start": "2026-10-12"}],
}
ABLE = {"instrument_version": "2020", "date": "2026-10-14", "use_permitted": True, "work_ability_score": 10}


def score(low: float, high: float) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.integers(int(low), int(high)))


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    started = date.fromordinal(DAY.toordinal() - draw(st.integers(0, 300)))
    worked = date.fromordinal(started.toordinal() - draw(st.integers(1, 1_500)))
    document: dict[str, Any] = {
        "client_id": "person",
        "purpose": "service_planning",
        "within_legal_age_range": True,
        "history_from": "2021-01-01",
        "education_level": draw(st.sampled_from("123678")),
        "spells": [{"employment_code": "02", "start": started.isoformat()}],
    }
    if worked > date(2021, 1, 1):
        ended = date.fromordinal(started.toordinal() - 1).isoformat()
        document["spells"].insert(0, {"employment_code": "01", "start": worked.isoformat(), "end": ended})
    if draw(st.booleans()):
        document["own_expectation"] = draw(st.sampled_from(CODES))
    return document


@st.composite
def self_assessments(draw: st.DrawFn) -> dict[str, Any]:
    told: dict[str, Any] = {
        "instrument_version": "2020",
        "date": date.fromordinal(DAY.toordinal() - draw(st.integers(0, 60))).isoformat(),
        "use_permitted": True,
        "work_ability_score": draw(st.integers(0, 10)),
    }
    for name, value in (("functioning", draw(score(0, 10))), ("life_satisfaction", draw(score(1, 5)))):
        if value is not None:
            told[name] = value
    return told


@settings(max_examples=200, deadline=None)
@given(document=documents(), assessment=self_assessments())
@example(document=PESSIMIST, assessment=ABLE)
def test_the_same_facts_with_a_self_assessment_never_get_a_lower_level(catalogue, package, document, assessment):
    without = package.screen(frame_of_document(catalogue, document, DAY, DAY))
    with_it = package.screen(frame_of_document(catalogue, {**document, "self_assessments": [assessment]}, DAY, DAY))
    assert with_it.risk[0] >= without.risk[0]
    assert with_it.level[0] >= without.level[0]
    assert with_it.certainty.decisive[0] >= without.certainty.decisive[0]


def test_with_a_committee_nobody_who_tells_more_gets_a_lower_level(catalogue, package):
    table = people(catalogue, 3_000, 7)
    less = table.frame.values.copy()
    voluntary = [i for i, item in enumerate(catalogue.active_features) if item.voluntary]
    less[:, voluntary] = np.nan
    with_it = package.screen(table.frame, 0)
    without = package.screen(FeatureFrame(less, table.frame.names, table.frame.fingerprint), 0)
    assert with_it.certainty.unsure.any()
    assert (with_it.level >= without.level).all()
    assert (with_it.level > without.level).any()


def test_an_expectation_beside_a_self_assessment_never_lowers_the_risk_either(catalogue, package):
    table = people(catalogue, 3_000, 5)
    less = table.frame.values.copy()
    less[:, catalogue.feature_names.index("own_expectation")] = np.nan
    with_it = package.screen(table.frame, 0).risk
    without = package.screen(FeatureFrame(less, table.frame.names, table.frame.fingerprint), 0).risk
    assert (with_it >= without).all()
    assert (with_it > without).any()


def test_the_contributions_still_sum_to_the_risk(catalogue, package):
    found = package.screen(people(catalogue, 500, 6).frame, 0)
    total = found.base + found.contributions.sum(axis=1)
    np.testing.assert_allclose(1 / (1 + np.exp(-total)), found.risk, rtol=1e-12)


def test_a_self_assessment_is_one_answer_and_a_statement_another(catalogue):
    groups = answer_groups(catalogue)
    assert len(groups) == 2
    assert sum(map(len, groups)) == len(catalogue.feature_names) - len(catalogue.register_names)


def test_only_what_was_told_beside_something_else_is_left_out(catalogue):
    names = catalogue.feature_names
    values = np.full((3, len(names)), np.nan)
    values[[0, 2], names.index("own_expectation")] = 1
    values[[1, 2], names.index("work_ability_score")] = 5
    parts = list(parts_told(catalogue, FeatureFrame(values, names, catalogue.fingerprint)))
    assert [rows.tolist() for rows, _ in parts] == [[0, 1, 2], [2], [2]]


def test_training_and_package_give_the_same_log_odds_to_the_last_bit(catalogue, fitted, package):
    table = people(catalogue, 2_000, 8)
    assert (fitted.log_odds(table.frame, table.answered, catalogue) == package.screen(table.frame, 0).log_odds).all()


def test_more_voluntary_answers_than_every_part_of_can_be_asked_for_are_refused():
    text = CATALOGUE_TEXT
    for number in range(2, 6):
        asked = _input(f"view_{number}", NUMBER + "\nvoluntary = true").replace("minimal = true", "minimal = false")
        text += asked + _feature(f"view_{number}", "voluntary = true")
    with pytest.raises(PackageError, match="5 voluntary answers"):
        answer_groups(catalogue_from_text(text))
