"""LightGBM models with trees too large for tables: explained as exactly, by LightGBM's own slow `pred_contrib`.

Only where it was asked for. LightGBM (0.5 s and a system library) is imported when the first row is scored, and every
answer, log line and description of the model names this way of explaining: it takes hundreds of times as long.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from features.errors import FrameError, PackageError
from model_registry.scoring.lightgbm_text import parse_model

Floats = npt.NDArray[np.float64]
KIND = "larger trees"


@dataclass(frozen=True)
class LargerTrees:
    """A model kept as LightGBM's text: `base` plus the contributions is the raw score (the margin).

    `names` are the columns of every matrix it is given; `own_names` those the text was trained on, some of `names`.
    """

    names: tuple[str, ...]
    base: float
    text: str = field(repr=False)
    own_names: tuple[str, ...] = field(repr=False)
    explains_by: ClassVar[str] = "pred_contrib"

    @cached_property
    def _booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def contributions(self, values: Floats, threads: int = 1) -> Floats:
        """The exact contributions (n, k) to the margin of the rows of `values` (n, k); NaN is "not known".

        Raises
        ------
        FrameError
            If `values` has not one column for each name.
        """
        if values.ndim != 2 or values.shape[1] != len(self.names):
            raise FrameError(f"The model needs a matrix of {len(self.names)} columns, one for each of its features.")
        places = [self.names.index(name) for name in self.own_names]
        out = np.zeros(values.shape)
        own = np.ascontiguousarray(values[:, places])
        out[:, places] = self._booster.predict(own, pred_contrib=True, num_threads=threads)[:, :-1]
        return out

    def widened(self, names: Sequence[str]) -> "LargerTrees":
        """The same model with a column for each of `names`, which hold its own: the others contribute 0."""
        return LargerTrees(tuple(names), self.base, self.text, self.own_names)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The saved form: plain arrays only, so that loading executes nothing."""
        text = np.frombuffer(self.text.encode(), dtype=np.uint8)
        return {"kind_of_tables": np.array(KIND), "names": np.array(self.own_names), "text": text}

    @classmethod
    def from_arrays(cls, saved: Mapping[str, npt.NDArray[Any]]) -> "LargerTrees":
        """The model from its saved form.

        Raises
        ------
        PackageError
            If an array is missing or of the wrong type, or the text is no whole model of these features.
        """
        if "names" not in saved or "text" not in saved or saved["text"].dtype != np.uint8:
            raise PackageError("the larger trees lack their names or their text")
        return larger_trees(saved["text"].tobytes().decode("utf-8"), [str(name) for name in saved["names"]])


def larger_trees(model_text: str, feature_names: Sequence[str]) -> LargerTrees:
    """The model of a LightGBM text whose trees may have any number of leaves.

    Raises
    ------
    PackageError
        If the text cannot be read or the names differ.
    """
    names, trees = parse_model(model_text)
    if names != tuple(feature_names):
        raise PackageError("The model's feature names are not the given ones in the given order; train it on a frame.")
    base = sum(float(tree.leaf_count @ tree.leaf_value / tree.leaf_count.sum()) for tree in trees)
    return LargerTrees(names, base, model_text, names)
