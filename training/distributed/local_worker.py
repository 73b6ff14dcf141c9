"""Loaded by every local worker as it starts: Ctrl-C is the coordinator's, which ends its workers and says one thing."""

import signal

import distributed


def dask_setup(worker: distributed.Worker) -> None:
    """Called by Dask in the worker's main thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
