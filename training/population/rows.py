"""Columns collected piece by piece and joined once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]


class Rows:
    """A table that grows by blocks; every block names the same columns."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._blocks: dict[str, list[NDArray[Any]]] = {name: [] for name in names}

    def add(self, length: int, **columns: Any) -> None:
        """Add a block of `length` rows; a scalar stands for a whole column."""
        for name in self.names:
            self._blocks[name].append(np.broadcast_to(np.asarray(columns[name]), (length,)))

    def columns(self) -> Columns:
        """All rows."""
        return {name: np.concatenate(blocks) if blocks else np.empty(0) for name, blocks in self._blocks.items()}


def take(columns: Mapping[str, NDArray[Any]], rows: NDArray[Any]) -> Columns:
    """The chosen rows of every column (positions or a mask)."""
    return {name: column[rows] for name, column in columns.items()}


def join(*tables: Mapping[str, NDArray[Any]]) -> Columns:
    """Tables with the same columns, one after the other."""
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
