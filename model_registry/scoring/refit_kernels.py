"""The compiled loops of `refits.py`: the raw score of many small models at once, without contributions.

Tree by tree in the same order in both kernels and without fast-math, so one row alone and the same row in a batch agree
to the last bit.

Missing values are put into the row itself: it is given twice, once with NaN as it is, which goes right because no
comparison with NaN is true, and once with NaN as minus infinity, which goes left. (Plus infinity would not do for the
first: LightGBM has splits at infinity that part the missing from the rest.) Then every numeric split is one comparison
without a branch, and the compiler asks several at a time.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from model_registry.scoring.tree_kernels import BLOCK_ROWS, goes_left

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def margins_of_row(
    values: Floats,
    asked: npt.NDArray[np.uint32],
    others: Ints,
    members: Ints,
    splits: Ints,
    kind: Bytes,
    feature: Ints,
    threshold: Floats,
    words: npt.NDArray[np.uint32],
    word_starts: Ints,
    patterns: Ints,
    leaf: Bytes,
    leaves: Ints,
    output: Floats,
    out: Floats,
) -> None:
    """Add each member's trees to `out` (members,); `values` is one row (k,).

    `asked` (splits,) is a split's place in the doubled row, `others` are the splits that are no plain comparison.
    """
    k = len(values)
    doubled = np.empty(2 * k)
    for column in range(k):
        value = values[column]
        doubled[column] = value
        doubled[k + column] = value if value == value else -np.inf
    left = np.empty(len(threshold), np.uint8)
    for split in range(len(threshold)):
        left[split] = doubled[asked[split]] <= threshold[split]
    for split in others:
        left[split] = goes_left(
            values[feature[split]], kind[split], threshold[split], words, word_starts[split], word_starts[split + 1]
        )
    for member in range(len(members) - 1):
        total = 0.0
        for tree in range(members[member], members[member + 1]):
            # unsigned, or every index is first asked whether it counts from the end
            pattern, bit = np.uint64(0), np.uint64(0)
            for split in range(np.uint64(splits[tree]), np.uint64(splits[tree + 1])):
                pattern |= np.uint64(left[split]) << bit
                bit += np.uint64(1)
            total += output[np.uint64(leaves[tree]) + np.uint64(leaf[np.uint64(patterns[tree]) + pattern])]
        out[member] += total


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def margins_of_rows(
    values: Floats,
    asked: npt.NDArray[np.uint32],
    is_other: npt.NDArray[np.bool_],
    members: Ints,
    splits: Ints,
    kind: Bytes,
    feature: Ints,
    threshold: Floats,
    words: npt.NDArray[np.uint32],
    word_starts: Ints,
    patterns: Ints,
    leaf: Bytes,
    leaves: Ints,
    output: Floats,
    out: Floats,
) -> None:
    """Add each member's trees to `out` (n, members) for the rows of `values` (n, k)."""
    n, k = values.shape
    doubled = np.empty((2 * k, BLOCK_ROWS))
    pattern = np.empty(BLOCK_ROWS, np.int32)
    sums = np.empty(BLOCK_ROWS)
    for start in range(0, n, BLOCK_ROWS):
        rows = min(BLOCK_ROWS, n - start)
        for column in range(k):
            for r in range(rows):
                value = values[start + r, column]
                doubled[column, r] = value
                doubled[k + column, r] = value if value == value else -np.inf
        for member in range(len(members) - 1):
            sums[:rows] = 0.0
            for tree in range(members[member], members[member + 1]):
                first = splits[tree]
                pattern[:rows] = 0
                for split in range(first, splits[tree + 1]):
                    bit, limit = np.int32(1 << (split - first)), threshold[split]
                    if is_other[split]:
                        begin, end = word_starts[split], word_starts[split + 1]
                        column_values = doubled[feature[split]]
                        for r in range(rows):
                            if goes_left(column_values[r], kind[split], limit, words, begin, end):
                                pattern[r] |= bit
                    else:
                        column_values = doubled[asked[split]]
                        for r in range(rows):
                            pattern[r] |= bit if column_values[r] <= limit else np.int32(0)
                place, begin = patterns[tree], leaves[tree]
                for r in range(rows):
                    sums[r] += output[begin + leaf[place + pattern[r]]]
            for r in range(rows):
                out[start + r, member] += sums[r]
