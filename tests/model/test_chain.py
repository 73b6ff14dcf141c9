"""Outcomes as known on a day, and calibration landmark by landmark: small cases by hand, and a trend it follows."""

from datetime import date
from types import MappingProxyType

import numpy as np
import pytest

from features.catalogue import load_catalogue
from features.facts import COLUMNS, OPEN_END, Facts, day_number, empty_table, fact_table
from features.outcome import BY_MOVE, BY_WORK, REACHED, Outcome
from training.chain import Chain, Link, build_chain, calibrate_chain, chain_of, steps
from training.cohort import Cohort, build_cohort
from training.extract import Extract
from training.fit import fit_sigmoid
from training.followed import follow


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue("keski_uusimaa")


def lives(spells) -> Extract:
    """One spell of unemployment a person: (start, end or None, day on which the end became known)."""
    n = len(spells)
    owner, rows = [], []
    for person, (start, end, known) in enumerate(spells):
        owner.append(person)
        rows.append((2 * person, start, OPEN_END, start))
        if end is not None:
            owner.append(person)
            rows.append((2 * person, start, end, known))
    tables = {kind: empty_table(kind, n) for kind in COLUMNS}
    fact_id, start, end, known = (np.array(column) for column in zip(*rows, strict=True))
    columns = {"fact_id": fact_id, "code": np.full(len(rows), 2), "happened_on": start, "end": end, "known_on": known}
    tables["spells"] = fact_table("spells", n, np.array(owner), columns)
    ids = tuple(f"p{person:06d}" for person in range(n))
    protected = MappingProxyType({"birth_year": np.full(n, 1985.0)})
    return Extract(ids, Facts(ids, tables), None, protected, day_number(date(2026, 10, 31)), True)


DAY = day_number(date(2024, 1, 1))


def known_of(catalogue, spells, as_of, *, known_on, observed_until):
    extract = lives(spells)
    n = len(spells)
    return follow(
        catalogue,
        extract.facts,
        np.arange(n),
        np.full(n, as_of, np.int32),
        np.zeros(n, np.int8),
        known_on=known_on,
        observed_until=observed_until,
    )


def test_an_end_that_was_recorded_later_is_not_known_on_the_day(catalogue):
    spells = [(DAY, DAY + 50, DAY + 300), (DAY, DAY + 50, DAY + 60)]
    found = known_of(catalogue, spells, DAY, known_on=DAY + 200, observed_until=DAY + 140)
    assert np.isnan(found.value[0])
    assert found.value[1] == 0
    assert found.censored == 1


def test_news_from_within_the_recording_lag_is_not_taken(catalogue):
    spells = [(DAY, DAY + 150, DAY + 151), (DAY, DAY + 50, DAY + 60)]
    found = known_of(catalogue, spells, DAY, known_on=DAY + 200, observed_until=DAY + 140)
    assert found.weight[0] == 0
    assert np.isnan(found.value[0])


def test_a_year_reached_before_the_lag_is_an_outcome(catalogue):
    found = known_of(catalogue, [(DAY, None, 0)], DAY, known_on=DAY + 500, observed_until=DAY + 440)
    assert found.value.tolist() == [1.0]
    assert found.weight.tolist() == [1.0]


def test_who_is_seen_stands_for_those_who_were_not(catalogue):
    # four begin; two are lost on day 100 of their time, because it is not yet recorded what came later
    extract = lives([(DAY, None, 0)] * 2 + [(DAY + 265, None, 0)] * 2)
    as_of = np.array([DAY, DAY, DAY + 265, DAY + 265], np.int32)
    found = follow(
        catalogue,
        extract.facts,
        np.arange(4),
        as_of,
        np.zeros(4, np.int8),
        known_on=DAY + 425,
        observed_until=DAY + 365,
    )
    assert found.weight.tolist() == [2.0, 2.0, 0.0, 0.0]


def test_nobody_stands_for_more_than_ten(catalogue):
    # 29 of thirty are lost on day 100 of their time: the last one would stand for all thirty
    as_of = np.array([DAY] + [DAY + 265] * 29, np.int32)
    found = follow(
        catalogue,
        lives([(start, None, 0) for start in as_of.tolist()]).facts,
        np.arange(30),
        as_of,
        np.zeros(30, np.int8),
        known_on=DAY + 425,
        observed_until=DAY + 365,
    )
    assert found.weight.tolist() == [10.0] + [0.0] * 29


def test_the_steps_lead_from_landmark_to_landmark_and_to_the_horizon(catalogue):
    assert steps(catalogue) == {0: 91, 3: 92, 6: 91, 9: 91}
    assert sum(steps(catalogue).values()) == 365


