"""A run that was stopped goes on as itself: the same day and options, nobody twice, and nothing the ledger denies."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.errors import ExtractError, ReadError
from features.table_stream import TableStream
from service.caseload_file import work_folder
from service.caseload_file.plan import CaseloadError
from service.caseload_file.sorting import sort_file
from service.caseload_file.work_folder import WorkFolder
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


def test_a_source_that_changes_under_way_gives_no_output(
    service: Served, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.csv"
    add = WorkFolder.add

    def changing(self: WorkFolder, number: int, *rest: Any) -> None:
        source.write_text(source.read_text().replace("02", "03", 1))
        add(self, number, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(WorkFolder, "add", changing)
        with pytest.raises(CaseloadError, match=r"in.csv has changed while it was screened"):
            official(service, source, out)

    assert {file.name for file in tmp_path.iterdir()} == {"home", "in.csv"}
    assert entries(service, "caseload_finished") == []


def test_newer_figures_of_the_labour_market_make_another_run(
    service: Served, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = stop(monkeypatch, service, source, tmp_path / "out.csv", **RECORDED)
    figures = tmp_path / "figures.csv"
    figures.write_text("occupation,month,jobseekers_per_vacancy,published_on\n5,2026-09-01,4.5,2026-10-20\n")
    newer = Served(service.settings.model_copy(update={"labour_market_file": figures}), service.keys)

    with pytest.raises(CaseloadError, match="labour_market changed"):
        official(newer, source, out, rows_at_once=10)


@pytest.mark.parametrize("name", ["out.csv", "out.csv.rejects.csv", "out.csv.about.json"])
def test_a_file_that_came_while_the_run_was_stopped_is_not_replaced(
    service: Served, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out = stop(monkeypatch, service, source, tmp_path / "out.csv", **RECORDED)
    (tmp_path / name).write_text("mine")

    with pytest.raises(CaseloadError, match=f"{name} exists already"):
        official(service, source, out, rows_at_once=10)
    assert (tmp_path / name).read_text() == "mine"
    assert name == out.name or not out.exists()

    (tmp_path / name).unlink()
    official(service, source, out, rows_at_once=10)
    assert everything_is_recorded_as_written(service, out)


def test_a_run_killed_between_the_names_of_its_files_gives_the_rest_theirs(
    service: Served, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, publish = tmp_path / "out.csv", WorkFolder.publish

    def killed(self: WorkFolder, name: str, target: Path) -> None:
        if target != out:
            raise KeyboardInterrupt
        publish(self, name, target)

    with monkeypatch.context() as patched:
        patched.setattr(WorkFolder, "publish", killed)
        with pytest.raises(KeyboardInterrupt):
            official(service, source, out)
    assert out.exists()

    official(service, source, out)

    assert json.loads((tmp_path / "out.csv.about.json").read_text())["counts"]["rows"] == len(table(source))
    assert (tmp_path / "out.csv.rejects.csv").exists()
    assert not (tmp_path / "out.csv.work").exists()
    assert len(entries(service, "caseload_row")) == len(people())


@pytest.mark.parametrize("kind", ["link", "open to others", "of another", "file"])
def test_a_work_folder_of_another_hand_is_not_gone_on_with(
    service: Served, source: Path, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "out.csv.work"
    if kind == "file":
        folder.touch(mode=0o600)
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.mkdir(mode=0o700)
    if kind == "open to others":
        folder.chmod(0o750)
    if kind == "of another":
        if os.geteuid() != 0:
            pytest.skip("only root may give a folder away")
        os.chown(folder, 12345, 12345)

    with pytest.raises(CaseloadError, match=r"out.csv.work is not a folder of this user alone"):
        official(service, source, tmp_path / "out.csv")
    assert entries(service, "caseload") == []


def test_sorting_touches_no_file_that_was_there(source: Path, tmp_path: Path) -> None:
    (tmp_path / "sorted.csv.draft").write_text("mine")

    sort_file(source, tmp_path / "sorted.csv")

    assert (tmp_path / "sorted.csv.draft").read_text() == "mine"
    assert len(table(tmp_path / "sorted.csv")) == len(table(source))
    assert {file.name for file in tmp_path.iterdir()} == {"in.csv", "sorted.csv", "sorted.csv.draft"}


def test_a_folder_half_removed_makes_no_other_run_of_the_output(
    service: Served, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(folder: Path) -> None:
        (folder / "run.json").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(work_folder.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            official(service, source, tmp_path / "out.csv")

    with pytest.raises(CaseloadError, match=r"out.csv exists already"):
        official(service, source, tmp_path / "out.csv", occasion="another round")
