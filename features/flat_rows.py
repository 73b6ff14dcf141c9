"""Many people's features from the rows of a flat file: what `intake` does for one flat document."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.checked_rows import CheckedRows
from features.facts import Days
from features.flat_columns import flat_values
from features.frame import FeatureFrame, frame_from_columns


@dataclass(frozen=True)
class RowsRead:
    """n rows as features; those marked in `refused` (bool (n,)) have a fault and must not be screened."""

    frame: FeatureFrame
    refused: NDArray[np.bool_]


def read_rows(catalogue: Catalogue, file: CheckedRows, as_of: Days) -> RowsRead:
    """The features of each row, on the as-of dates (n,) given. Every fault is marked in `file`, and its row refused.

    Columns that the catalogue does not name are not read, except that nothing in them may be shaped like a personal
    identity code.
    """
    file.refuse_identity_codes()
    columns = {item.name: flat_values(file, item, as_of) for item in catalogue.inputs}
    return RowsRead(frame_from_columns(catalogue, columns), file.refused())
