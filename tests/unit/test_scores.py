"""Scores of partitions leave out who objects, tell when they are to be deleted, and demand to be told who objects."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.errors import ConfigError
from tests.service.served import package
from training.distributed.cluster import Cluster, connected
from training.distributed.left_out import read_left_out, refuse_unasked
from training.distributed.partition import partition_extract
from training.distributed.scores import score_extract
from training.distributed.tasks import Wanted
from training.population.generate import Order, generate


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("area")
    generate(Order(people=400, seed=5, until=date(2026, 10, 31)), folder / "population", 1)
    partition_extract(folder / "population" / "extract", folder / "partitions", 200)
    package(folder / "package")
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with connected(workers=1) as found:
        yield found


@pytest.mark.slow
def test_nothing_about_who_objects_is_scored_and_the_rest_is_as_without_them(area, cluster, tmp_path):
    everybody = score_extract(cluster, area / "partitions", area / "package", tmp_path / "everybody")
    whole = pq.read_table(sorted((tmp_path / "everybody").glob("part-*.parquet")))
    clients = whole["client_id"].to_pylist()
    objecting = {clients[0], clients[-1], "nobody-here"}

    wanted = Wanted(left_out=frozenset(objecting))
    made = score_extract(cluster, area / "partitions", area / "package", tmp_path / "some", wanted, 14)

    some = pq.read_table(sorted((tmp_path / "some").glob("part-*.parquet")))
    expected = whole.filter([client not in objecting for client in clients])
    assert repr(some.to_pylist()) == repr(expected.to_pylist())  # NaN, the range of a model without a committee, is NaN
    assert everybody.left_out == 0
    assert made.left_out == sum(client in objecting for client in clients) == everybody.rows - made.rows > 0
    summary = json.loads((tmp_path / "some" / "scores.json").read_text())
    assert summary["left_out"] == made.left_out
    made_on = datetime.fromisoformat(summary["made_at"]).date()
    assert summary["delete_by"] == (made_on + timedelta(days=14)).isoformat()
    assert (datetime.now(UTC).date() - made_on).days <= 1
    assert not [word for word in objecting if word in (tmp_path / "some" / "scores.json").read_text()]


def test_a_list_of_pseudonyms_is_read_with_its_blank_lines(tmp_path):
    (tmp_path / "list.txt").write_bytes("\ufeffclient-a\r\n\r\n client-b \n".encode())
    (tmp_path / "empty.txt").write_text("")
    assert read_left_out(tmp_path / "list.txt") == {"client-a", "client-b"}
    assert read_left_out(tmp_path / "empty.txt") == frozenset()


@pytest.mark.parametrize("line", ["client-a,client_objects", "a", "client a", "131052-308T"])
def test_a_line_that_is_no_pseudonym_is_told_by_its_number_alone(tmp_path, line):
    (tmp_path / "list.txt").write_text(f"client-a\n{line}\n")
    with pytest.raises(ConfigError, match="--without: line 2 is no pseudonym") as told:
        read_left_out(tmp_path / "list.txt")
    assert "308T" not in told.value.message


def test_a_list_that_is_not_there_or_no_text_is_told(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe")
    for name in ("list.txt", "none.txt"):
        with pytest.raises(ConfigError, match="cannot be read; name a UTF-8 file of one pseudonym a line"):
            read_left_out(tmp_path / name)


def test_real_people_are_scored_only_when_it_is_said_who_objects():
    with pytest.raises(ConfigError, match="must be left out: name them with --without FILE"):
        refuse_unasked(synthetic=False, left_out=None)
    refuse_unasked(synthetic=False, left_out=frozenset())
    refuse_unasked(synthetic=True, left_out=None)
