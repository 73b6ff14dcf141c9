"""The catalogue: the one list of inputs, features, protected attributes, label and wordings that drives everything.

A catalogue is a TOML file. It is read and checked as a whole before anything runs, it carries a fingerprint of what it
says, and it travels inside the model package, so that the service always asks for what its champion needs.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from features.catalogue_checks import content_faults
from features.catalogue_parts import (
    LANGUAGES,
    BadPeriod,
    CatalogueContent,
    Domain,
    Feature,
    FlatSource,
    Input,
    Label,
    Protected,
    RecordingRule,
    Value,
)
from features.catalogue_reader import DAYS_PER_MONTH, read_content
from features.catalogue_refusals import forbidden_texts
from features.errors import CatalogueError
from features.identity_codes import redacted

__all__ = [
    "LANGUAGES",
    "BadPeriod",
    "Catalogue",
    "Domain",
    "Feature",
    "FlatSource",
    "Input",
    "Label",
    "Protected",
    "RecordingRule",
    "Value",
    "catalogue_from_text",
    "load_catalogue",
]

CATALOGUES = Path(__file__).parent / "catalogues"
Part = TypeVar("Part")


@dataclass(frozen=True)
class _Codes:
    """The codes of one input, by code: what each stands for, and its number (NaN where it means "not known")."""

    leading_digit: bool
    values: Mapping[str, Value]
    numbers: Mapping[str, float]

    @classmethod
    def of(cls, item: Input) -> "_Codes":
        numbers = {value.code: np.nan if value.missing else float(place) for place, value in enumerate(item.values)}
        return cls(item.coding == "leading_digit", {value.code: value for value in item.values}, numbers)


@dataclass(frozen=True, eq=False)
class Catalogue(CatalogueContent):
    """A checked catalogue: its content, that content's fingerprint (SHA-256, hex) and the TOML text it was read from.

    Two catalogues are equal when they say the same, whatever their comments and blanks.
    """

    fingerprint: str
    source_text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalogue) and other.fingerprint == self.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def input(self, name: str) -> Input:
        """Return the input of this name. Raises CatalogueError where there is none."""
        return _found(self._inputs, name, "input", self.name)

    def feature(self, name: str) -> Feature:
        """Return the active feature of this name. Raises CatalogueError where there is none."""
        return _found(self._features, name, "feature", self.name)

    def domain(self, name: str) -> Domain:
        """Return the domain of this name. Raises CatalogueError where there is none."""
        return _found(self._domains, name, "domain", self.name)

    @cached_property
    def _inputs(self) -> dict[str, Input]:
        return {item.name: item for item in self.inputs}

    @cached_property
    def _features(self) -> dict[str, Feature]:
        return {item.name: item for item in self.features}

    @cached_property
    def _codes(self) -> "dict[str, _Codes]":
        return {item.name: _Codes.of(item) for item in self.inputs if item.type == "code"}

    @cached_property
    def _domains(self) -> dict[str, Domain]:
        return {item.name: item for item in self.domains}

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the active features, in the order of the matrix's columns."""
        return tuple(item.name for item in self.features)

    @cached_property
    def register_names(self) -> tuple[str, ...]:
        """Names of the features that need no voluntary answer: the columns of the register model."""
        return tuple(item.name for item in self.features if not item.voluntary)

    @cached_property
    def category_names(self) -> tuple[str, ...]:
        """Names of the features that are categories without an order."""
        return tuple(item.name for item in self.features if item.kind == "category")

    @property
    def active_features(self) -> tuple[Feature, ...]:
        """The features that are computed; a gated one only where justified and switched on. The same as `features`."""
        return self.features

    @cached_property
    def statement_inputs(self) -> tuple[str, ...]:
        """Names of the inputs that are single dated statements; their positions here are the codes in Facts."""
        return tuple(item.name for item in self.inputs if item.fact == "statement")

    @cached_property
    def minimal_inputs(self) -> tuple[str, ...]:
        """Names of the inputs that the employment service has at registration and that suffice for a screening."""
        return tuple(item.name for item in self.inputs if item.minimal)

    @property
    def horizon_months(self) -> int:
        """Months of unemployment that make it long-term."""
        return self.label.horizon_months

    @property
    def horizon_days(self) -> int:
        """Days after the start of the spell (flat: after the as-of date) at which the outcome is known."""
        if self.label.horizon_days is not None:
            return self.label.horizon_days
        return round(self.label.horizon_months * DAYS_PER_MONTH)

    def inputs_of(self, fact: str) -> tuple[Input, ...]:
        """Return the inputs of one kind of fact, in order."""
        return tuple(item for item in self.inputs if item.fact == fact)

    def recording_rule(self, fact: str) -> RecordingRule:
        """Return the recording rule for a kind of fact. Raises CatalogueError where there is none."""
        return _found({rule.fact: rule for rule in self.recording_rules}, fact, "recording rule", self.name)

    def value(self, input_name: str, code: str) -> Value | None:
        """Return the allowed value that a code stands for, None where the input knows no such code."""
        coded = self._codes.get(input_name)
        if coded is None:
            self.input(input_name)  # raises where there is no such input at all
            return None
        key = _leading_digit(code) if coded.leading_digit else code
        return coded.values.get(key)

    def code_valid_on(self, input_name: str, code: str, day: date) -> bool:
        """Return whether the input knows the code and it was in use on `day`."""
        value = self.value(input_name, code)
        return value is not None and value.valid_on(day)

    def encode(self, input_name: str, codes: Sequence[str | None]) -> npt.NDArray[np.float64]:
        """Return codes of one input as numbers, float64 (n,).

        A code becomes its position in `Input.values`; None and codes marked as missing become NaN.

        Raises
        ------
        CatalogueError
            Where a code is not known; the message names the input and the row, never the code.
        """
        found = self.input(input_name)
        if found.type != "code":
            raise CatalogueError(f"Input {input_name} holds no codes but type {found.type}; it cannot be encoded.")
        numbers = self._codes[input_name].numbers
        seen: dict[str | None, float] = {None: np.nan}
        for row, code in enumerate(codes):
            if code not in seen:
                known = self.value(input_name, code) if isinstance(code, str) else None
                if known is None:
                    raise CatalogueError(
                        f"Input {input_name}, row {row + 1}: the code is not known in catalogue {self.name} "
                        f"{self.version}; known are {', '.join(numbers)}."
                    )
                seen[code] = numbers[known.code]
        return np.fromiter((seen[code] for code in codes), dtype=np.float64, count=len(codes))

    def number_of(self, input_name: str, value: Value) -> float:
        """Return the number that `encode` gives a code of the input, NaN where the code means that it is not known."""
        return self._codes[input_name].numbers[value.code]


