"""The curve of docs/scaling.md: what a run takes by the number of people, in one process and with two workers.

Every size is a population of its own, made, measured and removed. Results are kept by size, path and program, so an
interrupted run goes on where it stopped and a changed program starts anew.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from features.errors import TrainingError
from training.scaling_run import CALIBRATE, FIT, READ, SCORE
from training.seeds import ROOT, program_of_the_model

SEED = 1
PEOPLE_EACH, FEWEST_PARTITIONS = 20_000, 8
CURVE = (READ, FIT, CALIBRATE, SCORE)
"""The stages that the ratio is of: the others are done by the coordinator alone, or once."""


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes
    ----------
    workers : int
        1 stands for one process and one thread, without a cluster.
    partition_seconds, partition_peak_mib : float
        Of cutting the extract, which only the cluster needs; 0 for one process.
    seconds : mapping of stage to float
    worker_peak_mib : tuple of float
        The most memory each worker ever took; for one process, that process.
    coordinator_peak_mib : float or None
    """

    people: int
    workers: int
    person_dates: int
    partition_seconds: float
    partition_peak_mib: float
    seconds: Mapping[str, float]
    worker_peak_mib: tuple[float, ...]
    coordinator_peak_mib: float | None

    def together(self) -> float:
        """Seconds of the stages that the ratio is of."""
        return sum(self.seconds[stage] for stage in CURVE)


def measure(
    sizes: Sequence[int], one_process_up_to: int, kept: Path, say: Callable[[str], object]
) -> tuple[Measured, ...]:
    """Return the runs of every size, one process first; those kept by the same program are not made again.

    Parameters
    ----------
    one_process_up_to : int
        People beyond whom one process is not measured, because it would not fit into this machine's memory.
    """
    program = program_of_the_model()
    found = []
    for people in sorted(set(sizes)):
        kinds = ["one", "two"] if people <= one_process_up_to else ["two"]
        files = {kind: kept / f"{program}-{people}-{kind}.json" for kind in kinds}
        missing = [kind for kind, file in files.items() if not file.is_file()]
        if missing:
            with TemporaryDirectory(prefix="varhain-scaling-") as scratch:
                _measure_size(people, {kind: files[kind] for kind in missing}, Path(scratch), say)
        for file in files.values():
            content = json.loads(file.read_text(encoding="utf-8"))
            found.append(Measured(**{**content, "worker_peak_mib": tuple(content["worker_peak_mib"])}))
    return tuple(found)


def _measure_size(people: int, files: Mapping[str, Path], scratch: Path, say: Callable[[str], object]) -> None:
    say(f"{people:,} people: the population")
    _varhain(scratch, "population", "--out", str(scratch / "area"), "--people", str(people), "--seed", str(SEED))
    extract, partitions = scratch / "area" / "extract", scratch / "partitions"
    spent, peak = 0.0, 0.0
    if "two" in files:
        say(f"{people:,} people: partitions")
        each = str(max(100, min(PEOPLE_EACH, people // FEWEST_PARTITIONS)))
        spent, peak = _varhain(
            *(scratch, "distributed", "partition", str(extract)), *("--out", str(partitions), "--people-each", each)
        )
    for kind, file in files.items():
        say(f"{people:,} people: {'one process' if kind == 'one' else 'two workers'}")
        result = scratch / f"{kind}.json"
        place = extract if kind == "one" else partitions
        _run(scratch, [sys.executable, "-m", "training.scaling_run", kind, str(place), str(result)])
        measured = Measured(
            people=people,
            workers=1 if kind == "one" else 2,
            partition_seconds=0.0 if kind == "one" else spent,
            partition_peak_mib=0.0 if kind == "one" else peak,
            **json.loads(result.read_text(encoding="utf-8")),
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(measured)), encoding="utf-8")
        partial.replace(file)


def _varhain(home: Path, *arguments: str) -> tuple[float, float]:
    program = "import sys; from service.cli import main; main()"
    return _run(home, [sys.executable, "-c", program, *arguments])


def _run(home: Path, arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak memory (MiB) of a process of one thread; its progress goes to stderr.

    Raises
    ------
    TrainingError
        Where it failed; what it said stands above.
    """
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    begun = time.perf_counter()
    process = subprocess.Popen(
        arguments,
        cwd=ROOT,
        env={**os.environ, **one_thread, "VARHAIN_HOME": str(home)},
        stdout=subprocess.DEVNULL,
    )
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise TrainingError(
            f"a measured run ended with exit code {process.returncode} (what it said stands above; -9 is most often "
            "want of memory); measure fewer people, or lower --one-process-up-to"
        )
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


@dataclass(frozen=True)
class Costs:
    """What a person-date costs with two workers: time by the largest run, memory by a line through the two largest.

    Attributes
    ----------
    worker_seconds : mapping of stage to float
        Of one core, a person-date; what workers lose by waiting for each other is in it.
    coordinator_seconds : float
        Split, evaluation and calibration, which one process does for all, a person-date.
    partition_seconds : float
    worker_bytes, coordinator_bytes : float
        A person-date.
    worker_fixed_mib, coordinator_fixed_mib : float
        What a process takes with nothing in it.
    """

    people: int
    person_dates: int
    worker_seconds: Mapping[str, float]
    coordinator_seconds: float
    partition_seconds: float
    worker_bytes: float
    worker_fixed_mib: float
    coordinator_bytes: float
    coordinator_fixed_mib: float


def costs_of(runs: Sequence[Measured]) -> Costs:
    """Return the costs that the runs with two workers tell.

    Raises
    ------
    TrainingError
        Where fewer than two sizes were measured: memory is a line, and a line needs two points.
    """
    two = [run for run in runs if run.workers == 2]
    if len({run.people for run in two}) < 2:
        raise TrainingError(
            "give at least two sizes (--people twice): what is fixed and what grows cannot be told by one"
        )
    largest = max(two, key=lambda run: run.people)
    n = largest.person_dates
    pair = sorted(two, key=lambda run: run.people)[-2:]
    at = [float(run.person_dates) for run in pair]
    worker = _line(at, [sum(run.worker_peak_mib) for run in pair])
    coordinator = _line(at, [float(run.coordinator_peak_mib or 0) for run in pair])
    by_workers = (READ, FIT, SCORE)
    return Costs(
        people=largest.people,
        person_dates=n,
        worker_seconds={stage: largest.seconds[stage] * largest.workers / n for stage in by_workers},
        coordinator_seconds=sum(spent for stage, spent in largest.seconds.items() if stage not in by_workers) / n,
        partition_seconds=largest.partition_seconds / n,
        worker_bytes=worker[0] * 2**20,
        worker_fixed_mib=worker[1] / largest.workers,
        coordinator_bytes=coordinator[0] * 2**20,
        coordinator_fixed_mib=coordinator[1],
    )


def _line(at: Sequence[float], value: Sequence[float]) -> tuple[float, float]:
    """Slope and start of the straight line through two points; neither below 0."""
    slope = max(0.0, (value[1] - value[0]) / (at[1] - at[0]))
    return slope, max(0.0, value[0] - slope * at[0])
