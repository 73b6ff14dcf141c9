"""Rows of a long file in which a fault refuses the row, not the file: every fault is kept with its row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.errors import ExtractError
from features.extract_columns import ExtractFile


@dataclass(frozen=True)
class Marks:
    """The rows (numbers in the file, from 0) that one fault refuses, its column, and what would be right."""

    rows: NDArray[np.int64]
    column: str
    sentence: str


@dataclass
class CheckedRows(ExtractFile):
    """Some rows of a file, with `numbers_of_rows` saying which; what is refused stands in `marks`."""

    marks: list[Marks] = field(default_factory=list)

    def fault(self, column: str, rows: NDArray[np.bool_] | None, sentence: str) -> None:
        """Note every row that is marked.

        Raises
        ------
        ExtractError
            Where the fault is that of the whole column, such as a wrong type: then no row of the file can be used.
        """
        if rows is None:
            raise ExtractError(f"{self.name}, column {column}: {sentence}")
        marked = np.flatnonzero(rows)
        if len(marked):
            self.marks.append(Marks(self.places[marked], column, sentence))

    @property
    def places(self) -> NDArray[np.int64]:
        """The number in the file of each of these rows, from 0, ascending."""
        return np.arange(len(self)) if self.numbers_of_rows is None else self.numbers_of_rows

    def part(self, rows: NDArray[Any], columns: Sequence[str]) -> "CheckedRows":
        """Some of these rows (positions) with some of the columns; faults found there are noted here."""
        table = self.table.select(list(columns)).take(pa.array(rows))
        return CheckedRows(self.name, table, self.faults, self.places[rows], self.marks)

    def refused(self) -> NDArray[np.bool_]:
        """Which of these rows have a fault, bool (rows,)."""
        wrong = np.zeros(len(self), np.bool_)
        for mark in self.marks:
            wrong[np.searchsorted(self.places, mark.rows)] = True
        return wrong

    def with_columns(self, names: Sequence[str]) -> None:
        """Add the columns named that the file does not have, empty."""
        for name in names:
            if name not in self.table.column_names:
                self.table = self.table.append_column(name, pa.nulls(len(self), pa.string()))
