"""Exact SHAP values of small LightGBM trees, as a table lookup.

**What is computed.** For a person x and a tree, let v(S) be the tree's expected value when only the features in S are
known: at a split on a feature in S go where x goes; at any other split take the average of both sides, weighted by the
training counts. Feature j's contribution is its Shapley value in that game (Shapley 1953),

    phi_j = sum over S not holding j of  |S|! (d - |S| - 1)! / d!  *  (v(S + j) - v(S)),

which is what `shap.TreeExplainer` (`tree_path_dependent`, Lundberg et al. 2020) and LightGBM's `pred_contrib` define.
Contributions and the base v(nothing) sum to the tree's output; a model's are the sums over its trees.

**Leaf by leaf.** v is a sum over leaves, and so is phi. On the way to one leaf collect, for each of the d distinct
features there, z_i, the product of the count shares of its splits, and o_i, 1 if x takes the leaf's side at all of
them, else 0. A repeated feature needs no more than that. The leaf's share of v(S) is then
value * prod_{i in S} o_i * prod_{i not in S} z_i. Because |S|! (d-|S|-1)! / d! is the integral over t from 0 to 1 of
t^|S| (1-t)^(d-|S|-1) (Owen 1972, the multilinear extension), the sum over all S folds into

    phi_j = value * (o_j - z_j) * integral over t of  prod_{i != j} (t o_i + (1 - t) z_i),

whose integrand is a polynomial of degree d - 1: Gauss-Legendre with ceil(d / 2) nodes is exact, not an approximation.

**Why a table.** x enters only through the outcomes of the tree's splits. A tree of 8 leaves has at most 7 of them, so
at most 128 patterns; phi of every pattern is computed once, when the model is packaged. A screening is then 7
comparisons and one table row a tree. Tables are float64: float32 would be 3e-8 off.

Sources
-------
L. S. Shapley (1953), A value for n-person games, Contributions to the Theory of Games II, 307-317.
G. Owen (1972), Multilinear extensions of games, Management Science 18(5), 64-79.
S. M. Lundberg et al. (2020), From local explanations to global understanding with explainable AI for trees,
Nature Machine Intelligence 2, 56-67 (TreeSHAP).
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from features.errors import FrameError, PackageError
from model_registry.scoring.lightgbm_text import MISSING_NAN, MISSING_ZERO, Split, Tree, parse_model
from model_registry.scoring.tree_kernels import (
    AT_MOST,
    BLOCK_ROWS,
    CATEGORY,
    NOT_ABOVE,
    ZERO_LEFT,
    ZERO_RIGHT,
    contributions_of_row,
    contributions_of_rows,
)

Floats = npt.NDArray[np.float64]
SMALL_TREE_LEAVES = 8
# 16 leaves are 15 splits and 32,768 patterns: 4 MB a tree. Right for one tree (a challenger), not for hundreds.
LARGEST_TREE_LEAVES = 16

# Every array of the saved form with its type; the order is that of the kernels' parameters.
ARRAYS: Mapping[str, type[np.generic]] = {
    "splits": np.int64,  # (trees + 1,) where each tree's splits begin
    "kind": np.int8,  # (splits,) how the question is asked
    "feature": np.int64,  # (splits,) the column it asks
    "threshold": np.float64,  # (splits,)
    "words": np.uint32,  # bitsets of the categorical splits, one after the other
    "word_starts": np.int64,  # (splits + 1,)
    "slots": np.int64,  # (trees + 1,) where each tree's distinct features begin in slot_feature
    "slot_feature": np.int64,
    "tables": np.int64,  # (trees + 1,) where each tree's table begins in table
    "table": np.float64,  # per tree: (patterns, distinct features), row after row
}


@dataclass(frozen=True)
class TreeTables:
    """A compiled model: `base` plus the contributions is the raw score (the margin).

    `names` are the columns of every matrix it is given, in that order. `arrays` is what `ARRAYS` describes.
    """

    names: tuple[str, ...]
    base: float
    arrays: Mapping[str, npt.NDArray[Any]] = field(repr=False)

    @property
    def n_trees(self) -> int:
        """The number of trees with at least one split."""
        return len(self.arrays["splits"]) - 1

    def contributions(self, values: Floats, threads: int = 1) -> Floats:
        """The exact contributions (n, k) to the margin of the rows of `values` (n, k); NaN is "not known".

        One row takes a path of its own; the result is the same to the last bit. The kernels release the GIL, so
        `threads` share the rows.

        Raises
        ------
        FrameError
            If `values` has not one column for each name.
        """
        values = np.ascontiguousarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.names):
            raise FrameError(f"The model needs a matrix of {len(self.names)} columns, one for each of its features.")
        out = np.zeros(values.shape)
        arrays = tuple(self.arrays.values())
        if len(values) == 1:
            contributions_of_row(values[0], *arrays, out[0])
            return out
        edges = np.linspace(0, len(values), max(1, min(threads, len(values) // BLOCK_ROWS)) + 1).astype(int)
        if len(edges) == 2:
            contributions_of_rows(values, *arrays, out)
            return out
        with ThreadPoolExecutor(len(edges) - 1) as pool:
            parts = [(values[a:b], *arrays, out[a:b]) for a, b in pairwise(edges.tolist())]
            list(pool.map(lambda part: contributions_of_rows(*part), parts))
        return out

    def widened(self, names: Sequence[str]) -> "TreeTables":
        """The same model with a column for each of `names`, which hold its own: the others contribute 0."""
        places = np.array([tuple(names).index(name) for name in self.names], dtype=np.int64)
        moved = {key: places[self.arrays[key]] for key in ("feature", "slot_feature")}
        return TreeTables(tuple(names), self.base, {**self.arrays, **moved})

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The saved form: plain arrays only, so that loading executes nothing."""
        return {"kind_of_tables": np.array("trees"), "names": np.array(self.names), "base": np.array(self.base)} | dict(
            self.arrays
        )

    @classmethod
    def from_arrays(cls, saved: Mapping[str, npt.NDArray[Any]]) -> "TreeTables":
        """The tables from their saved form, every index checked: the kernels do not check bounds.

        Raises
        ------
        PackageError
            If an array is missing, of the wrong type or shape, or points outside.
        """
        missing = [name for name in (*ARRAYS, "names", "base") if name not in saved]
        if missing:
            raise PackageError(f"the tables lack {', '.join(missing)}")
        arrays = {name: np.ascontiguousarray(saved[name]) for name in ARRAYS}
        names = tuple(str(name) for name in saved["names"])
        fault = _fault(arrays, len(names))
        if fault or saved["base"].shape != () or not np.isfinite(saved["base"]):
            raise PackageError(f"the tables do not fit together: {fault or 'base is not a number'}")
        return cls(names, float(saved["base"]), arrays)


