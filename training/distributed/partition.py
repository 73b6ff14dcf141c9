"""Cut an extract of any size into partitions by ranges of people, in one pass and with bounded memory."""

import json
import resource
import shutil
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import ExtractError
from features.extract_columns import ExtractFile
from features.table_stream import TableStream
from training.distributed.disk import put_whole, writing
from training.distributed.partitioned import INDEX, Part, Partitioned
from training.extract import fingerprint_of_file, raise_faults
from training.extract_facts import FILES, KINDS, path_of, read_meta

PEOPLE_EACH = 20_000
"""A partition is what a worker holds at once: read, checked and computed it takes some 200 MiB (docs/scaling.md)."""
ROWS_WAITING = 1_000_000
MOST_PARTITIONS = 2_000
SPARE_FILES = 100


def partition_extract(
    source: Path, out: Path, people_each: int = PEOPLE_EACH, done: Callable[[int], object] = lambda rows: None
) -> Partitioned:
    """Return the partitioned extract written to `out`: as a whole or not at all.

    Parameters
    ----------
    source : Path
        A folder of dated facts, Parquet or CSV, in any order of rows.
    out : Path
        A new or an empty folder.
    people_each : int
        People in a partition, about.
    done : callable
        Told of every so many rows of facts; `rows_of` says how many there are.

    Raises
    ------
    ExtractError
        Where the extract cannot be read, or `out` is not free. Values are checked when a partition is read.
    """
    if not source.is_dir():
        raise ExtractError(f"there is no extract of dated facts at {source}; give the folder that holds spells.parquet")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExtractError(f"{out} is not empty; name a new folder for the partitions, or remove it first")
    meta = read_meta(source)
    paths = {kind: path_of(source, kind) for kind in FILES}
    starts, people = _ranges(paths["protected"], people_each)
    _allow_open_files(len(starts))
    names = [f"part-{number:04d}" for number in range(len(starts))]
    with writing("the partitions", out), put_whole(out) as partial:
        for name in names:
            (partial / name).mkdir(mode=0o700)
            shutil.copyfile(source / "meta.json", partial / name / "meta.json")
            shutil.copyfile(paths["labour_market"], partial / name / paths["labour_market"].name)
        counted = {
            kind: _cut(paths[kind], [partial / name / f"{kind}.parquet" for name in names], starts, done)
            for kind in (*KINDS, "protected")
        }
        partitioned = Partitioned(
            delivered_until=meta["delivered_until"],
            synthetic=meta.get("synthetic") is True,
            people=people,
            source={path.name: fingerprint_of_file(path) for path in [*paths.values(), source / "meta.json"]},
            rows={kind: each.rows.total() for kind, each in counted.items()},
            not_recorded={kind: counted[kind].not_recorded for kind in KINDS},
            parts=tuple(
                Part(name, counted["protected"].rows[number], _fingerprints(partial / name))
                for number, name in enumerate(names)
            ),
        )
        (partial / INDEX).write_text(json.dumps(partitioned.described(), indent=1) + "\n", encoding="utf-8")
    return partitioned


def rows_of(source: Path) -> int | None:
    """Return the rows of all files that are cut, None where they can only be counted by reading (CSV)."""
    paths = [path_of(source, kind) for kind in (*KINDS, "protected")]
    if any(path.suffix != ".parquet" for path in paths):
        return None
    try:
        return sum(pq.ParquetFile(path).metadata.num_rows for path in paths)
    except (pa.ArrowInvalid, OSError):
        return None


@dataclass
class _Counted:
    """Rows by partition, and those without a recording time."""

    rows: Counter[int]
    not_recorded: int = 0


