"""The lookup tables against LightGBM's own contributions, shap's and LightGBM's raw score."""

from typing import Any

import lightgbm
import numpy as np
import pytest
import shap
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import FrameError, PackageError
from model_registry.scoring.scorer import tables_of_arrays
from model_registry.scoring.tree_kernels import AT_MOST, CATEGORY, NOT_ABOVE, ZERO_LEFT, ZERO_RIGHT
from model_registry.scoring.trees import TreeTables, compile_trees

QUIET = {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": 8, "min_data_in_leaf": 5}


def matrix(n: int, k: int, categories: int, seed: int) -> Any:
    """Numbers with ties, zeros and missing values; the first `categories` columns are codes."""
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(size=(n, k)), 1)
    values[:, :categories] = rng.integers(0, 40, (n, categories))
    values[rng.random((n, k)) < 0.2] = np.nan
    values[rng.random((n, k)) < 0.1] = 0.0
    return values


def trained(values: Any, categories: int = 0, trees: int = 10, weight: Any = None, **parameters: Any) -> Any:
    rng = np.random.default_rng(7)
    x = np.nan_to_num(values)
    outcome = (x[:, 0] % 3 + x[:, -1] * np.abs(x[:, min(1, x.shape[1] - 1)]) + rng.normal(size=len(x)) > 1).astype(int)
    names = [f"f{i}" for i in range(values.shape[1])]
    data = lightgbm.Dataset(
        values, outcome, weight=weight, feature_name=names, categorical_feature=list(range(categories))
    )
    return lightgbm.train({**QUIET, "min_data_per_group": 5, "cat_smooth": 1, **parameters}, data, trees)


def tables_of(booster: Any, **options: Any) -> TreeTables:
    return compile_trees(booster.model_to_string(), booster.feature_name(), **options)


def raw_score(booster: Any, values: Any) -> Any:
    """Of the model loaded from its text, as whoever doubts the package would load it."""
    return lightgbm.Booster(model_str=booster.model_to_string()).predict(values, raw_score=True, num_threads=1)


def assert_exact(booster: Any, values: Any, **options: Any) -> None:
    tables = tables_of(booster, **options)
    contributions = tables.contributions(values)
    theirs = booster.predict(values, pred_contrib=True, num_threads=1)
    np.testing.assert_allclose(contributions, theirs[:, :-1], atol=1e-6, rtol=0)
    np.testing.assert_allclose(tables.base, theirs[0, -1], atol=1e-6, rtol=0)
    np.testing.assert_allclose(tables.base + contributions.sum(axis=1), raw_score(booster, values), atol=1e-9, rtol=0)


