"""A Dask cluster, running already or made of processes of this machine, and its faults in words."""

import asyncio
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dask
import distributed
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker, NoValidWorkerError

from features.errors import ConfigError, TrainingError
from training.distributed.ending import clean_at_sigterm
from training.distributed.network import refuse_plain
from training.progress import progress_bar

ADDRESS = re.compile(r"(tcp|tls)://[^\s/]+:[0-9]{1,5}")
CONNECT_SECONDS, WORKERS_SECONDS = 5, 20
SILENT_SECONDS = 45
"""A worker that tells nothing for so long is lost, though its connection may still look open (its machine is gone)."""
LOCAL = "processes of this machine"
QUIET = ("distributed", "distributed.client", "tornado", "asyncio")
SETTINGS = {
    # where a partition's rows lie decides what LightGBM adds up first: a job done twice should be the same twice
    "distributed.scheduler.work-stealing": False,
    "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s",
    "distributed.scheduler.worker-ttl": "60s",
}


@dataclass(frozen=True)
class Cluster:
    """A connected cluster with at least one worker that runs this very program.

    Attributes
    ----------
    fit_ports : range, optional
        Where its workers may listen during a fit. None: any port here, `network.NETWORK_PORTS` on a network.
    """

    client: distributed.Client
    kind: str
    fit_ports: range | None = None

    def workers(self) -> dict[str, dict[str, Any]]:
        """What the scheduler knows of each worker now, by address; without those that have gone silent."""
        found: dict[str, dict[str, Any]] = self.client.scheduler_info(n_workers=-1)["workers"]
        latest = max((worker["last_seen"] for worker in found.values()), default=0.0)
        return {address: worker for address, worker in found.items() if latest - worker["last_seen"] < SILENT_SECONDS}

    def results(self, title: str, futures: Sequence[distributed.Future]) -> list[Any]:
        """The results in the order of the futures, with a bar of how many are done; the first error ends the rest."""
        with progress_bar(title, len(futures)) as bar:
            for future in distributed.as_completed(futures):
                if future.status != "finished":
                    self.client.cancel(list(futures))
                    future.result()
                bar(1)
        return list(self.client.gather(list(futures)))

    def described(self) -> dict[str, Any]:
        """The cluster as evidence; no address."""
        workers = self.workers()
        return {
            "cluster": self.kind,
            "workers": len(workers),
            "threads": sum(int(worker["nthreads"]) for worker in workers.values()),
        }


@contextmanager
def connected(
    scheduler: str | None = None, workers: int = 2, unencrypted: bool = False, fit_ports: range | None = None
) -> Iterator[Cluster]:
    """Yield a cluster; its faults leave as one sentence, and processes that were started here end with the block.

    Parameters
    ----------
    scheduler : str, optional
        Address of a running scheduler, "tls://host:8786" with the certificates in Dask's own settings.
        Without one, `workers` processes of one thread each are started, with certificates that end with them.
    unencrypted : bool
        Whether "tcp://..." is allowed to another machine too; to this one it always is.
    fit_ports : range, optional
        As in `Cluster`.

    Raises
    ------
    ConfigError
        Where no scheduler answers, it has no workers, or its address is a plain one of another machine.
    TrainingError
        Where the workers run another program, or the cluster is lost on the way.
    """
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with clean_at_sigterm(), dask.config.set(SETTINGS), _client(scheduler, workers, unencrypted) as client:
        cluster = Cluster(client, LOCAL if scheduler is None else "a Dask cluster", fit_ports)
        with told_in_a_sentence():
            _check_program(cluster)
            yield cluster


@contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Turn what Dask raises about the cluster itself into a TrainingError; errors of the work itself pass."""
    try:
        yield
    except KilledWorker as error:
        raise TrainingError(
            f"a partition ended {error.allowed_failures + 1} workers one after the other, most likely for want of "
            "memory; make smaller partitions (--people-each), or give the workers more memory"
        ) from error
    except NoValidWorkerError as error:
        raise TrainingError("no worker is left to go on with; start workers again and run the command again") from error
    except (CancelledError, asyncio.CancelledError, CommClosedError, ConnectionError, TimeoutError) as error:
        raise TrainingError(
            "the scheduler stopped answering while the work was under way; nothing was registered or put in place: "
            "start it again and run the command again"
        ) from error


@contextmanager
def _client(scheduler: str | None, workers: int, unencrypted: bool) -> Iterator[distributed.Client]:
    if scheduler is None:
        # what workers move from memory to disk is people's data: a folder for this user alone, gone at the end
        with (
            TemporaryDirectory(prefix="varhain-workers-") as scratch,
            distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                # the port is open to every user of this machine, and who speaks to a worker runs code as this one
                security=distributed.Security.temporary(),
                dashboard_address=None,
                local_directory=scratch,
                silence_logs=logging.CRITICAL,
                preload=["training.distributed.local_worker"],
            ) as local,
            distributed.Client(local) as client,
        ):
            yield client
        return
    if not ADDRESS.fullmatch(scheduler):
        raise ConfigError("--scheduler must be an address such as tcp://host:8786; `dask scheduler` prints its own")
    if not unencrypted:
        refuse_plain(scheduler)
    try:
        asyncio.run(asyncio.wait_for(_greet(scheduler), CONNECT_SECONDS))
        client = distributed.Client(scheduler, timeout=CONNECT_SECONDS)
    except Exception as error:  # whatever else listens there (a worker, a web server) is refused by errors of any kind
        raise ConfigError(
            f"no scheduler answers at the address in --scheduler (waited {CONNECT_SECONDS} s); start one with "
            "`dask scheduler`, or leave --scheduler out to use processes of this machine"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKERS_SECONDS)
        except TimeoutError as error:
            raise ConfigError(
                f"the scheduler has no workers (waited {WORKERS_SECONDS} s); start some with `dask worker ADDRESS`"
            ) from error
        _warn_of_settings(client)
        yield client


async def _greet(address: str) -> None:
    """Raise unless a scheduler answers. Dask's own client waits without end for whoever listens and says nothing."""
    security = distributed.Security().get_connection_args("client")
    async with distributed.rpc(address, connection_args=security) as other:
        if (await other.identity())["type"] != "Scheduler":
            raise ValueError("it is no scheduler")


def _check_program(cluster: Cluster) -> None:
    """Every worker must run the files this process runs, or partitions would be computed by different rules."""
    from training.seeds import program_of_the_model

    try:
        found = cluster.client.run(program_of_the_model)
    except (ImportError, AttributeError) as error:
        raise TrainingError("a worker cannot load Varhain; install this very version for every worker") from error
    if set(found.values()) != {program_of_the_model()}:
        raise TrainingError("a worker runs another version of Varhain; install this very version for every worker")


def _warn_of_settings(client: distributed.Client) -> None:
    """Say how a scheduler that was started by somebody else differs from `SETTINGS`: this process cannot change it."""
    wanted = {name: value for name, value in SETTINGS.items() if name.startswith("distributed.scheduler.")}
    # Dask's own function: the scheduler need not have Varhain
    found = {name: client.run_on_scheduler(dask.config.get, name, None) for name in wanted}
    differing = [
        f"{name.rpartition('.')[2]} is {found[name]}, not {value}"
        for name, value in wanted.items()
        if str(found[name]) != str(value)
    ]
    if differing:
        print(
            f"The scheduler was started with other settings ({'; '.join(differing)}): a lost machine is noticed late, "
            "or a job done twice may differ in its last digits; docs/scaling.md has the command to start it with.",
            file=sys.stderr,
        )


def refuse_unshared(folder: Path, cluster: Cluster) -> None:
    """Raise unless every worker sees a folder that this process sees: partitions and results are on shared disks.

    Raises
    ------
    TrainingError
    """
    seen = cluster.client.run(Path.is_dir, folder.resolve())
    if not all(seen.values()):
        raise TrainingError(
            f"{sum(not one for one in seen.values())} of {len(seen)} workers cannot see {folder}; put it on a disk "
            "that all of them share, under the same path"
        )
