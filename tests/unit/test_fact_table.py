"""A table of facts made from an extract: sorted by client, of whom was asked for, and never half written."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from features.catalogue import load_catalogue
from features.errors import ExtractError
from features.fact_rows import columns_of
from training.extract import Extract, read_extract
from training.fact_table import write_fact_table
from training.population.generate import Order, generate

DAY = date(2026, 9, 30)
CATALOGUE = load_catalogue("keski_uusimaa")


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Extract:
    folder = tmp_path_factory.mktemp("world")
    generate(Order(900, 4, date(2026, 10, 31)), folder / "made")
    return read_extract(folder / "made" / "extract", CATALOGUE)


def written(extract: Extract, out: Path, **how: Any) -> pa.Table:
    write_fact_table(extract, CATALOGUE, DAY, out, **how)
    return pa.parquet.read_table(out)


def test_the_rows_are_sorted_by_client_and_know_nothing_later(extract: Extract, tmp_path: Path) -> None:
    table = written(extract, tmp_path / "a.parquet", who="everybody")

    names = table.column("client_id").to_pylist()
    assert names == sorted(names)
    assert tuple(table.column_names) == columns_of(CATALOGUE)
    assert max(day for day in table.column("known_on").to_pylist() if day) <= DAY
    assert len(set(names)) == len(extract.client_ids)
    assert not {"sex", "birth_year", "citizenship_group"} & set(table.column_names)


def test_who_is_asked_for_is_written(extract: Extract, tmp_path: Path) -> None:
    people = {
        who: set(written(extract, tmp_path / f"{who}.parquet", who=who).column("client_id").to_pylist())
        for who in ("first-year", "jobseekers", "everybody")
    }

    assert people["first-year"] < people["jobseekers"] < people["everybody"]
    few = written(extract, tmp_path / "few.parquet", people=7).column("client_id").to_pylist()
    assert sorted(set(few)) == sorted(people["jobseekers"])[:7]


def test_copies_are_the_same_people_under_other_names(extract: Extract, tmp_path: Path) -> None:
    once = written(extract, tmp_path / "once.parquet", people=5)
    often = written(extract, tmp_path / "often.parquet", people=5, copies=30)

    names = often.column("client_id").to_pylist()
    assert (names, len(set(names))) == (sorted(names), 150)
    assert often.num_rows == 30 * once.num_rows


def test_what_is_there_is_not_replaced_and_a_format_is_needed(extract: Extract, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mine")

    for name in ("a.csv", "a.xlsx"):
        with pytest.raises(ExtractError, match=r"must end in \.csv or \.parquet and must not exist"):
            write_fact_table(extract, CATALOGUE, DAY, tmp_path / name)
    assert (tmp_path / "a.csv").read_text() == "mine"
