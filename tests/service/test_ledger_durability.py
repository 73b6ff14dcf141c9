"""An acknowledged entry is on disk; writers do not fork the chain; whatever fails leaves nothing half-written."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from features.errors import LedgerError
from service.database import create_database_engine
from service.ledger import open_ledger
from service.settings import load_settings
from tests.service.ledger_home import empty_ledger, installation, screen, verified

ROOT = Path(__file__).parents[2]
WRITING_PROCESS = """
import sys
from pathlib import Path
from service.ledger import open_ledger
from service.settings import load_settings
from tests.service.ledger_home import screen
ledger = open_ledger(load_settings(home=Path(sys.argv[1])))
for number in range(int(sys.argv[2])):
    sys.stdout.write(f"ack {screen(ledger, f'client-{number}')}\\n")
    sys.stdout.flush()
"""


def writing_process(home: Path, count: int, *before: str) -> subprocess.Popen[str]:
    command = [*before, sys.executable, "-c", WRITING_PROCESS, str(home), str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def acknowledged(output: str) -> list[str]:
    # A killed process may have printed half a line.
    return re.findall(r"^ack ([a-z]{20})$", output, re.MULTILINE)


def screening_ids(home: Path) -> list[str]:
    with sqlite3.connect(home / "varhain.sqlite") as connection:
        return [row[0] for row in connection.execute("SELECT id FROM entries WHERE kind = 'screening' ORDER BY seq")]


def test_the_entry_is_forced_to_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        missing = "strace is not installed: sudo apt-get install strace"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    home = tmp_path / "home"
    installation(home)
    trace = tmp_path / "trace"
    traced = ("strace", "-f", "-y", "-e", "trace=fsync,fdatasync,write,pwrite64", "-o", str(trace))

    output, _ = writing_process(home, 3, *traced).communicate(timeout=120)

    assert len(acknowledged(output)) == 3
    # For each answer in turn: the last write to the write-ahead file is followed by a sync of it, then by the answer.
    synced, answers = False, 0
    for call in trace.read_text().splitlines():
        if "pwrite64" in call and "varhain.sqlite-wal" in call:
            synced = False
        elif "sync(" in call and "varhain.sqlite-wal" in call:
            synced = True
        elif "write(1" in call and '"ack ' in call:
            assert synced, f"answered before the write-ahead file was on disk: {call}"
            synced, answers = False, answers + 1
    assert answers == 3


def test_every_pooled_connection_waits_for_the_disk(tmp_path: Path) -> None:
    engine = create_database_engine(installation(tmp_path))
    wanted = {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 5000}

    connections = [engine.connect() for _ in range(10)]  # more than the pool keeps

    for connection in connections:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
        assert found == wanted
        connection.close()


def test_two_processes_make_one_chain(tmp_path: Path) -> None:
    ledger = empty_ledger(tmp_path)

    processes = [writing_process(tmp_path, 200) for _ in range(2)]
    acks = [acknowledged(process.communicate(timeout=120)[0]) for process in processes]

    assert [len(ids) for ids in acks] == [200, 200]
    assert sorted(screening_ids(tmp_path)) == sorted(acks[0] + acks[1])
    result = verified(ledger, tmp_path)
    assert (result.fault, result.entries) == (None, 401)


def test_threads_share_commits_and_lose_nothing(tmp_path: Path) -> None:
    ledger = empty_ledger(tmp_path)

    with ThreadPoolExecutor(16) as threads:
        ids = list(threads.map(lambda number: screen(ledger, f"client-{number}"), range(320)))

    assert sorted(screening_ids(tmp_path)) == sorted(ids)
    assert verified(ledger, tmp_path).fault is None
    # One line of the witness file a commit: fewer than entries means that commits were shared.
    assert (tmp_path / "ledger.witness").read_text().count("\n") < 320


def test_a_killed_writer_leaves_a_whole_ledger_with_all_it_acknowledged(tmp_path: Path) -> None:
    ledger = empty_ledger(tmp_path)
    for _ in range(3):
        process = writing_process(tmp_path, 100_000)
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate(timeout=30)

        assert set(acknowledged("".join(seen) + rest)) <= set(screening_ids(tmp_path))
        assert verified(ledger, tmp_path).fault is None


def test_a_locked_database_is_one_sentence_and_nothing_is_written(tmp_path: Path) -> None:
    installation(tmp_path)
    ledger = open_ledger(load_settings(home=tmp_path, database_wait_seconds=0.1))
    holder = sqlite3.connect(tmp_path / "varhain.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    with pytest.raises(LedgerError) as refusal:
        screen(ledger)

    assert refusal.value.status_code == 503
    assert refusal.value.message == "the ledger is held by another process: nothing was recorded, try again"
    holder.rollback()
    screen(ledger)
    assert verified(ledger, tmp_path).entries == 2


def test_waiting_threads_all_hear_of_a_failure(tmp_path: Path) -> None:
    installation(tmp_path)
    ledger = open_ledger(load_settings(home=tmp_path, database_wait_seconds=0.1))
    holder = sqlite3.connect(tmp_path / "varhain.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    start, failures = threading.Barrier(8), []

    def attempt(number: int) -> None:
        start.wait()
        try:
            screen(ledger, f"client-{number}")
        except LedgerError as error:
            failures.append(error.message)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(attempt, range(8)))

    assert len(failures) == 8
    holder.rollback()
    assert verified(ledger, tmp_path).entries == 0


def test_a_full_database_is_one_sentence_and_nothing_is_half_written(tmp_path: Path) -> None:
    ledger = empty_ledger(tmp_path)
    screen(ledger)
    with ledger.engine.connect() as connection:  # the pool has one connection, which the ledger will use
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    with pytest.raises(LedgerError, match="the disk of the ledger is full: nothing was recorded") as refusal:
        [screen(ledger) for _ in range(200)]

    assert refusal.value.status_code == 503
    result = verified(ledger, tmp_path)
    assert result.fault is None
    assert result.entries == result.payloads + 1  # the foundation has none


def test_a_file_that_cannot_grow_is_one_sentence_and_the_ledger_verifies(tmp_path: Path) -> None:
    ledger = empty_ledger(tmp_path)
    limited = WRITING_PROCESS.replace(
        "for number",
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))\nfor number",
        1,
    )

    process = subprocess.run(
        [sys.executable, "-c", limited, str(tmp_path), "1000"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert "LedgerError: the d" in process.stderr  # "the disk ... is full" or "the database cannot be ... written"
    assert set(acknowledged(process.stdout)) <= set(screening_ids(tmp_path))
    assert verified(ledger, tmp_path).fault is None


def test_a_database_without_tables_is_one_sentence(tmp_path: Path) -> None:
    ledger = open_ledger(load_settings(home=tmp_path))

    with pytest.raises(LedgerError, match="the database has no ledger yet"):
        screen(ledger)


def test_a_damaged_database_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "varhain.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 200)

    with pytest.raises(LedgerError, match="the database file is damaged"):
        open_ledger(load_settings(home=tmp_path)).champion()
