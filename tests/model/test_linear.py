"""Linear models: contributions worked by hand, and equal to the regression they come from."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from features.errors import PackageError
from model_registry.scoring.linear import LinearTables, fit_design

NAMES = ("months_out", "trade")


def small_tables() -> LinearTables:
    """Months out: mean 3, coefficient 0.5. Trade: codes 0 and 1 in equal shares, effects -1 and 1."""
    design = fit_design(np.array([[2.0, 0.0], [4.0, 1.0]]), NAMES, {"trade": 2})
    return design.tables(np.array([0.5, -1.0, 1.0]), 0.25)


def test_a_number_contributes_by_its_distance_from_the_mean() -> None:
    # standard deviation is 1, so the coefficient stands as it is: 0.5 * (7 - 3)
    assert small_tables().contributions(np.array([[7.0, np.nan]]))[0].tolist() == [2.0, 0.0]


def test_a_category_contributes_its_effect_less_the_mean_effect() -> None:
    assert small_tables().contributions(np.array([[3.0, 1.0]]))[0].tolist() == [0.0, 1.0]


def test_what_is_not_known_contributes_nothing() -> None:
    assert not small_tables().contributions(np.full((1, 2), np.nan)).any()


def test_a_code_that_training_did_not_have_contributes_nothing() -> None:
    assert small_tables().contributions(np.array([[3.0, 5.0], [3.0, -1.0]])).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_a_feature_that_is_never_known_in_training_contributes_nothing() -> None:
    design = fit_design(np.array([[np.nan, 0.0], [np.nan, 1.0]]), NAMES, {"trade": 2})

    assert design.tables(np.array([0.0, -1.0, 1.0]), 0.0).contributions(np.array([[9.0, 0.0]])).tolist() == [
        [0.0, -1.0]
    ]


def test_base_and_contributions_are_the_regressions_decision_function() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(500, 3)) * [1, 20, 1]
    values[:, 2] = rng.integers(0, 5, 500)
    values[rng.random(values.shape) < 0.2] = np.nan
    design = fit_design(values, ("a", "b", "c"), {"c": 5})
    outcome = (np.nan_to_num(values[:, 0]) + (values[:, 2] == 2) + rng.normal(size=500) > 0).astype(int)
    regression = LogisticRegression(max_iter=1000).fit(design.matrix(values), outcome)

    tables = design.tables(regression.coef_, regression.intercept_[0])

    margin = tables.base + tables.contributions(values).sum(axis=1)
    np.testing.assert_allclose(margin, regression.decision_function(design.matrix(values)), atol=1e-12)


def test_the_saved_form_gives_the_same_contributions() -> None:
    values = np.array([[7.0, 1.0], [np.nan, 0.0]])

    again = LinearTables.from_arrays(small_tables().to_arrays())

    assert (again.contributions(values) == small_tables().contributions(values)).all()


@pytest.mark.parametrize("name", ["coefficient", "effect", "effect_starts", "mean"])
def test_saved_arrays_of_another_shape_are_refused(name: str) -> None:
    arrays = small_tables().to_arrays()

    with pytest.raises(PackageError, match="do not fit together"):
        LinearTables.from_arrays({**arrays, name: arrays[name][:-1]})
