"""Who may listen in: which addresses stay on this machine, and the ports on which LightGBM's workers meet."""

from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from features.errors import ConfigError, TrainingError

NETWORK_PORTS = range(12_400, 12_500)
"""Where the workers of a network listen during a fit unless told otherwise: what a firewall rule can name.

LightGBM opens them itself, on all interfaces and in plain text (measured with 4.6): Dask's certificates do not cover
them.
"""


def host_of(address: str) -> str:
    """Return the host in an address such as tcp://host:8786; "" where there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def stays_on_this_machine(address: str) -> bool:
    """Return whether an address is a loopback one; a name other than localhost counts as another machine.

    >>> stays_on_this_machine("tcp://127.0.0.1:8786"), stays_on_this_machine("tcp://10.0.0.5:8786")
    (True, False)
    """
    host = host_of(address)
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_plain(address: str) -> None:
    """Raise unless an address is encrypted or stays on this machine.

    Raises
    ------
    ConfigError
    """
    if not address.startswith("tls://") and not stays_on_this_machine(address):
        raise ConfigError(
            "--scheduler is a plain tcp:// address of another machine: whoever reaches it reads people's data and runs "
            "code on the workers; use a tls:// address, or --unencrypted on a network that nobody else is on"
        )


def ports_told(text: str) -> range:
    """Return the ports in a text such as 12400-12499, both included.

    Raises
    ------
    ConfigError

    >>> ports_told("12400-12499")
    range(12400, 12500)
    """
    first, dash, last = text.partition("-")
    if not (dash and first.isdecimal() and last.isdecimal() and 1024 <= int(first) <= int(last) <= 65_535):
        raise ConfigError("--fit-ports must be two ports from 1024 to 65535, the lower first, such as 12400-12499")
    return range(int(first), int(last) + 1)


def meeting_places(workers: Sequence[str], free: dict[str, Sequence[int]]) -> str:
    """Return LightGBM's `machines`: a host and a port of its own for each worker.

    Parameters
    ----------
    workers : sequence of str
        Their addresses.
    free : dict of host to ports
        That nobody listens on there now.

    Raises
    ------
    TrainingError
        Where a machine has fewer free ports than workers.

    >>> meeting_places(["tls://a:1", "tls://a:2"], {"a": [12400, 12402, 12403]})
    'a:12400,a:12402'
    """
    places = []
    taken: Counter[str] = Counter()
    for host in map(host_of, workers):
        if taken[host] == len(free[host]):
            raise TrainingError(
                f"a machine has fewer free ports in --fit-ports ({len(free[host])}) than workers; give a wider range, "
                "and open it between the workers"
            )
        places.append(f"{host}:{free[host][taken[host]]}")
        taken[host] += 1
    return ",".join(places)
