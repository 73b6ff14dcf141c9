"""From talks a month to thresholds, each worked by hand."""

import numpy as np
import pytest

from features.errors import ConfigError
from model_registry.scoring.capacity import Capacity, capacity_faults, thresholds_for

HUNDRED = np.arange(1, 101) / 101
"""A hundred people with different risks: the ten highest begin at 91 / 101."""


def capacity(talks: int = 10, **shares: float) -> Capacity:
    return Capacity(talks, {int(key[1:]): share for key, share in (shares or {"m0": 1.0}).items()}, 0.4)


def at(months: int, n: int = 100) -> np.ndarray:
    return np.full(n, months, dtype=np.int64)


def test_as_many_are_met_as_there_are_talks() -> None:
    thresholds = thresholds_for(capacity(10), HUNDRED, at(0), (0,), months=1)
    assert thresholds == {0: (91 / 101, 97 / 101)}
    assert (thresholds[0][0] <= HUNDRED).sum() == 10
    assert (thresholds[0][1] <= HUNDRED).sum() == 4


def test_people_of_two_months_share_the_talks_of_two_months() -> None:
    assert thresholds_for(capacity(10), HUNDRED, at(0), (0,), months=2)[0][0] == 81 / 101


def test_each_landmark_gets_its_share_and_never_one_threshold_over_all() -> None:
    risk = np.concatenate([HUNDRED / 2, 0.5 + HUNDRED / 2])
    landmark = np.concatenate([at(0), at(9)])
    thresholds = thresholds_for(capacity(20, m0=0.75, m9=0.25), risk, landmark, (0, 9), months=1)
    assert [(risk[landmark == month] >= thresholds[month][0]).sum() for month in (0, 9)] == [15, 5]


def test_a_model_without_some_landmarks_shares_all_talks_over_those_it_has() -> None:
    assert capacity(100, m0=0.45, m3=0.30, m6=0.15, m9=0.10).talks_at((0,)) == {0: 100.0}


def test_a_reserve_is_kept() -> None:
    assert capacity(100, m0=0.4, m3=0.4).talks_at((0, 3)) == {0: 40.0, 3: 40.0}
    assert capacity(100, m0=0.4, m3=0.4).talks_at((3,)) == {3: 80.0}


def test_people_with_the_same_risk_are_on_the_same_side_and_the_load_is_not_exceeded() -> None:
    tied = np.r_[np.full(40, 0.2), np.full(60, 0.6)]
    early, close = thresholds_for(capacity(10), tied, at(0), (0,), months=1)[0]
    assert (tied >= early).sum() == 0
    assert 0.6 < early < close < 1


def test_with_more_talks_than_people_everybody_is_met() -> None:
    early, close = thresholds_for(capacity(500), HUNDRED, at(0), (0,), months=1)[0]
    assert (early <= HUNDRED).all()
    assert early < close


def test_too_few_people_at_a_landmark_are_refused() -> None:
    with pytest.raises(ConfigError, match="Only 29 people reached month 0"):
        thresholds_for(capacity(), HUNDRED[:29], at(0, 29), (0,), months=1)


def test_a_landmark_without_a_share_is_refused() -> None:
    with pytest.raises(ConfigError, match="month 3"):
        thresholds_for(capacity(), HUNDRED, at(0), (0, 3), months=1)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"early_talks_a_month": 0}, "early_talks_a_month"),
        ({"early_talks_a_month": True}, "early_talks_a_month"),
        ({"share_at_landmark": {"0": 0.6, "3": 0.6}}, "share_at_landmark"),
        ({"share_at_landmark": {"now": 1.0}}, "share_at_landmark"),
        ({"share_at_landmark": {"²": 1.0}}, "share_at_landmark"),
        ({"share_at_landmark": {"0": 1}}, "share_at_landmark"),
        ({"share_at_landmark": {}}, "share_at_landmark"),
        ({"close_support_share": 1.0}, "close_support_share"),
        ({"talks": 1}, "capacity.talks"),
    ],
)
def test_a_fault_is_named_with_its_place(content: dict, place: str) -> None:
    whole = {"early_talks_a_month": 120, "share_at_landmark": {"0": 1.0}, "close_support_share": 0.4}
    assert capacity_faults(whole) == []
    (fault,) = capacity_faults({**whole, **content})
    assert place in fault
