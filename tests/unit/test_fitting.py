"""A fit by several workers meets on the ports it was given, leaves no address, and holds nobody up when it hangs."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from features.catalogue import load_catalogue
from features.errors import TrainingError
from training.distributed.cluster import connected
from training.distributed.fitting import ADDRESSES, Block, fit_watched
from training.distributed.tasks import free_ports, quiet_lightgbm

ROOT = Path(__file__).parents[2]


def free_run(wanted: int) -> range:
    """So many ports in a row that nobody listens on."""
    for first in range(20_000, 60_000, wanted):
        if len(free_ports(range(first, first + wanted), wanted)) == wanted:
            return range(first, first + wanted)
    raise AssertionError("no free ports")


def test_a_port_that_is_listened_on_is_not_free() -> None:
    with socket.create_server(("", 0)) as server:
        taken = server.getsockname()[1]
        assert free_ports(range(taken, taken + 1), 1) == []


@pytest.mark.slow
def test_fits_one_after_the_other_meet_in_the_range_given_and_leave_no_address() -> None:
    catalogue = load_catalogue("keski_uusimaa")
    names = catalogue.register_names[:3]
    values = np.random.default_rng(1).normal(size=(2, 500, 3))
    with connected(workers=2, fit_ports=free_run(4)) as cluster:
        cluster.client.run(quiet_lightgbm)
        workers = sorted(cluster.workers())

        def blocks() -> list[Block]:
            return [
                Block(
                    cluster.client.scatter(own, workers=[worker], hash=False), (own[:, 0] > 0) * 1.0, np.ones(len(own))
                )
                for own, worker in zip(values, workers, strict=True)
            ]

        def fit() -> str:
            parameters: dict[str, object] = {"min_data_in_leaf": 5}
            return fit_watched(cluster, blocks, catalogue, names, parameters, 3, pytest.fail, lambda trees: None)

        texts = [fit(), fit()]  # LightGBM cannot listen again at once where it has just listened
    for text in texts:
        assert text.count("Tree=") == 3
        assert "127.0.0.1" not in text
        assert ADDRESSES.findall(text) == ["local_listen_port", "machines"]


def test_a_fit_that_hangs_for_ever_keeps_no_process_alive() -> None:
    code = (
        "import time\nfrom training.distributed.fitting import in_background\n"
        "in_background(lambda: time.sleep(600))\nprint('ended')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "ended\n"


def test_what_a_fit_in_the_background_raises_is_its_result() -> None:
    from training.distributed.fitting import in_background

    def fails() -> str:
        raise TrainingError("told")

    begun = time.monotonic()
    with pytest.raises(TrainingError, match="told"):
        in_background(fails).result(10)
    assert time.monotonic() - begun < 5
