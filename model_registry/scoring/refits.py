"""Many refits of one model, asked together for their risks and for nothing else.

A refit never explains, so it needs no contributions: of a tree only its output is kept, one number for each pattern of
its splits' outcomes (`trees.py` says why a pattern is enough).
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from features.errors import FrameError, PackageError
from model_registry.scoring.calibration import SigmoidCalibration
from model_registry.scoring.lightgbm_text import Tree
from model_registry.scoring.linear import LinearTables
from model_registry.scoring.refit_kernels import margins_of_row, margins_of_rows
from model_registry.scoring.tree_kernels import AT_MOST, BLOCK_ROWS, NOT_ABOVE
from model_registry.scoring.trees import LARGEST_TREE_LEAVES, small_trees, split_arrays

Floats = npt.NDArray[np.float64]
FEW_ROWS = 4
ARRAYS: Mapping[str, type[np.generic]] = {
    "members": np.int64,  # (members + 1,) where each refit's trees begin
    "splits": np.int64,  # (trees + 1,) where each tree's splits begin
    "kind": np.int8,
    "feature": np.int64,
    "threshold": np.float64,
    "words": np.uint32,
    "word_starts": np.int64,
    "patterns": np.int64,  # (trees + 1,) where each tree's patterns begin in leaf
    "leaf": np.int8,  # per tree: the leaf that each pattern leads to (2^splits,)
    "leaves": np.int64,  # (trees + 1,) where each tree's leaves begin in output
    "output": np.float64,
}


@dataclass(frozen=True)
class TreeRefits:
    """Refits made of small trees; `names` are the columns of every matrix they are given."""

    names: tuple[str, ...]
    arrays: Mapping[str, npt.NDArray[Any]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.arrays["members"]) - 1

    @cached_property
    def _asked(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """Each split's place in the doubled row (the kernels say what that is), whether it is no comparison, and which
        are not."""
        kind, feature = self.arrays["kind"], self.arrays["feature"]
        places = feature + np.where(kind == NOT_ABOVE, len(self.names), 0)
        is_other = ~np.isin(kind, (AT_MOST, NOT_ABOVE))
        return places.astype(np.uint32), is_other, np.flatnonzero(is_other)

    @cached_property
    def _columns(self) -> tuple[npt.NDArray[Any], ...]:
        return tuple(self.arrays[name] for name in ARRAYS)

    def margins(self, values: Floats, threads: int = 1) -> Floats:
        """The raw scores (n, members) of the rows of `values` (n, k); NaN is "not known"."""
        values = np.ascontiguousarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.names):
            raise FrameError(f"The refits need a matrix of {len(self.names)} columns, one for each of their features.")
        out = np.zeros((len(values), len(self)))
        arrays, (asked, is_other, others) = self._columns, self._asked
        if len(values) <= FEW_ROWS:
            for row in range(len(values)):
                margins_of_row(values[row], asked, others, *arrays, out[row])
            return out
        edges = np.linspace(0, len(values), max(1, min(threads, len(values) // BLOCK_ROWS)) + 1).astype(int)
        if len(edges) == 2:
            margins_of_rows(values, asked, is_other, *arrays, out)
            return out
        with ThreadPoolExecutor(len(edges) - 1) as pool:
            parts = [(values[a:b], asked, is_other, *arrays, out[a:b]) for a, b in pairwise(edges.tolist())]
            list(pool.map(lambda part: margins_of_rows(*part), parts))
        return out

    def widened(self, names: Sequence[str]) -> "TreeRefits":
        """The same refits with a column for each of `names`, which hold their own."""
        places = np.array([tuple(names).index(name) for name in self.names], dtype=np.int64)
        return TreeRefits(tuple(names), {**self.arrays, "feature": places[self.arrays["feature"]]})

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The saved form: plain arrays only."""
        return {"kind_of_refits": np.array("trees"), "names": np.array(self.names), **self.arrays}

    @classmethod
    def from_arrays(cls, saved: Mapping[str, npt.NDArray[Any]]) -> "TreeRefits":
        """The refits from their saved form, every index checked: the kernels do not check bounds."""
        missing = [name for name in (*ARRAYS, "names") if name not in saved]
        if missing:
            raise PackageError(f"the refits lack {', '.join(missing)}")
        names = tuple(str(name) for name in saved["names"])
        arrays = {name: np.ascontiguousarray(saved[name]) for name in ARRAYS}
        fault = _fault(arrays, len(names))
        if fault:
            raise PackageError(f"the refits do not fit together: {fault}")
        return cls(names, arrays)


