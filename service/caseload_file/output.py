"""The answers and the rejects as bytes, portion by portion, and the whole output made of them."""

import io
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from service.caseload_file.assess import REJECTS

# Names and codes only, none with a blank or a comma in it; a reject's reason is quoted where it needs it.
WITHOUT_HEADER = pa.csv.WriteOptions(include_header=False, quoting_style="needed")


def as_csv(table: pa.Table) -> bytes:
    """The rows of a table as CSV without a header."""
    sink = io.BytesIO()
    pa.csv.write_csv(table, sink, WITHOUT_HEADER)
    return sink.getvalue()


def as_parquet(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink)
    return sink.getvalue()


def answers_as_bytes(table: pa.Table, suffix: str) -> bytes:
    """A portion of answers as it is kept until the end."""
    return as_parquet(table) if suffix == ".parquet" else as_csv(table)


def read_columns(part: Path, suffix: str, columns: list[str], asked: list[str]) -> pa.Table:
    """The columns `asked`, all of texts, of a portion of answers as it was kept."""
    if suffix == ".parquet":
        return pa.parquet.read_table(part, columns=asked)
    if not part.stat().st_size:
        return pa.table({name: pa.nulls(0, pa.string()) for name in asked})
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(asked, pa.string()), include_columns=asked, strings_can_be_null=True
    )
    return pa.csv.read_csv(part, pa.csv.ReadOptions(column_names=columns), convert_options=convert)


def join_answers(
    parts: Iterable[Path], suffix: str, columns: list[str], about: Mapping[str, Any], to: IO[bytes]
) -> None:
    """Write the whole output from its portions, in order; a Parquet file carries `about` as its metadata."""
    if suffix == ".parquet":
        _join_parquet(list(parts), about, to)
    else:
        join_csv(parts, columns, to)


def join_csv(parts: Iterable[Path], columns: Iterable[str], to: IO[bytes]) -> None:
    """Write a header and the portions after it."""
    to.write((",".join(columns) + "\n").encode())
    for part in parts:
        with part.open("rb") as file:
            shutil.copyfileobj(file, to)


def join_rejects(parts: Iterable[Path], to: IO[bytes]) -> None:
    """Write all rejects."""
    join_csv(parts, REJECTS.names, to)


def _join_parquet(parts: list[Path], about: Mapping[str, Any], to: IO[bytes]) -> None:
    told = {b"varhain": json.dumps(about, ensure_ascii=False, sort_keys=True).encode()}
    schema = pa.parquet.read_schema(parts[0]).with_metadata(told)
    with pa.parquet.ParquetWriter(to, schema) as writer:
        for part in parts:
            writer.write_table(pa.parquet.read_table(part).replace_schema_metadata(told))
