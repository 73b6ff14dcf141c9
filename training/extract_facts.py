"""A folder of dated facts, Parquet or CSV, into `features.facts.Facts`: one function a kind of fact."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.catalogue import Catalogue, Input
from features.errors import ExtractError
from features.extract_codes import code_positions
from features.extract_columns import MISSING_DAY, ExtractFile, open_file
from features.facts import DEPARTURES, OPEN_END, SECTIONS, Facts, LabourMarket, day_number, fact_table
from training.extract import Extract, fingerprint_of_file, raise_faults
from training.extract_protected import protected_columns, read_protected
from training.extract_recording import stand_in

Days = NDArray[np.int32]

KINDS = ("spells", "services", "self_assessments", "statements", "departures")
FILES = (*KINDS, "protected", "labour_market")
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "spells": ("client_id", "fact_id", "employment_code", "start", "end", "known_on"),
    "services": ("client_id", "fact_id", "service", "start", "end", "known_on"),
    "self_assessments": (
        *("client_id", "fact_id", "date", "known_on", "instrument_version", "collected_by", "collected_for"),
        *("use_permitted", "work_ability_score", "functioning", "life_satisfaction", "health"),
        *(f"{section}_{part}" for section in SECTIONS for part in ("score", "minimum", "maximum")),
    ),
    "statements": ("client_id", "fact_id", "input", "value", "happened_on", "known_on"),
    "departures": ("client_id", "fact_id", "date", "known_on", "reason"),
}
LABOUR_MARKET = ("occupation", "month", "jobseekers_per_vacancy", "published_on")
SUFFIXES = (".parquet", ".csv")


@dataclass(frozen=True)
class _Rows:
    """Rows of one kind of fact: the day and the recording day of each, and the kind's own columns."""

    happened_on: Days
    columns: dict[str, NDArray[Any]]


def read_facts(folder: Path, catalogue: Catalogue) -> Extract:
    """Return the extract in a folder: five files of facts, protected attributes, the labour market, and meta.json.

    Raises
    ------
    ExtractError
        With every fault of every file.
    """
    meta = read_meta(folder)
    until = day_number(date.fromisoformat(meta["delivered_until"]))
    if until > day_number(date.today()):
        raise ExtractError(
            "meta.json: delivered_until lies in the future; give the last day for which everything has been delivered "
            "(spells still open would count as lasting until then)"
        )
    paths = {kind: path_of(folder, kind) for kind in FILES}
    files = {kind: open_file(path) for kind, path in paths.items()}
    usable = [kind for kind in KINDS if files[kind].check_columns(REQUIRED[kind], ("delivered_on",))]
    files["labour_market"].check_columns(LABOUR_MARKET)
    files["protected"].check_columns(*protected_columns(catalogue))
    for file in files.values():
        file.refuse_identity_codes()
    raise_faults([fault for file in files.values() for fault in file.faults])

    ids = {kind: files[kind].text("client_id") for kind in (*usable, "protected")}
    people = _people(list(ids.values()))
    owners = {kind: pc.index_in(column, value_set=people).to_numpy() for kind, column in ids.items()}
    recording: dict[str, str] = {}
    tables = {}
    for kind in KINDS:
        file, owner = files[kind], owners[kind].astype(np.int64)
        rows = READERS[kind](file, catalogue, until)
        known_on = file.days("known_on", may_be_empty=True)
        _refuse_future(file, "known_on", known_on, until, "the day a fact became known")
        fact_id = file.whole("fact_id")
        _refuse_duplicates(file, owner, fact_id, known_on)
        delivered_on = (
            file.days("delivered_on", may_be_empty=True) if "delivered_on" in file.table.column_names else None
        )
        if file.faults:
            continue
        columns = {"fact_id": fact_id, "happened_on": rows.happened_on, "known_on": known_on, **rows.columns}
        missing = known_on == MISSING_DAY
        if missing.any():
            owner, columns = stand_in(catalogue, kind, owner, columns, delivered_on)
            wording = catalogue.recording_rule(kind).wording["en"]
            recording[kind] = f"{int(missing.sum())} of {len(missing)} rows had no recording time: {wording}"
        if kind == "spells":
            _refuse_overlaps(file, owners[kind].astype(np.int64), fact_id, known_on, rows)
        tables[kind] = fact_table(kind, len(people), owner, columns)
    protected = read_protected(files["protected"], owners["protected"].astype(np.int64), len(people), catalogue)
    market = _labour_market(files["labour_market"], catalogue)
    raise_faults([fault for file in files.values() for fault in file.faults])

    client_ids = tuple(people.to_pylist())
    return Extract(
        client_ids=client_ids,
        facts=Facts(client_ids, tables, market),
        flat=None,
        protected=protected,
        delivered_until=until,
        synthetic=meta.get("synthetic") is True,
        recording=recording,
        fingerprints={path.name: fingerprint_of_file(path) for path in [*paths.values(), folder / "meta.json"]},
        meta=meta,
    )