def compile_trees(model_text: str, feature_names: Sequence[str], *, max_leaves: int = SMALL_TREE_LEAVES) -> TreeTables:
    """The lookup tables of a LightGBM text model (`booster.model_to_string()`).

    Parameters
    ----------
    model_text : str
        One score a row; constant leaves.
    feature_names : sequence of str
        The columns of the matrices to come. Must be the model's own names in the model's own order.
    max_leaves : int
        Trees with more leaves are refused. 8 unless asked for; at most 16.

    Raises
    ------
    PackageError
        If the text cannot be read, the names differ, or a tree is larger than asked for.
    """
    base, compiled = 0.0, []
    for tree in small_trees(model_text, feature_names, max_leaves):
        expected, slot_feature, table = _compile(tree)
        base += expected
        if slot_feature:
            compiled.append((tree.splits, slot_feature, table))
    lists: dict[str, Any] = {
        **split_arrays([tree_splits for tree_splits, _, _ in compiled]),
        "slots": _starts(len(slot_feature) for _, slot_feature, _ in compiled),
        "slot_feature": [feature for _, slot_feature, _ in compiled for feature in slot_feature],
        "tables": _starts(table.size for _, _, table in compiled),
        "table": np.concatenate([table.ravel() for _, _, table in compiled]) if compiled else [],
    }
    arrays = {name: np.array(lists[name], dtype=ARRAYS[name]) for name in ARRAYS}
    return TreeTables(tuple(feature_names), base, arrays)


def small_trees(model_text: str, feature_names: Sequence[str], max_leaves: int) -> tuple[Tree, ...]:
    """The trees of a LightGBM text model on these features, none with more than `max_leaves` leaves.

    Raises
    ------
    PackageError
        If the text cannot be read, the names differ, or a tree is larger.
    """
    names, trees = parse_model(model_text)
    if names != tuple(feature_names):
        raise PackageError("The model's feature names are not the given ones in the given order; train it on a frame.")
    limit = min(max_leaves, LARGEST_TREE_LEAVES)
    largest = max((len(tree.leaf_value) for tree in trees), default=1)
    if largest > limit:
        raise PackageError(
            f"The model has a tree of {largest} leaves; exact explanations are packaged for at most {limit}"
            f" (train with num_leaves = {SMALL_TREE_LEAVES}, or ask for up to {LARGEST_TREE_LEAVES} with max_leaves)."
        )
    return trees


