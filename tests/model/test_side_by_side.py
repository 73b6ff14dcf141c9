"""Labels, groups, worth of inputs and proxies: small cases worked by hand, and what they must find and must not."""

import numpy as np
import pytest

from features.catalogue import load_catalogue
from features.errors import PackageError
from features.frame import FeatureFrame
from model_registry.evidence import measures
from model_registry.evidence.estimates import Estimate
from model_registry.package import voluntary_known, write_package
from tests.policies import fixed_policy
from training import worth as worth_module
from training.config import FitConfig
from training.evaluate import BETTER, EQUAL, WORSE, Comparison, recommendation
from training.fit import Table
from training.followed import Followed
from training.proxies import TOGETHER, measure_proxies
from training.side_by_side import Groups, compare_labels, largest_gaps
from training.tables import cell, label_table, worth_table
from training.worth import (
    EVERYBODY,
    EXPECTATION,
    HISTORY,
    MINIMAL,
    SELF_ASSESSMENT,
    WHO_GAVE_IT,
    blocks_of,
    measure_worth,
)

N = 2_000


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue("keski_uusimaa")


def followed(value) -> Followed:
    return Followed(value, np.where(np.isnan(value), 0.0, 1.0), np.zeros(len(value), np.bool_))


# ------------------------------------------------------------------------------------------------ flags


def test_the_highest_risks_are_flagged_up_to_the_capacity():
    flags = measures.flags_at_capacity(np.array([0.1, 0.9, 0.5, 0.3]), np.ones(4), 0.5)
    assert flags.tolist() == [0, 1, 1, 0]


def test_ties_at_the_capacity_share_the_places_left():
    flags = measures.flags_at_capacity(np.array([0.9, 0.5, 0.5, 0.5]), np.ones(4), 0.5)
    assert flags == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])


def test_a_person_drawn_twice_takes_two_places():
    flags = measures.flags_at_capacity(np.array([0.9, 0.8, 0.1, 0.0]), np.array([[2.0], [1.0], [1.0], [0.0]]), 0.5)
    assert flags[:, 0].tolist() == [1, 0, 0, 0]


# ------------------------------------------------------------------------------------------------ labels and groups


def figures(gap: float, label: str = "activation_neutral"):
    """Groups of 1,200 and 800; in the second `gap` of those with the outcome are given the lowest risk."""
    random = np.random.default_rng(1)
    member = np.repeat([0, 1], [1_200, 800]).astype(np.int64)
    member[:10] = 2
    outcome = (random.random(N) < 0.25).astype(float)
    risk = 0.6 * outcome + 0.4 * random.random(N)
    risk[(member == 1) & (outcome == 1) & (random.random(N) < gap)] = 0.0
    return compare_labels(
        risk,
        np.zeros(N, np.int8),
        np.arange(N),
        {label: followed(outcome), "official": followed(np.where(risk > 2, 1.0, outcome))},
        label,
        (Groups("sex", ("male", "female", "other"), member),),
        0.25,
        100,
        1,
    )


def test_a_planted_gap_is_found_under_every_label_and_said():
    found = figures(0.5)
    gaps = [group.difference for one in found for group in one.groups if group.group == "female"]
    assert len(gaps) == 2
    assert all(gap.upper < 0 for gap in gaps)
    assert largest_gaps(found)[0].startswith("month 0, sex female: of those with the outcome")


def test_without_a_gap_none_is_said():
    assert largest_gaps(figures(0.0)) == []


def test_a_group_with_few_outcomes_is_not_assessable_and_says_its_n():
    small = next(group for group in figures(0.0)[0].groups if group.group == "other")
    assert small.recall.value is None
    assert small.recall.reason.startswith("n = 10")


def test_the_chosen_label_is_named_and_the_table_fits_100_columns():
    text = label_table(figures(0.5), 0.25)
    assert "\nB* " in text
    assert "\nA " in text
    assert max(map(len, text.splitlines())) <= 100


