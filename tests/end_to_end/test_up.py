"""The main job as a stranger runs it: from nothing to one worked example, stopped and started again."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import ROOT, command, end_group, environment, free_port, interruptible, varhain

PEOPLE = "5000"


class Demonstration:
    """`varhain up` in a process group of its own, as a terminal has it."""

    def __init__(self, home: Path, port: int) -> None:
        self.process = subprocess.Popen(
            command("up", "--people", PEOPLE),
            env=environment(home, port) | {"PYTHONUNBUFFERED": "1"},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=interruptible,
        )
        self.printed = ""

    def until(self, words: str) -> None:
        assert self.process.stdout is not None
        while words not in self.printed:
            piece = self.process.stdout.read(1)
            assert piece, f"it ended without saying {words!r}:\n{self.printed}"
            self.printed += piece

    def interrupt(self) -> int:
        """Ctrl-C: the signal reaches everything the terminal runs."""
        os.killpg(self.process.pid, signal.SIGINT)
        rest, _ = self.process.communicate(timeout=60)
        self.printed += rest
        return self.process.returncode


@contextmanager
def demonstration(home: Path) -> Iterator[Demonstration]:
    """A running demonstration, of which nothing is left at the end, be it that the test failed."""
    up = Demonstration(home, free_port())
    try:
        yield up
    finally:
        end_group(up.process)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demonstration")


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["Synthetic population", "Fitting small trees", "Evaluating"])
def test_ctrl_c_leaves_nothing_that_the_next_run_trips_over(home: Path, moment: str) -> None:
    with demonstration(home) as up:
        up.until(moment)
        assert up.interrupt() in (130, -signal.SIGINT)
        assert "Traceback" not in up.printed


@pytest.mark.slow
def test_the_next_run_goes_on_to_one_worked_example_in_three_lines(home: Path) -> None:
    with demonstration(home) as up:
        up.until("Ctrl-C stops.")
        example = up.printed.partition("One new client, screened:")[2]
        lines = [line for line in example.splitlines() if line.strip()]
        assert lines[0].strip().startswith("curl ")
        assert "Of 100 people in a similar situation" in lines[2]
        assert len(lines) == 5  # the curl line, three lines of answer, and how to stop
        assert up.interrupt() == 0
        assert "Traceback" not in up.printed


@pytest.mark.slow
def test_a_second_run_serves_what_is_there(home: Path) -> None:
    with demonstration(home) as up:
        up.until("Ctrl-C stops.")
        assert up.interrupt() == 0
    assert not any(word in up.printed for word in ("Synthetic population", "Fitting", "Registered"))
    assert varhain(home, "ledger", "verify").startswith("The ledger verifies")


def test_a_taken_port_is_one_clear_sentence(tmp_path: Path) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            command("up"), env=environment(tmp_path, port), cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.strip().count("\n") == 0
    assert f"Port {port} on 127.0.0.1 is in use" in done.stderr


def test_make_names_what_is_missing_in_one_command(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("make", "bash", "git", "grep", "python3", "ldconfig"):
        found = shutil.which(tool, path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
        assert found, tool
        (tools / tool).symlink_to(found)
    done = subprocess.run(
        [str(tools / "make"), "-C", str(ROOT), "prerequisites", f"SHELL={tools / 'bash'}"],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "sudo apt-get install -y curl" in done.stderr
