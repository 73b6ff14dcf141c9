"""What the candidate must beat: a history rule, a logistic regression, one small tree; and the age rule as a yardstick.

The first three are tables like the candidate's and can be packaged, explained and served. The age rule is not: age is a
protected attribute, so it is no model here but a mark on the wall.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from model_registry.scoring.linear import LinearTables, fit_design
from model_registry.scoring.trees import TreeTables, compile_trees
from training.fit import Fitter, Table, train_trees

Floats = NDArray[np.float64]

HISTORY_RULE, LOGISTIC, SMALL_TREE = "unemployment-history rule", "logistic regression", "depth-4 tree"
ONLY_REGISTER = (HISTORY_RULE,)
"""The rule knows no voluntary answer: it has no full model."""
AGE_RULE = "age rule (yardstick)"
SIMPLEST_FIRST = (HISTORY_RULE, SMALL_TREE, LOGISTIC)

HISTORY_MONTHS = 36
TREE_DEPTH = 4
AGE_BANDS = (25, 30, 55)


def challenger_fitters(catalogue: Catalogue, seed: int) -> dict[str, Fitter]:
    """Return how each challenger that the catalogue allows is fitted, by name.

    Without a feature `unemployed_share` (a flat extract) there is no history rule.
    """

    def logistic(table: Table, names: Sequence[str]) -> LinearTables:
        return fit_linear_kind(LOGISTIC, catalogue, table, names)

    def tree(table: Table, names: Sequence[str]) -> TreeTables:
        return fit_small_tree(catalogue, table, names, seed)

    fitters: dict[str, Fitter] = {LOGISTIC: logistic, SMALL_TREE: tree}
    if history_feature(catalogue) is not None:
        fitters = {
            HISTORY_RULE: lambda table, names: fit_linear_kind(HISTORY_RULE, catalogue, table, names),
            **fitters,
        }
    return fitters


def fit_linear_kind(kind: str, catalogue: Catalogue, table: Table, names: Sequence[str]) -> LinearTables:
    """Return the logistic regression on the features named, or the history rule, which has its one."""
    history = history_feature(catalogue)
    own = (history,) if kind == HISTORY_RULE and history is not None else tuple(names)
    return fit_logistic(catalogue, table, own)


def history_feature(catalogue: Catalogue) -> str | None:
    """Return the name of the share of time unemployed over 36 months (else the longest window), None without one."""
    found = {
        int(feature.parameters["months"]): feature.name
        for feature in catalogue.active_features
        if feature.function == "unemployed_share"
    }
    return found.get(HISTORY_MONTHS, found[max(found)]) if found else None


def fit_logistic(catalogue: Catalogue, fit: Table, names: Sequence[str]) -> LinearTables:
    """Return a logistic regression with a light ridge penalty; what is not known adds nothing."""
    from sklearn.linear_model import LogisticRegression

    values = fit.frame.select(names).values
    codes = {
        name: len(catalogue.input(str(catalogue.feature(name).input)).values)
        for name in names
        if catalogue.feature(name).kind == "category"
    }
    design = fit_design(values, names, codes)
    fitted = LogisticRegression(C=1.0, max_iter=500).fit(design.matrix(values), fit.outcome, fit.weight)
    return design.tables(fitted.coef_[0], float(fitted.intercept_[0]))


def fit_small_tree(catalogue: Catalogue, fit: Table, names: Sequence[str], seed: int) -> TreeTables:
    """Return one decision tree of depth 4, compiled."""
    text = small_tree_text(catalogue, fit, names, seed)
    return compile_trees(text, tuple(names), max_leaves=2**TREE_DEPTH)


def small_tree_text(catalogue: Catalogue, fit: Table, names: Sequence[str], seed: int) -> str:
    """Return LightGBM's text of one decision tree of depth 4, with the catalogue's monotone directions.

    LightGBM grows it in one round at a learning rate of 1, so each leaf is one Newton step from the base rate;
    calibration puts the level right.
    """
    parameters = {
        "num_leaves": 2**TREE_DEPTH,
        "max_depth": TREE_DEPTH,
        "learning_rate": 1.0,
        "min_data_in_leaf": max(50, len(fit) // 200),
        "num_threads": 1,
        "seed": seed,
    }
    return train_trees(catalogue, fit, names, parameters, 1)


@dataclass(frozen=True)
class AgeRule:
    """A yardstick: the share of outcomes by age band in the fit slice. It has no tables, so nothing can package it.

    Attributes
    ----------
    rates : float64 (bands,)
        For ages below 25, 25-29, 30-54 and from 55 on.
    overall : float
        For people whose age is not known.
    """

    rates: Floats
    overall: float

    def risk(self, age: Floats) -> Floats:
        """The rule's risk (n,) at ages in years; NaN means not known."""
        return np.where(np.isnan(age), self.overall, self.rates[np.digitize(np.nan_to_num(age), AGE_BANDS)])


def fit_age_rule(age: Floats, outcome: Floats, weight: Floats | None = None) -> AgeRule:
    """Return the age rule of these people, whose ages are in years, NaN where not known."""
    own = np.ones(len(age)) if weight is None else weight
    known = ~np.isnan(age)
    band = np.digitize(age[known], AGE_BANDS)
    n = np.bincount(band, own[known], minlength=len(AGE_BANDS) + 1)
    positives = np.bincount(band, (own * outcome)[known], minlength=len(AGE_BANDS) + 1)
    overall = float(np.average(outcome, weights=own))
    return AgeRule(np.where(n > 0, positives / np.where(n > 0, n, 1), overall), overall)
