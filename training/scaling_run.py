"""One measured run of the curve in docs/scaling.md, in a process of its own so that its peak memory is its own.

python -m training.scaling_run one EXTRACT RESULT        one process and one thread, the path of `varhain train`
python -m training.scaling_run two PARTITIONS RESULT     the cluster path with two workers of one thread each
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.catalogue import Catalogue, load_catalogue
from model_registry.package import Package
from model_registry.scoring.segments import SegmentPolicy
from model_registry.scoring.trees import TreeTables, compile_trees
from training.candidates import fitted_on
from training.clock import Clock
from training.cohort import Cohort, build_cohort
from training.config import TrainingConfig, checked_config
from training.distributed.tasks import peak_memory
from training.evaluate import evaluate_models
from training.extract import Extract, read_extract
from training.fit import SMALL_TREES, Candidate, Table, boosting_parameters, fit_candidate, train_trees
from training.judging import risks_by_model
from training.levels import set_thresholds
from training.material import Material, evaluation_material, make_splits, training_material
from training.person_dates import make_table
from training.pipeline import package_model

CATALOGUE = "keski_uusimaa"
WORKERS = 2
READ, SPLIT, FIT, CALIBRATE, EVALUATE, PACKAGE, SCORE = (
    "read and features",
    "split",
    "fit",
    "calibrate",
    "evaluate",
    "package",
    "score",
)
STAGES = (READ, SPLIT, FIT, CALIBRATE, EVALUATE, PACKAGE, SCORE)
"""Each of both fits (the backtest's and the served model's) and of both models in each, added up."""


def one_process(path: Path) -> dict[str, Any]:
    """Return what a run in this process and in one thread took: seconds by stage, person-dates, peak memory (MiB)."""
    config = checked_config({"extract": str(path), "catalogue": CATALOGUE, "fit": {"threads": 1}})
    catalogue, clock = load_catalogue(CATALOGUE), Clock()
    with clock.step(READ):
        extract = read_extract(path, catalogue)
        cohort = build_cohort(extract, catalogue)
        table = make_table(extract, catalogue, cohort)
    with clock.step(SPLIT):
        backtest, refit = make_splits(config, catalogue, extract, cohort)
        judged = evaluation_material(catalogue, extract, cohort, table, backtest)
        material = training_material(config, catalogue, extract, cohort, table, backtest)
    candidate = _fitted(config, catalogue, material, clock)
    with clock.step(EVALUATE):
        evaluate_models(
            judged.table.outcome,
            judged.table.landmark,
            cohort.person[judged.rows],
            risks_by_model(catalogue, judged.table, {SMALL_TREES: candidate}),
            config.evaluation.draws,
            config.seed,
            own_weights=judged.table.weight,
        )
    with clock.step(SPLIT):
        material = training_material(config, catalogue, extract, cohort, table, refit)
    served = _fitted(config, catalogue, material, clock)
    with TemporaryDirectory(prefix="varhain-scaling-") as scratch:
        with clock.step(PACKAGE):
            policy = set_thresholds(
                SegmentPolicy.load(), catalogue, served, None, cohort, table, extract.delivered_until
            )
            package = package_model(
                folder=Path(scratch) / "package",
                name="demo-scaling",
                config=config,
                catalogue=catalogue,
                policy=policy,
                extract=extract,
                table=table,
                refit=refit,
                served=served,
                committee=None,
                evidence={},
            )
        with clock.step(SCORE):
            _score(package, extract, cohort, table, Path(scratch) / "scores.parquet")
    return {
        "person_dates": len(cohort),
        "seconds": clock.seconds,
        "worker_peak_mib": [peak_memory()],
        "coordinator_peak_mib": None,
    }


def two_workers(path: Path) -> dict[str, Any]:
    """Return the same of a run on two workers of one thread each, and the peak memory of each process."""
    from training.distributed.cluster import connected
    from training.distributed.story import train_on_cluster

    config = checked_config({"extract": str(path), "catalogue": CATALOGUE})
    with TemporaryDirectory(prefix="varhain-scaling-") as scratch, connected(workers=WORKERS) as cluster:
        made = train_on_cluster(config, cluster, lambda words: None, Path(scratch) / "scores")
        peaks = list(cluster.client.run(peak_memory).values())
    seconds = {stage: sum(spent for name, spent in made.seconds.items() if name.startswith(stage)) for stage in STAGES}
    return {
        "person_dates": made.person_dates,
        "seconds": seconds,
        "worker_peak_mib": peaks,
        "coordinator_peak_mib": peak_memory(),
    }


def _fitted(config: TrainingConfig, catalogue: Catalogue, material: Material, clock: Clock) -> Candidate:
    """A calibrated candidate, with its fit and its calibration on the clock apart."""

    def fitter(fit: Table, names: Sequence[str]) -> TreeTables:
        with clock.step(FIT):
            parameters = boosting_parameters(config.fit, config.seed)
            return compile_trees(train_trees(catalogue, fit, names, parameters, config.fit.trees), tuple(names))

    with clock.step(FIT):
        fit = fitted_on(config, catalogue, material)
    before = clock.seconds[FIT]
    with clock.step(CALIBRATE):
        candidate = fit_candidate(SMALL_TREES, catalogue, fit, material.calibration, fitter, chain=material.chain)
    clock.seconds[CALIBRATE] -= clock.seconds[FIT] - before
    return candidate


def _score(package: Package, extract: Extract, cohort: Cohort, table: Table, file: Path) -> None:
    """Every person-date scored and written, as the workers do it."""
    scored = package.screen(table.frame, landmark=cohort.landmark.astype(np.int64))
    columns = {
        "client_id": pa.array(extract.client_ids, pa.string()).take(pa.array(cohort.person)),
        "as_of": pa.array(cohort.as_of).cast(pa.date32()),
        "landmark": cohort.landmark,
        "risk": scored.risk,
        "level": scored.level,
    }
    pq.write_table(pa.table(columns), file, compression="zstd")


RUNS: dict[str, Callable[[Path], dict[str, Any]]] = {"one": one_process, "two": two_workers}

if __name__ == "__main__":
    kind, place, result = sys.argv[1:]
    Path(result).write_text(json.dumps(RUNS[kind](Path(place))), encoding="utf-8")