def test_rows_nobody_saw_are_counted_and_do_not_change_whom_the_service_would_meet():
    outcome = np.array([1.0, 0.0] * 50)
    hidden = np.where(np.arange(100) < 10, np.nan, outcome)
    where = (np.zeros(100, np.int8), np.arange(100))
    (one,) = compare_labels(np.linspace(1, 0, 100), *where, {"official": followed(hidden)}, "official", (), 0.1, 20, 1)
    assert (one.n, one.not_seen) == (90, 10)


def half_with_the_outcome(person, weight, draws: int = 1_000):
    """200 with the outcome and 200 without, the risk telling nothing; one label, one landmark, everybody one group."""
    outcome = np.tile([1.0, 0.0], 200)
    known = Followed(outcome, np.asarray(weight, np.float64), np.zeros(400, np.bool_))
    groups = (Groups("sex", ("male",), np.zeros(400, np.int64)),)
    risk = np.repeat(np.linspace(0.1, 0.9, 10), 40)
    (one,) = compare_labels(
        risk, np.zeros(400, np.int8), person, {"official": known}, "official", groups, 0.5, draws, 1
    )
    return one


def test_the_interval_is_of_the_weighted_share_and_not_of_the_counted_one():
    # each of the 200 with the outcome stands for three: 600 of 800 and not 200 of 400
    one = half_with_the_outcome(np.arange(400), np.tile([3.0, 1.0], 200))
    for share in (one.base_rate, one.groups[0].base_rate):
        assert share.value == pytest.approx(0.75)
        assert 0.70 < share.lower < 0.75 < share.upper < 0.80


def test_recall_and_its_interval_are_weighted():
    # of the 200 with the outcome the hundred in the higher half of the risks are met, and each stands for three
    weight = np.where(np.arange(400) >= 200, 3.0, 1.0)
    one = half_with_the_outcome(np.arange(400), weight)
    recall = one.groups[0].recall
    assert recall.value == pytest.approx(300 / 400)
    assert 0.65 < recall.lower < 0.75 < recall.upper < 0.85


def test_the_interval_is_of_people_and_not_of_their_person_dates():
    # twenty people with twenty person-dates each, all with the outcome or all without: sqrt(1/4 / 20) = 0.112
    person = np.arange(400) // 40 * 2 + np.arange(400) % 2
    share = half_with_the_outcome(person, np.ones(400)).base_rate
    assert share.upper - share.lower == pytest.approx(2 * 1.96 * 0.112, abs=0.08)


# ------------------------------------------------------------------------------------------------ worth of inputs


def table(catalogue, n: int, seed: int) -> tuple[Table, np.ndarray]:
    """History and work ability tell of the outcome, the own expectation tells nothing; older people stay longer."""
    random = np.random.default_rng(seed)
    names = catalogue.feature_names
    values = np.full((n, len(names)), np.nan)
    for name in ("unemployed_share_36", "education_level", "present_spell_months"):
        values[:, names.index(name)] = random.random(n)
    answers = random.random(n) < 0.5
    ability = random.integers(0, 11, n).astype(float)
    values[:, names.index("work_ability_score")] = np.where(answers, ability, np.nan)
    values[:, names.index("own_expectation")] = np.where(random.random(n) < 0.7, random.integers(0, 5, n), np.nan)
    age = random.integers(18, 65, n).astype(float)
    log_odds = -1 + 2 * values[:, names.index("unemployed_share_36")] + np.where(answers, 0.3 * (6 - ability), 0)
    outcome = (random.random(n) < 1 / (1 + np.exp(-log_odds - 0.05 * (age - 40)))).astype(float)
    frame = FeatureFrame(values, names, catalogue.fingerprint)
    return Table(frame, outcome, voluntary_known(catalogue, frame), np.zeros(n, np.int8)), age


