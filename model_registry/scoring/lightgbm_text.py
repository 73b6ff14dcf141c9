"""Reads LightGBM's text model (`booster.model_to_string()`) without LightGBM.

The service must not import lightgbm (0.5 s and a system library), and a proof needs a second reader of the same model.
The format is one `key=value` line each: a header, then one block a tree.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.errors import PackageError

CATEGORICAL_BIT = 1
DEFAULT_LEFT_BIT = 2
MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2


@dataclass(frozen=True)
class Split:
    """One question of a tree. `words` is the bitset of the categories that go left; `None` for a threshold."""

    feature: int
    threshold: float
    missing_type: int
    default_left: bool
    words: tuple[int, ...] | None


@dataclass(frozen=True)
class Tree:
    """One tree: its splits and, for each leaf, value, training count and the way there as (split, goes left) pairs."""

    splits: tuple[Split, ...]
    leaf_value: npt.NDArray[np.float64]
    leaf_count: npt.NDArray[np.float64]
    ways: tuple[tuple[tuple[int, bool], ...], ...]


def parse_model(text: str) -> tuple[tuple[str, ...], tuple[Tree, ...]]:
    """Feature names and trees of a LightGBM text model.

    Raises
    ------
    PackageError
        If the text is not a LightGBM model, is cut short, or is of a kind whose raw score is not the plain sum of
        constant leaves (several classes, linear leaves, random forest).
    """
    head, *blocks = text.split("\nTree=")
    header = _lines(head)
    if not head.lstrip().startswith("tree") or "feature_names" not in header:
        raise PackageError("The model text is not a LightGBM model: it must start with 'tree' and name its features.")
    if "\nend of trees" not in text:
        raise PackageError("The LightGBM model text is cut short: the line 'end of trees' is missing.")
    if header.get("num_tree_per_iteration") != "1":
        raise PackageError("The LightGBM model has several scores a row; a model with one score (binary) is needed.")
    if "average_output" in head.splitlines():
        raise PackageError("The LightGBM model is a random forest; train it with boosting = gbdt.")
    names = tuple(header["feature_names"].split())
    return names, tuple(_tree(number, _lines(block.split("end of trees")[0])) for number, block in enumerate(blocks))


def _lines(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _tree(number: int, fields: dict[str, str]) -> Tree:
    try:
        leaves = int(fields["num_leaves"])
        if fields.get("is_linear", "0") != "0":
            raise PackageError(f"Tree {number} has linear leaves; train with linear_tree = false.")
        value = np.array(fields["leaf_value"].split(), dtype=np.float64)
        if leaves == 1:
            return Tree((), value, np.ones(1), ((),))
        count = np.array(fields["leaf_count"].split(), dtype=np.float64)
        splits = _splits(fields, leaves - 1)
        left, right = ([int(child) for child in fields[key].split()] for key in ("left_child", "right_child"))
        ways = _ways(left, right, leaves)
    except (KeyError, ValueError, IndexError) as error:
        raise PackageError(f"Tree {number} of the LightGBM model text cannot be read; save the model again.") from error
    if len(value) != leaves or len(count) != leaves:
        raise PackageError(f"Tree {number} of the LightGBM model text has not one value and one count for each leaf.")
    if (count <= 0).any():
        raise PackageError(f"Tree {number} has a leaf without training rows; contributions need the training counts.")
    return Tree(splits, value, count, ways)


def _splits(fields: dict[str, str], n: int) -> tuple[Split, ...]:
    features = [int(item) for item in fields["split_feature"].split()]
    thresholds = [float(item) for item in fields["threshold"].split()]
    decisions = [int(item) for item in fields["decision_type"].split()]
    boundaries = [int(item) for item in fields.get("cat_boundaries", "").split()]
    words = [int(item) for item in fields.get("cat_threshold", "").split()]
    splits = []
    for index in range(n):
        decision, bitset = decisions[index], None
        if decision & CATEGORICAL_BIT:
            place = int(thresholds[index])
            bitset = tuple(words[boundaries[place] : boundaries[place + 1]])
        missing = (decision >> 2) & 3
        splits.append(Split(features[index], thresholds[index], missing, bool(decision & DEFAULT_LEFT_BIT), bitset))
    return tuple(splits)


def _ways(left: list[int], right: list[int], leaves: int) -> tuple[tuple[tuple[int, bool], ...], ...]:
    """The way to every leaf. A child below zero is a leaf: -1 is leaf 0, -2 is leaf 1."""
    ways: list[tuple[tuple[int, bool], ...] | None] = [None] * leaves
    todo: list[tuple[int, tuple[tuple[int, bool], ...]]] = [(0, ())]
    while todo:
        node, way = todo.pop()
        if node < 0:
            ways[~node] = way
        elif len(way) >= leaves:
            raise ValueError("a circle in the tree")
        else:
            todo += [(left[node], (*way, (node, True))), (right[node], (*way, (node, False)))]
    if any(way is None for way in ways):
        raise ValueError("a leaf without a way to it")
    return tuple(way for way in ways if way is not None)
