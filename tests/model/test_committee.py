"""The committee: refits that score like LightGBM, and the rule that turns their votes into a level."""

from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import FrameError, PackageError
from model_registry.scoring.calibration import risk_of
from model_registry.scoring.committee import Committee, certain, certainty
from model_registry.scoring.linear import fit_design
from model_registry.scoring.refits import (
    CalibratedRefits,
    LinearRefits,
    TreeRefits,
    calibrated_refits,
    linear_refits,
    tree_refits,
)
from tests.policies import fixed_policy
from tests.small_package import catalogue, committee, frame, small_package

NAMES = tuple(f"f{i}" for i in range(6))


def matrix(n: int, seed: int, missing: float) -> Any:
    random = np.random.default_rng(seed)
    values = random.normal(size=(n, len(NAMES)))
    values[:, 4] = random.integers(0, 20, n)
    values[:, 5] = np.where(random.random(n) < 0.3, 0.0, values[:, 5])
    values[random.random(values.shape) < missing] = np.nan
    return values


def booster(values: Any, seed: int, **parameters: Any) -> lightgbm.Booster:
    random = np.random.default_rng(seed)
    known = np.nan_to_num(values)
    outcome = (known[:, 0] - known[:, 1] * known[:, 2] + (known[:, 4] % 3) + random.normal(size=len(values)) > 1) * 1.0
    data = lightgbm.Dataset(values, outcome, feature_name=list(NAMES), categorical_feature=[4])
    settings_ = {"objective": "binary", "num_leaves": 8, "verbosity": -1, "num_threads": 1, "seed": seed, **parameters}
    return lightgbm.train(settings_, data, 15)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    missing=st.sampled_from([0.0, 0.1, 0.6]),
    leaves=st.integers(2, 8),
    zero_as_missing=st.booleans(),
)
def test_every_refit_gives_lightgbms_own_raw_score(
    seed: int, missing: float, leaves: int, zero_as_missing: bool
) -> None:
    values = matrix(300, seed, missing)
    made = [booster(values, seed + i, num_leaves=leaves, zero_as_missing=zero_as_missing) for i in range(3)]
    refits = tree_refits([one.model_to_string() for one in made], NAMES, max_leaves=8)
    asked = np.vstack([matrix(150, seed + 1, 0.3), np.full((1, 6), np.nan), np.full((1, 6), 99.0)])
    expected = np.column_stack([one.predict(asked, raw_score=True) for one in made])
    np.testing.assert_allclose(refits.margins(asked, threads=2), expected, atol=1e-9, rtol=0)


def test_one_row_alone_gives_the_bits_it_gives_in_a_batch() -> None:
    values = matrix(400, 1, 0.2)
    refits = tree_refits([booster(values, i).model_to_string() for i in range(4)], NAMES, max_leaves=8)
    together = refits.margins(values, threads=2)
    alone = np.vstack([refits.margins(values[row : row + 1]) for row in range(len(values))])
    assert (alone == together).all()


def test_refits_of_wider_frames_look_at_their_own_columns() -> None:
    values = matrix(50, 2, 0.2)
    refits = tree_refits([booster(values, 1).model_to_string()], NAMES, max_leaves=8)
    wide = refits.widened(("other", *reversed(NAMES)))
    assert (wide.margins(np.column_stack([np.zeros(50), values[:, ::-1]])) == refits.margins(values)).all()
    with pytest.raises(FrameError, match="6 columns"):
        refits.margins(values[:, :5])


def test_linear_refits_add_up_like_their_tables() -> None:
    values = matrix(200, 3, 0.3)
    design = fit_design(values, NAMES, {"f4": 20})
    columns = design.matrix(values).shape[1]
    tables = [design.tables(np.random.default_rng(i).normal(size=columns), 0.1 * i) for i in range(3)]
    refits = linear_refits(tables)
    expected = np.column_stack([one.base + one.contributions(values).sum(axis=1) for one in tables])
    np.testing.assert_allclose(refits.margins(values), expected, atol=1e-12)
    wide = refits.widened(("other", *reversed(NAMES)))
    np.testing.assert_allclose(wide.margins(np.column_stack([np.zeros(200), values[:, ::-1]])), expected, atol=1e-12)
    again = LinearRefits.from_arrays(refits.to_arrays())
    assert (again.margins(values) == refits.margins(values)).all()


