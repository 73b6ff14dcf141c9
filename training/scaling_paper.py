"""Finland on paper: machines, memory and hours from what a person-date was measured to cost; assumptions are named."""

import math
from dataclasses import dataclass

from features.catalogue import load_catalogue
from training.config import FitConfig
from training.scaling import Costs
from training.scaling_run import CATALOGUE, FIT, READ, SCORE

JOBSEEKERS, LANDMARKS_A_YEAR, YEARS = 500_000, 12, 10
"""Finland as the plan has it (assumption): so many jobseekers at any time, looked at every month, for ten years."""
CORES, MEMORY_GIB, NETWORK_GIGABIT, NIGHT_HOURS = 16, 64.0, 10.0, 8.0
"""A machine, and the time a run may take (assumptions)."""
USABLE = 0.7
"""Of the memory: Dask moves data to disk above this share."""
GATHERED_BYTES, FEATURE_BYTES = 62, 8
"""What a person-date takes at least, whatever small runs show: on the coordinator who, when, label, and what came of it
on two days; on a worker each feature."""
BINS, HISTOGRAM_BYTES, MODELS = 255, 16, 4
"""Of a fit: two models in the backtest and two that serve; LightGBM adds up 16 bytes a bin (gradient and hessian)."""


@dataclass(frozen=True)
class Plan:
    """What a run over so many person-dates needs.

    Attributes
    ----------
    of_workers, of_one : mapping of resource to float
        What the run needs of one machine, or of a night, as a share: of what more workers give more of, and of what
        there is one of, however many workers there are.
    """

    name: str
    person_dates: int
    worker_gib: float
    coordinator_gib: float
    core_hours: float
    coordinator_hours: float
    partition_hours: float
    network_hours: float
    machines: int
    hours: float
    of_workers: dict[str, float]
    of_one: dict[str, float]

    @property
    def sets_machines(self) -> str:
        """What the number of machines follows from."""
        return max(self.of_workers, key=lambda name: self.of_workers[name])

    @property
    def bottleneck(self) -> str:
        """What gives way first, however many workers there are."""
        return max(self.of_one, key=lambda name: self.of_one[name])


def plan(name: str, times: int, costs: Costs) -> Plan:
    """Return the plan for so many Finlands, by straight lines from what was measured."""
    n = times * JOBSEEKERS * LANDMARKS_A_YEAR * YEARS
    features = len(load_catalogue(CATALOGUE).feature_names)
    worker_gib = n * max(costs.worker_bytes, features * FEATURE_BYTES) / 2**30
    coordinator_gib = n * max(costs.coordinator_bytes, GATHERED_BYTES) / 2**30 + costs.coordinator_fixed_mib / 1024
    core_hours = n * sum(costs.worker_seconds[stage] for stage in (READ, FIT, SCORE)) / 3600
    coordinator_hours = n * costs.coordinator_seconds / 3600
    for_workers = MEMORY_GIB * USABLE - CORES * costs.worker_fixed_mib / 1024
    night = max(NIGHT_HOURS - coordinator_hours, NIGHT_HOURS / 10)
    machines = max(math.ceil(worker_gib / for_workers), math.ceil(core_hours / (CORES * night)))
    histograms = FitConfig().trees * (FitConfig().leaves - 1) * features * BINS * HISTOGRAM_BYTES * MODELS
    network_hours = histograms * min(1.0, machines - 1) / (NETWORK_GIGABIT * 1e9 / 8) / 3600
    hours = core_hours / (CORES * machines) + coordinator_hours + network_hours
    of_workers = {
        "memory of the workers": worker_gib / for_workers,
        "time of the workers": core_hours / CORES / NIGHT_HOURS,
    }
    of_one = {
        "memory of the coordinator": coordinator_gib / (MEMORY_GIB * USABLE),
        "time of the coordinator": coordinator_hours / NIGHT_HOURS,
        "time of the network in the fit": network_hours / NIGHT_HOURS,
    }
    return Plan(
        name,
        n,
        worker_gib,
        coordinator_gib,
        core_hours,
        coordinator_hours,
        n * costs.partition_seconds / 3600,
        network_hours,
        machines,
        hours,
        of_workers,
        of_one,
    )
