"""From one person's document, as a case system sends it, to facts and features; every fault found is told at once.

A message names the place and the cure and never repeats what was sent.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from features.catalogue import Catalogue
from features.catalogue_parts import Input
from features.errors import FactsError, Fault
from features.facts import COLUMNS, OPEN_END, Facts, LabourMarket, day_number, empty_table, fact_table
from features.frame import FeatureFrame, build_features, frame_from_columns

LISTS = ("spells", "services", "self_assessments")
"""Kinds of facts of which a document holds a list; the others are single values on top."""

CLIENT_ID = r"^[A-Za-z0-9_-]{3,64}$"
"""The form of a pseudonym that a client may go by."""

ENVELOPE = ("client_id", "purpose", "as_of")
"""What stands in every document beside the catalogue's inputs."""


def frame_of_document(
    catalogue: Catalogue,
    document: Mapping[str, Any],
    as_of: date,
    today: date,
    labour_market: LabourMarket | None = None,
) -> FeatureFrame:
    """The features of one person, float64 (1, k), from either kind of document: dated facts or flat.

    Raises
    ------
    FactsError
        With every fault found.
    """
    if catalogue.source_kind == "flat":
        return frame_from_columns(catalogue, _flat_columns(catalogue, document, today))
    facts = facts_of_document(catalogue, document, as_of, today, labour_market)
    return build_features(catalogue, facts, np.array([day_number(as_of)], np.int32))


def facts_of_document(
    catalogue: Catalogue,
    document: Mapping[str, Any],
    as_of: date,
    today: date,
    labour_market: LabourMarket | None = None,
) -> Facts:
    """The facts of one person. A fact without `known_on` counts as known on the as-of date: this delivery carried it.

    Raises
    ------
    FactsError
        With every fault found.
    """
    reader = _Reader(catalogue, as_of, today)
    values = reader.top_level(document)
    items = {kind: reader.items(kind, document.get(kind)) for kind in LISTS}
    reader.refuse_overlaps(items["spells"])
    if reader.faults:
        raise FactsError(reader.faults)

    now = day_number(as_of)
    tables = {kind: empty_table(kind, 1) for kind in COLUMNS}
    for kind in LISTS:
        if items[kind]:
            tables[kind] = _table(kind, items[kind], now)
    told = [(position, values[name]) for position, name in enumerate(catalogue.statement_inputs) if name in values]
    if told:
        tables["statements"] = fact_table(
            "statements",
            1,
            np.zeros(len(told), np.int64),
            {
                "fact_id": np.arange(len(told)),
                "happened_on": np.full(len(told), now),
                "known_on": np.full(len(told), now),
                "input": np.array([position for position, _ in told]),
                "value": np.array([value for _, value in told]),
            },
        )
    return Facts((str(document.get("client_id", "")),), tables, labour_market)


def _flat_columns(catalogue: Catalogue, document: Mapping[str, Any], today: date) -> dict[str, Any]:
    reader = _Reader(catalogue, today, today)
    values = reader.top_level(document)
    if reader.faults:
        raise FactsError(reader.faults)
    return {item.name: np.array([values.get(item.name, math.nan)]) for item in catalogue.inputs}


def _table(kind: str, items: Sequence[Mapping[str, Any]], now: int) -> Any:
    names = {"spells": "employment_code", "services": "service"}
    columns: dict[str, Any] = {
        "fact_id": np.arange(len(items)),
        "happened_on": np.array([item["date" if kind == "self_assessments" else "start"] for item in items]),
        "known_on": np.array([item.get("known_on", now) for item in items]),
    }
    for column in COLUMNS[kind]:
        if column == "end":
            columns[column] = np.array([item.get("end", OPEN_END) for item in items])
        else:
            field = names[kind] if column == "code" else column
            columns[column] = np.array([item.get(field, math.nan) for item in items])
    if kind == "spells":
        columns["code"] = columns["code"].astype(np.int8)
    return fact_table(kind, 1, np.zeros(len(items), np.int64), columns)


