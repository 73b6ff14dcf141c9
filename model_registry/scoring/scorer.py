"""One calibrated model: risks and contributions of a feature frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.errors import PackageError
from features.frame import FeatureFrame
from model_registry.scoring.calibration import SigmoidCalibration, risk_of
from model_registry.scoring.larger_trees import KIND as LARGER_TREES
from model_registry.scoring.larger_trees import LargerTrees
from model_registry.scoring.linear import LinearTables
from model_registry.scoring.trees import TreeTables

Floats = npt.NDArray[np.float64]
Tables = TreeTables | LinearTables | LargerTrees


@dataclass(frozen=True)
class Scorer:
    """Tables with their calibration. Contributions are on the calibrated log-odds scale; `base` plus their sum is the
    log-odds of the risk.
    """

    tables: Tables
    calibration: SigmoidCalibration

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features the model uses, in its order."""
        return self.tables.names

    @property
    def explains_by(self) -> str:
        """How contributions are found: "tables" of trees, "coefficients", or LightGBM's slow "pred_contrib"."""
        return self.tables.explains_by

    @property
    def base(self) -> float:
        """The calibrated log-odds before any contribution."""
        return self.calibration.slope * self.tables.base + self.calibration.intercept

    def margin(self, frame: FeatureFrame, threads: int = 1) -> Floats:
        """The uncalibrated raw score (n,): what calibration is fitted on."""
        margin: Floats = self.tables.base + self._raw(frame, threads).sum(axis=1)
        return margin

    def risk(self, frame: FeatureFrame, threads: int = 1) -> Floats:
        """The calibrated risk (n,) of each row."""
        return risk_of(self.score(frame, threads)[0])

    def contributions(self, frame: FeatureFrame, threads: int = 1) -> Floats:
        """The contributions (n, k) to the calibrated log-odds, columns as in `feature_names`."""
        return self.calibration.slope * self._raw(frame, threads)

    def score(self, frame: FeatureFrame, threads: int = 1) -> tuple[Floats, Floats]:
        """Calibrated log-odds (n,) and contributions (n, k) in one pass; base plus the second's sum is the first."""
        contributions = self.contributions(frame, threads)
        return self.base + contributions.sum(axis=1), contributions

    def widened(self, names: Sequence[str]) -> "Scorer":
        """The same model with a column for each of `names`, which hold its own: the others contribute 0."""
        return self if tuple(names) == self.feature_names else Scorer(self.tables.widened(names), self.calibration)

    def _raw(self, frame: FeatureFrame, threads: int) -> Floats:
        return self.tables.contributions(frame.select(self.feature_names).values, threads)


def tables_of_arrays(saved: Mapping[str, npt.NDArray[Any]]) -> Tables:
    """The tables of a saved form, of whichever kind it says it is.

    Raises
    ------
    PackageError
        If it is of neither kind or does not fit together.
    """
    kind = str(saved["kind_of_tables"]) if "kind_of_tables" in saved else ""
    if kind == "trees":
        return TreeTables.from_arrays(saved)
    if kind == "linear":
        return LinearTables.from_arrays(saved)
    if kind == LARGER_TREES:
        return LargerTrees.from_arrays(saved)
    raise PackageError("the tables are neither of trees nor linear")
