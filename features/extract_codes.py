"""Codes of an extract as positions in the catalogue's lists, checked against the dates on which each code is valid."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.catalogue import Input, Value
from features.extract_columns import ExtractFile
from features.facts import day_number

FIRST_DAY, LAST_DAY = -(2**31) + 1, 2**31 - 1


def code_positions(
    file: ExtractFile, column: str, item: Input, on: NDArray[np.int32], may_be_empty: bool = False
) -> NDArray[np.int16]:
    """Return the position of each row's code in `item.values`, int16 (rows,); -1 where empty or marked "not known".

    Unknown codes, and codes outside their dates on the day `on`, are faults of the file.
    """
    texts = file.text(column, may_be_empty)
    encoded = pc.dictionary_encode(texts).combine_chunks()
    codes = encoded.dictionary.to_pylist()
    found = [_position(item, code) for code in codes]
    index = pc.fill_null(encoded.indices, len(codes)).to_numpy()
    position = np.array([*(-2 if at is None else at for at in found), -1], np.int16)[index]
    file.fault(
        column, position == -2, f"is not a code of {item.name}; use one of {', '.join(v.code for v in item.values)}"
    )
    starts, ends = _validity(item.values)
    inside = position >= 0
    outside_dates = inside & ((on < starts[position]) | (on > ends[position]))
    file.fault(column, outside_dates, f"is a code of {item.name} that was not in use on that day; use its successor")
    missing = np.array([*(value.missing for value in item.values), False, False])
    return np.where(missing[position] | ~inside, -1, position).astype(np.int16)


def protected_positions(file: ExtractFile, column: str, values: tuple[Value, ...]) -> NDArray[np.float64]:
    """Return the position of each row's code in a protected attribute's list; NaN where empty or "not recorded"."""
    texts = file.text(column, may_be_empty=True)
    position = pc.index_in(texts, value_set=pa.array([value.code for value in values], pa.string()))
    numbers = pc.fill_null(position, -1).to_numpy()
    unknown = (numbers < 0) & ~np.asarray(pc.is_null(texts).to_numpy())
    file.fault(column, unknown, f"is not a known code; use one of {', '.join(value.code for value in values)}")
    missing = np.array([*(value.missing for value in values), True])
    return np.where(missing[numbers], np.nan, numbers.astype(np.float64))


def _position(item: Input, code: str | None) -> int | None:
    if code is None:
        return -1
    key = code
    if item.coding == "leading_digit" and code.isascii() and code.isdigit() and len(code) <= 4:
        key = code[0]
    return next((at for at, value in enumerate(item.values) if value.code == key), None)


def _validity(values: tuple[Value, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    starts = [FIRST_DAY if value.valid_from is None else day_number(value.valid_from) for value in values]
    ends = [LAST_DAY if value.valid_to is None else day_number(value.valid_to) for value in values]
    return np.array([*starts, FIRST_DAY, FIRST_DAY]), np.array([*ends, LAST_DAY, LAST_DAY])
