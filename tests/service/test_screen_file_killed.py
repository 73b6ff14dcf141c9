"""Whatever ends a run, its output is whole or not there, and nobody is recorded twice: kills, Ctrl-C, a full disk."""

import os
import random
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import command, end_group, environment, interruptible
from tests.service.caseload_files import everything_is_recorded_as_written, fact_file, table
from tests.service.served import Served, document, served
from tests.service.test_screenings import ASSESSMENT, unemployed_since

KILLS = 20
PEOPLE = 260


@pytest.fixture
def service(tmp_path: Path) -> Served:
    made = served(tmp_path / "home")
    (tmp_path / "home" / "operator.key").write_text(made.keys["operator"] + "\n")
    return made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    kinds = [{}, {"spells": unemployed_since(125)}, {"self_assessments": [ASSESSMENT]}, {"education_level": "77"}]
    names = [f"client-{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(PEOPLE)]
    return fact_file(tmp_path / "in.csv", [document(client_id=name, **kinds[n % 4]) for n, name in enumerate(names)])


def asked(home: Path, source: Path, out: Path) -> list[str]:
    """The command of an official run in small portions."""
    key = str(home / "operator.key")
    more = ["--occasion", "monthly round", "--key-file", key, "--rows-at-once", "20"]
    return command("screen-file", str(source), "--out", str(out), *more)


@contextmanager
def running(arguments: list[str], home: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        arguments,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=interruptible,
    )
    try:
        yield process
    finally:
        end_group(process)


def portions(out: Path) -> int:
    return len(list(Path(f"{out}.work").glob("*.json")))


def wait_for_portions(process: "subprocess.Popen[str]", out: Path, more: int) -> None:
    """Until so many portions more are done, or the process has ended."""
    goal, deadline = portions(out) + more, time.monotonic() + 60
    while process.poll() is None and portions(out) < goal:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def rows_recorded(home: Path) -> int:
    asked_for = "SELECT COUNT(*) FROM entries WHERE kind = 'caseload_row'"
    return int(sqlite3.connect(home / "varhain.sqlite").execute(asked_for).fetchone()[0])


@pytest.mark.slow
def test_a_run_killed_twenty_times_gives_the_bytes_of_an_undisturbed_one(
    service: Served, source: Path, tmp_path: Path
) -> None:
    # Copied by another process: one that has a SQLite file open and closes another
    # handle of it loses its locks, and may then damage the file.
    subprocess.run(["cp", "-r", str(tmp_path / "home"), str(tmp_path / "twin")], check=True)
    undisturbed, out = tmp_path / "undisturbed.csv", tmp_path / "out.csv"
    subprocess.run(asked(tmp_path / "twin", source, undisturbed), env=environment(tmp_path / "twin"), check=True)
    chance = random.Random(3)

    for _ in range(KILLS):
        with running(asked(tmp_path / "home", source, out), tmp_path / "home") as process:
            wait_for_portions(process, out, chance.choice([0, 1, 1, 2, 3]))
            time.sleep(chance.random() * 0.02)
            assert process.poll() is None, process.stderr and process.stderr.read()
            os.kill(process.pid, signal.SIGKILL)
            process.wait(20)
        assert not out.exists()
    done = portions(out)
    subprocess.run(asked(tmp_path / "home", source, out), env=environment(tmp_path / "home"), check=True)

    assert done > 10
    for name in (".rejects.csv", ".about.json"):
        assert Path(f"{out}{name}").read_bytes() == Path(f"{undisturbed}{name}").read_bytes()
    assert without_ids(out) == without_ids(undisturbed)  # each run has entries of its own
    assert everything_is_recorded_as_written(service, out)
    assert rows_recorded(tmp_path / "home") == rows_recorded(tmp_path / "twin") == PEOPLE * 3 // 4
    verified = subprocess.run(command("ledger", "verify"), env=environment(tmp_path / "home"), check=False)
    assert verified.returncode == 0


@pytest.mark.slow
def test_ctrl_c_stops_at_once_and_says_how_to_go_on(service: Served, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    with running(asked(tmp_path / "home", source, out), tmp_path / "home") as process:
        wait_for_portions(process, out, 3)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)

    assert process.returncode == 130, said
    assert "stopped; what is done is kept, the same command goes on from there" in said
    assert "Traceback" not in said
    assert not out.exists()
    again = subprocess.run(
        asked(tmp_path / "home", source, out),
        env=environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "went on at row" in again.stderr
    assert rows_recorded(tmp_path / "home") == PEOPLE * 3 // 4


def without_ids(out: Path) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "screening_id"} for row in table(out)]


def dry(source: Path, out: Path) -> list[str]:
    return command("screen-file", str(source), "--out", str(out), "--dry-run", "--rows-at-once", "2000")


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_space(
    service: Served, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, resource.RLIM_INFINITY))

    full = subprocess.run(
        dry(source, out),
        env=environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=small_files_only,
    )

    assert full.returncode == 2, full.stderr
    assert "the disk is full, or this user may write no more on it: what is done is kept" in full.stderr
    assert "Traceback" not in full.stderr
    assert not out.exists()
    subprocess.run(dry(source, out), env=environment(tmp_path / "home"), check=True, capture_output=True)
    assert len(out.read_text().splitlines()) == 1 + PEOPLE * 3 // 4


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
@pytest.mark.slow
def test_a_disk_that_is_really_full_is_told(service: Served, source: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine lets nobody mount a disk")
    try:
        (disk / "ballast").write_bytes(b"x" * 45_000)
        full = subprocess.run(
            dry(source, disk / "out.csv"),
            env=environment(tmp_path / "home"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert full.returncode == 2, full.stderr
        assert "the disk is full" in full.stderr
        assert not (disk / "out.csv").exists()
        (disk / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
        subprocess.run(
            dry(source, disk / "out.csv"), env=environment(tmp_path / "home"), check=True, capture_output=True
        )
        assert len((disk / "out.csv").read_text().splitlines()) == 1 + PEOPLE * 3 // 4
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "Say either --dry-run, or --occasion"),
        (["--dry-run", "--occasion", "x"], "Say either --dry-run, or --occasion"),
        (["--occasion", "x"], "an official run needs an operator's key"),
        (["--occasion", "x", "--key-file", "ADVISOR"], "this needs the role operator"),
        (["--occasion", "y" * 201, "--key-file", "OPERATOR"], "Must say in 1 to 200 characters"),
        (["--dry-run", "--as-of", "1999-01-01"], "within the last twelve months"),
        (["--dry-run", "--as-of", "soon"], "--as-of"),
    ],
)
def test_a_command_that_cannot_be_carried_out_is_refused_with_two(
    service: Served, source: Path, tmp_path: Path, more: list[str], said: str
) -> None:
    (tmp_path / "home" / "advisor.key").write_text(service.keys["advisor"] + "\n")
    keys = {"ADVISOR": str(tmp_path / "home" / "advisor.key"), "OPERATOR": str(tmp_path / "home" / "operator.key")}
    arguments = [keys.get(one, one) for one in more]

    done = subprocess.run(
        command("screen-file", str(source), "--out", str(tmp_path / "out.csv"), *arguments),
        env=environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert not (tmp_path / "out.csv").exists()
