"""Fit small trees on a frame and calibrate them on people they have not seen: the register model and the full model."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.errors import TrainingError
from features.frame import FeatureFrame
from model_registry.scoring.answers import highest_over_answers
from model_registry.scoring.calibration import SigmoidCalibration, risk_of
from model_registry.scoring.larger_trees import larger_trees
from model_registry.scoring.scorer import Scorer, Tables
from model_registry.scoring.trees import SMALL_TREE_LEAVES, compile_trees
from training.chain import Chain, calibrate_chain
from training.config import FitConfig

# libgomp's threads spin while they wait: on cores shared with anybody else a fit of 1 s took 25 s (LightGBM 4.7).
# Read once, when LightGBM loads the library.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

SMALL_TREES = "small trees"

LEAST_SLOPE = 0.05
"""A calibration may not turn the order of people round; where the margin tells nothing, risks go to the base rate."""

FEWEST_ANSWERS = 200
"""With fewer people who answered a voluntary question in the calibration slice there is no full model (assumption)."""


@dataclass(frozen=True)
class Candidate:
    """A model as it would be served: `full` is used where a voluntary answer is known, and the higher risk decides.

    `texts` holds LightGBM's own text of the parts that it made, by "register" or "full": the proof of the tables.
    """

    name: str
    register: Scorer
    full: Scorer | None
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)

    def risk(self, frame: FeatureFrame, answered: NDArray[np.bool_], catalogue: Catalogue, threads: int = 1) -> Floats:
        """The served risk (n,): the register model's, or where `answered` the full model's if it is higher, with
        everything told or with any part of it."""
        return risk_of(self.log_odds(frame, answered, catalogue, threads))

    def log_odds(
        self, frame: FeatureFrame, answered: NDArray[np.bool_], catalogue: Catalogue, threads: int = 1
    ) -> Floats:
        """The log-odds of the served risk (n,), to the last bit as a package gives them: a threshold lies on one."""
        register, full = self.register.widened(frame.names), self.full
        log_odds = register.score(frame, threads)[0]
        if full is None:
            return log_odds
        wide = full.widened(frame.names)
        return highest_over_answers(catalogue, frame, answered, log_odds, lambda less: wide.score(less, threads)[0])


@dataclass(frozen=True)
class Table:
    """Everything a fit needs about n person-dates.

    Attributes
    ----------
    frame : FeatureFrame (n, k)
    outcome : float64 (n,)
        1.0 or 0.0; NaN where not known, which no fit and no measure takes (`seen`).
    answered : bool (n,)
        Whether any voluntary feature is known.
    landmark : int8 (n,)
        Months since the spell began.
    weight : float64 (n,), optional
        For whom a row stands besides itself (censoring); without, every row counts once.
    """

    frame: FeatureFrame
    outcome: Floats
    answered: NDArray[np.bool_]
    landmark: NDArray[np.int8]
    weight: Floats | None = None

    def __len__(self) -> int:
        return len(self.outcome)

    def take(self, rows: Rows) -> "Table":
        """The same for the rows given."""
        frame = FeatureFrame(np.ascontiguousarray(self.frame.values[rows]), self.frame.names, self.frame.fingerprint)
        weight = None if self.weight is None else self.weight[rows]
        return Table(frame, self.outcome[rows], self.answered[rows], self.landmark[rows], weight)

    def seen(self, outcome: Floats, weight: Floats) -> "Table":
        """The rows whose outcome is known, with these outcomes and weights (n,); weight 0 means not known."""
        rows = np.flatnonzero(weight > 0)
        kept = self.take(rows)
        return Table(kept.frame, outcome[rows], kept.answered, kept.landmark, weight[rows])


Fitter = Callable[[Table, Sequence[str]], Tables]


def fit_candidate(
    name: str,
    catalogue: Catalogue,
    fit: Table,
    calibration: Table,
    fitter: Fitter,
    *,
    with_full: bool = True,
    texts: Mapping[str, str] | None = None,
    chain: Chain | None = None,
) -> Candidate:
    """Return a register model fitted on everybody, and a full model with all features, each calibrated.

    The full model is calibrated on people with any voluntary answer, because only for them is it used. There is none
    where the catalogue has no voluntary feature, or too few people answered.

    Parameters
    ----------
    chain : Chain, optional
        Calibrates on the latest months, landmark by landmark, its positions being rows of `calibration`; without, on
        the outcomes of `calibration`.
    """
    _need_both_classes(fit.outcome, "fit")
    if chain is None:
        _need_both_classes(calibration.outcome, "calibration")
    tables = fitter(fit, catalogue.register_names)
    register = Scorer(tables, calibrated(tables, calibration, chain))
    if not with_full or len(catalogue.register_names) == len(catalogue.feature_names):
        return Candidate(name, register, None, texts or {})
    full = None
    if chain is not None:
        answered_chain = chain.where(calibration.answered)
        if len(answered_chain) >= FEWEST_ANSWERS:
            tables = fitter(fit, catalogue.feature_names)
            full = Scorer(tables, calibrated(tables, calibration, answered_chain))
    else:
        answers = calibration.take(np.flatnonzero(calibration.answered))
        if len(answers) >= FEWEST_ANSWERS and 0 < answers.outcome.sum() < len(answers):
            tables = fitter(fit, catalogue.feature_names)
            full = Scorer(tables, calibrated(tables, answers))
    return Candidate(name, register, full, texts or {})


def calibrated(tables: Tables, calibration: Table, chain: Chain | None = None) -> SigmoidCalibration:
    """Return the sigmoid calibration of these tables, by logistic regression of the outcome on the margin."""
    values = calibration.frame.select(tables.names).values
    return calibrated_margin(tables.base + tables.contributions(values).sum(axis=1), calibration, chain)


def calibrated_margin(margin: Floats, calibration: Table, chain: Chain | None = None) -> SigmoidCalibration:
    """Return the sigmoid calibration of raw scores (n of the table)."""
    if chain is not None:
        return calibrate_chain(chain, margin, fit_sigmoid)
    return fit_sigmoid(margin, calibration.outcome, calibration.weight)


def fit_sigmoid(margin: Floats, outcome: Floats, weight: Floats | None = None) -> SigmoidCalibration:
    """Return the calibration of greatest likelihood with a slope of at least `LEAST_SLOPE` (Newton's method).

    Parameters
    ----------
    margin, outcome : float64 (n,)
        Raw scores; and 1.0 or 0.0, or what is expected between them.
    weight : float64 (n,), optional
    """
    own = np.ones_like(margin) if weight is None else weight
    slope, intercept = _newton(np.column_stack([margin, np.ones_like(margin)]), outcome, np.zeros_like(margin), own)
    if not slope >= LEAST_SLOPE:
        slope = LEAST_SLOPE
        (intercept,) = _newton(np.ones((len(margin), 1)), outcome, slope * margin, own)
    return SigmoidCalibration(float(slope), float(intercept))


def tree_fitter(
    catalogue: Catalogue,
    config: FitConfig,
    seed: int,
    progress: Callable[[], None] | None = None,
    texts: dict[str, str] | None = None,
) -> Fitter:
    """Return a function that fits boosted small trees: monotone where the catalogue says, missing values as they are.

    The same data, seed, versions and machine give the same trees bit for bit.

    Parameters
    ----------
    progress : callable, optional
        Called after each tree.
    texts : dict, optional
        Takes LightGBM's text of each model fitted, by "register" or "full".
    """

    def fitter(fit: Table, names: Sequence[str]) -> Tables:
        text = train_trees(catalogue, fit, names, boosting_parameters(config, seed), config.trees, progress)
        if texts is not None:
            texts["register" if tuple(names) == catalogue.register_names else "full"] = text
        small = config.leaves <= SMALL_TREE_LEAVES
        return compile_trees(text, tuple(names)) if small else larger_trees(text, tuple(names))

    return fitter


def boosting_parameters(config: FitConfig, seed: int) -> dict[str, object]:
    """Return LightGBM's parameters for the served model."""
    return {
        "num_leaves": config.leaves,
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": config.fewest_in_leaf,
        "lambda_l2": config.l2,
        "bagging_fraction": config.row_share,
        "bagging_freq": 1,
        "feature_fraction": config.feature_share,
        "num_threads": config.threads,
        "seed": seed,
    }


def train_trees(
    catalogue: Catalogue,
    fit: Table,
    names: Sequence[str],
    parameters: Mapping[str, object],
    trees: int,
    progress: Callable[[], None] | None = None,
) -> str:
    """Return LightGBM's text of a model of so many trees on the features named."""
    import lightgbm

    features = [catalogue.feature(name) for name in names]
    whole = {
        **parameters,
        "objective": "binary",
        "monotone_constraints": [feature.monotone for feature in features],
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        np.ascontiguousarray(fit.frame.select(names).values),
        fit.outcome,
        weight=fit.weight,
        feature_name=list(names),
        categorical_feature=[i for i, feature in enumerate(features) if feature.kind == "category"],
        params={"verbosity": -1, "force_row_wise": True, "num_threads": whole["num_threads"]},
    )
    callbacks = [] if progress is None else [lambda _: progress()]
    booster = lightgbm.train(whole, data, num_boost_round=trees, callbacks=callbacks)
    return str(booster.model_to_string())


def _newton(design: Floats, outcome: Floats, offset: Floats, weight: Floats) -> Floats:
    coefficients = np.zeros(design.shape[1])
    for _ in range(50):
        expected = 1 / (1 + np.exp(-np.clip(offset + design @ coefficients, -500, 500)))
        curvature = design.T @ (design * (weight * expected * (1 - expected))[:, None])
        # a margin that is the same for everybody has no slope: the least-squares step leaves it at zero
        step = np.linalg.lstsq(curvature, design.T @ (weight * (outcome - expected)), rcond=1e-12)[0]
        coefficients = coefficients + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            break
    return coefficients


def _need_both_classes(outcome: Floats, place: str) -> None:
    positives = int(outcome.sum())
    if not 0 < positives < len(outcome):
        found = "nobody" if positives == 0 else "everybody"
        raise TrainingError(
            f"in the {place} slice {found} of {len(outcome)} person-dates has the outcome; a model needs both classes: "
            "deliver a longer history, and check the label's column and how the extract was selected"
        )