def test_a_committee_survives_its_saved_form() -> None:
    whole, rows = committee(), frame(60, 9)
    again = Committee.from_arrays(whole.to_arrays())
    assert again.widening == whole.widening
    values = rows.select(catalogue().register_names).values
    assert (again.register.log_odds(values) == whole.register.log_odds(values)).all()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("register.feature", lambda array: array + 100),
        ("register.leaf", lambda array: array + 9),
        ("register.leaf", lambda array: array[:-1]),
        ("register.patterns", lambda array: array[:-1]),
        ("register.output", lambda array: array * np.nan),
        ("register.members", lambda array: array[::-1].copy()),
        ("register.threshold", lambda array: array.astype(np.float32)),
        ("register.slope", lambda array: -array),
        ("register.slope", lambda array: array[:-1]),
        ("register.kind_of_refits", lambda _: np.array("pickle")),
        ("landmarks", lambda array: array[:-1]),
        ("widening", lambda array: array / 4),
    ],
)
def test_a_saved_committee_that_does_not_fit_together_is_refused(name: str, change: Any) -> None:
    saved = committee().to_arrays()
    with pytest.raises(PackageError):
        Committee.from_arrays({**saved, name: change(saved[name])})


def test_a_part_that_is_missing_is_named() -> None:
    saved = committee().to_arrays()
    del saved["register.threshold"]
    with pytest.raises(PackageError, match="threshold"):
        Committee.from_arrays(saved)


def test_a_committee_of_other_features_is_not_packaged(tmp_path) -> None:
    whole = committee()
    assert whole.full is not None
    with pytest.raises(PackageError, match="committee is of other models"):
        small_package(tmp_path / "package", committee=Committee(whole.full, whole.full, whole.widening))
    with pytest.raises(PackageError, match="committee is of other models"):
        small_package(tmp_path / "package", committee=Committee(whole.register, None, whole.widening))


def test_a_committee_of_other_landmarks_is_not_packaged(tmp_path) -> None:
    whole = committee()
    with pytest.raises(PackageError, match="other landmarks"):
        small_package(tmp_path / "package", committee=Committee(whole.register, whole.full, {3: 2.0}))


def log_odds_of(*risks: float) -> Any:
    return np.log(np.array(risks) / (1 - np.array(risks)))


STANDARD, EARLY, CLOSE = 0, 1, 2


@pytest.mark.parametrize(
    ("served", "members", "level", "same", "unsure", "other"),
    [
        # thresholds at month 0: early meeting from .38, close support from .50
        (0.30, [0.25, 0.28, 0.30, 0.31, 0.33], STANDARD, 5, False, STANDARD),
        (0.30, [0.25, 0.28, 0.30, 0.31, 0.40], STANDARD, 4, False, STANDARD),  # four of five agree: 80 %
        (0.30, [0.25, 0.28, 0.30, 0.39, 0.40], EARLY, 3, True, STANDARD),  # the higher applies
        (0.40, [0.30, 0.36, 0.39, 0.40, 0.41], EARLY, 3, True, STANDARD),  # dissent from below changes nothing
        (0.40, [0.36, 0.39, 0.40, 0.41, 0.45], EARLY, 4, False, EARLY),
        (0.40, [0.36, 0.39, 0.45, 0.51, 0.55], CLOSE, 2, True, EARLY),
        (0.40, [0.30, 0.39, 0.42, 0.45, 0.55], EARLY, 3, True, STANDARD),  # one above, one below: the two lower named
        (0.30, [0.30, 0.31, 0.32, 0.55, 0.56], CLOSE, 3, True, STANDARD),
        (0.60, [0.55, 0.56, 0.57, 0.58, 0.59], CLOSE, 5, False, CLOSE),
    ],
)
def test_the_votes_decide_as_the_table_says(served, members, level, same, unsure, other) -> None:
    month = np.zeros(1, dtype=np.int64)
    found = certainty(fixed_policy(), month, log_odds_of(served), log_odds_of(*members)[None, :], 1.0)
    told = (found.level[0], found.same_level[0], bool(found.unsure[0]), found.other_level[0])
    assert told == (level, same, unsure, other)
    assert fixed_policy().positions(found.decisive, month)[0] == level


