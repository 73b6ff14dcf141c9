"""Whom the levels reach: loads by month, shares with their reasons, and refits on people drawn anew."""

import numpy as np
import pytest

from training.committee import WIDENING, draw_people, widening_measured
from training.levels import FEWEST, by_month, share_of


def test_a_month_that_is_not_whole_is_left_out_of_the_range_of_loads():
    days = np.arange(100, 165, dtype=np.int32)  # two months and four days
    assert by_month(days, np.ones(65)).tolist() == [31.0, 30.0]


def test_a_share_of_too_few_people_is_not_told():
    few = share_of(np.ones(30), np.r_[np.ones(FEWEST - 1), np.zeros(31 - FEWEST)], np.ones((30, 20)), "too few")
    assert (few.value, few.reason) == (None, "too few")


def test_a_share_is_weighted_and_has_an_interval():
    what, among = np.r_[np.ones(25), np.zeros(75)], np.r_[np.full(25, 3.0), np.ones(75)]
    drawn = np.random.default_rng(1).poisson(1.0, (100, 400)).astype(float)
    found = share_of(what, among, drawn, "")
    assert found.value == pytest.approx(0.5)
    assert found.lower < 0.5 < found.upper


def test_all_rows_of_a_person_are_drawn_together_and_as_many_people_as_there_are():
    person = np.repeat(np.arange(400), 3)
    times = draw_people(person, seed=3)
    assert (times.reshape(400, 3) == times.reshape(400, 3)[:, :1]).all()
    assert times.reshape(400, 3)[:, 0].sum() == 400
    assert 0.3 < (times == 0).mean() < 0.45  # one in e is not drawn
    assert (draw_people(person, seed=3) == times).all()
    assert (draw_people(person, seed=4) != times).any()


def test_the_widening_lies_between_the_measured_sizes_and_landmarks():
    assert widening_measured(5, 0) == WIDENING[5][0]
    assert WIDENING[25][0] < widening_measured(15, 0) < WIDENING[5][0]
    assert widening_measured(3, 9) == WIDENING[5][9]
    assert WIDENING[25][3] < widening_measured(25, 1) < WIDENING[25][0]
