"""A measure with its interval: bootstrap by person, one set of draws for all models, so differences are paired."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_registry.evidence import measures

Floats = NDArray[np.float64]
CAPACITIES = (0.10, 0.15, 0.25)
CONFIDENCE = 0.95
FEWEST_OUTCOMES = 20  # fewer outcomes, or fewer people without one, and no measure can be told apart from chance


@dataclass(frozen=True)
class Estimate:
    """One measured number with its interval; `value` is None where it cannot be told, and `reason` says why."""

    value: float | None
    lower: float | None
    upper: float | None
    reason: str | None = None


@dataclass(frozen=True)
class ModelMeasures:
    """All measures of one model in one cohort, and its differences to the first model, by measure name."""

    model: str
    values: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]


def draw_weights(people: NDArray[np.int64], draws: int, seed: int) -> Floats:
    """Return (rows, draws): how often each row's person was drawn; all rows of a person move together.

    Parameters
    ----------
    people : (rows,) int64
        A number for each person; any numbers, equal for the rows of one person.
    """
    _, person = np.unique(people, return_inverse=True)
    n_people = int(person.max()) + 1 if len(person) else 0
    random = np.random.default_rng(seed)
    counts = np.empty((n_people, draws))
    for draw in range(draws):
        counts[:, draw] = np.bincount(random.integers(0, n_people, n_people), minlength=n_people)
    return np.ascontiguousarray(counts[person])


def all_measures(outcome: Floats, risk: Floats, weights: Floats | None = None) -> dict[str, Floats | float]:
    """Return every measure by name, as floats or as (draws,) arrays: `auc`, `brier`, `recall_at_10`, ..."""
    ranking = measures.rank(outcome, risk, weights)
    found: dict[str, Floats | float] = {
        "auc": measures.auc(ranking),
        "brier": measures.brier(outcome, risk, weights),
        "calibration_slope": measures.calibration_slope(outcome, risk, weights),
        "calibration_intercept": measures.calibration_intercept(outcome, risk, weights),
        "expected_calibration_error": measures.expected_calibration_error(outcome, risk, weights),
    }
    for capacity in CAPACITIES:
        found[f"recall_at_{round(capacity * 100)}"] = measures.recall_at_capacity(ranking, capacity)
        found[f"precision_at_{round(capacity * 100)}"] = measures.precision_at_capacity(ranking, capacity)
    return found


def compare_models(
    outcome: Floats,
    risks: Mapping[str, Floats],
    weights: Floats,
    own_weights: Floats | None = None,
    done: Callable[[str], None] | None = None,
) -> dict[str, ModelMeasures]:
    """Return the measures of each model and, for every later model, the first model's value minus its own.

    Parameters
    ----------
    outcome : (n,) float64
        1.0 or 0.0.
    risks : model name -> (n,) float64
        The first is the one that the others are compared with.
    weights : (n, draws) float64
        From `draw_weights`; the same for all models.
    own_weights : (n,) float64, optional
        Weights of the rows themselves (for censoring); multiplied into the draws.
    done : callable, optional
        Called with a model's name when it is measured.
    """
    reason = why_not_assessable(outcome)
    points: dict[str, dict[str, Floats | float]] = {}
    spreads: dict[str, dict[str, Floats | float]] = {}
    drawn = weights if own_weights is None else weights * own_weights[:, None]
    found: dict[str, ModelMeasures] = {}
    first = next(iter(risks))
    for name, risk in risks.items():
        if reason is None:
            points[name] = all_measures(outcome, risk, own_weights)
            spreads[name] = all_measures(outcome, risk, drawn)
        found[name] = ModelMeasures(
            name,
            {key: _estimate(points, spreads, name, None, key, reason) for key in MEASURE_NAMES},
            {}
            if name == first
            else {key: _estimate(points, spreads, first, name, key, reason) for key in MEASURE_NAMES},
        )
        if done is not None:
            done(name)
    return found


def why_not_assessable(outcome: Floats) -> str | None:
    """Return the reason why nothing can be measured on these people, or None where it can."""
    n, positives = len(outcome), int(outcome.sum())
    if min(positives, n - positives) < FEWEST_OUTCOMES:
        return f"n = {n}, {positives} of them with the outcome: at least {FEWEST_OUTCOMES} with and without are needed"
    return None


def interval(draws: Floats) -> tuple[float | None, float | None]:
    """Return the 2.5th and 97.5th percentile of the draws; None where fewer than two draws are defined."""
    defined = draws[np.isfinite(draws)]
    if len(defined) < 2:
        return None, None
    lower, upper = np.quantile(defined, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(lower), float(upper)


MEASURE_NAMES = (
    "auc",
    "brier",
    "calibration_slope",
    "calibration_intercept",
    "expected_calibration_error",
    *(f"{kind}_at_{round(capacity * 100)}" for capacity in CAPACITIES for kind in ("recall", "precision")),
)


def _estimate(
    points: Mapping[str, Mapping[str, Floats | float]],
    spreads: Mapping[str, Mapping[str, Floats | float]],
    name: str,
    against: str | None,
    key: str,
    reason: str | None,
) -> Estimate:
    if reason is not None:
        return Estimate(None, None, None, reason)
    point, spread = float(points[name][key]), np.asarray(spreads[name][key])
    if against is not None:
        point, spread = point - float(points[against][key]), spread - np.asarray(spreads[against][key])
    if not np.isfinite(point):
        return Estimate(None, None, None, "not defined for risks that are all equal or sort people without a mistake")
    return Estimate(point, *interval(spread))