def test_the_range_runs_from_the_fifth_to_the_ninety_fifth_percentile_drawn_out_from_the_median() -> None:
    members = np.linspace(-1.0, 1.0, 21)[None, :]
    month = np.zeros(1, dtype=np.int64)
    plain = certainty(fixed_policy(), month, np.zeros(1), members, 1.0)
    np.testing.assert_allclose([plain.lower[0], plain.upper[0]], risk_of(np.array([-0.9, 0.9])))
    wide = certainty(fixed_policy(), month, np.zeros(1), members, 2.0)
    np.testing.assert_allclose([wide.lower[0], wide.upper[0]], risk_of(np.array([-1.8, 1.8])))
    outside = certainty(fixed_policy(), month, np.array([3.0]), members, 1.0)
    assert outside.upper[0] == risk_of(np.array([3.0]))[0]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_risks_that_rise_never_lower_the_level(data: st.DataObject) -> None:
    members = np.array(data.draw(st.lists(st.floats(-3, 3), min_size=5, max_size=12)))
    served = data.draw(st.floats(-3, 3))
    rises = np.array(data.draw(st.lists(st.floats(0, 2), min_size=len(members), max_size=len(members))))
    month, policy = np.zeros(1, dtype=np.int64), fixed_policy()
    before = certainty(policy, month, np.array([served]), members[None, :], 1.0)
    after = certainty(policy, month, np.array([served + data.draw(st.floats(0, 2))]), (members + rises)[None, :], 1.0)
    assert after.level[0] >= before.level[0]
    assert not before.unsure[0] or before.other_level[0] < before.level[0]


def test_without_a_committee_the_served_risk_decides_and_there_is_no_range() -> None:
    found = certain(fixed_policy(), np.zeros(2, dtype=np.int64), log_odds_of(0.30, 0.60))
    assert found.level.tolist() == [STANDARD, CLOSE]
    assert found.members == 0
    assert not found.unsure.any()
    assert np.isnan(found.lower).all()


def test_a_package_keeps_its_committee_and_one_row_is_screened_as_in_a_batch(tmp_path) -> None:
    package, rows = small_package(tmp_path / "package"), frame(200, 4)
    together = package.screen(rows)
    assert together.certainty.members == 5
    assert together.certainty.unsure.any()
    assert (together.certainty.lower <= together.risk).all()
    assert (together.certainty.upper >= together.risk).all()
    for row in (0, 7, 130):
        alone = package.screen(type(rows)(rows.values[row : row + 1], rows.names, rows.fingerprint)).certainty
        for name in ("lower", "upper", "decisive", "level", "same_level", "unsure", "other_level"):
            assert getattr(alone, name)[0] == getattr(together.certainty, name)[row]


def test_calibrations_must_be_one_for_each_refit() -> None:
    values = matrix(100, 2, 0.2)
    refits = TreeRefits.from_arrays(
        tree_refits([booster(values, 1).model_to_string()], NAMES, max_leaves=8).to_arrays()
    )
    with pytest.raises(PackageError, match="one slope"):
        CalibratedRefits(refits, np.ones(2), np.zeros(2))
    with pytest.raises(PackageError, match="one slope"):
        calibrated_refits(refits, [])
