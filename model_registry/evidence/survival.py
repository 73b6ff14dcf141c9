"""Time until an end that not everybody is seen to reach: shares, competing exits, and weights for whom nobody saw.

Dropping people whose outcome nobody saw keeps those who left early and loses those who stayed; counting them as "no" is
worse. Inverse-probability-of-censoring weights let each person seen to the end stand for those like them who were not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Curve:
    """A share over time as a step function.

    Attributes
    ----------
    days : float64 (m,)
        Days on which the share changes, ascending.
    survival, lower, upper : float64 (m,)
        The share from that day on, with its 95 % interval.
    at_risk : float64 (m,)
        People (or weight) under observation just before.
    """

    days: Floats
    survival: Floats
    lower: Floats
    upper: Floats
    at_risk: Floats

    def at(self, day: float) -> float:
        """The share at a day; 1 before the first change."""
        position = int(np.searchsorted(self.days, day, side="right")) - 1
        return 1.0 if position < 0 else float(self.survival[position])

    def before(self, day: Floats) -> Floats:
        """The share just before each day, (n,): whoever changes on the day itself is not counted yet."""
        if len(self.days) == 0:
            return np.ones(len(day))
        position = np.searchsorted(self.days, day, side="left") - 1
        return np.where(position < 0, 1.0, self.survival[np.maximum(position, 0)])


def kaplan_meier(days: NDArray[Any], event: NDArray[np.bool_], weights: Floats | None = None) -> Curve:
    """The share still without the event, with Greenwood's interval on the log-minus-log scale.

    Parameters
    ----------
    days : (n,)
        Time to the event, or to the last day the person was seen.
    event : bool (n,)
        False where the person was only seen until then.
    weights : float64 (n,), optional

    Source: Kaplan and Meier 1958; Greenwood 1926.
    """
    time, weight = np.asarray(days, np.float64), _weights(weights, len(days))
    moments, events, leaving = _counts(time, event, weight)
    at_risk = weight.sum() - np.concatenate([[0.0], np.cumsum(leaving)[:-1]])
    survival = np.cumprod(1.0 - events / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(events / (at_risk * (at_risk - events)))
        spread = Z_95 * np.sqrt(variance) / np.abs(np.log(survival))
        lower, upper = survival ** np.exp(spread), survival ** np.exp(-spread)
    certain = ~np.isfinite(lower) | ~np.isfinite(upper)
    lower, upper = np.where(certain, survival, lower), np.where(certain, survival, upper)
    changed = events > 0
    return Curve(moments[changed], survival[changed], lower[changed], upper[changed], at_risk[changed])


def aalen_johansen(
    days: NDArray[Any], cause: NDArray[Any], causes: Sequence[int], horizon: float, weights: Floats | None = None
) -> dict[int, float]:
    """The share that has left by each cause within `horizon` days, where one exit forestalls the others.

    Parameters
    ----------
    days : (n,)
        Time to the exit, or to the last day the person was seen.
    cause : int (n,)
        Which exit; any value not among `causes` is no exit (censored, or still there).

    Source: Aalen and Johansen 1978. Kaplan-Meier for one cause, taking the others as censored, gives too much.
    """
    _, shares = exit_shares(days, cause, causes, [horizon], _weights(weights, len(days))[:, None])
    return {one: float(share[0, 0]) for one, share in shares.items()}


def exit_shares(
    days: NDArray[Any], cause: NDArray[Any], causes: Sequence[int], horizons: Sequence[float], weights: Floats
) -> tuple[Floats, dict[int, Floats]]:
    """The shares still there (Kaplan-Meier) and gone by each cause (Aalen-Johansen), which add up to 1.

    Parameters
    ----------
    days, cause, causes : as of `aalen_johansen`
    horizons : h numbers of days
        Whoever leaves on the day itself has left.
    weights : float64 (n, draws)
        Each column is a sample of its own, such as a bootstrap draw.

    Returns
    -------
    staying : float64 (h, draws)
    shares : cause -> float64 (h, draws)
    """
    order = np.argsort(days, kind="stable")
    moments, starts = np.unique(np.asarray(days, np.float64)[order], return_index=True)
    own, why = weights[order], np.asarray(cause)[order]
    leaving = np.add.reduceat(own, starts, axis=0)
    at_risk = own.sum(axis=0) - np.cumsum(leaving, axis=0) + leaving
    # where a draw has nobody left to leave, nobody leaves
    at_risk = np.where(leaving > 0, at_risk, 1.0)
    by_cause = {one: np.add.reduceat(own * (why == one)[:, None], starts, axis=0) for one in causes}
    exits = np.sum(list(by_cause.values()), axis=0)
    left = _from_one(np.cumprod(1.0 - exits / at_risk, axis=0))
    places = np.searchsorted(moments, np.asarray(horizons, np.float64), side="right")
    shares = {}
    for one, by_it in by_cause.items():
        gone = np.cumsum(left[:-1] * by_it / at_risk, axis=0)
        shares[one] = np.concatenate([np.zeros((1, gone.shape[1])), gone])[places]
    return left[places], shares


def censoring_weights(
    days: NDArray[Any], censored: NDArray[np.bool_], stratum: NDArray[Any] | None = None, cap: float = 10.0
) -> Floats:
    """Weights (n,) under which people whose outcome was seen stand for everybody; 0 for those whose was not.

    A weight is 1 / P(still followed just before the outcome was known), from the Kaplan-Meier curve of being lost,
    within each stratum (such as the landmark). Large ones are cut to `cap`: a little bias for much less noise.

    Parameters
    ----------
    days : (n,)
        Days from the as-of date until the outcome was known, or until the person was lost.
    censored : bool (n,)
        Whose outcome was not seen.

    Source: Robins and Rotnitzky 1992; Graf et al. 1999.
    """
    time = np.asarray(days, np.float64)
    weights = np.zeros(len(time))
    groups = np.zeros(len(time), np.int64) if stratum is None else np.asarray(stratum)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        followed = kaplan_meier(time[rows], censored[rows]).before(time[rows])
        seen = ~censored[rows]
        weights[rows[seen]] = np.minimum(cap, 1.0 / np.maximum(followed[seen], 1.0 / cap))
    return weights


def effective_n(weights: Floats) -> float:
    """How many equally weighted people would tell as much: (sum of weights)^2 / sum of squares (Kish 1965)."""
    squares = float(np.square(weights).sum())
    return 0.0 if squares == 0 else float(weights.sum()) ** 2 / squares


def _weights(weights: Floats | None, n: int) -> Floats:
    return np.ones(n) if weights is None else np.asarray(weights, np.float64)


def _counts(time: Floats, event: NDArray[np.bool_], weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Moments at which anybody leaves observation, and the weight of events and of all who leave at each."""
    moments, position = np.unique(time, return_inverse=True)
    events = np.bincount(position[event], weight[event], len(moments)).astype(np.float64)
    return moments, events, np.bincount(position, weight, len(moments)).astype(np.float64)


def _from_one(shares: Floats) -> Floats:
    """Shares after each moment, with everybody before the first."""
    return np.concatenate([np.ones((1, shares.shape[1])), shares])
