"""Nobody but the command itself speaks to the processes it starts, and no plain address leaves this machine."""

from collections.abc import Iterator

import distributed
import pytest

from features.errors import ConfigError, TrainingError
from training.distributed.cluster import Cluster, connected
from training.distributed.network import meeting_places, ports_told, stays_on_this_machine


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
