"""A table in a file, block by block, however long it is: CSV (UTF-8), blank-separated, or Parquet.

In text files every column is text, so that codes keep their leading zeros. Rows are counted from 1, without the header.
"""

import csv
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from features.errors import ExtractError, ReadError

ROWS_A_BLOCK = 131_072
BYTES_A_BLOCK = 8 * 1024 * 1024
BLANKS = "whitespace"


class TableStream:
    """The rows of one file in order.

    Attributes
    ----------
    columns : list of str
    size : int
        Bytes of the file; `position` says about how many of them have been read.

    Raises
    ------
    ExtractError
        At once or while it is read: the file is missing, empty, cut short, not UTF-8 (with the row), or has a row of
        more or fewer fields than the header (with the row).
    ReadError
        While it is read: the disk fails, which says nothing about the content.
    """

    def __init__(self, path: Path, separator: str = ",") -> None:
        if path.suffix not in (".csv", ".parquet") and separator != BLANKS:
            raise ExtractError(f"{path.name}: the name must end in .csv or .parquet, which says how it is read")
        self.path = path
        self.position = 0
        self._separator = separator
        self._parquet = path.suffix == ".parquet"
        try:
            self.size = path.stat().st_size
            self.columns = self._parquet_columns() if self._parquet else self._header()
        except FileNotFoundError:
            raise ExtractError(f"there is no file {path.name}; give the CSV or Parquet file to read") from None
        except OSError as error:
            raise ExtractError(f"{path.name} cannot be read: {error.strerror}") from error

    def blocks(self, skip: int = 0) -> Iterator[pa.Table]:
        """The rows after the first `skip`, in blocks of any length."""
        blocks = self._parquet_blocks() if self._parquet else self._text_blocks()
        try:
            for block in blocks:
                if skip >= block.num_rows:
                    skip -= block.num_rows
                    continue
                yield block.slice(skip)
                skip = 0
        except (pa.ArrowInvalid, pa.ArrowTypeError, OSError) as error:
            # Only what the system says has a number; Arrow raises OSError for damaged content as well.
            if isinstance(error, OSError) and error.errno is not None:
                raise _cannot_be_read_now(self.path, error) from error
            if self._parquet:
                raise ExtractError(f"{self.path.name} is cut short or damaged; deliver it again") from error
            raise ExtractError(self._why_unreadable()) from None  # the library's own message repeats the row

    def _parquet_columns(self) -> list[str]:
        try:
            return list(pa.parquet.read_schema(self.path).names)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ExtractError(f"{self.path.name} is cut short or not a Parquet file; deliver it again") from error

    def _parquet_blocks(self) -> Iterator[pa.Table]:
        with pa.parquet.ParquetFile(self.path) as file:
            rows = max(file.metadata.num_rows, 1)
            done = 0
            for batch in file.iter_batches(ROWS_A_BLOCK):
                done += batch.num_rows
                self.position = self.size * done // rows
                yield _plain(pa.Table.from_batches([batch]))

    def _header(self) -> list[str]:
        with self.path.open("rb") as file:
            try:
                line = file.readline().decode("utf-8-sig")
            except UnicodeDecodeError:
                raise ExtractError(f"{self.path.name}: the header is not UTF-8; save the file as UTF-8") from None
        names = line.split() if self._separator == BLANKS else next(csv.reader([line], delimiter=self._separator), [])
        if not names:
            raise ExtractError(f"{self.path.name} is empty; deliver it with a header and rows")
        return names

    def _text_blocks(self) -> Iterator[pa.Table]:
        if self._separator == BLANKS:
            yield from self._blank_separated_blocks()
            return
        if len(set(self.columns)) < len(self.columns):
            raise ExtractError(f"{self.path.name}: a column stands there twice; keep one")
        convert = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(self.columns, pa.string()), strings_can_be_null=True, null_values=[""]
        )
        with (
            pa.OSFile(str(self.path)) as file,
            pa.csv.open_csv(
                file,
                read_options=pa.csv.ReadOptions(block_size=BYTES_A_BLOCK),
                parse_options=pa.csv.ParseOptions(delimiter=self._separator),
                convert_options=convert,
            ) as reader,
        ):
            for batch in reader:
                self.position = min(file.tell(), self.size)
                yield pa.Table.from_batches([batch])

    def _blank_separated_blocks(self) -> Iterator[pa.Table]:
        number = 0
        with self.path.open("rb") as file:
            file.readline()
            while lines := list(islice(file, ROWS_A_BLOCK)):
                rows = []
                for line in lines:
                    number += 1
                    rows.append(self._fields(line, number))
                self.position = file.tell()
                columns = [pa.array(column, pa.string()) for column in zip(*filter(None, rows), strict=True)]
                if columns:
                    yield pa.Table.from_arrays(columns, names=self.columns)

    def _fields(self, line: bytes, number: int) -> list[str]:
        try:
            fields = line.decode().split()
        except UnicodeDecodeError:
            raise ExtractError(f"{self.path.name}, row {number}: is not UTF-8; save the file as UTF-8") from None
        if fields and len(fields) != len(self.columns):
            raise ExtractError(
                f"{self.path.name}, row {number}: has {len(fields)} fields where the header has {len(self.columns)}; a "
                "value that is not known cannot be left out in a blank-separated file"
            )
        return fields

    def _why_unreadable(self) -> str:
        """Goes through the file once more, row by row, for the place of the fault."""
        try:
            return self._first_faulty_row()
        except OSError as error:
            raise _cannot_be_read_now(self.path, error) from error

    def _first_faulty_row(self) -> str:
        with self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            for number, row in enumerate(csv.reader(file, delimiter=self._separator)):
                place = f"{self.path.name}, row {number}"
                if any("\udc80" <= character <= "\udcff" for text in row for character in text):
                    return f"{place}: is not UTF-8; save the file as UTF-8"
                if row and len(row) != len(self.columns):
                    return (
                        f"{place}: has {len(row)} fields where the header has {len(self.columns)}; every row must have "
                        "the header's number of fields, empty ones included"
                    )
        return (
            f"{self.path.name} is not a table that can be read; deliver it again as CSV in UTF-8, without line breaks"
        )


def _cannot_be_read_now(path: Path, error: OSError) -> ReadError:
    return ReadError(
        f"{path.name} cannot be read now ({os.strerror(error.errno or 0)}); see its disk and give the command again"
    )


def _plain(table: pa.Table) -> pa.Table:
    """The same table with texts as texts, where a Parquet file holds them as a dictionary and positions in it."""
    kinds = [field.type.value_type if pa.types.is_dictionary(field.type) else field.type for field in table.schema]
    if kinds == table.schema.types:
        return table
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))))