class _Reader:
    """Reads values by the catalogue and collects faults instead of stopping at the first."""

    def __init__(self, catalogue: Catalogue, as_of: date, today: date) -> None:
        self.catalogue = catalogue
        self.as_of = as_of
        self.today = today
        self.faults: list[Fault] = []

    def fault(self, pointer: str, message: str) -> None:
        self.faults.append(Fault(pointer, message))

    def top_level(self, document: Mapping[str, Any]) -> dict[str, float]:
        """Single values as numbers, by input name; those not told are left out."""
        inputs = [item for item in self.catalogue.inputs if item.fact not in LISTS]
        lists = {item.fact for item in self.catalogue.inputs} & set(LISTS)
        self._refuse_unknown(document, "", {item.field for item in inputs} | lists | set(ENVELOPE))
        return self._values(inputs, document, "", self.as_of)

    def items(self, kind: str, given: Any) -> list[dict[str, Any]]:
        """The items of one list, each as numbers by field, with its position kept under `_position`."""
        inputs = [item for item in self.catalogue.inputs if item.fact == kind]
        if given is None:
            if any(item.required for item in inputs) and kind == "spells":
                self.fault("/spells", "is missing; give at least the present spell, with its employment code and start")
            return []
        if not isinstance(given, Sequence) or isinstance(given, str | bytes):
            self.fault(f"/{kind}", "must be a list")
            return []
        read = []
        for position, item in enumerate(given):
            pointer = f"/{kind}/{position}"
            if not isinstance(item, Mapping):
                self.fault(pointer, "must be an object with named fields")
                continue
            self._refuse_unknown(item, pointer, {entry.field for entry in inputs})
            opened = item.get("date" if kind == "self_assessments" else "start")
            happened = _iso_date(opened) or self.as_of
            values: dict[str, Any] = self._values(inputs, item, pointer, happened)
            self._refuse_reversed(values, pointer)
            values["_position"] = position
            read.append(values)
        return read

    def refuse_overlaps(self, spells: Iterable[Mapping[str, Any]]) -> None:
        """A person is in one employment code at a time."""
        dated = sorted((s for s in spells if "start" in s), key=lambda s: (s["start"], s.get("end", OPEN_END)))
        for earlier, later in pairwise(dated):
            if later["start"] <= earlier.get("end", OPEN_END):
                self.fault(
                    f"/spells/{later['_position']}/start",
                    f"overlaps the spell at /spells/{earlier['_position']}; a spell must end before the next begins "
                    "(`end` is the last day, included)",
                )

    def _refuse_unknown(self, given: Mapping[str, Any], pointer: str, allowed: set[str]) -> None:
        for position, key in enumerate(given):
            if key not in allowed:
                plain = re.fullmatch(r"[A-Za-z_]{1,40}", str(key))
                self.fault(
                    f"{pointer}/{key}" if plain else f"{pointer}/(field number {position + 1})",
                    f"is not a field of catalogue {self.catalogue.name}; allowed here: {', '.join(sorted(allowed))}",
                )

    def _values(
        self, inputs: Iterable[Input], given: Mapping[str, Any], pointer: str, happened: date
    ) -> dict[str, float]:
        values = {}
        for item in inputs:
            raw = given.get(item.field)
            where = f"{pointer}/{item.field}"
            if raw is None:
                if item.required:
                    self.fault(where, f"is missing; it is required ({item.why_needed['en']})")
                continue
            number = self._scaled(item, raw, where) if item.carries_own_range else self._one(item, raw, where, happened)
            if number is not None:
                values[item.name if item.fact not in LISTS else item.field] = number
        return values

    def _one(self, item: Input, raw: Any, where: str, happened: date) -> float | None:
        if item.type == "code":
            return self._code(item, raw, where, happened)
        if item.type == "date":
            return self._date(raw, where)
        if item.type == "boolean":
            if not isinstance(raw, bool):
                self.fault(where, "must be true or false")
                return None
            return float(raw)
        return self._number(raw, where, item.minimum, item.maximum, whole=item.type == "integer")

    def _code(self, item: Input, raw: Any, where: str, happened: date) -> float | None:
        cure = f"allowed: {', '.join(value.code for value in item.values)}"
        if not isinstance(raw, str):
            self.fault(where, f"must be a code written as text; {cure}")
            return None
        if self.catalogue.value(item.name, raw) is None:
            self.fault(where, f"is not a code of this list; {cure}")
            return None
        if not self.catalogue.code_valid_on(item.name, raw, happened):
            self.fault(where, "is a code that was not in force on that date; the catalogue says which was")
            return None
        number = float(self.catalogue.encode(item.name, [raw])[0])
        return None if math.isnan(number) else number

    def _date(self, raw: Any, where: str) -> float | None:
        day = _iso_date(raw)
        if day is None:
            self.fault(where, "must be a date written as YYYY-MM-DD")
            return None
        if day > self.today:
            self.fault(where, "lies in the future; give what has happened by today (leave `end` out while it goes on)")
            return None
        if day.year < 1900:
            self.fault(where, "lies before 1900; write the year with four digits")
            return None
        return float(day_number(day))

    def _number(
        self, raw: Any, where: str, minimum: float | None, maximum: float | None, whole: bool = False
    ) -> float | None:
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            self.fault(where, "must be a number, written without quotation marks")
            return None
        if not math.isfinite(raw):
            self.fault(where, "must be a finite number; leave the field out where it is not known")
            return None
        if whole and float(raw) != int(raw):
            self.fault(where, "must be a whole number")
            return None
        if (minimum is not None and raw < minimum) or (maximum is not None and raw > maximum):
            low = "no limit" if minimum is None else f"{minimum:g}"
            high = "no limit" if maximum is None else f"{maximum:g}"
            self.fault(where, f"is outside its range; the lowest allowed is {low}, the highest {high}")
            return None
        return float(raw)

    def _scaled(self, item: Input, raw: Any, where: str) -> float | None:
        if not isinstance(raw, Mapping) or set(raw) != {"score", "minimum", "maximum"}:
            self.fault(where, "must be an object with exactly score, minimum and maximum")
            return None
        low = self._number(raw["minimum"], f"{where}/minimum", None, None)
        high = self._number(raw["maximum"], f"{where}/maximum", None, None)
        if low is None or high is None:
            return None
        if low >= high:
            self.fault(f"{where}/minimum", "must be below maximum")
            return None
        score = self._number(raw["score"], f"{where}/score", low, high)
        return None if score is None else 100.0 * (score - low) / (high - low)

    def _refuse_reversed(self, values: Mapping[str, Any], pointer: str) -> None:
        if "start" in values and values.get("end", OPEN_END) < values["start"]:
            self.fault(f"{pointer}/end", "lies before the start; `end` is the last day of the spell")


def _iso_date(raw: Any) -> date | None:
    if isinstance(raw, date):
        return raw
    if not isinstance(raw, str) or len(raw) != 10:
        return None
    try:
        return date.fromisoformat(raw)
    except ValueError:
        return None
