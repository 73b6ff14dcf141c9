"""What is not known must not speak for or against anybody."""

import numpy as np
import pytest

from features.catalogue import load_catalogue
from features.frame import FeatureFrame
from training.missing import LEAST_SHARE, with_values_missing_at_random

N = 20_000


@pytest.fixture(scope="module")
def frames() -> tuple[FeatureFrame, FeatureFrame]:
    catalogue = load_catalogue("keski_uusimaa")
    rng = np.random.default_rng(3)
    values = rng.random((N, len(catalogue.feature_names)))
    frame = FeatureFrame(values, catalogue.feature_names, catalogue.fingerprint)
    # Education is not known just for those with much unemployment behind them.
    education, unemployed = frame.names.index("education_level"), frame.names.index("unemployed_share_36")
    values[values[:, unemployed] > 0.8, education] = np.nan
    return frame, with_values_missing_at_random(catalogue, frame, seed=1)


def test_who_lacks_an_answer_no_longer_differs_from_the_others(frames: tuple[FeatureFrame, FeatureFrame]) -> None:
    before, after = frames
    lacks = np.isnan(after.column("education_level"))
    assert lacks.mean() == pytest.approx(np.isnan(before.column("education_level")).mean(), abs=0.02)
    history = after.column("unemployed_share_36")
    assert np.nanmean(history[lacks]) == pytest.approx(np.nanmean(history[~lacks]), abs=0.02)


def test_every_answer_is_missing_somewhere_and_its_features_together(
    frames: tuple[FeatureFrame, FeatureFrame],
) -> None:
    _, after = frames
    lacks = np.isnan(after.column("unemployed_share_12"))
    assert lacks.mean() == pytest.approx(LEAST_SHARE, abs=0.01)
    for name in ("unemployed_share_60", "worked_share_36", "days_since_work", "service_share_36"):
        np.testing.assert_array_equal(np.isnan(after.column(name)), lacks, err_msg=name)


def test_voluntary_answers_and_the_present_spell_stay_as_they_are(frames: tuple[FeatureFrame, FeatureFrame]) -> None:
    before, after = frames
    for name in ("own_expectation", "work_ability_score", "present_spell_months"):
        np.testing.assert_array_equal(after.column(name), before.column(name), err_msg=name)
