"""Nobody but the command itself speaks to the processes it starts, and no plain address leaves this machine."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import distributed
import pytest

from features.errors import ConfigError, TrainingError
from tests.processes import end_group, free_port
from training.distributed.cluster import Cluster, connected
from training.distributed.network import meeting_places, ports_told, stays_on_this_machine

ROOT = Path(__file__).parents[2]
SCALING = ROOT / "docs" / "scaling.md"


@pytest.fixture(scope="module")
def local() -> Iterator[Cluster]:
    with connected(workers=1) as cluster:
        yield cluster


@pytest.mark.slow
def test_a_strangers_plain_connection_to_local_processes_is_refused(local: Cluster) -> None:
    addresses = [local.client.scheduler.address, *local.workers()]  # type: ignore[union-attr]
    assert len(addresses) == 2
    for address in addresses:
        assert address.startswith("tls://127.0.0.1:")
    with pytest.raises(OSError, match=r"reset by peer|closed"):
        distributed.Client(addresses[0].replace("tls://", "tcp://"), timeout=2, set_as_default=False)


@pytest.mark.slow
def test_a_stranger_with_certificates_of_its_own_is_refused(local: Cluster) -> None:
    address = local.client.scheduler.address  # type: ignore[union-attr]
    with pytest.raises(OSError, match="certificate does not match"):
        distributed.Client(address, security=distributed.Security.temporary(), timeout=2, set_as_default=False)


@pytest.mark.slow
def test_a_local_worker_that_is_killed_comes_back_behind_the_same_certificates(local: Cluster) -> None:
    (killed,) = local.client.run(os.getpid).values()
    os.kill(killed, signal.SIGKILL)
    assert local.client.submit(os.getpid, pure=False).result(timeout=30) != killed
    assert all(address.startswith("tls://") for address in local.workers())


@pytest.mark.parametrize("address", ["tcp://10.0.0.5:8786", "tcp://host:8786", "tcp://127.0.0.1.example:8786"])
def test_a_plain_address_of_another_machine_is_refused_unless_allowed(address: str) -> None:
    with pytest.raises(ConfigError, match="plain tcp:// address of another machine"), connected(address):
        pass


@pytest.mark.slow
def test_a_plain_address_is_tried_when_allowed() -> None:
    with (
        pytest.raises(ConfigError, match="no scheduler answers"),
        connected("tcp://0.0.0.0:1", unencrypted=True),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "stays"),
    [
        ("tcp://127.0.0.1:1", True),
        ("tcp://localhost:1", True),
        ("tcp://[::1]:1", True),
        ("tcp://[::1:1", False),
        ("tcp://0.0.0.0:1", False),
        ("tcp://192.168.1.5:1", False),
    ],
)
def test_loopback_is_told_from_the_network(address: str, stays: bool) -> None:
    assert stays_on_this_machine(address) is stays


@pytest.mark.parametrize("text", ["", "12400", "12400-", "12499-12400", "80-90", "12400-70000", "a-b"])
def test_ports_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--fit-ports must be two ports"):
        ports_told(text)


def test_more_workers_than_free_ports_are_refused() -> None:
    with pytest.raises(TrainingError, match=r"fewer free ports in --fit-ports \(1\) than workers"):
        meeting_places(["tls://a:1", "tls://b:1", "tls://a:2"], {"a": [12400], "b": [12400]})


@contextmanager
def scheduler_started_with(folder: Path, **settings: str) -> Iterator[str]:
    """The address of a separate scheduler with one worker that runs this very program."""
    address = f"tcp://127.0.0.1:{free_port()}"
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *arguments], env=environ, cwd=folder, **quiet
        )
        for module, *arguments in (
            ("dask_scheduler", "--host", address, "--no-dashboard"),
            ("dask_worker", address, "--nworkers", "1", "--nthreads", "1", "--no-dashboard"),
        )
    ]
    try:
        with distributed.Client(address, timeout=30, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=30)
        yield address
    finally:
        for process in started:
            process.terminate()
            process.wait(20)
            end_group(process)


@pytest.mark.slow
def test_a_scheduler_with_other_settings_is_told_in_one_sentence(tmp_path, capfd) -> None:
    with scheduler_started_with(tmp_path) as address, connected(address):
        pass
    told = capfd.readouterr().err
    assert told.startswith(
        "The scheduler was started with other settings (work-stealing is True, not False; worker-ttl is 5 minutes, not "
        "60s): "
    )
    assert len(told.splitlines()) == 1


@pytest.mark.slow
def test_a_scheduler_started_as_documented_is_not(tmp_path, capfd) -> None:
    documented = dict(re.findall(r"(DASK_DISTRIBUTED__SCHEDULER__[A-Z_]+)=(\S+)", SCALING.read_text()))
    assert len(documented) == 2
    with scheduler_started_with(tmp_path, **documented) as address, connected(address):
        pass
    assert capfd.readouterr().err == ""
