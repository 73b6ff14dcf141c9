"""One model fitted by all workers together (lightgbm.dask), watched: LightGBM itself waits for ever for a lost worker.

The rows stay where they are; the workers add up their histograms tree by tree (data parallel). When one is lost the
others hang in LightGBM's own sockets, out of Dask's reach, so they are restarted by their nannies and the fit begins
again, once; what they held is computed again from the partitions.
"""

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from threading import Thread

import dask.array as da
import distributed
import lightgbm
import numpy as np
from lightgbm.dask import DaskLGBMRegressor
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.errors import TrainingError
from training.distributed.cluster import Cluster
from training.distributed.network import NETWORK_PORTS, host_of, meeting_places, stays_on_this_machine
from training.distributed.tasks import free_ports, quiet_lightgbm

Floats = NDArray[np.float64]

LOOK_SECONDS = 0.5
GIVE_UP_SECONDS, RETURN_SECONDS = 30, 60
"""How long a broken fit may take to let go, and lost workers to come back; then it goes on with those there are."""
TREES = "varhain-trees"
PART = "_train_part"
ADDRESSES = re.compile(r"\[(machines|local_listen_port): [^\]\n]*\]")
"""What LightGBM notes in a model's text of where it was fitted; a package holds no address."""


class WorkerLostError(Exception):
    """A worker was lost while a model was being fitted."""


@dataclass(frozen=True)
class Block:
    """The rows of one partition that a model is fitted on: features as a future of float64 (n, m), the rest here."""

    features: distributed.Future
    outcome: Floats
    weight: Floats


class _TellTree:
    """Tells the coordinator of each tree from inside a worker; a class, because it travels."""

    def __call__(self, environment: lightgbm.callback.CallbackEnv) -> None:
        distributed.get_worker().log_event(TREES, environment.iteration + 1)


def fit_watched(
    cluster: Cluster,
    blocks: Callable[[], Sequence[Block]],
    catalogue: Catalogue,
    names: Sequence[str],
    parameters: dict[str, object],
    trees: int,
    say: Callable[[str], object],
    progress: Callable[[int], object],
) -> str:
    """Return LightGBM's text of a model of so many trees on the features named.

    Parameters
    ----------
    blocks : callable
        Places the rows on the workers there are now; called again when the fit begins again.
    parameters : dict
        LightGBM's, as `training.fit.boosting_parameters` gives them; threads are each worker's own.
    progress : callable
        Told of each tree.

    Raises
    ------
    TrainingError
        Where workers were lost twice, or cannot be restarted.
    """
    told = 0

    def tell(event: tuple[float, int]) -> None:
        nonlocal told
        progress(max(0, event[1] - told))
        told = max(told, event[1])

    try:
        return _attempt(cluster, blocks(), catalogue, names, parameters, trees, tell)
    except WorkerLostError:
        say("A worker was lost while the model was being fitted; the fit begins again, this once.")
    _restart(cluster)
    try:
        return _attempt(cluster, blocks(), catalogue, names, parameters, trees, tell)
    except WorkerLostError:
        raise TrainingError(
            "a worker was lost again while the model was being fitted, so the fit was given up and nothing was "
            "registered; look at the workers' memory and logs, then run the command again"
        ) from None


def _attempt(
    cluster: Cluster,
    blocks: Sequence[Block],
    catalogue: Catalogue,
    names: Sequence[str],
    parameters: dict[str, object],
    trees: int,
    tell: Callable[[tuple[float, int]], object],
) -> str:
    # until the rows are in place Dask itself makes up for a lost worker
    futures = [block.features for block in blocks]
    distributed.wait(futures)
    for future in futures:
        if future.status == "error":
            future.result()
    at_first = set(cluster.workers())
    try:
        places = _meeting_places(cluster)
    except OSError as error:
        raise WorkerLostError from error
    cluster.client.subscribe_topic(TREES, tell)
    fit = in_background(lambda: _fit(cluster, blocks, catalogue, names, parameters, trees, places))
    try:
        while not wait([fit], LOOK_SECONDS).done:
            if at_first - set(cluster.workers()):
                raise WorkerLostError
        return fit.result()
    except lightgbm.basic.LightGBMError as error:
        # the others may notice a broken connection before the scheduler misses the worker
        time.sleep(2 * LOOK_SECONDS)
        if at_first - set(cluster.workers()):
            raise WorkerLostError from error
        raise TrainingError(f"the fit on the cluster failed: {str(error).splitlines()[0]}") from error
    finally:
        _let_go(cluster, fit)
        cluster.client.unsubscribe_topic(TREES)