@dataclass(frozen=True)
class LinearRefits:
    """Refits of a linear model.

    Attributes
    ----------
    names : tuple of str (k,)
    base : float64 (members,)
    coefficient, offset : float64 (members, k)
        A number x that is known adds coefficient * x - offset.
    effect_starts : int64 (k + 1,)
        Where each feature's code effects begin; a number has none.
    effect : float64 (members, codes)
    """

    names: tuple[str, ...]
    base: Floats
    coefficient: Floats = field(repr=False)
    offset: Floats = field(repr=False)
    effect_starts: npt.NDArray[np.int64] = field(repr=False)
    effect: Floats = field(repr=False)

    def __len__(self) -> int:
        return len(self.base)

    def margins(self, values: Floats, threads: int = 1) -> Floats:
        """The raw scores (n, members) of the rows of `values` (n, k); NaN is "not known"; one thread is enough."""
        if values.ndim != 2 or values.shape[1] != len(self.names):
            raise FrameError(f"The refits need a matrix of {len(self.names)} columns, one for each of their features.")
        known = ~np.isnan(values)
        out: Floats = self.base + np.where(known, values, 0.0) @ self.coefficient.T - known @ self.offset.T
        for column in np.flatnonzero(np.diff(self.effect_starts)):
            first, last = self.effect_starts[column : column + 2]
            code = np.where(known[:, column], values[:, column], -1.0).astype(np.int64)
            held = (code >= 0) & (code < last - first)
            out[held] += self.effect[:, first + code[held]].T
        return out

    def widened(self, names: Sequence[str]) -> "LinearRefits":
        """The same refits with a column for each of `names`, which hold their own."""
        places = [tuple(names).index(name) for name in self.names]
        coefficient, offset = np.zeros((2, len(self), len(names)))
        coefficient[:, places], offset[:, places] = self.coefficient, self.offset
        width = np.zeros(len(names), np.int64)
        width[places] = np.diff(self.effect_starts)
        order = np.argsort(places, kind="stable")
        own = [self.effect[:, self.effect_starts[i] : self.effect_starts[i + 1]] for i in order]
        return LinearRefits(
            tuple(names),
            self.base,
            coefficient,
            offset,
            np.concatenate([[0], np.cumsum(width)]),
            np.concatenate(own, axis=1),
        )

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The saved form: plain arrays only."""
        return {
            "kind_of_refits": np.array("linear"),
            "names": np.array(self.names),
            "base": self.base,
            "coefficient": self.coefficient,
            "offset": self.offset,
            "effect_starts": self.effect_starts,
            "effect": self.effect,
        }

    @classmethod
    def from_arrays(cls, saved: Mapping[str, npt.NDArray[Any]]) -> "LinearRefits":
        """The refits from their saved form."""
        try:
            names = tuple(str(name) for name in saved["names"])
            base, coefficient, offset = (np.asarray(saved[key]) for key in ("base", "coefficient", "offset"))
            starts, effect = np.asarray(saved["effect_starts"]), np.asarray(saved["effect"])
        except KeyError as error:
            raise PackageError(f"the refits lack {error.args[0]}") from None
        n, k = len(base), len(names)
        whole = coefficient.shape == offset.shape == (n, k) and starts.shape == (k + 1,) and starts.dtype == np.int64
        if not whole or starts[0] != 0 or (np.diff(starts) < 0).any() or effect.shape != (n, starts[-1]):
            raise PackageError("the refits do not fit together")
        if not all(np.isfinite(array).all() for array in (base, coefficient, offset, effect)):
            raise PackageError("the refits hold a value that is not a number")
        return cls(names, base, coefficient, offset, starts, effect)


Refits = TreeRefits | LinearRefits


@dataclass(frozen=True)
class CalibratedRefits:
    """Refits, each with its own calibration.

    Attributes
    ----------
    slope, intercept : float64 (members,)
    """

    refits: Refits
    slope: Floats
    intercept: Floats

    def __post_init__(self) -> None:
        members = (len(self.refits),)
        whole = self.slope.shape == self.intercept.shape == members and members[0] > 0
        if not whole or not (np.isfinite(self.slope) & np.isfinite(self.intercept) & (self.slope > 0)).all():
            raise PackageError("the refits need one slope above zero and one intercept each")

    def __len__(self) -> int:
        return len(self.refits)

    def log_odds(self, values: Floats, threads: int = 1) -> Floats:
        """The calibrated log-odds (n, members) of the rows of `values` (n, k)."""
        return self.slope * self.refits.margins(values, threads) + self.intercept

    def widened(self, names: Sequence[str]) -> "CalibratedRefits":
        """The same with a column for each of `names`."""
        return CalibratedRefits(self.refits.widened(names), self.slope, self.intercept)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The saved form: plain arrays only."""
        return {**self.refits.to_arrays(), "slope": self.slope, "intercept": self.intercept}

    @classmethod
    def from_arrays(cls, saved: Mapping[str, npt.NDArray[Any]]) -> "CalibratedRefits":
        """The refits of a saved form, of whichever kind it says it is.

        Raises
        ------
        PackageError
            If it is of neither kind or does not fit together.
        """
        kinds: dict[str, type[TreeRefits] | type[LinearRefits]] = {"trees": TreeRefits, "linear": LinearRefits}
        kind = kinds.get(str(saved["kind_of_refits"])) if "kind_of_refits" in saved else None
        if kind is None or "slope" not in saved or "intercept" not in saved:
            raise PackageError("the refits are neither of trees nor linear, or lack their calibration")
        return cls(kind.from_arrays(saved), np.asarray(saved["slope"]), np.asarray(saved["intercept"]))


