"""Shares and weights where not everybody is seen to the end, worked by hand and against a truth that is known."""

import numpy as np
import pytest

from model_registry.evidence.survival import (
    aalen_johansen,
    censoring_weights,
    effective_n,
    exit_shares,
    kaplan_meier,
)


def test_kaplan_meier_by_hand() -> None:
    # Six people: events on days 1, 3, 5; lost on days 2, 3, 6.
    days = np.array([1, 2, 3, 3, 5, 6])
    event = np.array([True, False, True, False, True, False])
    curve = kaplan_meier(days, event)
    assert curve.days.tolist() == [1, 3, 5]
    assert curve.survival == pytest.approx([5 / 6, 5 / 6 * 3 / 4, 5 / 6 * 3 / 4 * 1 / 2])
    assert curve.at_risk.tolist() == [6, 4, 2]
    assert (curve.at(0.5), curve.at(3), curve.at(99)) == pytest.approx((1.0, 0.625, 0.3125))
    assert curve.before(np.array([1.0, 3.0, 6.0])) == pytest.approx([1.0, 5 / 6, 0.3125])
    assert (curve.lower < curve.survival).all()
    assert (curve.survival < curve.upper).all()


def test_competing_exits_add_up_with_those_who_stay() -> None:
    days = np.array([1, 2, 3, 4, 5, 5])
    cause = np.array([1, 2, 1, 0, 0, 0])
    shares = aalen_johansen(days, cause, (1, 2), horizon=5)
    assert shares == pytest.approx({1: 1 / 6 + 4 / 6 * 1 / 4, 2: 5 / 6 * 1 / 5})
    staying = kaplan_meier(days, cause > 0).at(5)
    assert sum(shares.values()) + staying == pytest.approx(1.0)


def test_shares_of_several_samples_are_those_of_each_alone() -> None:
    rng = np.random.default_rng(7)
    days, cause = rng.integers(0, 40, 300), rng.integers(0, 4, 300)
    weights = np.column_stack([np.ones(300), rng.poisson(1.0, 300)]).astype(float)
    staying, shares = exit_shares(days, cause, (1, 2, 3), (9, 30, 50), weights)
    assert staying.shape == (3, 2)
    for draw in (0, 1):
        curve = kaplan_meier(days, cause > 0, weights[:, draw])
        for place, horizon in enumerate((9, 30, 50)):
            alone = aalen_johansen(days, cause, (1, 2, 3), horizon, weights[:, draw])
            assert {one: share[place, draw] for one, share in shares.items()} == pytest.approx(alone)
            assert staying[place, draw] == pytest.approx(curve.at(horizon))
    assert staying + sum(shares.values()) == pytest.approx(1.0)


def test_a_sample_in_which_nobody_is_left_does_not_break_the_others() -> None:
    weights = np.array([[1.0, 1.0], [1.0, 0.0]])
    staying, shares = exit_shares(np.array([1, 5]), np.array([1, 2]), (1, 2), (9,), weights)
    assert staying.tolist() == [[0.0, 0.0]]
    assert shares[1].tolist() == [[0.5, 1.0]]
    assert shares[2].tolist() == [[0.5, 0.0]]


def test_weights_by_hand() -> None:
    # One of four is lost on day 2; whoever is seen later stands for 4/3 people.
    weights = censoring_weights(np.array([1, 2, 3, 4]), np.array([False, True, False, False]))
    assert weights == pytest.approx([1.0, 0.0, 1.5, 1.5])
    assert weights.sum() == pytest.approx(4.0)


def test_weights_are_capped() -> None:
    days = np.concatenate([np.ones(99), [2.0]])
    censored = np.concatenate([np.ones(99, bool), [False]])
    assert censoring_weights(days, censored, cap=10.0).max() == 10.0


def test_nobody_stands_for_more_than_ten_unless_another_cap_is_asked_for() -> None:
    days, censored = np.array([1.0] * 99 + [2.0]), np.array([True] * 99 + [False])
    assert censoring_weights(days, censored)[99] == 10.0
    assert censoring_weights(days, censored, cap=1_000.0)[99] == pytest.approx(100.0)


def test_effective_n() -> None:
    assert effective_n(np.ones(7)) == 7
    assert effective_n(np.array([1.0, 1.0, 0.0])) == 2
    assert effective_n(np.array([3.0, 1.0])) == pytest.approx(16 / 10)
    assert effective_n(np.zeros(3)) == 0


def test_weighting_finds_the_truth_that_dropping_and_counting_as_no_miss() -> None:
    rng = np.random.default_rng(2026)
    n, horizon = 200_000, 365.0
    leaves = 90.0 * rng.weibull(0.61, n)
    lost = rng.exponential(500.0, n)
    truth = (leaves >= horizon).mean()
    days = np.minimum(np.minimum(leaves, horizon), lost)
    censored = lost < np.minimum(leaves, horizon)
    long_term = (leaves >= horizon) & ~censored
    dropped = long_term[~censored].mean()
    as_no = long_term.mean()
    weights = censoring_weights(days, censored)
    weighted = np.average(long_term, weights=weights)
    print(f"truth {truth:.3f}, dropped {dropped:.3f}, as no {as_no:.3f}, weighted {weighted:.3f}")
    assert weighted == pytest.approx(truth, abs=0.003)
    assert dropped < truth - 0.02
    assert as_no < dropped