def in_background(work: Callable[[], str]) -> "Future[str]":
    """Return the future of work in a thread that nobody waits for: a fit that never lets go keeps no process alive.

    An executor would: it waits for its threads at the end of its block, and Python does at the end of the process.
    """
    future: Future[str] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
            future.set_exception(error)

    Thread(target=run, name="fit", daemon=True).start()
    return future


def _fit(
    cluster: Cluster,
    blocks: Sequence[Block],
    catalogue: Catalogue,
    names: Sequence[str],
    parameters: dict[str, object],
    trees: int,
    places: str | None,
) -> str:
    quiet_lightgbm()
    features = [catalogue.feature(name) for name in names]
    data = da.concatenate(
        [da.from_delayed(block.features, (len(block.outcome), len(names)), np.float64) for block in blocks]
    )
    chunks = tuple(len(block.outcome) for block in blocks)
    outcome, weight = (
        da.from_array(np.concatenate([getattr(block, column) for block in blocks]), chunks=(chunks,))
        for column in ("outcome", "weight")
    )
    # the regressor takes outcomes as they are; the classifier numbers the classes that each worker happens to see
    model = DaskLGBMRegressor(
        **{key: value for key, value in parameters.items() if key != "num_threads"},
        objective="binary",
        n_estimators=trees,
        monotone_constraints=[feature.monotone for feature in features],
        deterministic=True,
        force_row_wise=True,
        verbosity=-1,
        client=cluster.client,
        **({} if places is None else {"machines": places}),
    )
    model.fit(
        data,
        outcome,
        sample_weight=weight,
        feature_name=list(names),
        categorical_feature=[i for i, feature in enumerate(features) if feature.kind == "category"],
        callbacks=[_TellTree()],
    )
    return ADDRESSES.sub(r"[\1: ]", str(model.booster_.model_to_string()))


def _meeting_places(cluster: Cluster) -> str | None:
    """LightGBM's `machines`; None where it may take any free ports, which it does by itself."""
    workers = sorted(cluster.workers())
    ports = cluster.fit_ports
    if ports is None and all(map(stays_on_this_machine, workers)):
        return None
    one_a_host = {host_of(worker): worker for worker in workers}
    free = {
        host: cluster.client.run(free_ports, ports or NETWORK_PORTS, len(workers), workers=[worker])[worker]
        for host, worker in one_a_host.items()
    }
    return meeting_places(workers, free)


def _let_go(cluster: Cluster, fit: "Future[str]") -> None:
    """Cancel what a broken fit still waits for, until its thread has ended or the time to let go is over."""
    until = time.monotonic() + GIVE_UP_SECONDS
    while not fit.done() and time.monotonic() < until:
        client = cluster.client
        hanging = [distributed.Future(key, client) for key in list(client.futures) if str(key).startswith(PART)]
        if hanging:
            client.cancel(hanging, force=True)
        wait([fit], LOOK_SECONDS)


def _restart(cluster: Cluster) -> None:
    """Restart the workers that hang, and wait for the lost ones to return.

    Raises
    ------
    TrainingError
        Where the workers have no nannies.
    """
    workers = cluster.workers()
    if not all(worker["nanny"] for worker in workers.values()):
        raise TrainingError(
            "a worker was lost while the model was being fitted, and the others cannot be restarted because they run "
            "without nannies; restart them (leave --no-nanny out) and run the command again"
        )
    cluster.client.restart_workers(list(workers), timeout=RETURN_SECONDS, raise_for_error=False)
    until = time.monotonic() + RETURN_SECONDS
    while not cluster.workers() and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
    if not cluster.workers():
        raise TrainingError("no worker came back after the fit broke off; start workers and run the command again")
