"""Outcomes as known on a day, and calibration landmark by landmark: small cases by hand, and a trend it follows."""

from datetime import date
from types import MappingProxyType

import numpy as np
import pytest

from features.catalogue import load_catalogue
from features.facts import COLUMNS, OPEN_END, Facts, day_number, empty_table, fact_table
from training.chain import Chain, Link, build_chain, calibrate_chain, steps
from training.cohort import build_cohort
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
