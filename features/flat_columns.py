"""The columns of a flat file, one row for each person and as-of date, as its catalogue names them."""

import numpy as np
import pyarrow as pa

from features.catalogue import FlatSource, Input
from features.extract_codes import code_positions
from features.extract_columns import MISSING_DAY, ExtractFile
from features.facts import Days, Floats, day_number


def flat_days(file: ExtractFile, flat: FlatSource) -> Days:
    """Return the as-of date of each row as a day number, int32 (rows,)."""
    if flat.as_of_type == "date":
        return file.days(flat.as_of)
    numbers = file.whole(flat.as_of) + day_number(flat.as_of_origin)
    file.fault(
        flat.as_of, np.abs(numbers) > 10_000_000, "is not a day number; give whole days since the catalogue's origin"
    )
    return np.clip(numbers, MISSING_DAY + 1, 2**31 - 1).astype(np.int32)


def flat_values(file: ExtractFile, item: Input, as_of: Days) -> Floats:
    """Return one input of each row, float64 (rows,); a code is its position in the input's list, NaN is not known."""
    if item.type == "code":
        if pa.types.is_integer(file.table.column(item.field).type):
            texts = file.table.column(item.field).cast(pa.string())
            place = file.table.column_names.index(item.field)
            file.table = file.table.set_column(place, item.field, texts)
        position = code_positions(file, item.field, item, as_of, may_be_empty=not item.required)
        return np.where(position < 0, np.nan, position.astype(np.float64))
    if item.type == "boolean":
        values = file.flags(item.field)
    elif item.type == "date":
        days = file.days(item.field, may_be_empty=not item.required)
        values = np.where(days == MISSING_DAY, np.nan, days.astype(np.float64))
    else:
        values = file.numbers(item.field, item.minimum, item.maximum)
        if item.type == "integer":
            file.fault(item.field, np.isfinite(values) & (values != np.floor(values)), "must be a whole number")
    if item.required:
        file.fault(item.field, np.isnan(values), "is empty; the catalogue requires it")
    return values