@pytest.fixture(scope="module")
def worth(catalogue):
    (fit, fit_age), (judged, judged_age) = table(catalogue, 6_000, 1), table(catalogue, 4_000, 2)
    settings = FitConfig(trees=40, fewest_in_leaf=50, threads=1)
    return measure_worth(catalogue, settings, 1, fit, judged, np.arange(4_000), {}, (fit_age, judged_age), 100)


def test_every_feature_is_in_one_block(catalogue):
    blocks = blocks_of(catalogue)
    assert list(blocks) == [MINIMAL, HISTORY, SELF_ASSESSMENT, EXPECTATION]
    assert sorted(sum(blocks.values(), ())) == sorted(catalogue.feature_names)
    assert blocks[EXPECTATION] == ("own_expectation",)
    assert "unemployed_share_36" in blocks[HISTORY]


def test_the_register_model_is_the_minimal_set_and_history(catalogue):
    blocks = blocks_of(catalogue)
    assert {*blocks[MINIMAL], *blocks[HISTORY]} == set(catalogue.register_names)


def test_blocks_that_tell_gain_and_the_one_that_does_not_is_proposed_for_removal(worth):
    gains = {(one.block, one.measured_on): one.gains["auc"] for one in worth.gains}
    assert gains[HISTORY, EVERYBODY].lower > 0
    assert gains[SELF_ASSESSMENT, WHO_GAVE_IT].lower > 0
    assert gains[EXPECTATION, WHO_GAVE_IT].lower <= 0
    assert EXPECTATION in worth.proposed_for_removal
    assert HISTORY not in worth.proposed_for_removal


def test_age_is_tried_for_the_audit_and_language_skill_is_said_not_to_be_held(worth):
    gain = next(one.gains["auc"] for one in worth.gains if one.block == "gated: age (audit)")
    assert gain.lower > 0
    assert worth.gated_not_held == ("language_skill",)
    text = worth_table(worth)
    assert "nobody can package or register" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 100


def test_the_refit_with_age_leaves_nothing_that_could_be_packaged(catalogue, tmp_path):
    (fit, age), (judged, judged_age) = table(catalogue, 1_000, 1), table(catalogue, 500, 2)
    settings = FitConfig(trees=5, fewest_in_leaf=50, threads=1)
    scores = worth_module._scores_with_age(catalogue, settings, 1, fit, judged, (age, judged_age))
    assert isinstance(scores, np.ndarray)
    with pytest.raises(PackageError, match="has no tables"):
        write_package(
            tmp_path / "p", name="demo-age", catalogue=catalogue, register=scores, full=None,
            policy=fixed_policy(), reference={}, evidence={}, trained_on={}, demonstration=True,
        )  # fmt: skip


def test_person_dates_told_again_of_the_same_people_make_no_gain_surer(catalogue):
    judged, _ = table(catalogue, 200, 2)
    blocks, names, margins = blocks_of(catalogue), set(), {}
    for place, own in enumerate(blocks.values()):
        names |= {*own}
        used = tuple(name for name in catalogue.feature_names if name in names)
        margins[used] = judged.outcome + np.random.default_rng(place).normal(size=200)

    def gains(rows) -> list[tuple[float, float]]:
        known = {used: margin[rows] for used, margin in margins.items()}
        told = measure_worth(catalogue, FitConfig(), 1, judged, judged.take(rows), rows, known, None, 100)
        return [(one.gains["auc"].lower, one.gains["auc"].upper) for one in told.gains]

    once = np.array(gains(np.arange(200)))
    assert (once[:, 1] - once[:, 0] > 0.05).all()
    assert np.array(gains(np.repeat(np.arange(200), 10))) == pytest.approx(once)


# ------------------------------------------------------------------------------------------------ proxies


