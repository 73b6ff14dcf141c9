"""The protected store: read apart, used for audits and the legal age range only, never for a feature."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.extract_codes import protected_positions
from features.extract_columns import ExtractFile
from features.facts import Floats


def protected_columns(catalogue: Catalogue) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the required and the optional columns of the store: an area need not hold every attribute."""
    needed = [part.field for part in catalogue.protected if part.used_for == "audit_and_legal_age_range"]
    return ("client_id", *needed), tuple(part.field for part in catalogue.protected if part.field not in needed)


def read_protected(
    file: ExtractFile, owner: NDArray[np.int64], people: int, catalogue: Catalogue
) -> Mapping[str, Floats]:
    """Return each protected attribute by name, float64 (people,); NaN where not recorded or not
    held at all. Faults go to the file."""
    if len(np.unique(owner)) != len(owner):
        repeated = np.ones(len(owner), np.bool_)
        repeated[np.unique(owner, return_index=True)[1]] = False
        file.fault("client_id", repeated, "stands there twice; deliver one row a person")
    protected: dict[str, Floats] = {}
    for attribute in catalogue.protected:
        if attribute.field not in file.table.column_names:
            values = np.full(len(owner), np.nan)
        elif attribute.type == "code":
            values = protected_positions(file, attribute.field, attribute.values)
        elif attribute.type == "boolean":
            values = file.flags(attribute.field)
        else:
            values = file.numbers(attribute.field)
        whole = np.full(people, np.nan)
        whole[owner] = values
        protected[attribute.name] = whole
    return protected
