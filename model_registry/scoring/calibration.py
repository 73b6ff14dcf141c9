"""Sigmoid calibration: linear in the margin, so that contributions scale exactly (Platt 1999)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.errors import PackageError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SigmoidCalibration:
    """risk = 1 / (1 + exp(-(slope * margin + intercept))).

    Fitted in training on people and months that the model has not seen. A slope above zero keeps the order of people.

    Source
    ------
    J. Platt (1999), Probabilistic outputs for support vector machines, Advances in Large Margin Classifiers, 61-74.

    Examples
    --------
    >>> SigmoidCalibration(2.0, -1.0).risk(np.array([0.5]))
    array([0.5])
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.slope) and np.isfinite(self.intercept) and self.slope > 0):
            raise PackageError("Calibration needs a slope above zero and a finite intercept; fit it on both outcomes.")

    def log_odds(self, margin: Floats) -> Floats:
        """The calibrated log-odds of margins (any shape)."""
        return self.slope * margin + self.intercept

    def risk(self, margin: Floats) -> Floats:
        """The calibrated risk, between 0 and 1, of margins (any shape)."""
        return risk_of(self.log_odds(margin))


def risk_of(log_odds: Floats) -> Floats:
    """The risk that belongs to calibrated log-odds (any shape); exact in both tails, without overflow.

    Examples
    --------
    >>> risk_of(np.array([0.0, -800.0, 800.0]))
    array([0.5, 0. , 1. ])
    """
    small = np.exp(-np.abs(log_odds))
    risk: Floats = np.where(log_odds >= 0, 1.0, small) / (1.0 + small)
    return risk