def test_a_suspect_that_tells_is_found_and_one_that_does_not_is_not():
    random = np.random.default_rng(1)
    told = (random.random(N) < 0.3).astype(float)
    suspect = np.where(random.random(N) < 0.8, told, 1 - told).astype(np.int64)
    noise = random.integers(0, 5, N)
    half = N // 2
    found = measure_proxies(
        {"form language": suspect[:half], "entry season": noise[:half]},
        {"citizenship_group": ("not finland", told[:half])},
        {"form language": suspect[half:], "entry season": noise[half:]},
        {"citizenship_group": ("not finland", told[half:])},
        np.arange(half),
        100,
        1,
    )
    auc = {one.proxy: one.auc for one in found}
    assert auc["form language"].value == pytest.approx(0.8, abs=0.04)
    assert auc["entry season"].lower <= 0.5 <= auc["entry season"].upper
    assert auc[TOGETHER].lower > 0.7


def told_by_two(learnt_steady, learnt_rare, learnt, steady, rare, asked, person, draws=50):
    found = measure_proxies(
        {"steady": learnt_steady, "rare": learnt_rare},
        {"sex": ("male", learnt)},
        {"steady": steady, "rare": rare},
        {"sex": ("male", asked)},
        person,
        draws,
        1,
    )
    return {one.proxy: one.auc for one in found}


def test_a_class_seen_once_tells_next_to_nothing():
    """One of 401 people learnt from was of a rare class, a yes by chance; of those measured thirty are, all of them no.

    Taken at its word the one would put the thirty above everybody. With twenty people at the mean beside it, its class
    adds log(11/10) = 0.1 to the log-odds, where the steady suspect tells yes from no by over 3: nobody changes places.
    """
    yes, no = np.ones(200), np.zeros(200)
    steady = np.repeat([1, 0, 1, 0, 1], [180, 20, 20, 180, 1])  # nine in ten are told rightly
    rare = np.repeat([0, 1], [400, 1])
    measured, few = np.repeat([1, 0], 200), (np.arange(400) >= 370).astype(np.int64)
    auc = told_by_two(steady, rare, np.r_[yes, no, 1.0], measured, few, np.r_[yes, no], np.arange(400))
    assert auc["steady"].value == 1.0
    assert auc[TOGETHER].value == 1.0


def test_the_interval_of_a_proxy_is_of_people_and_not_of_their_person_dates():
    # the suspect tells nine in ten rightly: of forty people the AUC of .90 is known to about .05, of 1,000 rows to .01
    told = np.repeat([1.0, 0.0], 20)
    suspect = np.where(np.arange(40) % 10 == 0, 1 - told, told).astype(np.int64)
    again = [np.repeat(values, 25) for values in (suspect, np.zeros(40, np.int64), told)]
    person = np.repeat(np.arange(40), 25)
    wide = told_by_two(*again, *again, person, draws=400)["steady"]
    narrow = told_by_two(*again, *again, np.arange(1_000), draws=400)["steady"]
    assert wide.value == narrow.value == pytest.approx(0.9)
    assert (wide.upper - wide.lower) / (narrow.upper - narrow.lower) == pytest.approx(5, rel=0.25)  # sqrt(25)


# ------------------------------------------------------------------------------------------------ words


def test_the_recommendation_tells_of_the_other_landmarks():
    estimate = Estimate(0.0, -0.1, 0.1)
    told = recommendation(
        [
            Comparison("depth-4 tree", 0, WORSE, estimate),
            Comparison("logistic regression", 0, WORSE, estimate),
            Comparison("logistic regression", 3, EQUAL, estimate),
            Comparison("logistic regression", 6, EQUAL, estimate),
            Comparison("logistic regression", 9, BETTER, estimate),
        ]
    )
    assert told == (
        "The candidate is better than every challenger that may serve. The logistic regression cannot be told apart "
        "from the candidate at months 3, 6. The logistic regression does better at month 9."
    )


def test_a_cell_holds_its_interval():
    assert cell(Estimate(0.684, 0.674, 1.0)) == ".684 (.674 to 1.000)"
    assert cell(Estimate(-0.001, -0.02, 0.0), signed=True) == "-.001 (-.020 to +.000)"
