"""The measures of a model: small cases worked by hand, and agreement with scikit-learn where it defines them."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from model_registry.evidence import measures
from model_registry.evidence.estimates import all_measures, compare_models, draw_weights

OUTCOME = np.array([1.0, 0.0, 1.0, 0.0, 0.0])
RISK = np.array([0.9, 0.6, 0.5, 0.3, 0.1])


def simulated(n: int = 4_000, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    risk = 1 / (1 + np.exp(1.2 - random.normal(size=n)))
    return (random.random(n) < risk).astype(float), np.round(risk, 2)


def test_auc_counts_the_pairs_in_the_right_order():
    # pairs (outcome, none): 0.9 beats all three; 0.5 beats 0.3 and 0.1 but not 0.6: five of six
    assert measures.auc(measures.rank(OUTCOME, RISK)) == pytest.approx(5 / 6)


def test_auc_agrees_with_scikit_learn_with_ties_and_weights():
    outcome, risk = simulated()
    weights = np.random.default_rng(1).integers(0, 4, len(outcome)).astype(float)
    expected = roc_auc_score(outcome, risk, sample_weight=weights)
    assert measures.auc(measures.rank(outcome, risk, weights)) == pytest.approx(expected, abs=1e-12)


def test_recall_and_precision_at_a_capacity_of_two_in_five():
    ranking = measures.rank(OUTCOME, RISK)
    assert measures.recall_at_capacity(ranking, 0.4) == pytest.approx(1 / 2)
    assert measures.precision_at_capacity(ranking, 0.4) == pytest.approx(1 / 2)


def test_ties_are_taken_at_random():
    ranking = measures.rank(OUTCOME, np.full(5, 0.3))
    assert measures.recall_at_capacity(ranking, 0.4) == pytest.approx(0.4)
    assert measures.auc(ranking) == pytest.approx(0.5)


def test_a_capacity_outside_its_range_is_refused():
    with pytest.raises(ValueError, match="capacity"):
        measures.recall_at_capacity(measures.rank(OUTCOME, RISK), 1.5)


def test_brier_agrees_with_scikit_learn():
    outcome, risk = simulated()
    assert measures.brier(outcome, risk) == pytest.approx(brier_score_loss(outcome, risk))


def test_calibration_slope_agrees_with_scikit_learn():
    outcome, risk = simulated()
    x = measures.log_odds(risk)
    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(x[:, None], outcome)
    assert measures.calibration_slope(outcome, risk) == pytest.approx(fitted.coef_[0, 0], abs=1e-4)


def test_the_intercept_makes_the_mean_risk_right():
    outcome, risk = simulated()
    intercept = measures.calibration_intercept(outcome, risk * 0.5)
    shifted = 1 / (1 + np.exp(-(measures.log_odds(risk * 0.5) + intercept)))
    assert shifted.mean() == pytest.approx(outcome.mean(), abs=1e-6)
    assert intercept > 0


def test_calibration_error_of_two_bins_by_hand():
    outcome, risk = np.array([0.0, 1.0, 1.0, 1.0]), np.array([0.2, 0.2, 0.8, 0.8])
    # bins: mean risk 0.2 against 0.5, and 0.8 against 1.0: half of 0.3 plus half of 0.2
    assert measures.expected_calibration_error(outcome, risk, bins=2) == pytest.approx(0.25)


def test_a_measure_without_any_outcome_is_not_a_number():
    outcome = np.zeros(5)
    assert np.isnan(measures.auc(measures.rank(outcome, RISK)))
    assert np.isnan(measures.calibration_slope(outcome, RISK))
    assert np.isnan(measures.calibration_intercept(outcome, RISK))


def test_every_draw_equals_the_measure_on_its_own_weights():
    outcome, risk = simulated(600)
    weights = draw_weights(np.arange(600), 4, seed=5)
    together = all_measures(outcome, risk, weights)
    for draw in range(4):
        for name, value in all_measures(outcome, risk, weights[:, draw]).items():
            assert together[name][draw] == pytest.approx(value, abs=1e-8), name


def test_the_rows_of_one_person_are_drawn_together():
    weights = draw_weights(np.array([7, 7, 9, 12, 12, 12]), 50, seed=1)
    assert (weights[0] == weights[1]).all()
    assert (weights[3] == weights[5]).all()
    assert (weights[[0, 2, 3]].sum(axis=0) == 3).all()


def test_the_interval_of_the_auc_holds_the_truth_about_as_often_as_it_says():
    truth = measures.auc(measures.rank(*simulated(200_000, seed=99)))
    held = 0
    for seed in range(40):
        outcome, risk = simulated(500, seed)
        found = compare_models(outcome, {"model": risk}, draw_weights(np.arange(500), 100, seed))["model"].values["auc"]
        held += found.lower <= truth <= found.upper
    assert held >= 33  # 95 % of 40 is 38; fewer than 33 has a chance of about 1 in 1,000


def test_a_difference_of_a_model_to_itself_is_exactly_zero():
    outcome, risk = simulated(600)
    found = compare_models(outcome, {"model": risk, "same": risk}, draw_weights(np.arange(600), 20, 1))
    assert found["same"].differences["auc"].lower == found["same"].differences["auc"].upper == 0.0
    assert not found["model"].differences


def test_too_few_outcomes_are_not_assessable_and_say_why():
    found = compare_models(OUTCOME, {"model": RISK}, draw_weights(np.arange(5), 20, 1))["model"].values["auc"]
    assert found.value is None
    assert "n = 5, 2 of them with the outcome" in found.reason
