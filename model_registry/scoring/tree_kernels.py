"""The compiled loops of `trees.py`: comparisons to a bit pattern, bit pattern to a table row.

Sums run tree by tree in the same order in both kernels and without fast-math, so one row scored alone and the same row
in a batch agree to the last bit.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCK_ROWS = 128
AT_MOST, NOT_ABOVE, ZERO_LEFT, ZERO_RIGHT, CATEGORY = range(5)
# LightGBM's kZeroThreshold is the float32 nearest to 1e-35.
ZERO = float(np.float32(1e-35))


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def goes_left(value: float, kind: int, threshold: float, words: npt.NDArray[np.uint32], first: int, last: int) -> bool:
    """Whether LightGBM sends this value to the left child. A comparison with NaN is false, which is used on purpose."""
    if kind == AT_MOST:
        return value <= threshold
    if kind == NOT_ABOVE:
        return not (value > threshold)
    if kind == CATEGORY:
        if not (value > -1.0 and value < 32.0 * (last - first)):
            return False
        code = int(value)
        return bool((words[first + (code >> 5)] >> np.uint32(code & 31)) & np.uint32(1))
    if value != value or (value >= -ZERO and value <= ZERO):
        return kind == ZERO_LEFT
    return value <= threshold


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def contributions_of_row(
    values: Floats,
    splits: Ints,
    kind: npt.NDArray[np.int8],
    feature: Ints,
    threshold: Floats,
    words: npt.NDArray[np.uint32],
    word_starts: Ints,
    slots: Ints,
    slot_feature: Ints,
    tables: Ints,
    table: Floats,
    out: Floats,
) -> None:
    """Add the contributions of one row to `out` (k,); `values` is (k,)."""
    for tree in range(len(splits) - 1):
        first = splits[tree]
        pattern = 0
        for split in range(first, splits[tree + 1]):
            left = goes_left(
                values[feature[split]], kind[split], threshold[split], words, word_starts[split], word_starts[split + 1]
            )
            pattern |= int(left) << (split - first)
        begin, width = slots[tree], slots[tree + 1] - slots[tree]
        row = tables[tree] + pattern * width
        for slot in range(width):
            out[slot_feature[begin + slot]] += table[row + slot]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def contributions_of_rows(
    values: Floats,
    splits: Ints,
    kind: npt.NDArray[np.int8],
    feature: Ints,
    threshold: Floats,
    words: npt.NDArray[np.uint32],
    word_starts: Ints,
    slots: Ints,
    slot_feature: Ints,
    tables: Ints,
    table: Floats,
    out: Floats,
) -> None:
    """Write the contributions of many rows to `out` (n, k); `values` is (n, k).

    Rows go in blocks of 128 with the tree outside: a tree's table (7 kB) then stays in the nearest cache for the block,
    and each comparison runs down one column. Row by row took seven times as long with missing values (measured).
    """
    n, k = values.shape
    columns = np.empty((k, BLOCK_ROWS))
    sums = np.empty((k, BLOCK_ROWS))
    patterns = np.empty(BLOCK_ROWS, dtype=np.int64)
    for start in range(0, n, BLOCK_ROWS):
        rows = min(BLOCK_ROWS, n - start)
        for column in range(k):
            for r in range(rows):
                columns[column, r] = values[start + r, column]
                sums[column, r] = 0.0
        for tree in range(len(splits) - 1):
            first = splits[tree]
            for r in range(rows):
                patterns[r] = 0
            for split in range(first, splits[tree + 1]):
                column, limit, bit = columns[feature[split]], threshold[split], 1 << (split - first)
                if kind[split] == AT_MOST:
                    for r in range(rows):
                        patterns[r] |= bit if column[r] <= limit else 0
                elif kind[split] == NOT_ABOVE:
                    for r in range(rows):
                        patterns[r] |= 0 if column[r] > limit else bit
                else:
                    begin, end = word_starts[split], word_starts[split + 1]
                    for r in range(rows):
                        if goes_left(column[r], kind[split], limit, words, begin, end):
                            patterns[r] |= bit
            begin, width, place = slots[tree], slots[tree + 1] - slots[tree], tables[tree]
            for slot in range(width):
                total = sums[slot_feature[begin + slot]]
                for r in range(rows):
                    total[r] += table[place + patterns[r] * width + slot]
        for r in range(rows):
            for column in range(k):
                out[start + r, column] = sums[column, r]