def read_meta(folder: Path) -> dict[str, Any]:
    """Return meta.json of an extract; it names the day until which everything has been delivered."""
    try:
        meta: dict[str, Any] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        date.fromisoformat(meta["delivered_until"])
    except FileNotFoundError:
        raise ExtractError(f"meta.json is missing in {folder.name}; deliver it with delivered_until") from None
    except (ValueError, KeyError, TypeError):
        raise ExtractError('meta.json must hold "delivered_until" as a date written YYYY-MM-DD; correct it') from None
    return meta


def path_of(folder: Path, kind: str) -> Path:
    """Return the one file of a kind in an extract, Parquet or CSV."""
    found = [folder / f"{kind}{suffix}" for suffix in SUFFIXES if (folder / f"{kind}{suffix}").is_file()]
    if not found:
        raise ExtractError(f"{kind}.parquet (or {kind}.csv) is missing in {folder.name}; deliver it, empty if need be")
    if len(found) > 1:
        raise ExtractError(f"{kind} stands in {folder.name} twice, as Parquet and as CSV; keep one")
    return found[0]


def _people(columns: list[pa.ChunkedArray]) -> pa.Array:
    unique = pc.unique(pa.chunked_array([pc.unique(column) for column in columns])).drop_null()
    return unique.take(pc.sort_indices(unique))


def _spells(file: ExtractFile, catalogue: Catalogue, until: int) -> _Rows:
    start, end = _dated(file, until, ends_by_then=True)
    code = code_positions(file, "employment_code", _input(catalogue, "spells", "employment_code"), start)
    return _Rows(start, {"end": end, "code": code})


def _services(file: ExtractFile, catalogue: Catalogue, until: int) -> _Rows:
    start, end = _dated(file, until, ends_by_then=False)
    return _Rows(
        start, {"end": end, "code": code_positions(file, "service", _input(catalogue, "services", "service"), start)}
    )