@settings(max_examples=25, deadline=None)
@given(
    k=st.integers(1, 8),
    categories=st.integers(0, 2),
    leaves=st.integers(2, 8),
    missing=st.sampled_from([{}, {"zero_as_missing": True}, {"use_missing": False}]),
    weighted=st.booleans(),
    duplicated=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_equals_pred_contrib_and_the_raw_score(
    k: int, categories: int, leaves: int, missing: dict[str, bool], weighted: bool, duplicated: bool, seed: int
) -> None:
    values = matrix(300, k, min(k, categories), seed)
    if duplicated:
        values = np.column_stack([values, values[:, -1]])
        k += 1
    weight = np.random.default_rng(seed).random(300) + 0.1 if weighted else None
    booster = trained(values, min(k, categories), num_leaves=leaves, weight=weight, seed=seed, **missing)

    assert_exact(booster, matrix(200, k, min(k, categories), seed + 1))


@pytest.mark.parametrize(
    ("missing", "kinds"),
    [
        ({}, {AT_MOST, NOT_ABOVE, CATEGORY}),
        ({"zero_as_missing": True}, {ZERO_LEFT, ZERO_RIGHT, CATEGORY}),
        ({"use_missing": False}, {AT_MOST, NOT_ABOVE, CATEGORY}),
    ],
)
def test_the_random_models_ask_in_every_way_there_is(missing: dict[str, bool], kinds: set[int]) -> None:
    tables = tables_of(trained(matrix(300, 6, 2, 1), 2, **missing))

    assert set(tables.arrays["kind"].tolist()) == kinds


def test_equals_shap_tree_explainers_own_algorithm() -> None:
    values = np.nan_to_num(matrix(400, 6, 0, 3))
    booster = trained(values, trees=20)

    explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    # shap hands LightGBM models to pred_contrib; this makes it use its own algorithm, which has no categories
    explainer.model.model_type = "internal"
    theirs = explainer.shap_values(values[:50])

    np.testing.assert_allclose(tables_of(booster).contributions(values[:50]), theirs, atol=1e-6, rtol=0)


@settings(max_examples=10, deadline=None)
@given(k=st.integers(1, 6), leaves=st.integers(2, 8), weighted=st.booleans(), seed=st.integers(0, 10_000))
def test_equals_shap_on_random_models(k: int, leaves: int, weighted: bool, seed: int) -> None:
    values = np.nan_to_num(matrix(300, k, 0, seed))
    weight = np.random.default_rng(seed).random(300) + 0.1 if weighted else None
    booster = trained(values, num_leaves=leaves, weight=weight, seed=seed)
    explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    explainer.model.model_type = "internal"

    theirs = explainer.shap_values(values[:40])

    np.testing.assert_allclose(tables_of(booster).contributions(values[:40]), theirs, atol=1e-6, rtol=0)


def test_the_same_model_gives_the_same_tables_to_the_last_bit() -> None:
    booster = trained(matrix(300, 5, 1, 17), 1)

    first, second = tables_of(booster).to_arrays(), tables_of(booster).to_arrays()

    assert all((first[name] == second[name]).all() for name in first)


def test_values_never_seen_in_training_go_where_lightgbm_sends_them() -> None:
    booster = trained(matrix(400, 4, 2, 5), 2)
    odd = np.array([-7.0, -0.5, 0.0, 1e-36, 39.0, 40.0, 63.5, 64.0, 5000.0, 2.0**40, np.nan])
    values = np.stack(np.meshgrid(odd[odd != 2.0**40], odd[odd != 2.0**40], odd[:4], odd), axis=-1).reshape(-1, 4)

    assert_exact(booster, values)


def test_a_feature_repeated_on_a_path() -> None:
    booster = trained(matrix(400, 1, 0, 9), trees=5)

    assert_exact(booster, matrix(300, 1, 0, 10))


def chain_text(features: list[int]) -> str:
    """A hand-written model of one tree in which every left child is a leaf; counts 10, 20, ... 80."""
    n, names = len(features), [f"f{i}" for i in range(max(features) + 1)]
    counts = [10 * (i + 1) for i in range(n + 1)]
    lines = {
        "num_leaves": [n + 1],
        "num_cat": [0],
        "split_feature": features,
        "split_gain": [1] * n,
        "threshold": [0.1 * i for i in range(n)],
        "decision_type": [8 if i % 2 else 10 for i in range(n)],
        "left_child": [-1 - i for i in range(n)],
        "right_child": [*range(1, n), -1 - n],
        "leaf_value": [(-1.5) ** i for i in range(n + 1)],
        "leaf_weight": counts,
        "leaf_count": counts,
        "internal_value": [0] * n,
        "internal_weight": [sum(counts[i:]) for i in range(n)],
        "internal_count": [sum(counts[i:]) for i in range(n)],
        "is_linear": [0],
        "shrinkage": [1],
    }
    head = (
        f"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={len(names) - 1}\n"
        f"objective=binary sigmoid:1\nfeature_names={' '.join(names)}\n"
        f"feature_infos={' '.join(['[-9:9]'] * len(names))}\n"
    )
    tree = "".join(f"{key}={' '.join(map(str, items))}\n" for key, items in lines.items())
    return f"{head}tree_sizes={len(tree) + 9}\n\nTree=0\n{tree}\n\nend of trees\n"


@pytest.mark.parametrize("features", [[0, 1, 2, 3, 4, 5, 6], [0, 1, 0, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0, 0]])
def test_a_tree_that_is_one_long_chain(features: list[int]) -> None:
    assert_exact(lightgbm.Booster(model_str=chain_text(features)), matrix(500, max(features) + 1, 0, 6))


def test_a_stump_is_the_difference_from_the_mean() -> None:
    values = np.repeat([[0.0], [1.0], [1.0], [1.0]], 50, axis=0)
    data = lightgbm.Dataset(values, values[:, 0], feature_name=["worked"])
    booster = lightgbm.train({**QUIET, "objective": "regression", "num_leaves": 2, "learning_rate": 1.0}, data, 1)

    tables = tables_of(booster)

    assert tables.base == pytest.approx(0.75)
    assert tables.contributions(np.array([[0.0], [1.0]])).ravel() == pytest.approx([-0.75, 0.25])


def test_a_model_of_single_leaves_has_only_its_base() -> None:
    values = np.ones((100, 2))
    booster = trained(np.column_stack([values, np.arange(100.0)]), trees=3, min_data_in_leaf=90)

    tables = tables_of(booster)

    assert not tables.contributions(np.ones((5, 3))).any()
    assert tables.base == pytest.approx(raw_score(booster, np.ones((1, 3)))[0], abs=1e-12)


def test_one_row_alone_equals_the_same_row_in_a_batch_to_the_last_bit() -> None:
    values = matrix(400, 6, 2, 11)
    tables = tables_of(trained(values, 2))

    batch = tables.contributions(values)

    alone = np.vstack([tables.contributions(values[i : i + 1]) for i in range(400)])
    assert (alone == batch).all()
    assert (tables.contributions(values, threads=3) == batch).all()


def test_depth_four_trees_are_exact_when_asked_for() -> None:
    booster = trained(matrix(3000, 8, 1, 13), 1, trees=1, num_leaves=16, max_depth=4)

    assert_exact(booster, matrix(300, 8, 1, 14), max_leaves=16)


def test_larger_trees_are_refused_unless_asked_for() -> None:
    booster = trained(matrix(3000, 8, 0, 13), trees=1, num_leaves=16)

    with pytest.raises(PackageError, match="16 leaves"):
        tables_of(booster)


def test_trees_beyond_sixteen_leaves_are_refused_even_when_asked_for() -> None:
    booster = trained(matrix(3000, 8, 0, 13), trees=1, num_leaves=31)

    with pytest.raises(PackageError, match="at most 16"):
        tables_of(booster, max_leaves=31)


def test_feature_names_in_another_order_are_refused() -> None:
    booster = trained(matrix(300, 2, 0, 1))

    with pytest.raises(PackageError, match="given order"):
        compile_trees(booster.model_to_string(), ["f1", "f0"])


@pytest.mark.parametrize("text", ["", "no model", "tree\nfeature_names=a\nnum_tree_per_iteration=1\n"])
def test_a_text_that_is_no_whole_model_is_refused(text: str) -> None:
    with pytest.raises(PackageError):
        compile_trees(text, ["a"])


def test_a_model_text_cut_short_is_refused() -> None:
    text = trained(matrix(300, 2, 0, 1)).model_to_string()

    with pytest.raises(PackageError, match="cut short"):
        compile_trees(text[: text.index("end of trees")], ["f0", "f1"])


def test_a_matrix_with_a_column_too_few_is_refused() -> None:
    with pytest.raises(FrameError, match="3 columns"):
        tables_of(trained(matrix(300, 3, 0, 1))).contributions(np.zeros((5, 2)))


def test_the_saved_form_gives_the_same_contributions() -> None:
    values = matrix(300, 4, 1, 21)
    tables = tables_of(trained(values, 1))

    again = tables_of_arrays(tables.to_arrays())

    assert (again.contributions(values) == tables.contributions(values)).all()
    assert again.names == tables.names


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("table", lambda array: array[:-1]),
        ("table", lambda array: array.astype(np.float32)),
        ("table", lambda array: np.where(np.arange(len(array)) == 3, np.nan, array)),
        ("feature", lambda array: array + 100),
        ("slot_feature", lambda array: array - 100),
        ("splits", lambda array: array[:-1]),
        ("words", lambda array: array[:-1]),
        ("tables", lambda array: array[::-1].copy()),
        ("threshold", lambda array: array[None]),
    ],
)
def test_saved_arrays_that_do_not_fit_together_are_refused(name: str, change: Any) -> None:
    arrays = tables_of(trained(matrix(300, 4, 1, 21), 1)).to_arrays()

    with pytest.raises(PackageError, match="do not fit together"):
        TreeTables.from_arrays({**arrays, name: change(arrays[name])})
