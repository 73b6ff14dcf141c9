"""Features of n person-dates as one matrix that cannot be mistaken for another catalogue's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.as_of import KnownFacts, known_at
from features.catalogue import Catalogue
from features.errors import FrameError
from features.facts import Days, Facts, Floats
from features.functions import FUNCTIONS, load_functions
from features.history import statement


@dataclass(frozen=True)
class FeatureFrame:
    """A feature matrix in catalogue order.

    Attributes
    ----------
    values : float64 (n, k)
        NaN where a feature is not known; a category holds the position of its code in the catalogue's list.
    names : tuple of str (k,)
    fingerprint : str
        Of the catalogue the features were computed by.
    """

    values: Floats
    names: tuple[str, ...]
    fingerprint: str

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise FrameError(f"a feature matrix must have {len(self.names)} columns, one for each feature named")
        if self.values.dtype != np.float64:
            raise FrameError("a feature matrix must be float64")
        if np.isinf(self.values).any():
            column = self.names[int(np.argwhere(np.isinf(self.values))[0][1])]
            raise FrameError(f"feature {column} is infinite somewhere; a value that is not known must be NaN")

    def __len__(self) -> int:
        return len(self.values)

    def column(self, name: str) -> Floats:
        """One feature's values, float64 (n,)."""
        column: Floats = self.values[:, self.names.index(name)]
        return column

    def rows(self, chosen: NDArray[Any]) -> "FeatureFrame":
        """Some of the rows (positions or a mask), with every feature."""
        return FeatureFrame(np.ascontiguousarray(self.values[chosen]), self.names, self.fingerprint)

    def select(self, names: Sequence[str]) -> "FeatureFrame":
        """The same rows with only the features named, in that order; the very same frame where nothing changes."""
        wanted = tuple(names)
        if wanted == self.names:
            return self
        missing = [name for name in wanted if name not in self.names]
        if missing:
            raise FrameError(f"the feature matrix lacks {', '.join(missing)}; was it made by another catalogue?")
        columns = [self.names.index(name) for name in wanted]
        return FeatureFrame(np.ascontiguousarray(self.values[:, columns]), wanted, self.fingerprint)


def build_features(catalogue: Catalogue, facts: Facts, as_of: Days) -> FeatureFrame:
    """The catalogue's features of n people on their as-of dates, one row a person.

    Parameters
    ----------
    catalogue : Catalogue
        With dated facts as its source.
    facts : Facts
        n people; use `Facts.take` for several dates of one person.
    as_of : int32 (n,)
        Day numbers.
    """
    known = known_at(facts, as_of, catalogue.statement_inputs, catalogue.label.bridging_days)
    return features_of(catalogue, known)


def features_of(catalogue: Catalogue, known: KnownFacts) -> FeatureFrame:
    """The catalogue's features of what is known about n people, for whoever has cut time already."""
    load_functions()
    active = catalogue.active_features
    values = np.empty((len(known), len(active)), order="F")
    for position, feature in enumerate(active):
        if feature.function is not None:
            values[:, position] = FUNCTIONS[feature.function](known, **feature.parameters)
        else:
            told = catalogue.input(str(feature.input))
            values[:, position] = statement(known, told.name, told.of_present_spell)
    return FeatureFrame(np.ascontiguousarray(values), catalogue.feature_names, catalogue.fingerprint)


def frame_from_columns(catalogue: Catalogue, columns: Mapping[str, Floats]) -> FeatureFrame:
    """The features of a flat extract, whose inputs are its features: one column of float64 (n,) an input."""
    parts = [np.asarray(columns[str(feature.input)], np.float64) for feature in catalogue.active_features]
    values = np.ascontiguousarray(np.column_stack(parts))
    return FeatureFrame(values, catalogue.feature_names, catalogue.fingerprint)