def _ranges(protected: Path, people_each: int) -> tuple[list[str], int]:
    """The first pseudonym of every partition, "" for the first, and how many people there are."""
    found: list[pa.Array] = []
    for batch in batches(protected):
        found.append(_clients(protected.name, batch.table, batch.first_row))
    ids = pc.unique(pa.chunked_array(found, pa.string()))
    if len(ids) == 0:
        raise ExtractError(f"{protected.name} holds nobody; deliver one row a person")
    ordered = ids.take(pc.sort_indices(ids))
    parts = -(-len(ids) // people_each)
    if parts > MOST_PARTITIONS:
        raise ExtractError(
            f"{parts} partitions are more than {MOST_PARTITIONS}; give at least "
            f"--people-each {-(-len(ids) // MOST_PARTITIONS)}"
        )
    return ["", *(ordered[number * len(ids) // parts].as_py() for number in range(1, parts))], len(ids)


@dataclass(frozen=True)
class Batch:
    """Some rows of a file, and the number of the first, from 0."""

    table: pa.Table
    first_row: int


def batches(path: Path) -> Iterator[Batch]:
    """Yield a file of an extract in pieces; at least one, which carries the columns.

    Raises
    ------
    ExtractError
        Where the file is cut short or not a table.
    """
    stream, first = TableStream(path), 0
    for table in stream.blocks():
        yield Batch(table, first)
        first += table.num_rows
    if first == 0:
        texts = pa.schema([(name, pa.string()) for name in stream.columns])
        yield Batch((pq.read_schema(path) if path.suffix == ".parquet" else texts).empty_table(), 0)


def _cut(path: Path, files: Sequence[Path], starts: Sequence[str], done: Callable[[int], object]) -> _Counted:
    """Write each row of a file to the partition of its person."""
    counted = _Counted(Counter())
    waiting: dict[int, list[pa.Table]] = {}
    rows_waiting = 0
    with ExitStack() as stack:
        writers: list[pq.ParquetWriter] = []

        def write_out() -> None:
            for number, tables in waiting.items():
                writers[number].write_table(pa.concat_tables(tables))
            waiting.clear()

        for batch in batches(path):
            table = batch.table
            if not writers:
                writers = [
                    stack.enter_context(pq.ParquetWriter(file, table.schema, compression="zstd")) for file in files
                ]
            part = _parts_of(_clients(path.name, table, batch.first_row), starts)
            order = np.argsort(part, kind="stable")
            ends = np.searchsorted(part[order], np.arange(len(starts) + 1))
            for number in np.unique(part).tolist():
                own = table.take(pa.array(order[ends[number] : ends[number + 1]]))
                waiting.setdefault(number, []).append(own)
                counted.rows[number] += own.num_rows
            if "known_on" in table.column_names:
                counted.not_recorded += table["known_on"].null_count
            rows_waiting += table.num_rows
            if rows_waiting >= ROWS_WAITING:
                write_out()
                rows_waiting = 0
            done(table.num_rows)
        write_out()
    return counted


def _parts_of(clients: pa.Array, starts: Sequence[str]) -> np.ndarray:
    """The partition (rows,) of each client."""
    encoded = clients.dictionary_encode()
    # Python compares text by code point, as pyarrow's order by UTF-8 bytes does
    number = np.array([bisect_right(starts, client) - 1 for client in encoded.dictionary.to_pylist()], np.int64)
    return number[encoded.indices.to_numpy(zero_copy_only=False)] if len(clients) else np.zeros(0, np.int64)


def _clients(name: str, table: pa.Table, first_row: int) -> pa.Array:
    """The pseudonyms of some rows; a row without one belongs to nobody and is a fault."""
    if "client_id" not in table.column_names:
        raise ExtractError(f"{name}: column client_id is missing; deliver it, or rename the column that holds it")
    file = ExtractFile(name, table, numbers_of_rows=np.arange(first_row, first_row + table.num_rows))
    clients = file.text("client_id")
    raise_faults(file.faults)
    return clients.combine_chunks() if isinstance(clients, pa.ChunkedArray) else clients


def _fingerprints(folder: Path) -> dict[str, str]:
    return {path.name: fingerprint_of_file(path) for path in sorted(folder.iterdir())}


def _allow_open_files(wanted: int) -> None:
    """Every partition of one file is written at the same time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise ExtractError(
                f"{wanted} partitions need as many open files and this machine allows {hard}; give more --people-each"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
