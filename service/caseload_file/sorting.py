"""Sorts a table of facts by client: for whoever has no database at hand to do it."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from features.errors import ExtractError
from features.table_stream import TableStream
from service.caseload_file.plan import FORMATS, CaseloadError
from service.caseload_file.source import CLIENT
from service.caseload_file.work_folder import give_name, is_there, said_in_a_sentence
from service.pseudonyms import random_letters


def sort_file(source: Path, out: Path) -> int:
    """The number of rows written to `out`, sorted by client and otherwise in their order. All are held in memory.

    Raises
    ------
    ExtractError
        The source cannot be read or has no column `client_id`.
    CaseloadError
        `out` is there already or cannot be written.
    """
    if out.suffix not in FORMATS:
        raise CaseloadError(f"--out: the name must end in {' or '.join(FORMATS)}, which says how it is written")
    if out.exists():
        raise is_there(out)
    stream = TableStream(source)
    if CLIENT not in stream.columns:
        raise ExtractError(f"{source.name}: column {CLIENT} is missing; it is what the rows are sorted by")
    blocks = list(stream.blocks())
    if not blocks:
        raise ExtractError(f"{source.name} has a header and no rows; there is nothing to sort")
    table = pa.concat_tables(blocks)
    # Arrow's own sorting is not said to be stable: the place of each row breaks ties.
    keyed = table.select([CLIENT]).append_column("place", pa.array(np.arange(table.num_rows)))
    order = pa.compute.sort_indices(keyed, sort_keys=[(CLIENT, "ascending"), ("place", "ascending")])
    draft = out.with_name(f"{out.name}.{random_letters(8)}.draft")
    with said_in_a_sentence():
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                if out.suffix == ".parquet":
                    pa.parquet.write_table(table.take(order), file)
                else:
                    pa.csv.write_csv(table.take(order), file)
                file.flush()
                os.fsync(file.fileno())
            give_name(draft, out)
        finally:
            draft.unlink(missing_ok=True)
    return int(table.num_rows)
