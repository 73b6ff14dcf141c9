"""The source of a run, portion by portion: no client is ever cut in two, and clients who do not follow are refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.errors import ExtractError
from features.extract_columns import ExtractFile
from features.fact_rows import ALWAYS, columns_of
from features.table_stream import TableStream

CLIENT = "client_id"


@dataclass(frozen=True)
class Portion:
    """Some rows of a source with all that it tells of their clients.

    Attributes
    ----------
    first_row : int
        Number in the file, from 0.
    table : pyarrow.Table
    client_ids : tuple of str (n,)
        In the order of the file.
    owner : int64 (rows,)
        Position in `client_ids` of each row's client, ascending.
    """

    first_row: int
    table: pa.Table
    client_ids: tuple[str, ...]
    owner: NDArray[np.int64]

    @property
    def next_row(self) -> int:
        """The first row after these."""
        return self.first_row + int(self.table.num_rows)


def open_source(stream: TableStream, catalogue: Catalogue, as_of_in_file: bool) -> None:
    """Check the columns of a source before any row is read. Raises ExtractError with every fault."""
    nothing = pa.Table.from_arrays([pa.nulls(0, pa.string())] * len(stream.columns), names=stream.columns)
    file = ExtractFile(stream.path.name, nothing)
    if catalogue.flat is None:
        file.check_columns(ALWAYS, columns_of(catalogue))
    else:
        flat = catalogue.flat
        required = [item.field for item in catalogue.inputs]
        required += [] if flat.person == "row" else [flat.person]
        required += [flat.as_of] if as_of_in_file else []
        file.check_columns(tuple(dict.fromkeys(required)), tuple(stream.columns))
    file.refuse_identity_codes()
    if file.faults:
        raise ExtractError("\n".join(file.faults))


def portions(
    stream: TableStream, catalogue: Catalogue, rows_at_once: int, skip: int = 0, before: str = ""
) -> Iterator[Portion]:
    """The rows after the first `skip`, about `rows_at_once` at a time; `before` is the client of the last row skipped.

    Where the portions begin depends on the rows alone, not on where reading was begun.

    Raises
    ------
    ExtractError
        Where the rows of a fact table are not sorted by client, with the row and the command that sorts them.
    """
    held: pa.Table | None = None
    for block in stream.blocks(skip):
        held = block if held is None else pa.concat_tables([held, block])
        while cut := _cut(held, catalogue, rows_at_once):
            portion = _portion(stream, catalogue, held.slice(0, cut), skip, before)
            yield portion
            held, skip, before = held.slice(cut), portion.next_row, portion.client_ids[-1]
    if held is not None and held.num_rows:
        yield _portion(stream, catalogue, held, skip, before)


def _cut(held: pa.Table, catalogue: Catalogue, rows: int) -> int:
    """How many of the rows held make a portion of about `rows`; 0 while there are too few to tell."""
    while held.num_rows > rows:
        if catalogue.flat is not None:
            return rows
        column = held.column(CLIENT)
        # Back to where the client begins of whom the next row is; one client may fill more than a portion.
        if (first := int(pc.index(column, column[rows]).as_py())) > 0:
            return first
        rows *= 2
    return 0


def _portion(stream: TableStream, catalogue: Catalogue, table: pa.Table, first_row: int, before: str) -> Portion:
    flat = catalogue.flat
    if flat is not None and flat.person == "row":
        names = tuple(f"row-{first_row + number + 1:08d}" for number in range(table.num_rows))
        return Portion(first_row, table, names, np.arange(table.num_rows))
    file = ExtractFile(stream.path.name, table, numbers_of_rows=np.arange(first_row, first_row + table.num_rows))
    texts = file.text(CLIENT if flat is None else flat.person)
    if file.faults:
        raise ExtractError("\n".join(file.faults))
    if flat is not None:
        return Portion(first_row, table, tuple(texts.to_pylist()), np.arange(table.num_rows))
    encoded = pc.dictionary_encode(texts.combine_chunks())
    owner = encoded.indices.to_numpy().astype(np.int64)
    names = encoded.dictionary
    follows = pc.greater(names, pa.concat_arrays([pa.array([before], names.type), names[:-1]])).to_numpy(False)
    back = np.flatnonzero((np.diff(owner, prepend=0) < 0) | ~follows[owner])
    if len(back):
        raise ExtractError(
            f"{stream.path.name}, row {first_row + back[0] + 1}: the rows are not sorted by {CLIENT}; sort them with "
            f"`varhain sort-facts {quote(str(stream.path))} --out SORTED{stream.path.suffix}` and screen that file"
        )
    return Portion(first_row, table, tuple(names.to_pylist()), owner)
