"""A run that was stopped goes on as itself: the same day and options, nobody twice, and nothing the ledger denies."""

import errno
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from features.errors import ExtractError, ReadError
from features.table_stream import TableStream
from service.caseload_file.plan import CaseloadError
from service.ledger import Ledger, open_ledger
from service.today import today_in_finland
from tests.service.caseload_files import (
    OPERATOR,
    entries,
    everything_is_recorded_as_written,
    fact_file,
    official,
    people,
    run,
    stop,
    table,
)
from tests.service.served import Served, served


@pytest.fixture
def service(tmp_path: Path) -> Served:
    return served(tmp_path / "home")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return fact_file(tmp_path / "in.csv", people())


RECORDED = {"caller": OPERATOR, "occasion": "monthly round"}


def test_a_run_stopped_in_its_first_portion_goes_on_as_the_same_run(
    service: Served, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = stop(monkeypatch, service, source, tmp_path / "out.csv", after=0, **RECORDED)

    with pytest.raises(CaseloadError, match="keep_days changed"):
        official(service, source, out, rows_at_once=10, keep_days=31)
    official(service, source, out, rows_at_once=10, today=today_in_finland() + timedelta(days=1))

    assert len(entries(service, "caseload")) == 1
    assert [one[0] for one in entries(service, "caseload_row")] == [row["screening_id"] for row in table(out)]


LAST = str(people()[-1]["client_id"])


def objects(ledger: Ledger) -> None:
    ledger.objections.record(LAST, OPERATOR)


def withdraws(ledger: Ledger) -> None:
    ledger.objections.withdraw(LAST, OPERATOR)


def is_erased(ledger: Ledger) -> None:
    assert ledger.erase(LAST, OPERATOR).payloads == 1


@pytest.mark.parametrize(
    ("before", "meanwhile", "found"),
    [(None, objects, "client_objects"), (objects, withdraws, ""), (None, is_erased, "")],
    ids=["objects", "withdraws", "is erased"],
)
def test_what_becomes_of_a_client_between_the_ledger_and_the_work_folder_is_in_both(
    service: Served,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: Callable[[Ledger], None] | None,
    meanwhile: Callable[[Ledger], None],
    found: str,
) -> None:
    ledger = open_ledger(service.settings)
    if before:
        before(ledger)
    out = stop(monkeypatch, service, source, tmp_path / "out.csv", after=0, rows_at_once=1000, **RECORDED)
    meanwhile(ledger)

    official(service, source, out, rows_at_once=1000)

    assert table(out)[-1]["not_assessed"] == found
    assert everything_is_recorded_as_written(service, out)
    recorded = entries(service, "caseload_row")
    assert len(recorded) == len(people()) + 1
    assert json.loads(recorded[-1][3]) == {"supersedes": recorded[-2][0]}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_who_objects_after_their_portion_was_done_is_not_assessed_in_the_output(
    service: Served, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    out = stop(monkeypatch, service, source, tmp_path / f"out{suffix}", **RECORDED)
    first = str(people()[0]["client_id"])
    open_ledger(service.settings).objections.record(first, OPERATOR)

    finished = official(service, source, out, rows_at_once=10)

    assert finished.counts["not assessed: client_objects"] == 1
    assert everything_is_recorded_as_written(service, out)
    assert len(entries(service, "caseload_row")) == len(people()) + 1


def test_another_output_is_another_run_with_entries_of_its_own(service: Served, source: Path, tmp_path: Path) -> None:
    official(service, source, tmp_path / "one.csv")
    open_ledger(service.settings).erase(LAST, OPERATOR)

    official(service, source, tmp_path / "two.csv", keep_days=7)

    first, second = entries(service, "caseload")
    due = [(today_in_finland() + timedelta(days=days)).isoformat() for days in (30, 7)]
    assert [json.loads(one[3])["delete_by"] for one in (first, second)] == due
    assert [one[2] for one in entries(service, "caseload_finished")] == [first[0], second[0]]
    of_run = [one[2] for one in entries(service, "caseload_row")]
    assert of_run == [first[0]] * len(people()) + [second[0]] * len(people())
    assert everything_is_recorded_as_written(service, tmp_path / "two.csv")


def failing(error: Exception, times: int) -> Callable[[TableStream], Iterator[pa.Table]]:
    """Reads the first ten rows of a text file, and then fails so many times before it reads on."""
    text_blocks = TableStream._text_blocks
    left = [times]

    def blocks(self: TableStream) -> Iterator[pa.Table]:
        for block in text_blocks(self):
            yield block.slice(0, 21)
            if left[0]:
                left[0] -= 1
                raise error
            yield block.slice(21)

    return blocks


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EIO, "Input/output error"), r"in.csv cannot be read now \(Input/output error\)"),
        (pa.ArrowInvalid("a block that came short"), "is not a table that can be read"),
    ],
)
def test_a_disk_that_fails_for_a_moment_costs_nothing_that_was_done(
    service: Served, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    out = tmp_path / "out.csv"
    with monkeypatch.context() as patched:
        patched.setattr(TableStream, "_text_blocks", failing(error, times=1))
        with pytest.raises((ReadError, ExtractError), match=said):
            run(service, source, out, rows_at_once=10)

    assert run(service, source, out, rows_at_once=10).resumed_at_row > 0
