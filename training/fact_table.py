"""What an extract knows of people on a day as one long table of facts, sorted by client: what a caseload file holds."""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from features.as_of import KnownFacts, known_at
from features.catalogue import Catalogue, Input
from features.errors import ExtractError
from features.fact_rows import RANGE_PARTS, columns_of
from features.facts import Facts, FactTable, day_number
from features.history import present_spell
from training.cohort import LEGAL_AGES, ages
from training.extract import Extract

PEOPLE_AT_ONCE = 20_000
WHOLE_NUMBERS, DAYS = ("fact_id",), ("as_of", "known_on", "start", "end", "date", "happened_on")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Written:
    """How much was written."""

    people: int
    rows: int


def write_fact_table(
    extract: Extract,
    catalogue: Catalogue,
    as_of: date,
    out: Path,
    who: str = "jobseekers",
    people: int = 0,
    copies: int = 1,
) -> Written:
    """Write the facts that were known on a day, as they stood then, and return how many.

    Parameters
    ----------
    who : str
        "jobseekers" (unemployed on the day), "first-year" (for less than the catalogue's horizon) or "everybody".
    people : int
        At most so many, the first by name; 0 for all.
    copies : int
        Each person so often, at most 676 times, under names with two letters added.

    Raises
    ------
    ExtractError
        The extract is flat, the file exists, or its name says no format.
    """
    if extract.facts is None:
        raise ExtractError("this extract is flat: its file can be screened as it is")
    if out.suffix not in (".csv", ".parquet") or out.exists():
        raise ExtractError(f"--out: {out.name} must end in .csv or .parquet and must not exist; name another file")
    day = day_number(as_of)
    chosen = _people(extract.facts, catalogue, day, who)
    chosen = np.repeat(chosen[: people or None], copies)
    age = ages(extract, chosen, np.full(len(chosen), day, np.int32))
    within = ~((age < LEGAL_AGES[0]) | (age > LEGAL_AGES[1]))
    schema = _schema(catalogue)
    rows = 0
    draft = out.with_name(f"{out.name}.draft")
    try:
        with draft.open("wb") as file:
            with _writer(file, out.suffix, schema) as writer:
                for first in range(0, len(chosen), PEOPLE_AT_ONCE):
                    part = slice(first, first + PEOPLE_AT_ONCE)
                    facts = extract.facts.take(chosen[part])
                    names = _names(facts.client_ids, copies, first)
                    table = _Rows(catalogue, schema, _known(facts, catalogue, day), names).table(within[part])
                    writer.write_table(table)
                    rows += table.num_rows
            file.flush()
            os.fsync(file.fileno())
        draft.rename(out)
    except OSError as error:
        raise ExtractError(f"--out: {out.name} cannot be written ({error.strerror})") from error
    finally:
        draft.unlink(missing_ok=True)
    return Written(len(chosen), rows)


class _Rows:
    """Builds the rows of some people, one kind of fact after another, and puts them in the order of the clients."""

    def __init__(self, catalogue: Catalogue, schema: pa.Schema, known: KnownFacts, names: list[str]) -> None:
        self.catalogue = catalogue
        self.schema = schema
        self.known = known
        self.names = pa.array(names, pa.string())
        self.parts: list[pa.Table] = []
        self.owners: list[NDArray[np.int64]] = []

    def table(self, within: NDArray[np.bool_]) -> pa.Table:
        """All rows."""
        self._add(
            np.arange(len(within)),
            fact="statements",
            input=_all("within_legal_age_range", within),
            value=_flags(within),
        )
        for kind, code in (("spells", "employment_code"), ("services", "service")):
            self._add_spans(kind, code)
        self._add_self_assessments()
        self._add_statements()
        joined = pa.concat_tables(self.parts)
        return joined.take(pa.array(np.argsort(np.concatenate(self.owners), kind="stable")))

    def _add_spans(self, kind: str, code: str) -> None:
        table, owner = self.known.tables[kind], self._owner(kind)
        start, end = table["happened_on"], table["end"].astype(np.int64)
        kept = np.ones(len(owner), np.bool_)
        if kind == "spells":
            # A register may learn of a spell's end after the next has begun; a case system's spells follow each other.
            next_start = np.where(np.diff(owner, append=-1) == 0, np.append(start[1:], 0), np.iinfo(np.int32).max)
            end = np.minimum(end, next_start.astype(np.int64) - 1)
            kept = end >= start
        item = self.catalogue.input(code)
        ended = end < self.known.as_of[owner]
        columns = {
            **self._versions(table),
            code: _codes(item, table["code"].astype(np.float64)),
            "start": _dates(start),
            "end": _dates(end, ~ended),
        }
        self._add(owner, kept, fact=kind, **columns)

    def _add_self_assessments(self) -> None:
        table, owner = self.known.tables["self_assessments"], self._owner("self_assessments")
        columns = {**self._versions(table), "date": _dates(table["happened_on"])}
        columns["use_permitted"] = _flags(table["use_permitted"])
        for item in self.catalogue.inputs_of("self_assessments"):
            if item.carries_own_range:
                absent = np.isnan(table[item.field])
                # The facts hold the score in hundredths of its own range.
                for part, value in zip(RANGE_PARTS, (table[item.field], 0.0, 100.0), strict=True):
                    numbers = np.broadcast_to(np.asarray(value, np.float64), (len(owner),))
                    columns[f"{item.field}_{part}"] = _numbers(np.where(absent, np.nan, numbers))
            elif item.field == "instrument_version":
                columns[item.field] = _codes(item, table[item.field])
            elif item.type in ("integer", "number"):
                columns[item.field] = _numbers(table[item.field])
        self._add(owner, fact="self_assessments", **columns)

    def _add_statements(self) -> None:
        table, owner = self.known.tables["statements"], self._owner("statements")
        told = self.catalogue.statement_inputs
        value = np.full(len(owner), None, object)
        for position, name in enumerate(told):
            item, rows = self.catalogue.input(name), np.flatnonzero(table["input"] == position)
            values = table["value"][rows]
            texts = _codes(item, values) if item.type == "code" else _dates(values, np.isnan(values)).cast(pa.string())
            value[rows] = texts.to_numpy(zero_copy_only=False)
        columns = {**self._versions(table), "input": pa.array(told).take(pa.array(table["input"]))}
        kept = np.array([one is not None for one in value], np.bool_)
        happened = _dates(table["happened_on"])
        self._add(owner, kept, fact="statements", value=pa.array(value, pa.string()), happened_on=happened, **columns)

    def _owner(self, kind: str) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self.known)), np.diff(self.known.tables[kind].offsets))

    def _versions(self, table: FactTable) -> dict[str, Any]:
        return {"fact_id": pa.array(table["fact_id"]), "known_on": _dates(table["known_on"])}

    def _add(
        self, owner: NDArray[np.int64], kept: NDArray[np.bool_] | None = None, *, fact: str, **columns: Any
    ) -> None:
        n = len(owner)
        columns |= {
            "client_id": self.names.take(pa.array(owner)),
            "as_of": _dates(self.known.as_of[owner]),
            "fact": pa.array([fact] * n, pa.string()),
        }
        full = {field.name: columns.get(field.name, pa.nulls(n, field.type)) for field in self.schema}
        table = pa.table(full, schema=self.schema)
        self.parts.append(table if kept is None else table.filter(pa.array(kept)))
        self.owners.append(owner if kept is None else owner[kept])