def load_catalogue(path: Path | str) -> Catalogue:
    """Return the checked catalogue of a TOML file.

    Parameters
    ----------
    path : Path or str
        A file, or the bare name of a catalogue that comes with Varhain, such as "keski_uusimaa".

    Raises
    ------
    CatalogueError
        Naming every fault, each with its place and cure.
    """
    return catalogue_from_text(*_read(path))


def catalogue_from_text(source_text: str, origin: str = "catalogue.toml") -> Catalogue:
    """Return the checked catalogue written in `source_text`; `origin` names it in messages. Raises CatalogueError."""
    try:
        document = tomllib.loads(source_text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{origin} is not valid TOML: {error}. Correct the line named.") from error
    faults = list(forbidden_texts(document, source_text))
    content = read_content(document, faults)
    faults.extend(content_faults(content))
    if faults:
        raise CatalogueError(_sentence(origin, list(dict.fromkeys(faults))))
    parts = {part.name: getattr(content, part.name) for part in fields(content)}
    return Catalogue(**parts, fingerprint=fingerprint_of(document), source_text=source_text)


def fingerprint_of(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of what a catalogue's TOML says: comments and blanks do not count, order does.

    Of the document, not of our dataclasses: a later version of Varhain must still know the catalogue in a package.
    """
    canonical = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=date.isoformat)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _told(part: Any) -> Any:
    """What JSON has no form for: a day as its ISO date, a part of the catalogue as its fields."""
    return part.isoformat() if isinstance(part, date) else vars(part)


def _read(path: Path | str) -> tuple[str, str]:
    wanted = Path(path)
    if not wanted.suffix and wanted.name == str(path) and not wanted.is_file():
        wanted = CATALOGUES / f"{path}.toml"
    try:
        return wanted.read_text(encoding="utf-8"), redacted(wanted.name)
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{redacted(wanted.name)} is not UTF-8; save it as UTF-8.") from error
    except OSError as error:
        known = ", ".join(sorted(file.stem for file in CATALOGUES.glob("*.toml")))
        raise CatalogueError(
            f"Catalogue {redacted(str(path))} cannot be read ({error.strerror}). "
            f"Give the path of a TOML file, or one of: {known}."
        ) from error


def _sentence(origin: str, faults: Sequence[tuple[str, str]]) -> str:
    lines = [redacted(f"  {place or 'the file'}: {cure}") for place, cure in faults]
    return "\n".join([f"Catalogue {origin} has {len(faults)} fault{'s' if len(faults) > 1 else ''}:", *lines])


def _leading_digit(code: str) -> str:
    """Return the major group of a classification code of one to four digits; other codes as they are."""
    return code[0] if code.isascii() and code.isdigit() and len(code) <= 4 else code


def _found(parts: dict[str, Part], name: str, kind: str, catalogue: str) -> Part:
    if name not in parts:
        raise CatalogueError(f"Catalogue {catalogue} has no {kind} {redacted(name)}; it has {', '.join(parts)}.")
    return parts[name]