def _self_assessments(file: ExtractFile, catalogue: Catalogue, until: int) -> _Rows:
    on = file.days("date")
    _refuse_future(file, "date", on, until, "a self-assessment")
    version = _input(catalogue, "self_assessments", "instrument_version")
    permitted = file.flags("use_permitted")
    file.fault("use_permitted", np.isnan(permitted), "is empty; say whether the person permitted the use")
    columns: dict[str, NDArray[Any]] = {
        "use_permitted": permitted == 1.0,
        "instrument_version": code_positions(file, "instrument_version", version, on, may_be_empty=True).astype(float)
        if version.type == "code"
        else np.full(len(file), np.nan),
    }
    for name in ("work_ability_score", "functioning", "life_satisfaction", "health"):
        limits = _input(catalogue, "self_assessments", name)
        columns[name] = file.numbers(name, limits.minimum, limits.maximum)
    for section in SECTIONS:
        low, high = file.numbers(f"{section}_minimum"), file.numbers(f"{section}_maximum")
        score = file.numbers(f"{section}_score")
        file.fault(f"{section}_minimum", low >= high, "must be below the maximum in the same row")
        unscaled = ~np.isnan(score) & (np.isnan(low) | np.isnan(high))
        file.fault(f"{section}_score", unscaled, "has no minimum and maximum beside it; deliver both with every score")
        outside = (score < low) | (score > high)
        file.fault(
            f"{section}_score", outside, "is outside its own minimum and maximum; correct the score or its limits"
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            columns[section] = 100.0 * (score - low) / (high - low)
    return _Rows(on, columns)


def _statements(file: ExtractFile, catalogue: Catalogue, until: int) -> _Rows:
    on = file.days("happened_on")
    _refuse_future(file, "happened_on", on, until, "a statement")
    names, values = file.text("input"), file.text("value")
    position = pc.index_in(names, value_set=pa.array(catalogue.statement_inputs, pa.string()))
    known = pc.fill_null(position, -1).to_numpy()
    cure = f"is not a statement of the catalogue; leave it out, or use one of {', '.join(catalogue.statement_inputs)}"
    file.fault("input", known < 0, cure)
    value = np.full(len(file), np.nan)
    for number, name in enumerate(catalogue.statement_inputs):
        rows = np.flatnonzero(known == number)
        part = ExtractFile(file.name, pa.table({"value": values.take(pa.array(rows))}), file.faults, rows)
        value[rows] = _statement_values(part, catalogue.input(name), on[rows], until)
    return _Rows(on, {"input": known.astype(np.int16), "value": value})


def _statement_values(part: ExtractFile, item: Input, on: Days, until: int) -> NDArray[np.float64]:
    if item.type == "code":
        positions = code_positions(part, "value", item, on).astype(np.float64)
        return np.where(positions < 0, np.nan, positions)
    if item.type == "date":
        days = part.days("value")
        _refuse_future(part, "value", days, until, f"{item.name}")
        return days.astype(np.float64)
    if item.type == "boolean":
        return part.flags("value")
    return part.numbers("value", item.minimum, item.maximum)


def _departures(file: ExtractFile, catalogue: Catalogue, until: int) -> _Rows:
    on = file.days("date")
    _refuse_future(file, "date", on, until, "a departure")
    code = pc.fill_null(pc.index_in(file.text("reason"), value_set=pa.array(DEPARTURES, pa.string())), -1).to_numpy()
    file.fault("reason", code < 0, f"is not a known reason; use one of {', '.join(DEPARTURES)}")
    return _Rows(on, {"code": code.astype(np.int8)})


READERS = {
    "spells": _spells,
    "services": _services,
    "self_assessments": _self_assessments,
    "statements": _statements,
    "departures": _departures,
}


def _dated(file: ExtractFile, until: int, ends_by_then: bool) -> tuple[Days, Days]:
    start, end = file.days("start"), file.days("end", may_be_empty=True)
    _refuse_future(file, "start", start, until, "a start")
    if ends_by_then:
        _refuse_future(file, "end", end, until, "an end")
    reversed_dates = (end != MISSING_DAY) & (start != MISSING_DAY) & (end < start)
    file.fault("end", reversed_dates, "lies before the start; `end` is the last day, included")
    return start, np.where(end == MISSING_DAY, OPEN_END, end).astype(np.int32)


def _refuse_future(file: ExtractFile, column: str, day: Days, until: int, what: str) -> None:
    file.fault(
        column, day > until, f"lies after delivered_until in meta.json; {what} cannot be later than the delivery"
    )


def _refuse_duplicates(file: ExtractFile, owner: NDArray[np.int64], fact_id: NDArray[np.int64], known_on: Days) -> None:
    order = np.lexsort((known_on, fact_id, owner))
    same = (np.diff(owner[order]) == 0) & (np.diff(fact_id[order]) == 0) & (np.diff(known_on[order]) == 0)
    repeated = np.zeros(len(order), np.bool_)
    repeated[order[1:][same]] = True
    cure = "repeats a fact of the same person known on the same day; deliver each version of a fact once"
    file.fault("fact_id", repeated, cure)


def _refuse_overlaps(
    file: ExtractFile, owner: NDArray[np.int64], fact_id: NDArray[np.int64], known_on: Days, rows: _Rows
) -> None:
    """A person is in one employment code at a time, by the versions known last."""
    order = np.lexsort((known_on, fact_id, owner))
    last = np.ones(len(order), np.bool_)
    last[:-1] = (np.diff(owner[order]) != 0) | (np.diff(fact_id[order]) != 0)
    latest = order[last]
    end = rows.columns["end"]
    latest = latest[np.lexsort((end[latest], rows.happened_on[latest], owner[latest]))]
    overlap = (np.diff(owner[latest]) == 0) & (rows.happened_on[latest][1:] <= end[latest][:-1])
    marked = np.zeros(len(owner), np.bool_)
    marked[latest[1:][overlap]] = True
    file.fault("start", marked, "overlaps another spell of the same person; a spell must end before the next begins")


def _labour_market(file: ExtractFile, catalogue: Catalogue) -> LabourMarket | None:
    inputs = [item for item in catalogue.inputs if item.name == "occupation_isco"]
    if len(file) == 0 or not inputs:
        return None
    month, published = file.days("month"), file.days("published_on")
    value = file.numbers("jobseekers_per_vacancy", minimum=0, may_be_empty=False)
    occupation = code_positions(file, "occupation", inputs[0], month)
    order = np.lexsort((published, occupation))
    order = order[occupation[order] >= 0]
    offsets = np.searchsorted(occupation[order], np.arange(len(inputs[0].values) + 1)).astype(np.int64)
    return LabourMarket(offsets, published[order], month[order], value[order])


def _input(catalogue: Catalogue, fact: str, field: str) -> Input:
    for item in catalogue.inputs_of(fact):
        if item.field == field:
            return item
    raise ExtractError(f"catalogue {catalogue.name} has no input {field} for {fact}; it cannot read this extract")