def test_survivors_hand_back_the_risk_of_the_next_landmark():
    # of four at month 9 half stay; at month 0 everybody stays and becomes one of the four
    last = Link(9, np.arange(4), np.full(4, -1), np.array([True, True, False, False]), np.ones(4))
    first = Link(0, np.arange(4, 8), np.arange(4), np.ones(4, np.bool_), np.ones(4))
    margin = np.zeros(8)
    found = calibrate_chain(Chain((last, first)), margin, fit_sigmoid)
    assert found.risk(np.zeros(1))[0] == pytest.approx(0.5)


def test_who_stayed_and_stands_for_three_weighs_three_times():
    # at month 9 two of four stay, each standing for three people: 6 of 8
    last = Link(9, np.arange(4), np.full(4, -1), np.array([True, True, False, False]), np.array([3.0, 3.0, 1.0, 1.0]))
    found = calibrate_chain(Chain((last,)), np.zeros(4), fit_sigmoid)
    assert found.risk(np.zeros(1))[0] == pytest.approx(0.75)


@pytest.mark.parametrize("n", [60, 400])  # fewer and more than a slope of the landmark's own takes
def test_the_risk_handed_back_to_the_landmark_before_is_weighted_too(n):
    # at month 9 half stay, each standing for three: .75; at month 0 everybody stays and weighs twice
    stayed = np.arange(n) < n // 2
    last = Link(9, np.arange(n), np.full(n, -1), stayed, np.where(stayed, 3.0, 1.0))
    first = Link(0, np.arange(n, 2 * n), np.arange(n), np.ones(n, np.bool_), np.full(n, 2.0))
    found = calibrate_chain(Chain((last, first)), np.zeros(2 * n), fit_sigmoid)
    assert found.risk(np.zeros(1))[0] == pytest.approx(0.75)


def ended(catalogue, ended_by, after_days) -> Chain:
    """The chain of people at month 9 on one day, whose runs ended so many days later."""
    n = len(ended_by)
    as_of, ended_on = np.full(n, DAY, np.int32), (DAY + np.asarray(after_days)).astype(np.int32)
    value = np.where(np.asarray(ended_by) == BY_MOVE, np.nan, np.asarray(ended_by) == REACHED)
    matures_on = as_of + np.int32(91)
    told = Outcome(value, np.zeros(n, np.int8), matures_on, ended_on, np.asarray(ended_by, np.int8))
    cohort = Cohort(np.arange(n), as_of, matures_on, np.full(n, 9, np.int8), value, {})
    return chain_of(catalogue, told, cohort, np.arange(n), observed_until=DAY + 100, months=3)


def test_who_left_later_stands_in_the_chain_for_those_who_had_moved_away(catalogue):
    # one of four leaves on day 10, and of the three still there one moves on day 20: the other two stand for three
    last = ended(catalogue, [BY_WORK, BY_MOVE, BY_WORK, REACHED], [10, 20, 30, 91]).links[0]
    assert last.rows.tolist() == [0, 2, 3]
    assert last.stayed.tolist() == [False, False, True]
    assert last.weight == pytest.approx([1.0, 1.5, 1.5])


def test_nobody_stands_in_the_chain_for_more_than_ten(catalogue):
    last = ended(catalogue, [REACHED] + [BY_MOVE] * 29, [91] + [10] * 29).links[0]
    assert last.weight.tolist() == [10.0]


def test_a_rising_level_is_followed_within_a_quarter_and_not_after_two_years(catalogue):
    """Exits become rarer from one day on: the chain tells the new level long before the first outcome is known."""
    random = np.random.default_rng(1)
    changes, until = DAY + 700, DAY + 1_000
    spells = []
    for _ in range(6_000):
        start = DAY + int(random.integers(0, 1_000))
        day = start
        while day < start + 400:
            day += 1
            if random.random() < (1 / 150 if day < changes else 1 / 400):
                break
        spells.append((start, day, day) if day <= until else (start, None, 0))
    extract = lives(spells)
    cohort = build_cohort(extract, catalogue)
    rows = np.flatnonzero(cohort.as_of <= until)
    chain = build_chain(catalogue, extract.facts, cohort, rows, known_on=until + 30, observed_until=until - 1, months=3)
    first = next(link for link in chain.links if link.landmark == 0)
    margin = np.zeros(len(rows))
    for landmark in (0, 3, 6, 9):
        stays = np.exp(-(365 - 30.4 * landmark) / 400)
        margin[cohort.landmark[rows] == landmark] = np.log(stays / (1 - stays)) - 1  # a model that tells too little
    told = calibrate_chain(chain, margin, fit_sigmoid).risk(margin[first.rows]).mean()
    old, new = np.exp(-365 / 150), np.exp(-365 / 400)
    assert (old, new) == pytest.approx((0.088, 0.402), abs=0.001)
    assert told == pytest.approx(new, abs=0.04)
