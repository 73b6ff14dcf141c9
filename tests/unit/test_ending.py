"""SIGTERM ends a command with workers as Ctrl-C does: no process and no folder is left, and the exit code tells."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import end_group
from training.distributed.ending import EXIT_TERMINATED, TerminatedError, clean_at_sigterm

ROOT = Path(__file__).parents[2]
WAITING = """
import time
from training.distributed.cluster import connected
if __name__ == "__main__":
    with connected(workers=1) as cluster:
        print(*cluster.client.run(__import__("os").getpid).values(), flush=True)
        cluster.client.submit(time.sleep, 600).result()
"""


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["the coordinator", "everybody"])
def test_sigterm_leaves_no_worker_and_no_folder_of_theirs(tmp_path: Path, whom: str) -> None:
    (tmp_path / "waiting.py").write_text(WAITING)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "waiting.py")],
        env={**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        assert [path.name for path in scratch.iterdir() if path.name.startswith("varhain-workers-")]
        if whom == "everybody":
            os.killpg(process.pid, signal.SIGTERM)
        else:
            process.terminate()
        assert process.wait(30) == EXIT_TERMINATED == 143
        assert not [path.name for path in scratch.iterdir() if path.name.startswith("varhain-workers-")]
        assert not Path(f"/proc/{worker}").exists()
    finally:
        end_group(process)


def test_a_second_sigterm_does_not_break_the_ending_and_the_handler_is_put_back() -> None:
    before, ended = signal.getsignal(signal.SIGTERM), []

    def told_twice() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            ended.append(True)

    with pytest.raises(SystemExit, match="143"), clean_at_sigterm():
        told_twice()
    assert ended
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_stays_what_it_is() -> None:
    assert issubclass(TerminatedError, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt), clean_at_sigterm():
        raise KeyboardInterrupt
