"""Medians of calls that take turns, so that whatever else the machine does falls on all of them."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any


def medians(calls: Mapping[str, Callable[[], Any]], times: int) -> dict[str, float]:
    """The median seconds of each call, one to warm up and then `times` rounds in which each has its turn."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(times):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            took[name].append(time.perf_counter() - begun)
    return {name: median(seconds) for name, seconds in took.items()}


def seconds_of(call: Callable[[], Any], times: int) -> float:
    """The median seconds of one call."""
    return medians({"": call}, times)[""]
