"""How unemployment ends: shares that add up, agree with the weighted base rate, and read in a terminal."""

import re
from datetime import date

import numpy as np
import pytest

from features.catalogue import load_catalogue
from model_registry.evidence.measures import base_rate
from training.cohort import Cohort, build_cohort
from training.config import checked_config
from training.exits import EXITS, WORK, Exits, exits_of
from training.extract import read_extract
from training.followed import follow
from training.material import make_splits
from training.population.generate import Order, generate
from training.tables import WIDTH, exit_table


@pytest.fixture(scope="module")
def area(tmp_path_factory):
    folder = tmp_path_factory.mktemp("population") / "area"
    generate(Order(people=12_000, seed=3, until=date(2026, 10, 31)), folder, 1)
    catalogue = load_catalogue("keski_uusimaa")
    config = checked_config({"extract": str(folder / "extract"), "evaluation": {"draws": 40}})
    extract = read_extract(folder / "extract", catalogue)
    cohort = build_cohort(extract, catalogue)
    backtest, _ = make_splits(config, catalogue, extract, cohort)
    return config, catalogue, extract, cohort, backtest


@pytest.fixture(scope="module")
def found(area) -> dict[tuple[str, int], Exits]:
    return {(one.label, one.landmark): one for one in exits_of(*area)}


def test_both_labels_with_a_clock_stand_at_every_landmark(found):
    assert set(found) == {(label, month) for label in ("official", "activation_neutral") for month in (0, 3, 6, 9)}
    assert [one.months for one in found["official", 6].months] == [9, 12]


def test_staying_and_exits_are_everybody(found):
    for one in found.values():
        for at in one.months:
            assert at.staying.value + sum(exit.value for exit in at.exits.values()) == pytest.approx(1.0)
            assert at.staying.lower <= at.staying.value <= at.staying.upper


def test_fewer_stay_as_months_go_by_and_no_exit_is_undone(found):
    for one in found.values():
        assert np.all(np.diff([at.staying.value for at in one.months]) <= 0)
        for exit in EXITS:
            assert np.all(np.diff([at.exits[exit].value for at in one.months]) >= 0)


def test_services_stop_the_official_clock_and_not_the_activation_neutral_one(found):
    official, neutral = found["official", 0].months[-1], found["activation_neutral", 0].months[-1]
    assert official.exits["service"].value > 0.02
    assert neutral.exits["service"].value == neutral.exits["subsidised work"].value == 0.0
    assert neutral.staying.value > official.staying.value


def test_one_minus_kaplan_meier_gives_too_much(found):
    one = found["official", 0]
    assert one.work_alone > one.months[-1].exits[WORK].value + 0.02


def test_who_is_still_unemployed_at_the_horizon_is_the_weighted_base_rate(area, found):
    _, catalogue, extract, cohort, split = area
    judged = split.evaluated()
    rows = np.flatnonzero((cohort.as_of >= judged.starts) & (cohort.as_of <= judged.ends) & (cohort.landmark == 0))
    followed = follow(
        catalogue,
        extract.facts,
        cohort.person[rows],
        cohort.as_of[rows],
        cohort.landmark[rows],
        known_on=extract.delivered_until,
        observed_until=extract.delivered_until - split.recording_lag_days,
    )
    seen = followed.weight > 0
    weighted = base_rate(followed.value[seen], followed.weight[seen])
    one = found["activation_neutral", 0]
    assert one.n == len(rows) - int(followed.outside.sum())
    assert one.lost == followed.censored > 0
    assert one.months[-1].staying.value == pytest.approx(weighted, abs=1e-3)


def test_too_few_people_are_not_assessable(area):
    config, catalogue, extract, cohort, split = area
    rows = np.flatnonzero((cohort.landmark == 0) & (cohort.as_of >= split.evaluated().starts))[:15]
    columns = (cohort.person, cohort.as_of, cohort.matures_on, cohort.landmark, cohort.outcome)
    few = Cohort(*(column[rows] for column in columns), cohort.counts)
    for one in exits_of(config, catalogue, extract, few, split):
        assert one.work_alone is None
        assert all(at.staying.value is None and "at least 20" in at.staying.reason for at in one.months)


def test_person_dates_told_again_of_the_same_people_make_no_interval_narrower(area):
    config, catalogue, extract, cohort, split = area
    judged = split.evaluated()
    inside = (cohort.landmark == 0) & (cohort.as_of >= judged.starts) & (cohort.as_of <= judged.ends)
    once = np.flatnonzero(inside)[:200]

    def intervals(rows) -> list[tuple[float, float]]:
        columns = (cohort.person, cohort.as_of, cohort.matures_on, cohort.landmark, cohort.outcome)
        told = exits_of(config, catalogue, extract, Cohort(*(column[rows] for column in columns), cohort.counts), split)
        return [(at.staying.lower, at.staying.upper) for one in told if one.landmark == 0 for at in one.months]

    ends = np.array(intervals(once))
    assert (ends[:, 1] - ends[:, 0] > 0.05).all()
    assert np.array(intervals(np.repeat(once, 10))) == pytest.approx(ends)


def test_the_table_fits_a_terminal_and_says_why_it_is_not_one_minus_kaplan_meier(found):
    text = exit_table(list(found.values()))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "month 0, label A: n = " in text
    assert re.search(r"\n  open-market work +\.\d{3} \(\.\d{3} to \.\d{3}\)", text)
    assert "still unemployed" in text
    assert "Aalen-Johansen" in text
    assert text.count("  service ") == 2  # at the headline and later, under A alone


def test_a_flat_extract_has_no_table():
    assert exit_table(()) == ""
