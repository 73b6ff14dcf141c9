"""The models of a run: what they must do whatever the data, and that the same data give the same bits."""

import io

import numpy as np
import pytest

from features.catalogue import load_catalogue
from features.errors import ConfigError, PackageError, TrainingError
from features.frame import FeatureFrame
from model_registry.package import voluntary_known, write_package
from tests.policies import fixed_policy
from training.challengers import (
    HISTORY_RULE,
    LOGISTIC,
    SMALL_TREE,
    AgeRule,
    challenger_fitters,
    fit_age_rule,
    history_feature,
)
from training.config import FitConfig, checked_config
from training.evaluate import compare_with_challengers, evaluate_models, recommendation, refuse_leaks
from training.fit import LEAST_SLOPE, Table, fit_candidate, fit_sigmoid, tree_fitter

SMALL = FitConfig(trees=30, fewest_in_leaf=50, threads=1)


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue("keski_uusimaa")


def people(catalogue, n: int, seed: int) -> Table:
    """Person-dates whose outcome depends on unemployment before and, where answered, on work ability."""
    random = np.random.default_rng(seed)
    names = catalogue.feature_names
    values = np.full((n, len(names)), np.nan)
    for column, name in enumerate(names):
        feature = catalogue.feature(name)
        if feature.kind == "category":
            codes = len(catalogue.input(feature.input).values)
            values[:, column] = random.integers(0, codes, n)
        elif not feature.voluntary:
            values[:, column] = random.random(n)
    answers = random.random(n) < 0.3
    ability = random.integers(0, 11, n).astype(float)
    values[:, names.index("work_ability_score")] = np.where(answers, ability, np.nan)
    history = values[:, names.index("unemployed_share_36")]
    log_odds = -2 + 2 * history + np.where(answers, 0.3 * (6 - ability), 0.0)
    outcome = (random.random(n) < 1 / (1 + np.exp(-log_odds))).astype(float)
    frame = FeatureFrame(values, names, catalogue.fingerprint)
    return Table(frame, outcome, voluntary_known(catalogue, frame), random.choice([0, 3, 6, 9], n).astype(np.int8))


@pytest.fixture(scope="module")
def slices(catalogue):
    return people(catalogue, 6_000, 1), people(catalogue, 3_000, 2)


@pytest.fixture(scope="module")
def candidate(catalogue, slices):
    return fit_candidate("small trees", catalogue, *slices, tree_fitter(catalogue, SMALL, 1))


def test_the_register_model_uses_no_voluntary_answer(catalogue, candidate):
    assert candidate.register.feature_names == catalogue.register_names
    assert candidate.full.feature_names == catalogue.feature_names


def test_an_answer_never_lowers_the_served_risk(catalogue, candidate):
    table = people(catalogue, 1_000, 3)
    served = candidate.risk(table.frame, table.answered, catalogue)
    register = candidate.register.widened(table.frame.names).risk(table.frame)
    assert (served >= register).all()
    assert (served[~table.answered] == register[~table.answered]).all()


def test_calibration_makes_the_mean_risk_right_where_it_was_fitted(slices, candidate):
    calibration = slices[1]
    assert candidate.register.risk(calibration.frame).mean() == pytest.approx(calibration.outcome.mean(), abs=1e-6)
    answers = calibration.take(np.flatnonzero(calibration.answered))
    assert candidate.full.risk(answers.frame).mean() == pytest.approx(answers.outcome.mean(), abs=1e-6)


def test_more_unemployment_before_never_lowers_the_risk(catalogue, candidate):
    table = people(catalogue, 300, 4)
    column = catalogue.feature_names.index("unemployed_share_36")
    risks = []
    for share in np.linspace(0, 1, 11):
        values = table.frame.values.copy()
        values[:, column] = share
        risks.append(candidate.register.risk(FeatureFrame(values, table.frame.names, table.frame.fingerprint)))
    assert (np.diff(np.array(risks), axis=0) >= -1e-12).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_data_and_seed_give_the_same_model_bit_for_bit(catalogue, slices, threads):
    config = FitConfig(trees=20, fewest_in_leaf=50, threads=threads)

    def bits() -> tuple[str, bytes, float]:
        texts: dict[str, str] = {}
        fitted = fit_candidate("t", catalogue, *slices, tree_fitter(catalogue, config, 7, texts=texts), texts=texts)
        kept = io.BytesIO()
        np.savez(kept, **fitted.full.tables.to_arrays())
        return texts["register"] + texts["full"], kept.getvalue(), fitted.full.calibration.slope

    assert bits() == bits()


