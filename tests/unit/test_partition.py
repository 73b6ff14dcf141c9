"""Partitions hold every row of an extract once, with its person, in the order of the pseudonyms."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from features.catalogue import load_catalogue
from features.errors import ExtractError, TrainingError
from training.cohort import build_cohort
from training.distributed.partition import partition_extract
from training.distributed.partitioned import INDEX, read_index, read_part, recording_told
from training.extract import read_extract
from training.extract_facts import KINDS
from training.population.generate import Order, generate

CATALOGUE = load_catalogue("keski_uusimaa")


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("population") / "population"
    generate(Order(people=600, seed=5, until=date(2026, 10, 31)), folder, 1)
    return folder / "extract"


@pytest.fixture(scope="module")
def partitions(extract: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("area") / "partitions"
    partition_extract(extract, folder, 250)
    return folder


def copied(extract: Path, to: Path) -> Path:
    to.mkdir()
    for file in extract.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    return to


def test_every_row_stands_in_one_partition_with_its_person(extract, partitions):
    index = read_index(partitions)
    assert [part.people for part in index.parts] == [200, 200, 200]
    for kind in (*KINDS, "protected"):
        parts = [pq.read_table(partitions / part.name / f"{kind}.parquet") for part in index.parts]
        whole = pq.read_table(extract / f"{kind}.parquet")
        assert sum(len(part) for part in parts) == len(whole) == index.rows[kind]
        people = [set(part["client_id"].to_pylist()) for part in parts]
        assert not people[0] & people[1] | people[1] & people[2] | people[0] & people[2]


def test_partitions_one_after_the_other_have_the_order_and_the_cohort_of_the_whole(extract, partitions):
    whole = read_extract(extract, CATALOGUE)
    parts = [read_part(partitions, part, CATALOGUE) for part in read_index(partitions).parts]
    assert tuple(client for part in parts for client in part.client_ids) == whole.client_ids
    cohort = build_cohort(whole, CATALOGUE)
    found = np.concatenate([build_cohort(part, CATALOGUE).outcome for part in parts])
    assert found.tobytes() == cohort.outcome.tobytes()


def test_rows_in_any_order_give_the_same_people_in_the_same_partitions(extract, partitions, tmp_path):
    mixed = copied(extract, tmp_path / "mixed")
    spells = pq.read_table(mixed / "spells.parquet")
    order = np.random.default_rng(1).permutation(len(spells))
    pq.write_table(spells.take(pa.array(order)), mixed / "spells.parquet")
    partition_extract(mixed, tmp_path / "partitions", 250)
    for name in ("part-0000", "part-0002"):
        own, other = (
            pq.read_table(folder / name / "spells.parquet") for folder in (partitions, tmp_path / "partitions")
        )
        by = [("client_id", "ascending"), ("fact_id", "ascending"), ("known_on", "ascending")]
        assert own.sort_by(by).equals(other.sort_by(by))


def test_a_csv_is_cut_as_well_and_read_the_same(extract, partitions, tmp_path):
    texts = copied(extract, tmp_path / "texts")
    pyarrow.csv.write_csv(pq.read_table(texts / "spells.parquet"), texts / "spells.csv")
    (texts / "spells.parquet").unlink()
    partition_extract(texts, tmp_path / "partitions", 250)
    index = read_index(tmp_path / "partitions")
    assert index.not_recorded == read_index(partitions).not_recorded
    one, other = (
        read_part(folder, read_index(folder).parts[1], CATALOGUE).facts
        for folder in (partitions, tmp_path / "partitions")
    )
    for column, values in one.tables["spells"].columns.items():
        assert values.tobytes() == other.tables["spells"].columns[column].tobytes(), column


def test_missing_recording_times_are_told_as_of_the_whole(extract, partitions):
    assert recording_told(read_index(partitions), CATALOGUE) == read_extract(extract, CATALOGUE).recording


def test_a_row_without_a_person_is_named_with_its_row(extract, tmp_path):
    faulty = copied(extract, tmp_path / "faulty")
    services = pq.read_table(faulty / "services.parquet")
    clients = services["client_id"].to_pylist()
    clients[6] = None
    pq.write_table(services.set_column(0, "client_id", pa.array(clients, pa.string())), faulty / "services.parquet")
    with pytest.raises(ExtractError, match=r"services.parquet, column client_id, row 7: is empty"):
        partition_extract(faulty, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faulty"]


def test_a_file_cut_short_is_told_and_nothing_is_left(extract, tmp_path):
    faulty = copied(extract, tmp_path / "faulty")
    content = (faulty / "statements.parquet").read_bytes()
    (faulty / "statements.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(ExtractError, match=r"statements.parquet is cut short or not a Parquet file"):
        partition_extract(faulty, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faulty"]


def test_a_csv_that_changes_its_columns_half_way_is_told(extract, tmp_path):
    faulty = copied(extract, tmp_path / "faulty")
    pyarrow.csv.write_csv(pq.read_table(faulty / "services.parquet"), faulty / "services.csv")
    (faulty / "services.parquet").unlink()
    with (faulty / "services.csv").open("a", encoding="utf-8") as file:
        file.write("somebody,1,too,few\n")
    with pytest.raises(ExtractError, match=r"services.csv, row \d+: has 4 fields where the header has 6"):
        partition_extract(faulty, tmp_path / "out")


def test_a_partition_changed_afterwards_is_refused(extract, tmp_path):
    partition_extract(extract, tmp_path / "partitions", 300)
    index = read_index(tmp_path / "partitions")
    file = tmp_path / "partitions" / "part-0001" / "services.parquet"
    pq.write_table(pq.read_table(file).slice(1), file)
    with pytest.raises(ExtractError, match=r"partition part-0001: services.parquet is not the file that was written"):
        read_part(tmp_path / "partitions", index.parts[1], CATALOGUE)


def test_a_fault_of_a_partition_names_it(extract, tmp_path):
    faulty = copied(extract, tmp_path / "faulty")
    services = pq.read_table(faulty / "services.parquet")
    place = services.column_names.index("service")
    codes = pa.array(["no such service"] * len(services), pa.string())
    pq.write_table(services.set_column(place, "service", codes), faulty / "services.parquet")
    partition_extract(faulty, tmp_path / "partitions", 300)
    with pytest.raises(ExtractError, match=r"partition part-0000: services.parquet, column service, row 1"):
        read_part(tmp_path / "partitions", read_index(tmp_path / "partitions").parts[0], CATALOGUE)


def test_a_folder_that_holds_something_is_left_alone(extract, tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(ExtractError, match="is not empty; name a new folder"):
        partition_extract(extract, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "kept"


def test_two_commands_with_one_folder_never_touch_each_others_files(extract, tmp_path):
    second: list[bool] = []

    def begin_the_second(rows: int) -> None:
        if not second:
            second.append(True)
            partition_extract(extract, tmp_path / "partitions", 250)

    with pytest.raises(TrainingError, match=r"the partitions cannot be written to .*Directory not empty"):
        partition_extract(extract, tmp_path / "partitions", 300, begin_the_second)
    index = read_index(tmp_path / "partitions")
    assert [part.people for part in index.parts] == [200, 200, 200]
    assert read_part(tmp_path / "partitions", index.parts[1], CATALOGUE).client_ids
    assert [path.name for path in tmp_path.iterdir()] == ["partitions"]


def test_a_whole_extract_is_no_partitioned_one_and_the_command_is_named(extract, tmp_path):
    with pytest.raises(ExtractError, match="varhain distributed partition"):
        read_index(extract)
    (tmp_path / INDEX).write_text(json.dumps({"parts": 3}))
    with pytest.raises(ExtractError, match="partition the extract again"):
        read_index(tmp_path)


def test_a_partitioned_extract_is_not_read_as_a_whole_one(partitions):
    with pytest.raises(ExtractError, match="is partitioned; use `varhain distributed train`"):
        read_extract(partitions, CATALOGUE)
