"""Measures of a model, one function each. All take weights, and many sets of weights (bootstrap draws) at once.

Shapes: `outcome` (n,) holds 1.0 or 0.0, `risk` (n,) probabilities, `weights` (n,) or (n, draws), non-negative; without
weights every row counts once. A measure gives a float for (n,) weights and an array (draws,) for (n, draws). Where a
measure is not defined (no outcome, or nothing but outcomes) it is NaN: what to say then is for `estimates.py`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RISK_FLOOR = 1e-6  # log-odds of a risk of exactly 0 or 1 are infinite; rules such as the age rule give such risks


@dataclass(frozen=True)
class Ranking:
    """People from the highest risk to the lowest, ties together: what every measure of order is computed from.

    `flagged` and `found` are (groups + 1, draws): the weight of the people, and of the outcomes, among the first so
    many tie groups; row 0 is zero and the last row is everybody.
    """

    flagged: Floats
    found: Floats
    single: bool


def rank(outcome: Floats, risk: Floats, weights: Floats | None = None) -> Ranking:
    """Return the ranking of these people, computed once for `auc` and the recalls and precisions at capacity."""
    columns, single = _columns(outcome, weights)
    order = np.argsort(-risk, kind="stable")
    sorted_risk = risk[order]
    starts = np.flatnonzero(np.r_[True, sorted_risk[1:] != sorted_risk[:-1]])
    ordered = columns[order]
    flagged = np.add.reduceat(ordered, starts, axis=0) if len(starts) < len(order) else ordered
    positives = ordered * outcome[order][:, None]
    found = np.add.reduceat(positives, starts, axis=0) if len(starts) < len(order) else positives
    return Ranking(_cumulated(flagged), _cumulated(found), single)


def auc(ranking: Ranking) -> Floats | float:
    """Return the chance that a person with the outcome stands above one without it; ties count one half.

    >>> outcome, risk = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.5, 0.5, 0.1])
    >>> float(auc(rank(outcome, risk)))
    0.875
    """
    missed = ranking.flagged - ranking.found
    heights = (ranking.found[1:] + ranking.found[:-1]) / 2
    area = np.einsum("gd,gd->d", heights, np.diff(missed, axis=0))
    return _given(ratio(area, ranking.found[-1] * missed[-1]), ranking.single)


def recall_at_capacity(ranking: Ranking, capacity: float) -> Floats | float:
    """Return the share of those with the outcome who are met when the given share of highest risks is met.

    Inside a group of equal risks people are taken at random, so a rule with few steps is neither helped nor hurt.
    """
    return _given(ratio(_found_at(ranking, capacity), ranking.found[-1]), ranking.single)


def precision_at_capacity(ranking: Ranking, capacity: float) -> Floats | float:
    """Return the share with the outcome among the given share of people with the highest risk."""
    return _given(ratio(_found_at(ranking, capacity), capacity * ranking.flagged[-1]), ranking.single)


def flags_at_capacity(risk: Floats, weights: Floats, capacity: float) -> Floats:
    """Return how far each person is among the given share of highest risks: 1 met, 0 not, between for the last ties.

    Returns
    -------
    (n,) for (n,) weights, (n, draws) for (n, draws).
    """
    columns, single = (weights[:, None], True) if weights.ndim == 1 else (weights, False)
    order = np.argsort(-risk, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(risk[order]) != 0])
    size = np.add.reduceat(columns[order], starts, axis=0)
    before = np.cumsum(size, axis=0) - size
    room = np.clip(capacity * columns.sum(axis=0) - before, 0.0, size)
    share = np.where(size > 0, room / np.where(size > 0, size, 1.0), 0.0)
    flags: Floats = np.empty(columns.shape)
    flags[order] = np.repeat(share, np.diff(np.r_[starts, len(order)]), axis=0)
    return flags[:, 0] if single else flags


def base_rate(outcome: Floats, weights: Floats | None = None) -> Floats | float:
    """Return the share of people with the outcome."""
    columns, single = _columns(outcome, weights)
    return _given(ratio(outcome @ columns, columns.sum(axis=0)), single)


def brier(outcome: Floats, risk: Floats, weights: Floats | None = None) -> Floats | float:
    """Return the mean squared distance of risk and outcome: 0 is perfect; knowing only the base rate b gives b(1 - b).

    Source: Brier (1950), Monthly Weather Review 78:1-3.
    """
    columns, single = _columns(outcome, weights)
    return _given(ratio((risk - outcome) ** 2 @ columns, columns.sum(axis=0)), single)


def calibration_slope(outcome: Floats, risk: Floats, weights: Floats | None = None) -> Floats | float:
    """Return the slope of the outcome on the log-odds of the risk: 1 is right, below 1 the risks are too extreme.

    Source: Van Calster et al. (2016), Journal of Clinical Epidemiology 74:167-176.
    """
    columns, single = _columns(outcome, weights)
    _, slope = _logistic(outcome, log_odds(risk), columns)
    return _given(slope, single)


def calibration_intercept(outcome: Floats, risk: Floats, weights: Floats | None = None) -> Floats | float:
    """Return how much must be added to the log-odds for the mean risk to be right (slope kept at 1): 0 is right,
    above 0 the risk is too low.

    Source: Van Calster et al. (2016), "calibration-in-the-large".
    """
    columns, single = _columns(outcome, weights)
    offset = log_odds(risk)
    intercept = np.zeros(columns.shape[1])
    defined = _both_classes(outcome, columns)
    for _ in range(NEWTON_STEPS):
        expected = _sigmoid(offset[:, None] + intercept)
        gradient = (columns * (outcome[:, None] - expected)).sum(axis=0)
        curvature = (columns * expected * (1 - expected)).sum(axis=0)
        step = ratio(gradient, curvature)
        intercept = intercept + np.where(defined, np.clip(step, -2, 2), 0)
        if np.all(np.abs(step[defined]) < NEWTON_TOLERANCE):
            break
    return _given(np.where(defined, intercept, np.nan), single)


def expected_calibration_error(
    outcome: Floats, risk: Floats, weights: Floats | None = None, bins: int = 10
) -> Floats | float:
    """Return the mean distance between mean risk and share of outcomes over bins that hold equally many people."""
    columns, single = _columns(outcome, weights)
    order = np.argsort(risk, kind="stable")
    starts = np.unique(np.linspace(0, len(order), bins + 1).astype(np.int64)[:-1])
    signed = np.add.reduceat((columns * (risk - outcome)[:, None])[order], starts, axis=0)
    return _given(ratio(np.abs(signed).sum(axis=0), columns.sum(axis=0)), single)


def calibration_error_by_chance(outcome: Floats, risk: Floats, weights: Floats | None = None, bins: int = 10) -> float:
    """Return the calibration error that sampling alone would give: the mean over bins of a normal error's size.

    Parameters
    ----------
    outcome, risk, weights : (n,)
        The outcome may be a probability, such as a risk that is known to be true.
    """
    share, _, spread = _bins(outcome, risk, weights, bins)
    return float(share @ np.sqrt(2 * spread / np.pi))


def calibration_error_beyond_chance(
    outcome: Floats, risk: Floats, weights: Floats | None = None, bins: int = 10
) -> float:
    """Return the root mean square distance of risk and outcome over bins, less what sampling alone gives; at least 0.

    Source: Kumar, Liang and Ma (2019), Verified uncertainty calibration, NeurIPS 32 (the debiased estimator).
    """
    share, distance, spread = _bins(outcome, risk, weights, bins)
    return float(np.sqrt(max(0.0, float(share @ (distance**2 - spread)))))


def _bins(outcome: Floats, risk: Floats, weights: Floats | None, bins: int) -> tuple[Floats, Floats, Floats]:
    """Share of the weight, mean of risk less outcome, and that mean's variance, by bins of equally many people."""
    weight = np.ones(len(risk)) if weights is None else weights
    share, distance, spread = [], [], []
    for rows in np.array_split(np.argsort(risk, kind="stable"), min(bins, max(len(risk) // 2, 1))):
        own, apart = weight[rows], risk[rows] - outcome[rows]
        mean = float(own @ apart) / float(own.sum())
        share.append(float(own.sum() / weight.sum()))
        distance.append(mean)
        freedom = len(rows) / max(len(rows) - 1, 1)
        spread.append(float((own**2) @ (apart - mean) ** 2) / float(own.sum()) ** 2 * freedom)
    return np.array(share), np.array(distance), np.array(spread)


def log_odds(risk: Floats) -> Floats:
    """Return the log-odds of risks, a risk of 0 or 1 taken as `RISK_FLOOR` away from it."""
    inside = np.clip(risk, RISK_FLOOR, 1 - RISK_FLOOR)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


NEWTON_STEPS = 25
NEWTON_TOLERANCE = 1e-5


def _logistic(outcome: Floats, x: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """Return intercepts and slopes (draws,) of weighted logistic regressions, all draws at once by Newton's method."""
    intercept, slope = np.zeros(columns.shape[1]), np.ones(columns.shape[1])
    defined = _both_classes(outcome, columns) & (np.ptp(x) > 0)
    for _ in range(NEWTON_STEPS):
        expected = _sigmoid(intercept + slope * x[:, None])
        residual = columns * (outcome[:, None] - expected)
        curvature = columns * expected * (1 - expected)
        g0, g1 = residual.sum(axis=0), x @ residual
        h00, h01, h11 = curvature.sum(axis=0), x @ curvature, (x * x) @ curvature
        determinant = h00 * h11 - h01 * h01
        step0 = ratio(h11 * g0 - h01 * g1, determinant)
        step1 = ratio(h00 * g1 - h01 * g0, determinant)
        defined &= np.isfinite(step0) & np.isfinite(step1)
        intercept = intercept + np.where(defined, np.clip(step0, -2, 2), 0)
        slope = slope + np.where(defined, np.clip(step1, -2, 2), 0)
        if np.all(np.abs(step1[defined]) < NEWTON_TOLERANCE):
            break
    return np.where(defined, intercept, np.nan), np.where(defined, slope, np.nan)


def _found_at(ranking: Ranking, capacity: float) -> Floats:
    if not 0 < capacity <= 1:
        raise ValueError("capacity is a share of people, above 0 and at most 1")
    places = capacity * ranking.flagged[-1]
    found: Floats = np.empty(len(places))
    for draw, place in enumerate(places):
        found[draw] = np.interp(place, ranking.flagged[:, draw], ranking.found[:, draw])
    return found


def _columns(outcome: Floats, weights: Floats | None) -> tuple[Floats, bool]:
    if weights is None:
        return np.ones((len(outcome), 1)), True
    return (weights[:, None], True) if weights.ndim == 1 else (weights, False)


def _cumulated(by_group: Floats) -> Floats:
    total = np.zeros((by_group.shape[0] + 1, by_group.shape[1]))
    np.cumsum(by_group, axis=0, out=total[1:])
    return total


def _both_classes(outcome: Floats, columns: Floats) -> NDArray[np.bool_]:
    positives = outcome @ columns
    return np.asarray((positives > 0) & (positives < columns.sum(axis=0)))


def _sigmoid(x: Floats) -> Floats:
    # exp overflows to infinity for risks of almost 0, and 1 / infinity is the right answer
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-x)), dtype=np.float64)


def ratio(above: Floats, below: Floats) -> Floats:
    """Return above / below, NaN where there is nothing below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan), dtype=np.float64)


def _given(values: Floats, single: bool) -> Floats | float:
    return float(values[0]) if single else values