def test_another_seed_gives_another_model(catalogue, slices):
    one, two = (fit_candidate("t", catalogue, *slices, tree_fitter(catalogue, SMALL, seed)) for seed in (1, 2))
    assert one.register.tables.base != two.register.tables.base or (
        one.register.calibration.slope != two.register.calibration.slope
    )


def test_every_challenger_can_be_packaged_and_loaded(catalogue, slices, tmp_path):
    reference = {month: slices[0].take(np.flatnonzero(slices[0].landmark == month)).frame for month in (0, 3, 6, 9)}
    fitters = challenger_fitters(catalogue, 1)
    assert tuple(fitters) == (HISTORY_RULE, LOGISTIC, SMALL_TREE)
    for number, (name, fitter) in enumerate(fitters.items()):
        fitted = fit_candidate(name, catalogue, *slices, fitter, with_full=name != HISTORY_RULE)
        package = write_package(
            tmp_path / str(number),
            name="demo-challenger",
            catalogue=catalogue,
            register=fitted.register,
            full=fitted.full,
            policy=fixed_policy(),
            reference=reference,
            evidence={},
            trained_on={},
            demonstration=True,
        )
        table = people(catalogue, 50, 5)
        screened = package.screen(table.frame, 0).risk
        np.testing.assert_allclose(screened, fitted.risk(table.frame, table.answered, catalogue), rtol=1e-12)


def test_the_age_rule_can_be_neither_packaged_nor_registered(catalogue, slices, tmp_path):
    rule = fit_age_rule(np.array([20.0, 40.0, 60.0]), np.array([0.0, 0.0, 1.0]))
    with pytest.raises(PackageError, match="a yardstick can be neither packaged nor registered"):
        write_package(
            tmp_path / "age",
            name="demo-age",
            catalogue=catalogue,
            register=rule,
            full=None,
            policy=fixed_policy(),
            reference={},
            evidence={},
            trained_on={},
            demonstration=True,
        )
    assert not (tmp_path / "age").exists()
    assert not hasattr(AgeRule, "to_arrays")
    assert "age rule" not in challenger_fitters(catalogue, 1)
    with pytest.raises(ConfigError, match="serve cannot be used"):
        checked_config({"extract": "x", "serve": "age rule (yardstick)"})


def test_the_age_rule_by_hand():
    rule = fit_age_rule(np.array([20.0, 20.0, 40.0, 60.0, np.nan]), np.array([0.0, 1.0, 0.0, 1.0, 1.0]))
    assert rule.risk(np.array([18.0, 26.0, 54.0, 55.0, np.nan])).tolist() == [0.5, 0.6, 0.0, 1.0, 0.6]


def test_the_history_rule_takes_three_years(catalogue):
    assert history_feature(catalogue) == "unemployed_share_36"


def test_one_class_only_is_refused_with_the_cure(catalogue, slices):
    fit, calibration = slices
    nobody = Table(fit.frame, np.zeros(len(fit)), fit.answered, fit.landmark)
    with pytest.raises(TrainingError, match="in the fit slice nobody of 6000 person-dates has the outcome"):
        fit_candidate("t", catalogue, nobody, calibration, tree_fitter(catalogue, SMALL, 1))


def test_calibration_never_turns_people_round():
    margin = np.linspace(-1, 1, 200)
    calibration = fit_sigmoid(margin, (margin < 0).astype(float))
    assert calibration.slope == LEAST_SLOPE
    assert calibration.risk(margin).mean() == pytest.approx(0.5, abs=1e-6)


