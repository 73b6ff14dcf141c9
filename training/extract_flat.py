"""A flat extract: one file with one row per person and as-of date, read by a catalogue and no code of its own."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.errors import ExtractError
from features.extract_codes import protected_positions
from features.extract_columns import ExtractFile, open_file
from features.flat_columns import flat_days, flat_values
from features.frame import frame_from_columns
from training.extract import Extract, FlatRows, fingerprint_of_file, raise_faults


def read_flat(path: Path, catalogue: Catalogue) -> Extract:
    """Return the extract in a flat file. Columns that the catalogue does not name are not read, but for one purpose:
    nothing in the whole file may be shaped like a personal identity code.

    The delivery is taken to be complete up to the horizon after its last as-of date.

    Raises
    ------
    ExtractError
        With every fault of the file.
    """
    if not path.is_file():
        raise ExtractError(f"catalogue {catalogue.name} reads one flat file; give the file, not a folder")
    flat = catalogue.flat
    if flat is None or catalogue.label.column is None or catalogue.label.at_least is None:
        raise ExtractError(
            f"catalogue {catalogue.name} does not say how a flat extract is read; add [flat] and [label]"
        )
    file = open_file(path, flat.separator)
    required = [item.field for item in catalogue.inputs] + [part.field for part in catalogue.protected]
    required += [flat.as_of, catalogue.label.column] + ([] if flat.person == "row" else [flat.person])
    file.check_columns(tuple(dict.fromkeys(required)), tuple(file.table.column_names))
    file.refuse_identity_codes()
    raise_faults(file.faults)

    as_of = flat_days(file, flat)
    client_ids, person = _people(file, flat.person)
    if flat.person != "row":
        _refuse_duplicates(file, person, as_of)
    columns = {item.name: flat_values(file, item, as_of) for item in catalogue.inputs}
    measured = file.numbers(catalogue.label.column)
    outcome = np.where(np.isnan(measured), np.nan, (measured >= catalogue.label.at_least).astype(np.float64))
    protected = {}
    for part in catalogue.protected:
        values = (
            protected_positions(file, part.field, part.values)
            if part.type == "code"
            else (file.flags(part.field) if part.type == "boolean" else file.numbers(part.field))
        )
        protected[part.name] = np.full(len(client_ids), np.nan)
        protected[part.name][person] = values
    raise_faults(file.faults)
    return Extract(
        client_ids=client_ids,
        facts=None,
        flat=FlatRows(frame_from_columns(catalogue, columns), person, as_of, outcome),
        protected=protected,
        delivered_until=int(as_of.max()) + catalogue.horizon_days,
        synthetic=False,
        fingerprints={"extract": fingerprint_of_file(path)},
    )


def _people(file: ExtractFile, column: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    if column == "row":
        # the name of a row is its place: nothing else is known to tell claimants apart
        return tuple(f"row-{number:08d}" for number in range(len(file))), np.arange(len(file))
    texts = file.text(column)
    unique = pc.unique(texts).drop_null()
    people = unique.take(pc.sort_indices(unique))
    person = pc.fill_null(pc.index_in(texts, value_set=people), 0).to_numpy().astype(np.int64)
    return tuple(people.to_pylist()), person


def _refuse_duplicates(file: ExtractFile, person: NDArray[np.int64], as_of: NDArray[np.int32]) -> None:
    order = np.lexsort((as_of, person))
    same = (np.diff(person[order]) == 0) & (np.diff(as_of[order]) == 0)
    repeated = np.zeros(len(order), np.bool_)
    repeated[order[1:][same]] = True
    flat_column = "person and as-of date"
    file.fault(flat_column, repeated, "stand there twice; deliver one row per person and as-of date")
