"""Exact contributions of linear models: logistic regression and the unemployment-history rule.

A number contributes coefficient * (x - mean) / scale; a category contributes its code's effect less the mean effect;
what is not known contributes 0. For a linear model these are its Shapley values when features are taken as independent
(Strumbelj and Kononenko 2014, Knowledge and Information Systems 41, 647-665).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from features.errors import FrameError, PackageError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearDesign:
    """How a feature matrix becomes the centred matrix a linear model is fitted on.

    Attributes
    ----------
    names : tuple of str (k,)
        The features.
    mean, scale : float64 (k,)
        Of the known values; of no meaning where `shares` has the feature.
    shares : mapping of column to float64 (codes,)
        Share of each code among the known ones, for the category features.
    """

    names: tuple[str, ...]
    mean: Floats
    scale: Floats
    shares: Mapping[int, Floats]

    def matrix(self, values: Floats) -> Floats:
        """The design matrix (n, p) of feature values (n, k): one column a number, one a code; not known is 0.

        Centred, so a model fitted on it has its base as intercept.
        """
        columns = []
        for column in range(len(self.names)):
            x = values[:, column]
            if column in self.shares:
                share = self.shares[column]
                known = _known_codes(x, len(share))
                columns.append((known[:, None] == np.arange(len(share))) - np.where(known[:, None] >= 0, share, 0.0))
            else:
                columns.append(np.nan_to_num((x - self.mean[column]) / self.scale[column], nan=0.0)[:, None])
        return np.concatenate(columns, axis=1)

    def tables(self, coefficients: Floats, intercept: float) -> "LinearTables":
        """The tables of a model fitted on `matrix`, from its coefficients (p,) and intercept."""
        widths = [len(self.shares[column]) if column in self.shares else 1 for column in range(len(self.names))]
        parts = np.split(np.asarray(coefficients, dtype=np.float64).ravel(), np.cumsum(widths)[:-1])
        coefficient, effects = np.zeros(len(self.names)), []
        for column, part in enumerate(parts):
            if column in self.shares:
                effects.append(part - self.shares[column] @ part)
            else:
                coefficient[column] = part[0] / self.scale[column]
                effects.append(np.zeros(0))
        starts = np.concatenate([[0], np.cumsum([len(effect) for effect in effects])]).astype(np.int64)
        mean = np.where(coefficient != 0, self.mean, 0.0)
        return LinearTables(self.names, float(intercept), coefficient, mean, starts, np.concatenate(effects))


def fit_design(values: Floats, names: Sequence[str], codes: Mapping[str, int]) -> LinearDesign:
    """The design of a feature matrix (n, k): means, standard deviations and code shares of what is known.

    Parameters
    ----------
    codes : mapping of feature name to number of codes
        For the category features.
    """
    mean, scale, shares = np.zeros(len(names)), np.ones(len(names)), {}
    for column, name in enumerate(names):
        known = values[~np.isnan(values[:, column]), column]
        if name in codes:
            counts = np.bincount(known.astype(np.int64), minlength=codes[name])
            shares[column] = counts / max(1, counts.sum())
        elif len(known):
            mean[column] = known.mean()
            scale[column] = known.std() or 1.0
    return LinearDesign(tuple(names), mean, scale, shares)


@dataclass(frozen=True)
class LinearTables:
    """A linear model: `base` plus the contributions is the margin.

    Attributes
    ----------
    names : tuple of str (k,)
    base : float
        The margin of a person of whom nothing is known.
    coefficient, mean : float64 (k,)
        0 for the category features.
    effect_starts : int64 (k + 1,)
        Where each feature's code effects begin in `effect`; a number has none.
    effect : float64
        Centred effects of the codes.
    """

    names: tuple[str, ...]
    base: float
    coefficient: Floats = field(repr=False)
    mean: Floats = field(repr=False)
    effect_starts: npt.NDArray[np.int64] = field(repr=False)
    effect: Floats = field(repr=False)
    explains_by: ClassVar[str] = "coefficients"

    def contributions(self, values: Floats, threads: int = 1) -> Floats:
        """The exact contributions (n, k) to the margin of the rows of `values` (n, k); NaN is "not known".

        `threads` is accepted to be called like `TreeTables`; one is enough here.
        """
        if values.ndim != 2 or values.shape[1] != len(self.names):
            raise FrameError(f"The model needs a matrix of {len(self.names)} columns, one for each of its features.")
        out: Floats = np.nan_to_num(self.coefficient * (values - self.mean), nan=0.0)
        for column in np.flatnonzero(np.diff(self.effect_starts)):
            effect = self.effect[self.effect_starts[column] : self.effect_starts[column + 1]]
            known = _known_codes(values[:, column], len(effect))
            out[:, column] = np.where(known >= 0, effect[known], 0.0)
        return out

    def widened(self, names: Sequence[str]) -> "LinearTables":
        """The same model with a column for each of `names`, which hold its own: the others contribute 0."""
        coefficient, mean, effects = np.zeros(len(names)), np.zeros(len(names)), [np.zeros(0)] * len(names)
        for column, name in enumerate(self.names):
            place = tuple(names).index(name)
            coefficient[place], mean[place] = self.coefficient[column], self.mean[column]
            effects[place] = self.effect[self.effect_starts[column] : self.effect_starts[column + 1]]
        starts = np.concatenate([[0], np.cumsum([len(effect) for effect in effects])]).astype(np.int64)
        return LinearTables(tuple(names), self.base, coefficient, mean, starts, np.concatenate(effects))

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The saved form: plain arrays only, so that loading executes nothing."""
        return {
            "kind_of_tables": np.array("linear"),
            "names": np.array(self.names),
            "base": np.array(self.base),
            "coefficient": self.coefficient,
            "mean": self.mean,
            "effect_starts": self.effect_starts,
            "effect": self.effect,
        }

    @classmethod
    def from_arrays(cls, saved: Mapping[str, npt.NDArray[Any]]) -> "LinearTables":
        """The tables from their saved form.

        Raises
        ------
        PackageError
            If an array is missing or of the wrong shape.
        """
        expected = ("names", "base", "coefficient", "mean", "effect_starts", "effect")
        missing = [name for name in expected if name not in saved]
        if missing:
            raise PackageError(f"the tables lack {', '.join(missing)}")
        names = tuple(str(name) for name in saved["names"])
        numbers = [saved[name] for name in ("base", "coefficient", "mean", "effect")]
        starts, k = saved["effect_starts"], len(names)
        if (
            any(array.dtype != np.float64 or not np.isfinite(array).all() for array in numbers)
            or saved["base"].shape != ()
            or saved["coefficient"].shape != (k,)
            or saved["mean"].shape != (k,)
            or saved["effect"].ndim != 1
            or starts.shape != (k + 1,)
            or starts.dtype != np.int64
            or starts[0] != 0
            or (np.diff(starts) < 0).any()
            or starts[-1] != len(saved["effect"])
        ):
            raise PackageError("the tables do not fit together: an array has the wrong shape or type")
        return cls(names, float(saved["base"]), saved["coefficient"], saved["mean"], starts, saved["effect"])


def _known_codes(x: Floats, codes: int) -> npt.NDArray[np.int64]:
    """The code of each value; -1 where it is not known or was not there when the model was made."""
    inside = (x >= 0) & (x < codes)
    return np.where(inside, x, -1).astype(np.int64)