def tree_refits(texts: Sequence[str], names: Sequence[str], *, max_leaves: int) -> TreeRefits:
    """The refits of LightGBM text models, one a member; trees with more leaves than `max_leaves` are refused."""
    members: list[int] = [0]
    trees: list[Tree] = []
    for text in texts:
        trees += small_trees(text, names, max_leaves)
        members.append(len(trees))
    leaf = [_leaves_reached(tree) for tree in trees]
    lists: dict[str, Any] = {
        "members": members,
        **split_arrays([tree.splits for tree in trees]),
        "patterns": np.concatenate([[0], np.cumsum([len(one) for one in leaf])]),
        "leaf": np.concatenate(leaf) if leaf else [],
        "leaves": np.concatenate([[0], np.cumsum([len(tree.leaf_value) for tree in trees])]),
        "output": np.concatenate([tree.leaf_value for tree in trees]) if trees else [],
    }
    return TreeRefits(tuple(names), {name: np.array(lists[name], dtype=ARRAYS[name]) for name in ARRAYS})


def linear_refits(members: Sequence[LinearTables]) -> LinearRefits:
    """The refits of linear tables; all must have the same features and codes."""
    first = members[0]
    if any(one.names != first.names or (one.effect_starts != first.effect_starts).any() for one in members):
        raise PackageError("the refits are of different features or codes; fit them on one catalogue")
    coefficient = np.array([one.coefficient for one in members])
    return LinearRefits(
        first.names,
        np.array([one.base for one in members]),
        coefficient,
        coefficient * np.array([one.mean for one in members]),
        first.effect_starts,
        np.array([one.effect for one in members]),
    )


def calibrated_refits(refits: Refits, calibrations: Sequence[SigmoidCalibration]) -> CalibratedRefits:
    """The refits with one calibration each."""
    slope = np.array([one.slope for one in calibrations])
    return CalibratedRefits(refits, slope, np.array([one.intercept for one in calibrations]))


def _leaves_reached(tree: Tree) -> npt.NDArray[np.int8]:
    """The leaf that each pattern of the splits' outcomes leads to (2^splits,)."""
    patterns = np.arange(2 ** len(tree.splits))
    leaf = np.zeros(len(patterns), dtype=np.int8)
    for number, way in enumerate(tree.ways):
        reached = np.ones(len(patterns), dtype=np.bool_)
        for split, left in way:
            reached &= (patterns >> split) & 1 == left
        leaf[reached] = number
    return leaf


def _fault(arrays: Mapping[str, npt.NDArray[Any]], k: int) -> str:
    """What is wrong with saved arrays; empty if nothing is."""
    for name, dtype in ARRAYS.items():
        if arrays[name].dtype != dtype or arrays[name].ndim != 1:
            return f"{name} is not a row of {np.dtype(dtype).name}"
    trees, splits = len(arrays["splits"]) - 1, len(arrays["kind"])
    divided = {"members": trees, "splits": splits, "word_starts": len(arrays["words"])}
    divided |= {"patterns": len(arrays["leaf"]), "leaves": len(arrays["output"])}
    for starts, length in divided.items():
        edges = arrays[starts]
        if len(edges) == 0 or edges[0] != 0 or (np.diff(edges) < 0).any() or edges[-1] != length:
            return f"{starts} does not divide what it should"
    counts = {"feature": splits, "threshold": splits, "word_starts": splits + 1, "patterns": trees + 1}
    if any(len(arrays[name]) != count for name, count in (counts | {"leaves": trees + 1}).items()):
        return "the numbers of splits or trees differ"
    height, width = np.diff(arrays["splits"]), np.diff(arrays["patterns"])
    if (height >= LARGEST_TREE_LEAVES).any() or (width != np.int64(1) << height).any():
        return "leaf has the wrong shape"
    if (np.diff(arrays["leaves"]) != height + 1).any():
        return "a tree has not one leaf more than splits"
    limit = np.repeat(height, width)
    if (arrays["leaf"] < 0).any() or (arrays["leaf"] > limit).any():
        return "leaf points outside the tree"
    if splits and not (arrays["feature"].min() >= 0 and arrays["feature"].max() < k):
        return "feature points outside the features"
    if not np.isfinite(arrays["output"]).all():
        return "output holds a value that is not a number"
    return ""