def _people(facts: Facts, catalogue: Catalogue, day: int, who: str) -> NDArray[np.int64]:
    months = present_spell(_known(facts, catalogue, day)).months
    if who == "everybody":
        return np.arange(len(facts))
    return np.flatnonzero(months < (catalogue.horizon_months if who == "first-year" else np.inf))


def _known(facts: Facts, catalogue: Catalogue, day: int) -> KnownFacts:
    days = np.full(len(facts), day, np.int32)
    return known_at(facts, days, catalogue.statement_inputs, catalogue.label.bridging_days)


def _names(client_ids: tuple[str, ...], copies: int, first: int) -> list[str]:
    """The people's names; of several copies each with two letters, which keep them in order."""
    if copies == 1:
        return list(client_ids)
    number = [(first + place) % copies for place in range(len(client_ids))]
    return [f"{name}-{LETTERS[n // 26]}{LETTERS[n % 26]}" for name, n in zip(client_ids, number, strict=True)]


def _schema(catalogue: Catalogue) -> pa.Schema:
    inputs = {
        item.field: item for kind in ("spells", "services", "self_assessments") for item in catalogue.inputs_of(kind)
    }
    ranged = {f"{item.field}_{part}" for item in inputs.values() if item.carries_own_range for part in RANGE_PARTS}

    def kind(name: str) -> pa.DataType:
        if name in WHOLE_NUMBERS:
            return pa.int64()
        if name in DAYS:
            return pa.date32()
        numeric = name in inputs and inputs[name].type in ("integer", "number")
        return pa.float64() if numeric or name in ranged else pa.string()

    return pa.schema([(name, kind(name)) for name in columns_of(catalogue)])


def _writer(file: IO[bytes], suffix: str, schema: pa.Schema) -> Any:
    if suffix == ".parquet":
        return pa.parquet.ParquetWriter(file, schema)
    return pa.csv.CSVWriter(file, schema)


def _codes(item: Input, positions: NDArray[np.float64]) -> Any:
    """Codes as text; where not known, the code that says so, if the list has one."""
    unknown = next((place for place, value in enumerate(item.values) if value.missing), -1)
    place = np.where(np.isnan(positions) | (positions < 0), unknown, np.nan_to_num(positions)).astype(np.int32)
    return pa.array([value.code for value in item.values], pa.string()).take(pa.array(place, mask=place < 0))


def _dates(days: NDArray[Any], absent: NDArray[np.bool_] | None = None) -> Any:
    missing = np.zeros(len(days), np.bool_) if absent is None else absent
    return pa.array(np.where(missing, 0, days).astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())


def _numbers(values: NDArray[np.float64]) -> Any:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _flags(values: NDArray[np.bool_]) -> Any:
    return pa.array(["false", "true"]).take(pa.array(values.astype(np.int8)))


def _all(text: str, like: NDArray[Any]) -> Any:
    return pa.array([text] * len(like), pa.string())
