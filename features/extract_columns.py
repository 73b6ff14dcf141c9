"""One file of an extract, column by column: checked types, and faults that name file, column and row, never a value."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from features.errors import ExtractError
from features.identity_codes import holds_identity_code

MISSING_DAY = -(2**31)
_BLANK = r"[\s\x0b\x1c-\x1f]*"  # what \s means to Python; to RE2, which searches a column, it means less
IDENTITY_SIEVE = rf"(?i)[0-9]{{6}}{_BLANK}[-+A-FU-Y]{_BLANK}[0-9]{{3}}{_BLANK}[0-9A-Z]|[^\x00-\x7F]|%"
"""Takes out of millions of texts the few for `features.identity_codes` to judge; it lets none pass that is refused."""

DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
WHOLE = r"^-?[0-9]{1,18}$"
FLAG = r"^(true|false|True|False|TRUE|FALSE|0|1)$"


@dataclass
class ExtractFile:
    """A file being read. A fault is one sentence in `faults`; a column at fault is read as missing, so reading goes on.

    Rows are counted from 1, without the header.
    """

    name: str
    table: pa.Table
    faults: list[str] = field(default_factory=list)
    numbers_of_rows: NDArray[np.int64] | None = None
    """Where this holds only some rows of a file: their numbers there, from 0."""

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def fault(self, column: str, rows: NDArray[np.bool_] | None, sentence: str) -> None:
        """Note a fault of a column, at the first of the rows marked, with the number of others."""
        place = f"{self.name}, column {column}"
        if rows is not None:
            marked = np.flatnonzero(rows)
            if len(marked) == 0:
                return
            first = marked[0] if self.numbers_of_rows is None else self.numbers_of_rows[marked[0]]
            place += f", row {first + 1}"
            if len(marked) > 1:
                sentence += f" ({len(marked) - 1} more rows alike)"
        self.faults.append(f"{place}: {sentence}")

    def check_columns(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> bool:
        """Note missing, repeated and unknown columns; return whether all required ones are there."""
        names = self.table.column_names
        missing = [name for name in required if name not in names]
        for name in missing:
            self.faults.append(f"{self.name}: column {name} is missing; deliver it, or rename the column that holds it")
        for position, name in enumerate(names):
            if name not in required and name not in optional:
                place = f"column number {position + 1}"
                self.faults.append(
                    f"{self.name}: {place} is not one of this file's columns; leave it out (only what is needed may be "
                    f"delivered): {', '.join([*required, *optional])}"
                )
            elif names.index(name) != position:
                self.faults.append(f"{self.name}: column {name} stands there twice; keep one")
        return not missing and len(set(names)) == len(names)

    def refuse_identity_codes(self) -> None:
        """Note every column whose name or texts hold anything shaped like a Finnish personal identity code.

        So is a column of lists, structs or bytes noted: texts may hide in it that nobody looks at.
        """
        for position, name in enumerate(self.table.column_names):
            if holds_identity_code(name):
                self.faults.append(
                    f"{self.name}: the name of column number {position + 1} holds something shaped like a personal "
                    "identity code; rename it"
                )
                continue
            column = self.table.column(name)
            if not _is_text(column.type):
                if not _is_plain(column.type):
                    self.fault(name, None, f"is {_told(column.type)}; deliver a plain column of text, numbers or dates")
                continue
            texts = column.cast(pa.string())
            unique = pc.unique(texts)
            sieved = unique.filter(pc.match_substring_regex(unique, IDENTITY_SIEVE))
            refused = [text for text in sieved.to_pylist() if text is not None and holds_identity_code(text)]
            if refused:
                rows = pc.is_in(texts, value_set=pa.array(refused, pa.string())).to_numpy(zero_copy_only=False)
                self.fault(
                    name, rows, "holds something shaped like a personal identity code; deliver pseudonyms instead"
                )

    def text(self, name: str, may_be_empty: bool = False) -> pa.ChunkedArray:
        """Return a column of text; null where empty."""
        column = self.table.column(name)
        if not _is_text(column.type) and not pa.types.is_null(column.type):
            self.fault(name, None, f"must be text and is {_told(column.type)}; deliver codes and pseudonyms as text")
            return pa.chunked_array([pa.nulls(len(self), pa.string())])
        texts = column.cast(pa.string())
        if not may_be_empty:
            self.fault(name, _is_null(texts), "is empty; every row must have it")
        return texts

    def days(self, name: str, may_be_empty: bool = False) -> NDArray[np.int32]:
        """Return a column of dates as day numbers, int32 (rows,); MISSING_DAY where empty."""
        column = self.table.column(name)
        told_nothing = _is_null(column)
        if _is_text(column.type):
            column = self._parsed(name, column, DATE, pa.date32(), "must be a date written as YYYY-MM-DD")
        elif not (pa.types.is_date(column.type) or pa.types.is_timestamp(column.type) or pa.types.is_null(column.type)):
            self.fault(name, None, f"must be a date and is {_told(column.type)}; deliver a date")
            return np.full(len(self), MISSING_DAY, np.int32)
        else:
            column = column.cast(pa.date32(), safe=False)
        if not may_be_empty:
            self.fault(name, told_nothing, "is empty; every row must have it")
        days: NDArray[np.int32] = pc.fill_null(column.cast(pa.int32()), MISSING_DAY).to_numpy()
        return days

    def numbers(
        self, name: str, minimum: float | None = None, maximum: float | None = None, may_be_empty: bool = True
    ) -> NDArray[np.float64]:
        """Return a column of numbers, float64 (rows,), NaN where empty; NaN, infinity and out of range are faults."""
        column = self.table.column(name)
        told_nothing = _is_null(column)
        if _is_text(column.type):
            column = self._parsed(name, column, NUMBER, pa.float64(), "must be a finite number with a decimal point")
        elif not (
            pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_null(column.type)
        ):
            self.fault(name, None, f"must be a number and is {_told(column.type)}; deliver numbers")
            return np.full(len(self), np.nan)
        empty = _is_null(column)
        values: NDArray[np.float64] = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy()
        self.fault(
            name, ~np.isfinite(values) & ~empty, "is NaN or infinite; leave the cell empty where it is not known"
        )
        if not may_be_empty:
            self.fault(name, told_nothing, "is empty; every row must have it")
        low, high = -np.inf if minimum is None else minimum, np.inf if maximum is None else maximum
        outside = (values < low) | (values > high)
        self.fault(
            name, outside, f"is outside its range, {_limit(minimum)} to {_limit(maximum)}; correct it or leave it empty"
        )
        return values

    def whole(self, name: str, may_be_empty: bool = False) -> NDArray[np.int64]:
        """Return a column of whole numbers, int64 (rows,); 0 where empty."""
        column = self.table.column(name)
        told_nothing = _is_null(column)
        if _is_text(column.type):
            column = self._parsed(name, column, WHOLE, pa.int64(), "must be a whole number")
        elif not pa.types.is_integer(column.type):
            self.fault(name, None, f"must be a whole number and is {_told(column.type)}; deliver whole numbers")
            return np.zeros(len(self), np.int64)
        if not may_be_empty:
            self.fault(name, told_nothing, "is empty; every row must have it")
        return np.asarray(pc.fill_null(column.cast(pa.int64()), 0).to_numpy())

    def flags(self, name: str) -> NDArray[np.float64]:
        """Return a column of true and false as 1.0 and 0.0, NaN where empty, float64 (rows,)."""
        column = self.table.column(name)
        if _is_text(column.type):
            column = self._parsed(name, column, FLAG, pa.bool_(), "must be true or false")
        elif pa.types.is_integer(column.type):
            values = pc.fill_null(column, 2).to_numpy()
            self.fault(name, (values != 0) & (values != 1) & ~_is_null(column), "must be true or false, or 1 or 0")
            column = column.cast(pa.bool_())
        elif not (pa.types.is_boolean(column.type) or pa.types.is_null(column.type)):
            self.fault(name, None, f"must be true or false and is {_told(column.type)}; deliver true and false")
            return np.full(len(self), np.nan)
        return np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(), np.float64)

    def _parsed(self, name: str, column: pa.ChunkedArray, shape: str, kind: pa.DataType, must: str) -> pa.ChunkedArray:
        texts = column.cast(pa.string())
        fits = pc.fill_null(pc.match_substring_regex(texts, shape), True)
        usable = pc.if_else(fits, texts, pa.scalar(None, pa.string()))
        wrong = ~fits.to_numpy()
        try:
            parsed = usable.cast(kind)
        except pa.ArrowInvalid:  # a day that no calendar has, such as the 30th of February
            readable = np.array([_reads_as(text, kind) for text in usable.to_pylist()])
            wrong |= ~readable
            parsed = pc.if_else(pa.array(readable), usable, pa.scalar(None, pa.string())).cast(kind)
        self.fault(name, wrong, f"{must}; correct it at the source")
        return parsed


def open_file(path: Path, separator: str = ",") -> ExtractFile:
    """Return a Parquet, CSV or blank-separated file as a table of columns; in text files all columns are text.

    Raises
    ------
    ExtractError
        When the file is missing, empty, cut short, or not UTF-8.
    """
    try:
        if path.suffix == ".parquet":
            table = pa.parquet.read_table(path, memory_map=True)
        else:
            table = _read_text(path, separator)
    except FileNotFoundError:
        raise ExtractError(f"{path.name} is missing in the extract; deliver it") from None
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError) as error:
        if path.suffix == ".parquet":
            raise ExtractError(f"{path.name} is cut short or not a Parquet file; deliver it again") from error
        raise ExtractError(_why_unreadable(path)) from None
    if table.num_rows == 0 and not table.column_names:
        raise ExtractError(f"{path.name} is empty; deliver it with a header and rows")
    return ExtractFile(path.name, table)


def _read_text(path: Path, separator: str) -> pa.Table:
    if separator == "whitespace":
        return _read_blank_separated(path)
    with path.open("rb") as file:
        header = file.readline()
    names = header.decode("utf-8-sig", errors="replace").rstrip("\r\n").split(separator)
    return pa.csv.read_csv(
        path,
        parse_options=pa.csv.ParseOptions(delimiter=separator),
        convert_options=pa.csv.ConvertOptions(
            column_types={name.strip('"'): pa.string() for name in names},
            strings_can_be_null=True,
            null_values=[""],
        ),
    )


def _read_blank_separated(path: Path) -> pa.Table:
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise ExtractError(_why_unreadable(path)) from None
    if not lines:
        raise ExtractError(f"{path.name} is empty; deliver it with a header and rows")
    names, rows = lines[0], lines[1:]
    for number, row in enumerate(rows):
        if len(row) != len(names):
            raise ExtractError(
                f"{path.name}, row {number + 1}: has {len(row)} fields where the header has {len(names)}; a value that "
                "is not known cannot be left out in a blank-separated file"
            )
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(len(names))]
    return pa.Table.from_arrays(columns, names=names)


def _why_unreadable(path: Path) -> str:
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start)
        return f"{path.name}, row {row}: is not UTF-8; save the file as UTF-8"
    return f"{path.name} is not a table: a row has more or fewer fields than the header; deliver it again"


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_plain(kind: pa.DataType) -> bool:
    """Whether a column of this type, other than text, has no place for a text."""
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    return bool(pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind))


def _told(kind: pa.DataType) -> str:
    """The name of a type; of one that holds others, their names stay out of it: they come from the file."""
    if pa.types.is_dictionary(kind):
        return f"{_told(kind.value_type)} by code"
    return "of a nested type" if pa.types.is_nested(kind) or isinstance(kind, pa.BaseExtensionType) else str(kind)


def _is_null(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pc.is_null(column).to_numpy())


def _reads_as(text: str | None, kind: pa.DataType) -> bool:
    try:
        pa.array([text], pa.string()).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _limit(limit: float | None) -> str:
    return "no limit" if limit is None else f"{limit:g}"
