"""Who is screened when: small lives worked by hand."""

from datetime import date
from types import MappingProxyType

import numpy as np
import pytest

from features.catalogue import load_catalogue
from features.facts import COLUMNS, OPEN_END, Facts, day_number, empty_table, fact_table
from training.cohort import build_cohort
from training.extract import Extract

UNTIL = day_number(date(2025, 12, 31))


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue("keski_uusimaa")


def cohort_of(catalogue, spells, birth_year=1980):
    """One person's cohort; a spell is (code, start, end or None, known_on)."""
    tables = {kind: empty_table(kind, 1) for kind in COLUMNS}
    columns = {
        "fact_id": np.arange(len(spells)),
        "code": np.array([int(code) for code, *_ in spells]),
        "happened_on": np.array([day_number(start) for _, start, _, _ in spells]),
        "end": np.array([OPEN_END if end is None else day_number(end) for _, _, end, _ in spells]),
        "known_on": np.array([day_number(known) for *_, known in spells]),
    }
    tables["spells"] = fact_table("spells", 1, np.zeros(len(spells), np.int64), columns)
    protected = MappingProxyType({"birth_year": np.array([float(birth_year)])})
    extract = Extract(("a",), Facts(("a",), tables), None, protected, UNTIL, True)
    return build_cohort(extract, catalogue)


def test_month_0_is_the_day_on_which_the_start_became_known(catalogue):
    cohort = cohort_of(catalogue, [("02", date(2024, 3, 1), date(2024, 4, 15), date(2024, 3, 4))])
    assert cohort.landmark.tolist() == [0]
    assert cohort.as_of.tolist() == [day_number(date(2024, 3, 4))]
    assert cohort.outcome.tolist() == [0.0]


def test_a_year_of_unemployment_reaches_every_landmark(catalogue):
    cohort = cohort_of(catalogue, [("02", date(2024, 1, 1), None, date(2024, 1, 2))])
    assert cohort.landmark.tolist() == [0, 3, 6, 9]
    assert (cohort.as_of - day_number(date(2024, 1, 1))).tolist() == [1, 91, 183, 274]
    assert cohort.outcome.tolist() == [1.0, 1.0, 1.0, 1.0]


def test_a_service_within_the_run_does_not_stop_the_clock(catalogue):
    cohort = cohort_of(
        catalogue,
        [
            ("02", date(2024, 1, 1), date(2024, 3, 15), date(2024, 1, 2)),
            ("08", date(2024, 3, 16), date(2024, 5, 31), date(2024, 3, 16)),
            ("02", date(2024, 6, 1), None, date(2024, 6, 1)),
        ],
    )
    assert cohort.landmark.tolist() == [0, 3, 6, 9]


def test_open_market_work_begins_a_new_run(catalogue):
    cohort = cohort_of(
        catalogue,
        [
            ("02", date(2024, 1, 1), date(2024, 2, 15), date(2024, 1, 2)),
            ("01", date(2024, 2, 16), date(2024, 2, 25), date(2024, 2, 16)),
            ("02", date(2024, 2, 26), date(2024, 3, 31), date(2024, 2, 27)),
        ],
    )
    assert cohort.landmark.tolist() == [0, 0]


def test_a_temporary_lay_off_alone_is_outside(catalogue):
    assert len(cohort_of(catalogue, [("03", date(2024, 1, 1), date(2024, 9, 1), date(2024, 1, 2))])) == 0


@pytest.mark.parametrize(("birth_year", "n"), [(2007, 0), (2006, 1), (1960, 1), (1959, 0)])
def test_ages_outside_the_legal_range_are_left_out(catalogue, birth_year, n):
    spells = [("02", date(2024, 3, 1), date(2024, 4, 15), date(2024, 3, 4))]
    assert len(cohort_of(catalogue, spells, birth_year)) == n


def test_runs_that_began_in_an_excluded_period_are_left_out_and_counted(catalogue):
    cohort = cohort_of(catalogue, [("02", date(2020, 5, 1), date(2020, 6, 1), date(2020, 5, 2))])
    assert len(cohort) == 0
    assert cohort.counts["began in the period left out: pandemic"] == 1


def test_a_start_told_after_the_first_quarter_has_no_month_0(catalogue):
    cohort = cohort_of(catalogue, [("02", date(2024, 1, 1), None, date(2024, 4, 20))])
    assert cohort.landmark.tolist() == [6, 9]


def test_an_outcome_not_yet_known_is_missing(catalogue):
    cohort = cohort_of(catalogue, [("02", date(2025, 9, 1), None, date(2025, 9, 2))])
    assert np.isnan(cohort.outcome).all()
    assert cohort.counts["outcome not known"] == len(cohort)
