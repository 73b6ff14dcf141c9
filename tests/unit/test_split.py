"""The split: nobody on both sides, nothing from the future, a gap of the horizon."""

import numpy as np
import pytest

from features.errors import TrainingError
from training.split import EVALUATION, PersonDates, backtest_split, refit_split, share_of_people

UNTIL = 20_000
OPTIONS = {
    "delivered_until": UNTIL,
    "horizon_days": 365,
    "recording_lag_days": 60,
    "calibration_months": 12,
    "evaluation_months": 12,
}


@pytest.fixture(scope="module")
def rows() -> PersonDates:
    random = np.random.default_rng(1)
    as_of = random.integers(UNTIL - 2_500, UNTIL, 20_000).astype(np.int32)
    return PersonDates(random.integers(0, 8_000, 20_000), as_of, as_of + np.int32(365))


@pytest.fixture(scope="module")
def share() -> np.ndarray:
    return share_of_people([f"client-{i}" for i in range(8_000)], "salt", 0.5, 0.15)


def test_no_person_is_in_two_slices(rows, share):
    split = backtest_split(rows, share, **OPTIONS)
    people = [set(rows.person[part.rows]) for part in (split.fit, split.calibration, split.evaluation)]
    assert not people[0] & people[1]
    assert not people[0] & people[2]
    assert not people[1] & people[2]


def test_every_outcome_before_the_gap_was_known_when_the_evaluation_begins(rows, share):
    split = backtest_split(rows, share, **OPTIONS)
    first = rows.as_of[split.evaluation.rows].min()
    assert rows.matures_on[split.fit.rows].max() + 60 <= first
    assert rows.matures_on[split.calibration.rows].max() + 60 <= first


def test_the_gap_is_the_horizon_and_the_recording_lag(rows, share):
    split = backtest_split(rows, share, **OPTIONS)
    assert split.gap_days == 425
    assert split.evaluation.starts - split.calibration.ends == 425


def test_calibration_is_on_the_last_months_before_the_gap(rows, share):
    split = backtest_split(rows, share, **OPTIONS)
    assert split.calibration.ends == split.fit.ends
    assert split.calibration.ends - split.calibration.starts + 1 == 365
    assert rows.as_of[split.calibration.rows].min() >= split.calibration.starts


def test_calibration_by_landmarks_reaches_up_to_the_recording_lag(rows, share):
    split = backtest_split(rows, share, **OPTIONS, step_days=92)
    assert split.calibration.ends == split.evaluation.starts - 61
    assert split.calibration.ends - split.calibration.starts + 1 == 92 + 365
    assert split.known_on == split.evaluation.starts - 1
    assert split.observed_until == split.evaluation.starts - 60
    assert rows.matures_on[split.fit.rows].max() <= split.observed_until


def test_nobody_is_evaluated_before_the_outcome_is_known(rows, share):
    split = backtest_split(rows, share, **OPTIONS)
    assert rows.matures_on[split.evaluation.rows].max() <= UNTIL - 60


def test_the_share_of_a_person_does_not_depend_on_the_others():
    everybody = share_of_people([f"client-{i}" for i in range(1_000)], "salt", 0.5, 0.15)
    some = share_of_people([f"client-{i}" for i in range(0, 1_000, 7)], "salt", 0.5, 0.15)
    assert (everybody[::7] == some).all()
    assert (everybody != share_of_people([f"client-{i}" for i in range(1_000)], "other", 0.5, 0.15)).any()


def test_the_shares_are_as_asked(share):
    assert np.bincount(share) / len(share) == pytest.approx([0.5, 0.15, 0.35], abs=0.02)


def test_people_with_one_row_each_are_all_used_in_their_slice():
    as_of = np.arange(1_000, 2_000, dtype=np.int32)
    rows = PersonDates(np.arange(1_000), as_of, as_of + np.int32(100))
    split = backtest_split(
        rows,
        np.full(1_000, EVALUATION, np.int8),
        delivered_until=2_099,
        horizon_days=100,
        recording_lag_days=0,
        calibration_months=12,
        evaluation_months=12,
        evaluation_share=0.3,
    )
    assert len(split.evaluation.rows) == 301
    assert as_of[split.fit.rows].max() < as_of[split.calibration.rows].min()
    assert as_of[split.evaluation.rows].min() - as_of[split.calibration.rows].max() == 100


def test_the_refit_takes_all_matured_data_and_keeps_calibration_people_apart(rows, share):
    split = refit_split(rows, share, delivered_until=UNTIL, recording_lag_days=60, calibration_months=12)
    fitted, calibrated = rows.person[split.fit.rows], rows.person[split.calibration.rows]
    assert not set(fitted) & set(calibrated)
    matured = rows.matures_on <= UNTIL - 60
    assert len(split.fit.rows) == (matured & (share[rows.person] != 1)).sum()


def test_a_history_too_short_for_the_gap_is_refused_with_its_cure(rows, share):
    with pytest.raises(TrainingError, match=r"slice .* holds nobody with a known outcome; deliver a longer history"):
        backtest_split(rows, share, **{**OPTIONS, "evaluation_months": 80})


def test_shares_that_leave_nobody_to_evaluate_on_are_refused():
    with pytest.raises(TrainingError, match="leave people to evaluate on"):
        share_of_people(["a"], "salt", 0.8, 0.2)
