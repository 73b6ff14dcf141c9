"""A caseload from a file: in the order of the file, each fault told, objections honoured, recorded once or not."""

import json
import shlex
import sqlite3
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from filelock import FileLock

from features.errors import ExtractError, LedgerError, VarhainError
from service.answer_model import ScreeningList
from service.caseload_file.plan import CaseloadError
from service.caseload_file.work_folder import WorkFolder
from service.ledger import open_ledger
from service.today import today_in_finland
from tests.processes import command, environment
from tests.service.caseload_files import (
    OCCASION,
    OPERATOR,
    answers,
    entries,
    fact_file,
    official,
    people,
    run,
    stop,
    table,
)
from tests.service.served import Served, document, served
from tests.service.test_screenings import ASSESSMENT, unemployed_since

SPREADSHEET = "=HYPERLINK(1)"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return served(tmp_path_factory.mktemp("home"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return fact_file(tmp_path / "in.csv", people())


def all_entries(service: Served) -> int:
    database = sqlite3.connect(service.settings.home / "varhain.sqlite")
    return int(database.execute("SELECT COUNT(*) FROM entries").fetchone()[0])


def nothing_is_left(folder: Path, source: Path) -> bool:
    """Whether a refused run has left nothing at all."""
    return {file.name for file in folder.iterdir()} == {source.name}


# -- what is written --------------------------------------------------------------------------------------------------


def test_the_output_keeps_the_order_of_the_file_whatever_the_risk(
    service: Served, source: Path, tmp_path: Path
) -> None:
    rows = answers(service, source, tmp_path / "out.csv")

    assert [row["client_id"] for row in rows] == [one["client_id"] for one in people()]
    estimates = [int(row["of_100_stay"]) for row in rows if row["of_100_stay"]]
    assert estimates not in (sorted(estimates), sorted(estimates, reverse=True))


def test_every_row_says_what_it_is_and_when_it_must_go(service: Served, source: Path, tmp_path: Path) -> None:
    rows = answers(service, source, tmp_path / "out.csv", keep_days=30)

    due = (today_in_finland() + timedelta(days=30)).isoformat()
    assert {(row["run"], row["demonstration"], row["delete_by"]) for row in rows} == {("dry run", "true", due)}
    told = json.loads((tmp_path / "out.csv.about.json").read_text())
    assert told["run"] == "dry run: nothing was recorded"
    assert (told["delete_by"], told["versions"]["model"]) == (due, "demo-weights")
    assert told["counts"]["not assessed: outside_legal_age_range"] == 1
    assert sum(number for words, number in told["counts"].items() if words.startswith(("level", "not"))) == len(rows)


def test_what_is_written_is_for_this_user_alone(service: Served, source: Path, tmp_path: Path) -> None:
    run(service, source, tmp_path / "out.csv")

    for name in ("out.csv", "out.csv.rejects.csv", "out.csv.about.json"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert not (tmp_path / "out.csv.work").exists()


def test_parquet_and_csv_hold_the_same_and_parquet_carries_its_versions(
    service: Served, source: Path, tmp_path: Path
) -> None:
    text = answers(service, source, tmp_path / "out.csv", rows_at_once=20)
    run(service, source, tmp_path / "out.parquet", rows_at_once=20)

    made = pa.parquet.read_table(tmp_path / "out.parquet")
    assert made.column("client_id").to_pylist() == [row["client_id"] for row in text]
    assert made.column("of_100_stay").to_pylist() == [int(row["of_100_stay"]) if row["level"] else None for row in text]
    told = json.loads(made.schema.metadata[b"varhain"])
    assert told == json.loads((tmp_path / "out.parquet.about.json").read_text())


def test_a_parquet_source_gives_what_a_csv_source_gives(service: Served, source: Path, tmp_path: Path) -> None:
    read = pa.table({name: [row[name] or None for row in table(source)] for name in table(source)[0]})
    pa.parquet.write_table(read.cast(pa.schema([(n, pa.string()) for n in read.column_names])), tmp_path / "in.parquet")

    assert answers(service, tmp_path / "in.parquet", tmp_path / "a.csv") == answers(service, source, tmp_path / "b.csv")


@pytest.mark.parametrize("rows_at_once", [10, 17, 1000])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_output_is_the_same_however_the_work_is_cut(
    service: Served, source: Path, tmp_path: Path, rows_at_once: int, threads: int
) -> None:
    whole = answers(service, source, tmp_path / "whole.csv")

    assert answers(service, source, tmp_path / "cut.csv", rows_at_once=rows_at_once, threads=threads) == whole


def test_health_is_named_only_where_asked_for(service: Served, tmp_path: Path) -> None:
    source = fact_file(tmp_path / "in.csv", [document(self_assessments=[ASSESSMENT])])

    quiet = answers(service, source, tmp_path / "quiet.csv")[0]
    open_ = answers(service, source, tmp_path / "open.csv", with_health_reasons=True)[0]

    assert "topics" not in quiet
    assert set(open_["topics"].split()) >= {"work_ability", "wellbeing"}
    assert not {"work_ability", "wellbeing"} & set(" ".join(quiet.values()).split())


def test_one_day_can_be_looked_at_for_everybody(service: Served, tmp_path: Path) -> None:
    source = fact_file(tmp_path / "in.csv", [document(spells=unemployed_since(125))])
    earlier = today_in_finland() - timedelta(days=60)

    (row,) = answers(service, source, tmp_path / "out.csv", as_of=earlier)

    assert (row["as_of"], row["landmark"]) == (earlier.isoformat(), "0")


# -- what is refused --------------------------------------------------------------------------------------------------


def test_a_reject_names_row_field_and_reason_and_harms_no_other(service: Served, tmp_path: Path) -> None:
    faulty = document(client_id="client-b", education_level="secret-77", spells=unemployed_since(20, "99"))
    clients = [document(client_id="client-a"), faulty, document(client_id="client-c")]
    source = fact_file(tmp_path / "in.csv", clients)

    rows = answers(service, source, tmp_path / "out.csv")

    assert [row["client_id"] for row in rows] == ["client-a", "client-c"]
    rejects = table(tmp_path / "out.csv.rejects.csv")
    given = table(source)
    assert [reject["field"] for reject in rejects] == ["value", "employment_code"]
    for reject in rejects:
        assert given[int(reject["row"]) - 1]["client_id"] == "client-b"
    assert "is not a code of education_level; use one of 0, 1" in rejects[0]["reason"]
    assert "secret-77" not in (tmp_path / "out.csv.rejects.csv").read_text()


def test_a_name_shaped_like_an_identity_code_is_refused_and_repeated_nowhere(service: Served, tmp_path: Path) -> None:
    names = ["131052-308T", "aa", "client b", "client-a", "x" * 65]
    source = fact_file(tmp_path / "in.csv", [document(client_id=name) for name in names])

    rows = answers(service, source, tmp_path / "out.csv")

    assert [row["client_id"] for row in rows] == ["client-a"]
    assert {reject["field"] for reject in table(tmp_path / "out.csv.rejects.csv")} == {"client_id"}
    for file in (tmp_path / "out.csv", tmp_path / "out.csv.rejects.csv", tmp_path / "out.csv.about.json"):
        assert "131052" not in file.read_text()
        assert "client b" not in file.read_text()


def test_nothing_in_the_file_is_carried_into_a_spreadsheet(service: Served, tmp_path: Path) -> None:
    source = fact_file(tmp_path / "in.csv", [document(client_id=SPREADSHEET), document(client_id="client-a")])

    answers(service, source, tmp_path / "out.csv")

    assert SPREADSHEET not in (tmp_path / "out.csv").read_text() + (tmp_path / "out.csv.rejects.csv").read_text()


@pytest.mark.parametrize(("days", "said"), [(-3, "lies in the future"), (500, "over twelve months back")])
def test_a_day_that_no_screening_looks_at_is_rejected(service: Served, tmp_path: Path, days: int, said: str) -> None:
    asked = (today_in_finland() - timedelta(days=days)).isoformat()
    source = fact_file(tmp_path / "in.csv", [document(as_of=asked), document(client_id="client-z")])

    rows = answers(service, source, tmp_path / "out.csv")

    assert [row["client_id"] for row in rows] == ["client-z"]
    assert said in table(tmp_path / "out.csv.rejects.csv")[0]["reason"]


def test_two_days_for_one_client_are_rejected(service: Served, tmp_path: Path) -> None:
    source = fact_file(tmp_path / "in.csv", [document()])
    rows = source.read_text().splitlines()
    rows[-1] = rows[-1].replace(today_in_finland().isoformat(), (today_in_finland() - timedelta(1)).isoformat(), 1)
    source.write_text("\n".join(rows) + "\n")

    assert answers(service, source, tmp_path / "out.csv") == []
    assert "not the same in every row" in table(tmp_path / "out.csv.rejects.csv")[0]["reason"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_unsorted_file_is_refused_with_the_command_that_sorts_it(
    service: Served, tmp_path: Path, suffix: str
) -> None:
    names = ["client-c", "client-a", "client-b", "client-a"]
    unsorted = fact_file(tmp_path / "in.csv", [document(client_id=name, spells=[]) for name in names])
    if suffix == ".parquet":
        read = pa.table({n: pa.array([r[n] or None for r in table(unsorted)], pa.string()) for n in table(unsorted)[0]})
        unsorted = tmp_path / "in.parquet"
        pa.parquet.write_table(read, unsorted)

    with pytest.raises(ExtractError) as refused:
        run(service, unsorted, tmp_path / "out.csv")

    assert ", row 5: the rows are not sorted by client_id" in refused.value.message
    given = refused.value.message.split("`")[1]
    arguments = shlex.split(given.replace("SORTED", str(tmp_path / "sorted")))
    assert arguments[0] == "varhain"
    done = subprocess.run(
        command(*arguments[1:]), env=environment(service.settings.home), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = answers(service, tmp_path / f"sorted{suffix}", tmp_path / "out2.csv")
    assert [row["client_id"] for row in rows] == ["client-a", "client-b", "client-c"]


def test_a_client_who_comes_back_in_a_later_portion_is_found(service: Served, tmp_path: Path) -> None:
    names = [f"client-{letter}" for letter in "bcdefghij"] + ["client-a"]
    source = fact_file(tmp_path / "in.csv", [document(client_id=name) for name in names])

    with pytest.raises(ExtractError, match="are not sorted by client_id"):
        run(service, source, tmp_path / "out.csv", rows_at_once=10)
    assert nothing_is_left(tmp_path, source)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("employment_code", "code_of_employment", 1), "column employment_code is missing"),
        (lambda text: text.replace("happened_on", "shoe_size", 1), "is not one of this file's columns"),
        (lambda text: text.replace("happened_on", "131052-308T", 1), "shaped like a personal identity code"),
        (lambda text: text + "client-z,2026-01-01\n", "row 75: has 2 fields where the header has"),
        (lambda text: text.encode().replace(b"fixed", b"f\xe4xed") + b"client-z\xff\n", "is not UTF-8"),
        (lambda text: text.split("\n")[0] + "\n", "a header and no rows"),
        (lambda text: "", "is empty"),
        (lambda text: text.replace("client-three", "", 1), "column client_id"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(
    service: Served, source: Path, tmp_path: Path, change: Any, said: str
) -> None:
    changed = change(source.read_text())
    source.write_bytes(changed if isinstance(changed, bytes) else changed.encode())

    with pytest.raises(VarhainError) as refused:
        run(service, source, tmp_path / "out.csv")

    assert said.replace("row 75", f"row {changed.count(chr(10)) - 1}" if isinstance(changed, str) else "") in (
        refused.value.message
    )
    assert "131052" not in refused.value.message
    assert nothing_is_left(tmp_path, source)


def test_an_official_run_records_nobody_before_the_file_is_known_to_be_readable(tmp_path: Path) -> None:
    service = served(tmp_path / "home")
    source = fact_file(tmp_path / "in.csv", people())
    with source.open("a") as file:
        file.write("client-z,2026-01-01\n")

    with pytest.raises(ExtractError, match="fields where the header has"):
        official(service, source, tmp_path / "out.csv", rows_at_once=10)
    assert entries(service, "caseload_row") == []


def test_a_truncated_parquet_file_is_refused(service: Served, source: Path, tmp_path: Path) -> None:
    read = pa.table({n: pa.array([r[n] or None for r in table(source)], pa.string()) for n in table(source)[0]})
    cut = tmp_path / "in.parquet"
    pa.parquet.write_table(read, cut)
    cut.write_bytes(cut.read_bytes()[:-100])

    with pytest.raises(ExtractError, match="cut short or not a Parquet file"):
        run(service, cut, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


# -- objections and the ledger ----------------------------------------------------------------------------------------


def test_who_objects_is_answered_so_and_nothing_of_them_is_looked_at(tmp_path: Path) -> None:
    service = served(tmp_path / "home")
    open_ledger(service.settings).objections.record("client-b", OPERATOR)
    clients = [document(client_id="client-a"), document(client_id="client-b", education_level="nonsense")]
    source = fact_file(tmp_path / "in.csv", [*clients, document(client_id="client-c")])

    rows = answers(service, source, tmp_path / "out.csv")

    assert [row["not_assessed"] for row in rows] == ["", "client_objects", ""]
    assert rows[1]["level"] == rows[1]["of_100_stay"] == ""
    assert table(tmp_path / "out.csv.rejects.csv") == []


def test_a_file_of_people_who_all_object_is_answered(tmp_path: Path) -> None:
    service = served(tmp_path / "home")
    open_ledger(service.settings).objections.record("client-kielo", OPERATOR)

    (row,) = answers(service, fact_file(tmp_path / "in.csv", [document()]), tmp_path / "out.csv")

    assert row["not_assessed"] == "client_objects"


def test_a_dry_run_writes_nothing_to_the_ledger(service: Served, source: Path, tmp_path: Path) -> None:
    before = all_entries(service)

    rows = answers(service, source, tmp_path / "out.csv")

    assert all_entries(service) == before
    assert {row["screening_id"] for row in rows} == {""}


def test_an_official_run_is_recorded_a_person_an_entry_and_proves_its_output(tmp_path: Path) -> None:
    service = served(tmp_path / "home")
    source = fact_file(tmp_path / "in.csv", people())

    official(service, source, tmp_path / "out.csv", rows_at_once=20)

    rows = table(tmp_path / "out.csv")
    ((head, _, _, details),) = entries(service, "caseload")
    recorded = entries(service, "caseload_row")
    ((_, _, of, finished),) = entries(service, "caseload_finished")
    assert json.loads(details)["occasion"] == OCCASION
    assert [one[0] for one in recorded] == [row["screening_id"] for row in rows]
    assert {one[2] for one in recorded} == {head} == {of}
    assert json.loads(finished)["counts"]["rows"] == len(table(source))
    assert verify(service)


def test_the_facts_of_a_file_are_not_kept_and_a_client_can_be_erased(tmp_path: Path) -> None:
    service = served(tmp_path / "home")
    official(service, fact_file(tmp_path / "in.csv", people()), tmp_path / "out.csv")
    database = sqlite3.connect(service.settings.home / "varhain.sqlite")

    kept = [json.loads(content) for (content,) in database.execute("SELECT content FROM payloads")]
    assert {frozenset(one) for one in kept} == {frozenset({"client_id", "answer"})}
    assert not any("start" in json.dumps(one) for one in kept)
    assert open_ledger(service.settings).erase("client-one", OPERATOR).payloads == 1
    assert verify(service)


def test_a_client_sees_what_was_made_of_them_from_a_file(tmp_path: Path) -> None:
    service = served(tmp_path / "home")
    official(service, fact_file(tmp_path / "in.csv", people()), tmp_path / "out.csv")
    row = next(one for one in table(tmp_path / "out.csv") if one["client_id"] == "client-two")

    with service.client() as client:
        told = client.get("/v1/clients/client-two/screenings", headers=service.headers("operator")).json()
        open_ledger(service.settings).erase("client-two", OPERATOR)
        after = client.get("/v1/clients/client-two/screenings", headers=service.headers("operator")).json()

    ScreeningList.model_validate(told)
    (one,) = told["from_files"]
    assert (one["id"], one["answer"]["level"], one["answer"]["as_of"]) == (
        row["screening_id"],
        row["level"],
        row["as_of"],
    )
    assert (after["from_files"], after["erased"]) == ([], 1)


def test_without_a_ledger_nothing_gets_out(tmp_path: Path) -> None:
    service = served(tmp_path / "home")
    source = fact_file(tmp_path / "in.csv", people())
    blocker = sqlite3.connect(service.settings.home / "varhain.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    quick = Served(service.settings.model_copy(update={"database_wait_seconds": 0.1}), service.keys)

    with pytest.raises(LedgerError):
        official(quick, source, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()

    blocker.execute("ROLLBACK")
    official(service, source, tmp_path / "out.csv")
    assert len(entries(service, "caseload_row")) == len(people())


def verify(service: Served) -> bool:
    done = subprocess.run(
        command("ledger", "verify"), env=environment(service.settings.home), capture_output=True, check=False
    )
    return done.returncode == 0


# -- the output's place -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.csv", "out.csv.rejects.csv", "out.csv.about.json"])
def test_what_is_there_already_is_never_replaced(service: Served, source: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")

    with pytest.raises(CaseloadError, match="exists already"):
        run(service, source, tmp_path / "out.csv")
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "said"),
    [("out.txt", "must end in .csv or .parquet"), ("no/out.csv", "does not exist"), ("in.csv", "another")],
)
def test_a_place_that_cannot_be_written_is_refused_first(
    service: Served, source: Path, tmp_path: Path, out: str, said: str
) -> None:
    with pytest.raises(CaseloadError, match=said):
        run(service, source, tmp_path / out)


def test_another_run_at_work_on_the_same_output_is_told(service: Served, source: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv.work").mkdir(mode=0o700)
    with FileLock(tmp_path / "out.csv.work" / "lock"), pytest.raises(CaseloadError, match="another run is at work"):
        run(service, source, tmp_path / "out.csv")

    run(service, source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").exists()


@pytest.fixture
def stopped(service: Served, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return stop(monkeypatch, service, source, tmp_path / "out.csv")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_stopped_run_goes_on_where_it_stopped(
    service: Served, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    out = stop(monkeypatch, service, source, tmp_path / f"out{suffix}")
    assert not out.exists()

    finished = run(service, source, out, rows_at_once=10)

    assert finished.resumed_at_row > 0
    run(service, source, tmp_path / f"undisturbed{suffix}", rows_at_once=10)
    assert out.read_bytes() == (tmp_path / f"undisturbed{suffix}").read_bytes()


def test_who_objects_while_a_run_is_stopped_is_honoured_when_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = served(tmp_path / "home")
    source = fact_file(tmp_path / "in.csv", people())
    out = stop(monkeypatch, service, source, tmp_path / "out.csv")
    last = people()[-1]["client_id"]
    open_ledger(service.settings).objections.record(last, OPERATOR)

    run(service, source, out, rows_at_once=10)

    assert [row["client_id"] for row in table(out) if row["not_assessed"] == "client_objects"] == [last]


def test_a_run_that_goes_on_keeps_the_day_on_which_it_was_begun(service: Served, source: Path, stopped: Path) -> None:
    tomorrow = today_in_finland() + timedelta(days=1)

    finished = run(service, source, stopped, rows_at_once=10, today=tomorrow)

    assert finished.plan.today == today_in_finland()


def test_another_command_does_not_go_on_with_a_stopped_run(service: Served, source: Path, stopped: Path) -> None:
    with pytest.raises(CaseloadError, match="keep_days changed"):
        run(service, source, stopped, rows_at_once=10, keep_days=31)

    source.write_text(source.read_text() + "")
    with source.open("a") as file:
        file.write(source.read_text().splitlines()[-1].replace("client-two", "client-zwo") + "\n")
    with pytest.raises(CaseloadError, match="source changed"):
        run(service, source, stopped, rows_at_once=10)


def test_a_run_killed_after_its_output_got_its_name_only_tidies_up(
    service: Served, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: WorkFolder) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(WorkFolder, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            run(service, source, tmp_path / "out.csv")
    before = (tmp_path / "out.csv").stat().st_mtime_ns

    run(service, source, tmp_path / "out.csv")

    assert (tmp_path / "out.csv").stat().st_mtime_ns == before
    assert not (tmp_path / "out.csv.work").exists()