def test_a_feature_that_knows_the_outcome_is_caught_at_the_leak_ceiling(catalogue, slices):
    outcome = slices[1].outcome
    leak = 0.8 * outcome + 0.2 * np.random.default_rng(1).random(len(outcome))
    evaluations = evaluate_models(outcome, slices[1].landmark, np.arange(len(outcome)), {"served model": leak}, 20, 1)
    with pytest.raises(TrainingError, match=r"above 0.85: a feature probably knows the outcome"):
        refuse_leaks(evaluations)


def test_a_feature_fed_with_the_outcome_is_caught_when_a_model_has_learnt_it(catalogue, slices):
    def leaking(table: Table, seed: int) -> Table:
        values = table.frame.values.copy()
        noise = np.random.default_rng(seed).random(len(table))
        values[:, catalogue.feature_names.index("days_since_work")] = 0.7 * table.outcome + noise
        return Table(
            FeatureFrame(values, table.frame.names, table.frame.fingerprint),
            table.outcome,
            table.answered,
            table.landmark,
        )

    fit, calibration = (leaking(table, seed) for seed, table in enumerate(slices))
    fitted = fit_candidate("t", catalogue, fit, calibration, tree_fitter(catalogue, SMALL, 1))
    fresh = leaking(people(catalogue, 3_000, 9), 9)
    risk = fitted.risk(fresh.frame, fresh.answered, catalogue)
    evaluations = evaluate_models(fresh.outcome, fresh.landmark, np.arange(3_000), {"served model": risk}, 20, 1)
    with pytest.raises(TrainingError, match=r"above 0.85: a feature probably knows the outcome"):
        refuse_leaks(evaluations)


def test_intervals_are_of_people_and_not_of_their_person_dates():
    # forty people with 25 person-dates each: the error of a share of a half is sqrt(1/4 / 40) = 0.079, not 0.016
    outcome, person = np.repeat([1.0, 0.0], 500), np.repeat(np.arange(40), 25)
    risk = np.where(np.arange(1_000) // 25 % 10 == 0, 0.5, 0.3 + 0.4 * outcome)
    (found,) = evaluate_models(outcome, np.zeros(1_000, np.int8), person, {"served model": risk}, 1_000, 1)
    assert (found.n, found.people) == (1_000, 40)
    assert found.base_rate.upper - found.base_rate.lower == pytest.approx(2 * 1.96 * 0.079, abs=0.05)
    brier = found.models["served model"].values["brier"]
    assert brier.value == pytest.approx(0.9 * 0.09 + 0.1 * 0.25)
    # of the forty four have .25 and the others .09: a standard deviation of .048, and of the mean .0076
    assert brier.upper - brier.lower == pytest.approx(2 * 1.96 * 0.0076, abs=0.01)


def test_permuted_labels_give_one_half(catalogue, slices):
    fit, calibration = slices
    random = np.random.default_rng(6)
    mixed = Table(fit.frame, random.permutation(fit.outcome), fit.answered, fit.landmark)
    fitted = fit_candidate("t", catalogue, mixed, calibration, tree_fitter(catalogue, SMALL, 1))
    fresh = people(catalogue, 4_000, 8)
    risk = fitted.risk(fresh.frame, fresh.answered, catalogue)
    shuffled = random.permutation(fresh.outcome)
    found = evaluate_models(shuffled, np.zeros(4_000, np.int8), np.arange(4_000), {"served model": risk}, 100, 1)
    auc = found[0].models["served model"].values["auc"]
    assert auc.lower <= 0.5 <= auc.upper


def test_the_verdict_on_challengers_follows_the_interval():
    random = np.random.default_rng(3)
    x = random.normal(size=3_000)
    outcome = (random.random(3_000) < 1 / (1 + np.exp(1 - x))).astype(float)
    good, poor = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(-random.normal(size=3_000)))
    where = (np.zeros(3_000, np.int8), np.arange(3_000))

    def sentence(served, challenger) -> str:
        risks = {"served model": served, LOGISTIC: challenger}
        return recommendation(compare_with_challengers(evaluate_models(outcome, *where, risks, 50, 1)))

    assert sentence(good, poor) == "The candidate is better than every challenger that may serve."
    assert sentence(poor, good).startswith("The candidate fails: logistic regression")
    assert sentence(good, good).startswith("Recommended is the logistic regression: it is simpler")