def split_arrays(trees: Sequence[Sequence[Split]]) -> dict[str, Any]:
    """How the splits of these trees are asked, as `ARRAYS` describes it: from "splits" to "word_starts"."""
    splits = [split for tree in trees for split in tree]
    return {
        "splits": _starts(len(tree) for tree in trees),
        "kind": [_kind(split) for split in splits],
        "feature": [split.feature for split in splits],
        "threshold": [split.threshold for split in splits],
        "words": [word for split in splits for word in split.words or ()],
        "word_starts": _starts(len(split.words or ()) for split in splits),
    }


def _compile(tree: Tree) -> tuple[float, list[int], Floats]:
    """Base, distinct features and table (2^splits, distinct features) of one tree: the derivation above, in code."""
    share = tree.leaf_count / tree.leaf_count.sum()
    slot_feature = sorted({split.feature for split in tree.splits})
    patterns = np.arange(2 ** len(tree.splits))
    table = np.zeros((len(patterns), len(slot_feature)))
    reached = _rows_below(tree)
    for value, way in zip(tree.leaf_value, tree.ways, strict=True):
        slots = sorted({slot_feature.index(tree.splits[split].feature) for split, _ in way})
        z, o = np.ones(len(slots)), np.ones((len(patterns), len(slots)))
        for split, left in way:
            i = slots.index(slot_feature.index(tree.splits[split].feature))
            z[i] *= reached[split, int(left)] / reached[split].sum()
            o[:, i] *= (patterns >> split) & 1 == left
        t, weight = _nodes(len(slots))
        # (nodes, patterns, features); every factor is above zero because z is and t is below one
        factors = t[:, None, None] * o + (1 - t)[:, None, None] * z
        others = np.prod(factors, axis=2, keepdims=True) / factors
        table[:, slots] += value * (o - z) * np.tensordot(weight, others, axes=1)
    return float(share @ tree.leaf_value), slot_feature, table


def _rows_below(tree: Tree) -> Floats:
    """Training rows that went right and left at each split (splits, 2), added up from the leaves."""
    reached = np.zeros((len(tree.splits), 2))
    for count, way in zip(tree.leaf_count, tree.ways, strict=True):
        for split, left in way:
            reached[split, int(left)] += count
    return reached


def _nodes(d: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on 0 to 1, exact for polynomials of degree d - 1."""
    x, weight = np.polynomial.legendre.leggauss(max(1, (d + 1) // 2))
    return (x + 1) / 2, weight / 2


def _kind(split: Split) -> int:
    """How the question is asked, with LightGBM's rules for missing values folded in."""
    if split.words is not None:
        return CATEGORY
    if split.missing_type == MISSING_ZERO:
        return ZERO_LEFT if split.default_left else ZERO_RIGHT
    # Without a missing type LightGBM reads NaN as 0.0, which is left exactly when the threshold is not below zero.
    nan_goes_left = split.default_left if split.missing_type == MISSING_NAN else split.threshold >= 0.0
    return NOT_ABOVE if nan_goes_left else AT_MOST


def _starts(lengths: Any) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(list(lengths))]).astype(np.int64)


def _fault(arrays: Mapping[str, npt.NDArray[Any]], k: int) -> str:
    """What is wrong with saved arrays; empty if nothing is."""
    for name, dtype in ARRAYS.items():
        if arrays[name].dtype != dtype or arrays[name].ndim != 1:
            return f"{name} is not a row of {np.dtype(dtype).name}"
    pairs = (("splits", "kind"), ("word_starts", "words"), ("slots", "slot_feature"), ("tables", "table"))
    for starts, filled in pairs:
        edges = arrays[starts]
        if len(edges) == 0 or edges[0] != 0 or (np.diff(edges) < 0).any() or edges[-1] != len(arrays[filled]):
            return f"{starts} does not divide {filled}"
    trees, splits = len(arrays["splits"]), len(arrays["kind"])
    if len(arrays["slots"]) != trees or len(arrays["tables"]) != trees:
        return "the numbers of trees differ"
    if [len(arrays[name]) for name in ("feature", "threshold", "word_starts")] != [splits, splits, splits + 1]:
        return "the numbers of splits differ"
    width, height = np.diff(arrays["slots"]), np.diff(arrays["splits"])
    if (height >= LARGEST_TREE_LEAVES).any() or (np.diff(arrays["tables"]) != width << height).any():
        return "table has the wrong shape"
    for name in ("feature", "slot_feature"):
        if len(arrays[name]) and not (arrays[name].min() >= 0 and arrays[name].max() < k):
            return f"{name} points outside the features"
    if not np.isfinite(arrays["table"]).all():
        return "table holds a value that is not a number"
    return ""
