"""What a delivery may get wrong: each fault is one sentence that names file, column and row, and never the value."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from features.catalogue import Catalogue, load_catalogue
from features.errors import ExtractError
from features.facts import OPEN_END, SECTIONS, day_number
from training.extract import Extract, read_extract

D = date
REFUSED = "131052-308T"


def tables() -> dict[str, dict[str, list]]:
    """Two people, as an area would deliver them: `b` has a correction and an end told later."""
    scores = {"work_ability_score": [7.0], "functioning": [8.0], "life_satisfaction": [4.0], "health": [3.0]}
    for section in SECTIONS:
        scores |= {f"{section}_score": [30.0], f"{section}_minimum": [12.0], f"{section}_maximum": [48.0]}
    return {
        "spells": {
            "client_id": ["a", "a", "b", "b"],
            "fact_id": [1, 2, 1, 1],
            "employment_code": ["01", "02", "02", "02"],
            "start": [D(2023, 1, 1), D(2024, 3, 1), D(2024, 5, 1), D(2024, 5, 1)],
            "end": [D(2024, 2, 29), None, None, D(2024, 8, 31)],
            "known_on": [D(2024, 3, 1), D(2024, 3, 2), D(2024, 5, 2), D(2024, 9, 3)],
        },
        "services": {
            "client_id": ["a"],
            "fact_id": [3],
            "service": ["coaching"],
            "start": [D(2024, 4, 1)],
            "end": [D(2024, 4, 30)],
            "known_on": [D(2024, 4, 2)],
        },
        "self_assessments": {
            "client_id": ["a"],
            "fact_id": [4],
            "date": [D(2024, 3, 5)],
            "known_on": [D(2024, 3, 6)],
            "instrument_version": ["2020"],
            "collected_by": ["employment_service"],
            "collected_for": ["service_planning"],
            "use_permitted": [True],
            **scores,
        },
        "statements": {
            "client_id": ["a", "a", "b"],
            "fact_id": [5, 6, 5],
            "input": ["education_level", "history_from", "occupation_isco"],
            "value": ["3", "2021-01-01", "5223"],
            "happened_on": [D(2024, 3, 1), D(2024, 3, 1), D(2024, 5, 1)],
            "known_on": [D(2024, 3, 2), D(2024, 3, 2), D(2024, 5, 2)],
        },
        "departures": {
            "client_id": ["b"],
            "fact_id": [9],
            "date": [D(2024, 9, 15)],
            "known_on": [D(2024, 9, 20)],
            "reason": ["moved"],
        },
        "labour_market": {
            "occupation": ["5", "5"],
            "month": [D(2024, 2, 1), D(2024, 3, 1)],
            "jobseekers_per_vacancy": [4.0, 5.0],
            "published_on": [D(2024, 3, 20), D(2024, 4, 20)],
        },
        "protected": {
            "client_id": ["a", "b"],
            "sex": ["female", None],
            "birth_year": [1980, 1990],
        },
    }


def deliver(folder: Path, content: dict[str, dict[str, list]], kind: str = "parquet") -> Path:
    folder.mkdir()
    (folder / "meta.json").write_text(json.dumps({"delivered_until": "2024-10-31", "synthetic": True}))
    for name, columns in content.items():
        table = pa.table(columns)
        if kind == "parquet":
            pa.parquet.write_table(table, folder / f"{name}.parquet")
        else:
            pa.csv.write_csv(table, folder / f"{name}.csv")
    return folder


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue("keski_uusimaa")


def read(tmp_path: Path, catalogue: Catalogue, content: dict, kind: str = "parquet") -> Extract:
    return read_extract(deliver(tmp_path / "extract", content, kind), catalogue)


def refusal(tmp_path: Path, catalogue: Catalogue, content: dict, kind: str = "parquet") -> str:
    with pytest.raises(ExtractError) as refused:
        read(tmp_path, catalogue, content, kind)
    return refused.value.message


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_folder_of_facts_becomes_sorted_columns(tmp_path, catalogue, kind):
    extract = read(tmp_path, catalogue, tables(), kind)
    spells = extract.facts.tables["spells"]
    assert extract.client_ids == ("a", "b")
    assert spells.offsets.tolist() == [0, 2, 4]
    assert spells["code"].tolist() == [1, 2, 2, 2]
    assert spells["end"].tolist()[1:] == [OPEN_END, OPEN_END, day_number(D(2024, 8, 31))]
    assert extract.facts.tables["self_assessments"]["inclusion"].tolist() == [50.0]
    assert extract.facts.tables["statements"]["value"].tolist()[1] in (3.0, day_number(D(2021, 1, 1)))
    assert extract.facts.labour_market.value.tolist() == [4.0, 5.0]
    assert extract.protected["sex"][0] == 1.0
    assert np.isnan(extract.protected["sex"][1])
    assert extract.delivered_until == day_number(D(2024, 10, 31))


def test_parquet_and_csv_give_the_same_facts(tmp_path, catalogue):
    parquet = read_extract(deliver(tmp_path / "p", tables()), catalogue)
    csv = read_extract(deliver(tmp_path / "c", tables(), "csv"), catalogue)
    for kind, table in parquet.facts.tables.items():
        for name, column in table.columns.items():
            np.testing.assert_array_equal(column, csv.facts.tables[kind][name], err_msg=f"{kind}.{name}")


def test_a_missing_recording_time_follows_the_catalogue_and_is_named(tmp_path, catalogue):
    content = tables()
    content["spells"]["known_on"][0] = None
    extract = read(tmp_path, catalogue, content)
    spells = extract.facts.tables["spells"]
    mine = slice(*spells.offsets[:2])
    # a lag of 7 days: the start known on 8 January 2023, the end on 7 March 2024, two versions of one fact
    assert spells["known_on"][mine].tolist()[:2] == [day_number(D(2023, 1, 8)), day_number(D(2024, 3, 7))]
    assert spells["end"][mine].tolist()[:2] == [OPEN_END, day_number(D(2024, 2, 29))]
    assert spells["fact_id"][mine].tolist()[:2] == [1, 1]
    assert extract.recording["spells"].startswith("1 of 4 rows had no recording time: A spell is known from")


def test_the_first_delivery_stands_in_where_it_is_kept(tmp_path, catalogue):
    content = tables()
    content["spells"]["known_on"][0] = None
    content["spells"]["delivered_on"] = [D(2024, 3, 4), None, None, None]
    spells = read(tmp_path, catalogue, content).facts.tables["spells"]
    assert spells["known_on"][0] == day_number(D(2024, 3, 4))
    assert spells.rows == 4


def test_a_file_left_out(tmp_path, catalogue):
    content = tables()
    del content["services"]
    assert refusal(tmp_path, catalogue, content).startswith("services.parquet (or services.csv) is missing in extract")


def test_a_column_missing(tmp_path, catalogue):
    content = tables()
    del content["spells"]["start"]
    assert refusal(tmp_path, catalogue, content).startswith("spells.parquet: column start is missing; deliver it")


def test_a_column_too_many_is_refused_without_its_name(tmp_path, catalogue):
    content = tables()
    content["spells"][REFUSED] = [1, 2, 3, 4]
    message = refusal(tmp_path, catalogue, content)
    assert "spells.parquet: column number 7 is not one of this file's columns; leave it out" in message
    assert REFUSED not in message


def test_a_type_changed(tmp_path, catalogue):
    content = tables()
    content["spells"]["start"] = [1, 2, 3, 4]
    expected = "spells.parquet, column start: must be a date and is int64; deliver a date"
    assert expected in refusal(tmp_path, catalogue, content)


def test_text_where_a_date_belongs_in_csv(tmp_path, catalogue):
    content = tables()
    content["spells"]["start"] = ["2023-01-01", "1.3.2024", "2024-05-01", "2024-05-01"]
    message = refusal(tmp_path, catalogue, content, "csv")
    assert "spells.csv, column start, row 2: must be a date written as YYYY-MM-DD" in message
    assert "1.3.2024" not in message


def test_a_day_that_no_calendar_has(tmp_path, catalogue):
    content = tables()
    content["spells"]["start"] = ["2023-01-01", "2024-03-01", "2024-05-01", "2024-02-30"]
    assert "spells.csv, column start, row 4: must be a date" in refusal(tmp_path, catalogue, content, "csv")


def test_duplicate_rows(tmp_path, catalogue):
    content = tables()
    for column in content["spells"].values():
        column.append(column[3])
    expected = "spells.parquet, column fact_id, row 5: repeats a fact of the same person known on the same day"
    assert expected in refusal(tmp_path, catalogue, content)


@pytest.mark.parametrize(
    ("file", "column", "row", "code", "told"),
    [
        ("spells", "employment_code", 1, "77", "is not a code of employment_code; use one of 00, 01"),
        ("services", "service", 0, "yoga", "is not a code of service; use one of"),
        ("statements", "value", 2, "ZZ", "is not a code of occupation_isco"),
        ("statements", "input", 0, "shoe_size", "is not a statement of the catalogue"),
        ("departures", "reason", 0, "vanished", "is not a known reason; use one of moved, died, old_age_pension"),
        ("protected", "sex", 0, "nainen", "is not a known code; use one of male, female"),
    ],
)
def test_an_unknown_code(tmp_path, catalogue, file, column, row, code, told):
    content = tables()
    content[file][column][row] = code
    message = refusal(tmp_path, catalogue, content)
    assert f"{file}.parquet, column {column}, row {row + 1}: {told}" in message
    assert f" {code}" not in message


def test_a_code_outside_its_dates(tmp_path, catalogue):
    # the joint service got its present form on 1 January 2025: before that day it has another code
    content = tables()
    content["services"]["service"] = ["multisectoral_support"]
    message = refusal(tmp_path, catalogue, content)
    assert "services.parquet, column service, row 1: is a code of service that was not in use on that day" in message


def test_dates_reversed(tmp_path, catalogue):
    content = tables()
    content["spells"]["end"][0] = D(2022, 12, 31)
    expected = "spells.parquet, column end, row 1: lies before the start; `end` is the last day, included"
    assert expected in refusal(tmp_path, catalogue, content)


@pytest.mark.parametrize(
    ("file", "column"),
    [("spells", "start"), ("spells", "known_on"), ("self_assessments", "date"), ("departures", "date")],
)
def test_a_date_after_the_delivery(tmp_path, catalogue, file, column):
    content = tables()
    content[file][column][-1] = D(2024, 11, 1)
    message = refusal(tmp_path, catalogue, content)
    row = len(content[file][column])
    assert f"{file}.parquet, column {column}, row {row}: lies after delivered_until in meta.json" in message


def test_overlapping_spells(tmp_path, catalogue):
    content = tables()
    content["spells"]["end"][0] = D(2024, 3, 1)
    expected = "spells.parquet, column start, row 2: overlaps another spell of the same person"
    assert expected in refusal(tmp_path, catalogue, content)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity(tmp_path, catalogue, value):
    content = tables()
    content["self_assessments"]["work_ability_score"] = [value]
    expected = "self_assessments.parquet, column work_ability_score, row 1: is NaN or infinite; leave the cell empty"
    assert expected in refusal(tmp_path, catalogue, content)


def test_a_score_outside_its_range(tmp_path, catalogue):
    content = tables()
    content["self_assessments"]["work_ability_score"] = [11.0]
    expected = "column work_ability_score, row 1: is outside its range, 0 to 10"
    assert expected in refusal(tmp_path, catalogue, content)


def test_a_section_outside_its_own_minimum_and_maximum(tmp_path, catalogue):
    content = tables()
    content["self_assessments"]["mind_score"] = [49.0]
    expected = "column mind_score, row 1: is outside its own minimum and maximum"
    assert expected in refusal(tmp_path, catalogue, content)


def test_a_score_without_its_limits(tmp_path, catalogue):
    content = tables()
    content["self_assessments"]["mind_minimum"] = pa.array([None], pa.float64())
    expected = "column mind_score, row 1: has no minimum and maximum beside it"
    assert expected in refusal(tmp_path, catalogue, content)


def test_a_wrong_encoding(tmp_path, catalogue):
    folder = deliver(tmp_path / "extract", tables(), "csv")
    content = (folder / "services.csv").read_text().replace("coaching", "työ")
    (folder / "services.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(ExtractError, match=r"services.csv, row 1: is not UTF-8; save the file as UTF-8"):
        read_extract(folder, catalogue)


def test_a_parquet_file_cut_short(tmp_path, catalogue):
    folder = deliver(tmp_path / "extract", tables())
    whole = (folder / "spells.parquet").read_bytes()
    (folder / "spells.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ExtractError, match=r"spells.parquet is cut short or not a Parquet file; deliver it again"):
        read_extract(folder, catalogue)


@pytest.mark.parametrize("code", [REFUSED, "131052A308t", "010594Y9032", "131052 - 308T", "x131052+308Tx"])
@pytest.mark.parametrize(
    ("file", "column"),
    [("spells", "client_id"), ("statements", "value"), ("departures", "reason"), ("self_assessments", "collected_by")],
)
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_anything_like_a_personal_identity_code(tmp_path, catalogue, file, column, code, kind):
    content = tables()
    content[file][column][0] = code
    message = refusal(tmp_path, catalogue, content, kind)
    expected = f"{file}.{kind}, column {column}, row 1: holds something shaped like a personal identity code"
    assert expected in message
    assert code not in message


def test_a_person_twice_in_the_protected_store(tmp_path, catalogue):
    content = tables()
    content["protected"]["client_id"] = ["a", "a"]
    expected = "protected.parquet, column client_id, row 2: stands there twice"
    assert expected in refusal(tmp_path, catalogue, content)


def test_meta_without_a_date(tmp_path, catalogue):
    folder = deliver(tmp_path / "extract", tables())
    (folder / "meta.json").write_text("{}")
    with pytest.raises(ExtractError, match=r'meta.json must hold "delivered_until"'):
        read_extract(folder, catalogue)


def test_every_fault_is_told_at_once(tmp_path, catalogue):
    content = tables()
    content["spells"]["employment_code"][1] = "77"
    content["departures"]["reason"] = ["vanished"]
    assert len(refusal(tmp_path, catalogue, content).splitlines()) == 2


def test_a_delivery_from_the_future_is_refused(tmp_path, catalogue):
    folder = deliver(tmp_path / "extract", tables())
    (folder / "meta.json").write_text(json.dumps({"delivered_until": "2999-01-01", "synthetic": True}))
    with pytest.raises(ExtractError, match="delivered_until lies in the future"):
        read_extract(folder, catalogue)
