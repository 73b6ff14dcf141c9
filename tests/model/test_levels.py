"""Whom the levels reach: loads by month, shares with their reasons, and refits on people drawn anew."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from features.frame import FeatureFrame
from model_registry.evidence.estimates import Estimate
from model_registry.evidence.gates import unsure_among_the_top
from model_registry.scoring.calibration import SigmoidCalibration, risk_of
from model_registry.scoring.capacity import Capacity
from model_registry.scoring.committee import Committee
from model_registry.scoring.linear import LinearTables
from model_registry.scoring.refits import calibrated_refits, linear_refits
from model_registry.scoring.scorer import Scorer
from model_registry.scoring.segments import SegmentPolicy
from tests.policies import fixed_policy
from tests.small_package import catalogue
from training.chain import Chain, Link
from training.challengers import LOGISTIC
from training.cohort import Cohort
from training.committee import WIDENING, draw_people, fit_committee, widening_measured
from training.config import CommitteeConfig, FitConfig
from training.fit import Candidate, Table
from training.levels import FEWEST, by_month, judge_levels, set_thresholds, share_of

NUMBERS = ("months_worked", "months_out")
AS_IT_IS = SigmoidCalibration(1.0, 0.0)


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


# ------------------------------------------------------------------------------------------------ thresholds


def linear(months_worked: float, months_out: float) -> LinearTables:
    """A model whose log-odds are these weights times the two numbers."""
    nothing = np.zeros(2)
    return LinearTables(
        NUMBERS, 0.0, np.array([months_worked, months_out]), nothing, np.zeros(3, np.int64), nothing[:0]
    )


def table(worked: Any, out: Any, outcome: Any, weight: Any = None) -> Table:
    """People at month 0 who answered nothing, by the two numbers."""
    n = len(worked)
    values = np.column_stack([worked, out, np.full((n, 2), np.nan)])
    frame = FeatureFrame(values, catalogue().feature_names, catalogue().fingerprint)
    return Table(frame, np.asarray(outcome, np.float64), np.zeros(n, np.bool_), np.zeros(n, np.int8), weight)


def served() -> Candidate:
    return Candidate("by hand", Scorer(linear(1.0, 0.0), AS_IT_IS), None)


def test_thresholds_are_set_on_the_risk_that_decides_the_level():
    # the served log-odds fall from 0.0 to -3.9; two of five members give the last ten 10 more, so these come first
    members = [linear(1.0, 0.0)] * 3 + [linear(1.0, 10.0)] * 2
    committee = Committee(calibrated_refits(linear_refits(members), [AS_IT_IS] * 5), None, {0: 1.0})
    people = table(-np.arange(40) / 10, np.arange(40) >= 30, np.zeros(40))
    cohort = Cohort(
        np.arange(40), np.full(40, 900, np.int32), np.full(40, 1_265, np.int32), people.landmark, people.outcome, {}
    )
    policy = replace(
        SegmentPolicy.load(), capacity=Capacity(1, {0: 1.0}, 0.5)
    )  # twelve talks a year, six of them close

    with_committee = set_thresholds(policy, catalogue(), served(), committee, cohort, people, 1_000)
    without = set_thresholds(policy, catalogue(), served(), None, cohort, people, 1_000)

    # the twelfth of 7.0, 6.9, ... 6.1, 0.0, -0.1 and the sixth; without a committee of 0.0, -0.1, ...
    assert with_committee.thresholds[0] == pytest.approx(tuple(risk_of(np.array([-0.1, 6.5]))))
    assert without.thresholds[0] == pytest.approx(tuple(risk_of(np.array([-1.1, -0.5]))))


# ------------------------------------------------------------------------------------------------ whom they reach


def reached(person: Any = None, weight: Any = None, draws: int = 200) -> Any:
    """100 people: 40 with the outcome, of whom 30 get an early talk; of the 60 others 20 do."""
    early, outcome = np.repeat([1, 0, 1, 0], [30, 10, 20, 40]), np.repeat([1.0, 0.0], [40, 60])
    people = table(np.where(early, 1.0, -1.0), np.zeros(100), outcome, weight)
    person = np.arange(100) if person is None else person
    as_of = np.full(100, 900, np.int32)
    (month,) = judge_levels(fixed_policy(), catalogue(), served(), None, people, person, people, as_of, (), draws, 1)
    (everybody,) = month.reached
    return everybody


def test_suggested_met_and_precise_are_three_different_shares():
    everybody = reached()
    assert (everybody.n, everybody.outcomes) == (100, 40)
    shares = (everybody.suggested.value, everybody.met.value, everybody.precision.value)
    assert shares == pytest.approx((50 / 100, 30 / 40, 30 / 50))


def test_who_was_not_seen_counts_in_the_load_alone_and_others_stand_for_them():
    # the last ten with the outcome and an early talk nobody saw; the other twenty stand for them
    weight = np.r_[np.full(20, 1.5), np.zeros(10), np.ones(70)]
    everybody = reached(weight=weight)
    assert (everybody.n, everybody.outcomes) == (90, 30)
    shares = (everybody.suggested.value, everybody.met.value, everybody.precision.value)
    assert shares == pytest.approx((50 / 100, 30 / 40, 30 / 50))


def test_the_interval_is_of_people_and_not_of_their_person_dates():
    # twenty people with five person-dates each: the error of a share of a half is sqrt(1/4 / 20) = 0.112, not 0.050
    suggested = reached(person=np.repeat(np.arange(20), 5), draws=1_000).suggested
    assert suggested.upper - suggested.lower == pytest.approx(2 * 1.96 * 0.112, abs=0.08)


# ------------------------------------------------------------------------------------------------ refits


def no_telling(n: int) -> Any:
    """Two numbers that are the same for everybody: all a model can tell is the base rate."""
    return np.ones(n), np.ones(n)


@pytest.mark.parametrize("weight", [None, np.repeat([3.0, 1.0, 1.0], [6, 6, 28])])
def test_a_person_drawn_twice_counts_twice_in_a_refit_with_all_they_stand_for(weight):
    outcome = np.repeat([1.0, 0.0], [12, 28])
    fit, person = table(*no_telling(40), outcome, weight), np.arange(40)
    candidate = Candidate(LOGISTIC, Scorer(linear(0.0, 0.0), AS_IT_IS), None)
    made = fit_committee(candidate, catalogue(), CommitteeConfig(members=5), FitConfig(), 1, fit, person, fit, None)

    assert made is not None
    margins = made.register.refits.margins(np.ones((1, 2)))[0]
    times = [draw_people(person, 1 + 7919 * (member + 1)) for member in range(5)]
    own = np.ones(40) if weight is None else weight
    drawn = np.array([one @ (own * outcome) / (one @ own) for one in times])  # the share with it of those drawn
    once = np.array([np.average(outcome, weights=own * (one > 0)) for one in times])
    assert np.abs(drawn - once).max() > 0.05
    assert risk_of(margins) == pytest.approx(drawn, abs=1e-3)


@pytest.mark.parametrize("chained", [False, True])
def test_refits_of_the_full_model_are_calibrated_on_those_who_answered(chained: bool):
    # eight in ten of the 100 who answered have the outcome, two in ten of the 100 who did not
    outcome = np.repeat([1.0, 0.0, 1.0, 0.0], [80, 20, 20, 80])
    people = replace(table(*no_telling(200), outcome), answered=np.arange(200) < 100)
    link = Link(0, np.arange(200), np.full(200, -1), outcome == 1, np.ones(200))
    candidate = Candidate(LOGISTIC, Scorer(linear(0.0, 0.0), AS_IT_IS), Scorer(linear(0.0, 0.0), AS_IT_IS))
    made = fit_committee(
        candidate, catalogue(), CommitteeConfig(members=5), FitConfig(), 1, people, np.arange(200), people,
        Chain((link,)) if chained else None,
    )  # fmt: skip

    assert made is not None
    assert made.full is not None
    one = np.ones((1, 2))
    assert risk_of(made.full.log_odds(one)[0]) == pytest.approx([0.8] * 5)
    assert risk_of(made.register.log_odds(one)[0]) == pytest.approx([0.5] * 5)


# ------------------------------------------------------------------------------------------------ the gate


@dataclass(frozen=True)
class AtALandmark:
    landmark: int
    unsure: Mapping[str, Estimate]


@pytest.mark.parametrize(
    ("share", "of_others", "verdict", "said"),
    [
        (0.60, 0.90, "passed", "found 60%"),
        (0.75, 0.90, "passed", "found 75%"),  # the limit itself holds
        (0.80, 0.10, "failed", "found 80%"),
        (None, 0.90, "not assessable", "n = 12: at least 20 are needed"),
    ],
)
def test_the_gate_passes_up_to_its_limit_and_fails_above(share, of_others, verdict, said):
    top = Estimate(share, None, None, "n = 12: at least 20 are needed" if share is None else None)
    others = Estimate(of_others, None, None)
    first = AtALandmark(0, {"everybody": others, "level early_meeting": others, "level close_support": top})
    gate = unsure_among_the_top([first, AtALandmark(3, {"level close_support": others})])

    assert (gate.verdict, gate.limit, gate.evidence) == (verdict, 0.75, top)
    assert gate.sentence.startswith(f"Gate, {verdict}: at month 0")
    assert gate.sentence.endswith(f"{said}.")


def test_without_a_committee_the_gate_is_not_assessable():
    gate = unsure_among_the_top([AtALandmark(0, {})])
    assert gate.verdict == "not assessable"
    assert "no committee" in gate.sentence
