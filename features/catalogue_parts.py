"""The parts a catalogue is made of: plain frozen dataclasses, no reading and no checking.

Wordings are mappings from language ("fi", "sv", "en") to text. A day is a `datetime.date`; `valid_to` and `ends` are
the LAST valid day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

LANGUAGES = ("fi", "sv", "en")

Words = Mapping[str, str]


@dataclass(frozen=True)
class Value:
    """One allowed code of an input or a protected attribute.

    `missing` marks a code that means "not known": it is accepted and becomes a missing value, never a signal.
    """

    code: str
    label: Words
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str | None = None
    missing: bool = False

    def valid_on(self, day: date) -> bool:
        """Return whether the code may be used for something that happened on `day`."""
        return (self.valid_from is None or day >= self.valid_from) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True)
class Input:
    """One thing that may be told about a person.

    fact : "statement", "spells", "services", "self_assessments", "scope" or "flat"
        Where it stands in a document: statements, scope and flat inputs on top, the others inside an item of the list.
    field : str
        Its key there, or the column of a flat extract; equals `name` unless two facts share a key (`start`).
    type : "code", "date", "integer", "number" or "boolean"
    of_present_spell : bool
        True for a statement about the present spell: one made more than a month before the spell began is out of date.
    carries_own_range : bool
        True where the value is an object {score, minimum, maximum}: a section score whose scale depends on the version.
    required : bool
        Inside a list, required in every item of it.
    coding : "exact" or "leading_digit"
        With "leading_digit" one to four digits are accepted and the first decides (AML 2010 major groups).
    """

    name: str
    fact: str
    field: str
    type: str
    unit: Words | None
    minimum: float | None
    maximum: float | None
    values: tuple[Value, ...]
    advisor: Words
    client: Words
    why_needed: Words
    source: str
    at_registration: bool
    data_class: str
    voluntary: bool
    minimal: bool
    required: bool
    example: Any
    coding: str
    carries_own_range: bool
    of_present_spell: bool


@dataclass(frozen=True)
class Domain:
    """A part of life that reasons are grouped under; `topic` is the invitation to talk about it, without direction."""

    name: str
    group: str
    label: Words
    topic: Words | None


@dataclass(frozen=True)
class Feature:
    """One column of the matrix: an input as it stands, or a named function of the facts.

    kind : "number" or "category"
    monotone : -1, 0 or 1
        Direction in which a higher value may move the RISK; 0 where domain sense gives no sign, and for categories.
    shown : "reason", "topic" or "never"
    raises, lowers : Words or None
        What is said when it raises or lowers the risk against people at the same landmark; only for reasons.
    gated : bool
        True for a feature that stands only on a written justification, which `justification` then holds.
    """

    name: str
    input: str | None
    function: str | None
    parameters: Mapping[str, Any]
    kind: str
    monotone: int
    domain: str
    shown: str
    voluntary: bool
    gated: bool
    switched_on: bool
    justification: str | None
    justification_must_contain: Words | None
    label: Words
    raises: Words | None
    lowers: Words | None
    strength: Words | None
    unit: Words | None


@dataclass(frozen=True)
class Protected:
    """An attribute of the protected store: for audits (or the legal age range, or data quality), never a feature.

    `field` is its column in the store, or in a flat extract.
    """

    name: str
    field: str
    type: str
    used_for: str
    values: tuple[Value, ...]
    label: Words


@dataclass(frozen=True)
class Label:
    """What counts as the outcome.

    name : "activation_neutral", "official" or "flat"
    horizon_months : int
        Months of unemployment, counted from the start of the spell, that make it long-term.
    bridging_days : int
        Longest break, in days, after which unemployment still counts as the same spell.
    column, at_least, horizon_days
        For a flat extract: the outcome is 1 where `column` >= `at_least`, known `horizon_days` after the as-of date.
    """

    name: str
    horizon_months: int
    bridging_days: int
    label: Words
    column: str | None = None
    at_least: float | None = None
    horizon_days: int | None = None


@dataclass(frozen=True)
class RecordingRule:
    """When a fact without a recording time counts as known.

    "first_delivery": on the day of the first delivery that carried it; `days` after it happened where even that is not
    kept. "assumed_lag": always `days` after it happened. The wording stands on the model card.
    """

    fact: str
    rule: str
    days: int
    wording: Words


@dataclass(frozen=True)
class BadPeriod:
    """A stretch of time whose facts are known to be wrong or unlike any other; `rule` is "exclude" or "flag"."""

    name: str
    starts: date
    ends: date
    facts: tuple[str, ...]
    rule: str
    wording: Words

    def covers(self, fact: str, day: date) -> bool:
        """Return whether facts of this kind that happened on `day` fall into the period."""
        return fact in self.facts and self.starts <= day <= self.ends


@dataclass(frozen=True)
class FlatSource:
    """How a flat extract (one row per person and as-of date) is read.

    separator : one character, or "whitespace" for any run of blanks; not used for Parquet
    person : column of the pseudonym, or "row" where each row is another person
    as_of_type : "date" (ISO) or "day_number" (whole days since `as_of_origin`)
    forbidden : columns that are outcome material; the same tuple as `Catalogue.forbidden_columns`
    """

    separator: str
    person: str
    as_of: str
    as_of_type: str
    as_of_origin: date
    forbidden: tuple[str, ...]


@dataclass(frozen=True)
class CatalogueContent:
    """Everything a catalogue says, and all that its fingerprint covers.

    inputs, features
        What is asked for and computed: gated ones stand here only where justified and switched on.
    gated_inputs, gated_features
        Every gated one, on or off.
    landmarks : tuple of int
        Months since the spell began at which people are screened; (0,) for a flat extract.
    person_column, as_of_column
        Their names in an extract.
    """

    name: str
    version: str
    area: Words
    source_kind: str
    person_column: str
    as_of_column: str
    flat: FlatSource | None
    inputs: tuple[Input, ...]
    gated_inputs: tuple[Input, ...]
    domains: tuple[Domain, ...]
    features: tuple[Feature, ...]
    gated_features: tuple[Feature, ...]
    protected: tuple[Protected, ...]
    label: Label
    landmarks: tuple[int, ...]
    recording_rules: tuple[RecordingRule, ...]
    bad_periods: tuple[BadPeriod, ...]
    forbidden_columns: tuple[str, ...]
