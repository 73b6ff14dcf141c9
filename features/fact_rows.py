"""Many people's facts from one long table, column by column: what `intake` does for one document.

One row is one fact. The columns are those of an extract's files (docs/extract.md) side by side, with the kind of fact
in `fact`; what a document says on top (`within_legal_age_range` too) are rows of `statements`: `input` and `value`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.catalogue_parts import Input
from features.checked_rows import CheckedRows
from features.extract_codes import code_positions
from features.extract_columns import MISSING_DAY
from features.facts import COLUMNS, OPEN_END, Days, Facts, LabourMarket, day_number, empty_table, fact_table
from features.intake import LISTS

KINDS = (*LISTS, "statements")
ALWAYS = ("client_id", "fact", "employment_code", "start", "input", "value")
"""Columns without which nobody can be screened."""

MOST_FACTS = 500
"""Of one kind about one person, as in a document."""

EARLIEST = day_number(date(1900, 1, 1))
RANGE_PARTS = ("score", "minimum", "maximum")


@dataclass(frozen=True)
class PeopleRead:
    """n people as their rows tell them; those marked in `refused` have a fault and must not be screened.

    Attributes
    ----------
    facts : Facts
        Of n people.
    as_of : int32 (n,)
    within_age_range : bool (n,)
    refused : bool (n,)
    """

    facts: Facts
    as_of: Days
    within_age_range: NDArray[np.bool_]
    refused: NDArray[np.bool_]


def columns_of(catalogue: Catalogue) -> tuple[str, ...]:
    """Every column that a fact table may have, in the order in which it is written."""
    names = ["client_id", "as_of", "fact", "fact_id", "known_on"]
    for kind in LISTS:
        names += [name for item in catalogue.inputs_of(kind) for name in _names(item)]
    return tuple(dict.fromkeys([*names, "input", "value", "happened_on"]))


def read_people(
    catalogue: Catalogue,
    file: CheckedRows,
    owner: NDArray[np.int64],
    client_ids: tuple[str, ...],
    as_of: Days,
    today: date,
    labour_market: LabourMarket | None = None,
) -> PeopleRead:
    """The facts of n people from their rows. Every fault is marked in `file`, and its person refused.

    As in a document, a fact without `known_on` counts as known on the as-of date, and one without `fact_id` is no
    version of another row's.

    Parameters
    ----------
    owner : int64 (rows,)
        Position in `client_ids` of each row's person, ascending.
    as_of : int32 (n,)
    """
    file.with_columns(columns_of(catalogue))
    file.refuse_identity_codes()
    reading = _Reading(catalogue, file, owner, as_of, day_number(today))
    kind = pc.fill_null(pc.index_in(file.text("fact"), value_set=pa.array(KINDS)), -1).to_numpy()
    file.fault("fact", kind < 0, f"is not a kind of fact; use one of {', '.join(KINDS)}")
    tables = {name: empty_table(name, len(client_ids)) for name in COLUMNS}
    for position, name in enumerate(LISTS):
        rows = np.flatnonzero(kind == position)
        if len(rows):
            tables[name] = reading.listed(name, rows, len(client_ids))
    within, tables["statements"] = reading.statements(np.flatnonzero(kind == len(LISTS)), len(client_ids))
    first = np.searchsorted(owner, np.arange(len(client_ids)))
    untold = np.zeros(len(file), np.bool_)
    untold[first[np.isnan(within)]] = True
    file.fault("within_legal_age_range", untold, "is missing; give it as a row of fact statements, true or false")
    refused = np.zeros(len(client_ids), np.bool_)
    refused[owner[file.refused()]] = True
    return PeopleRead(Facts(client_ids, tables, labour_market), as_of, within != 0.0, refused)


class _Reading:
    """Reads the rows of one kind of fact after another."""

    def __init__(
        self, catalogue: Catalogue, file: CheckedRows, owner: NDArray[np.int64], as_of: Days, today: int
    ) -> None:
        self.catalogue = catalogue
        self.file = file
        self.owner = owner
        self.as_of = as_of
        self.today = today

    def listed(self, kind: str, rows: NDArray[np.int64], n: int) -> Any:
        """The table of one kind of which a document holds a list."""
        inputs = self.catalogue.inputs_of(kind)
        names = ["fact_id", "known_on", *dict.fromkeys(name for item in inputs for name in _names(item))]
        part, owner = self.file.part(rows, list(dict.fromkeys(names))), self.owner[rows]
        opened = "date" if kind == "self_assessments" else "start"
        happened = self._day(part, opened, required=True)
        on = np.where(happened == MISSING_DAY, self.as_of[owner], happened).astype(np.int32)
        fact_id, known_on = self._version(part, owner)
        allowed = self._permitted(part) if kind == "self_assessments" else np.ones(len(part), np.bool_)
        read = [item for item in inputs if item.field not in (opened, "known_on")]
        values = {item.field: self._values(part, item, on, allowed) for item in read}
        columns: dict[str, NDArray[Any]] = {"fact_id": fact_id, "happened_on": on, "known_on": known_on}
        code = "employment_code" if kind == "spells" else "service"
        for name in COLUMNS[kind]:
            columns[name] = np.nan_to_num(values[code], nan=-1) if name == "code" else values[name]
        if "end" in columns:
            end = np.where(np.isnan(columns["end"]), OPEN_END, columns["end"]).astype(np.int32)
            columns["end"] = end
            part.fault("end", end < on, "lies before the start; `end` is the last day of the spell")
        if "use_permitted" in columns:
            columns["use_permitted"] = columns["use_permitted"] == 1.0
        self._refuse_crowds(part, owner, n)
        self._refuse_repeated(part, owner, fact_id, known_on)
        if kind == "spells":
            self._refuse_overlaps(part, owner, columns)
        return fact_table(kind, n, owner, columns)

    def statements(self, rows: NDArray[np.int64], n: int) -> tuple[NDArray[np.float64], Any]:
        """Whether each person is within the Act's ages, float64 (n,), NaN where untold; and the table of statements."""
        names = self.catalogue.statement_inputs
        told = (*names, *(item.name for item in self.catalogue.inputs_of("scope")))
        part = self.file.part(rows, ("fact_id", "known_on", "input", "value", "happened_on"))
        owner = self.owner[rows]
        position = pc.fill_null(pc.index_in(part.text("input"), value_set=pa.array(told)), -1).to_numpy()
        part.fault("input", position < 0, f"is not a statement of the catalogue; use one of {', '.join(told)}")
        on = self._day(part, "happened_on")
        on = np.where(on == MISSING_DAY, self.as_of[owner], on).astype(np.int32)
        fact_id, known_on = self._version(part, owner)
        value = np.full(len(part), np.nan)
        for number, name in enumerate(told):
            chosen = np.flatnonzero(position == number)
            if len(chosen):
                item = self.catalogue.input(name)
                one = part.part(chosen, ("value",))
                one.text("value")  # an empty value is a fault: what is not known has no row
                value[chosen] = self._values(one, item, on[chosen], np.ones(len(chosen), np.bool_), "value")
        self._refuse_crowds(part, owner, n)
        self._refuse_repeated(part, owner, fact_id, known_on)
        within = np.full(n, np.nan)
        scope = position >= len(names)
        within[owner[scope]] = value[scope]
        kept = ~scope & (position >= 0)
        columns = {"fact_id": fact_id, "happened_on": on, "known_on": known_on, "input": position, "value": value}
        return within, fact_table("statements", n, owner[kept], {key: column[kept] for key, column in columns.items()})

    def _values(
        self, part: CheckedRows, item: Input, on: Days, allowed: NDArray[np.bool_], column: str | None = None
    ) -> NDArray[np.float64]:
        """One input's values, float64 (rows,), NaN where not told or not `allowed` to be used."""
        name = column or item.field
        always = item.required and column is None
        if not allowed.all() and not always:
            rows = np.flatnonzero(allowed)
            values = np.full(len(part), np.nan)
            inner = part.part(rows, _names(item) if column is None else (name,))
            values[rows] = self._values(inner, item, on[rows], allowed[rows], column)
            return values
        if item.carries_own_range:
            return self._scaled(part, item)
        if item.type == "code":
            found = code_positions(part, name, item, on, may_be_empty=not always).astype(np.float64)
            return np.where(found < 0, np.nan, found)
        if item.type == "date":
            days = self._day(part, name).astype(np.float64)
            return np.where(days == MISSING_DAY, np.nan, days)
        if item.type == "boolean":
            flags = part.flags(name)
            if always:
                part.fault(name, np.isnan(flags), "is empty; say true or false")
            return flags
        numbers = part.numbers(name, item.minimum, item.maximum)
        if item.type == "integer":
            part.fault(name, np.isfinite(numbers) & (numbers != np.floor(numbers)), "must be a whole number")
        return numbers

    def _permitted(self, part: CheckedRows) -> NDArray[np.bool_]:
        """What may not be used is not even checked, except that its day and form are told."""
        texts = part.table.column("use_permitted").cast(pa.string())
        return ~np.asarray(pc.fill_null(pc.match_substring_regex(texts, "^(?i:false|0)$"), False).to_numpy())

    def _scaled(self, part: CheckedRows, item: Input) -> NDArray[np.float64]:
        score, low, high = (part.numbers(name) for name in _names(item))
        name = f"{item.field}_score"
        part.fault(f"{item.field}_minimum", low >= high, "must be below the maximum in the same row")
        alone = ~np.isnan(score) & (np.isnan(low) | np.isnan(high))
        part.fault(name, alone, "has no minimum and maximum beside it; give both with every score")
        part.fault(name, (score < low) | (score > high), "is outside its own minimum and maximum")
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled: NDArray[np.float64] = 100.0 * (score - low) / (high - low)
        return scaled

    def _day(self, part: CheckedRows, name: str, required: bool = False) -> Days:
        day = part.days(name, may_be_empty=not required)
        told = day != MISSING_DAY
        part.fault(name, day > self.today, "lies in the future; give what has happened by today")
        part.fault(name, told & (day < EARLIEST), "lies before 1900; write the year with four digits")
        return day

    def _version(self, part: CheckedRows, owner: NDArray[np.int64]) -> tuple[NDArray[np.int64], Days]:
        known_on = self._day(part, "known_on")
        known_on = np.where(known_on == MISSING_DAY, self.as_of[owner], known_on).astype(np.int32)
        absent = np.asarray(pc.is_null(part.table.column("fact_id")).to_numpy())
        given = part.whole("fact_id", may_be_empty=True)
        part.fault("fact_id", given < 0, "must be 0 or more; leave it empty where a fact has no number")
        # Below every number that is given, and another one for each row.
        return np.where(absent, -1 - part.places, given), known_on

    def _refuse_crowds(self, part: CheckedRows, owner: NDArray[np.int64], n: int) -> None:
        crowded = np.bincount(owner, minlength=n) > MOST_FACTS
        part.fault("fact", crowded[owner], f"is one of over {MOST_FACTS} facts of its kind about one client")

    def _refuse_repeated(
        self, part: CheckedRows, owner: NDArray[np.int64], fact_id: NDArray[np.int64], known_on: Days
    ) -> None:
        order = np.lexsort((known_on, fact_id, owner))
        same = (np.diff(owner[order]) == 0) & (np.diff(fact_id[order]) == 0) & (np.diff(known_on[order]) == 0)
        repeated = np.zeros(len(order), np.bool_)
        repeated[order[1:][same]] = True
        part.fault("fact_id", repeated, "repeats a fact of this client known on the same day; give each version once")

    def _refuse_overlaps(self, part: CheckedRows, owner: NDArray[np.int64], columns: Mapping[str, Any]) -> None:
        """A person is in one employment code at a time, by the versions known last."""
        start, end, fact_id = columns["happened_on"], columns["end"], columns["fact_id"]
        order = np.lexsort((columns["known_on"], fact_id, owner))
        last = np.ones(len(order), np.bool_)
        last[:-1] = (np.diff(owner[order]) != 0) | (np.diff(fact_id[order]) != 0)
        latest = order[last]
        latest = latest[np.lexsort((end[latest], start[latest], owner[latest]))]
        overlap = (np.diff(owner[latest]) == 0) & (start[latest][1:] <= end[latest][:-1])
        marked = np.zeros(len(owner), np.bool_)
        marked[latest[1:][overlap]] = True
        part.fault("start", marked, "overlaps another spell of the client; a spell must end before the next begins")


def _names(item: Input) -> tuple[str, ...]:
    """The columns that hold one input of a list."""
    return tuple(f"{item.field}_{part}" for part in RANGE_PARTS) if item.carries_own_range else (item.field,)
