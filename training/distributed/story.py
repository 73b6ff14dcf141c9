"""The story of a training run on a cluster: from a partitioned extract to a registered model, and its scores.

The same steps as `training.pipeline`, by the same code. What is large stays with the workers (facts, features, the fit,
scores); what is small is gathered, in the order of a one-process run (who, when, what came of it, risks).
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue, load_catalogue
from features.errors import ConfigError
from features.frame import FeatureFrame
from model_registry.home import home, packages, tracking_uri
from model_registry.package import Package, write_package
from model_registry.scoring.segments import DEFAULT_POLICY, SegmentPolicy
from model_registry.scoring.trees import TreeTables, compile_trees
from model_registry.store import Store
from training.clock import Clock
from training.config import TrainingConfig
from training.distributed import tasks
from training.distributed.cluster import Cluster, refuse_unshared
from training.distributed.fitting import Block, fit_watched
from training.distributed.gather import told_by_parts
from training.distributed.left_out import refuse_unasked
from training.distributed.partitioned import read_index
from training.distributed.prepared import Prepared, gathered_risks, gathered_values, prepare, told_on
from training.distributed.scores import KEEP_DAYS, Scores, refuse_taken, score_prepared
from training.evaluate import SERVED, LandmarkEvaluation, evaluate_models, refuse_leaks
from training.evidence import logged_metrics, logged_parameters, run_evidence
from training.fit import SMALL_TREES, Candidate, Table, boosting_parameters, fit_candidate
from training.levels import latest_year, thresholds_from
from training.material import (
    Judged,
    Material,
    evaluation_material,
    make_splits,
    training_material,
)
from training.pipeline import model_name
from training.progress import progress_bar
from training.split import Split
from training.tables import evaluation_table

Rows = NDArray[np.int64]
REFERENCE_ROWS = 50_000
"""People at a landmark whose mean contributions are the baseline of reasons; drawn at random where there are more."""


@dataclass(frozen=True)
class ClusterRun:
    """What a run has made; `scores` only where they were asked for."""

    name: str
    version: str
    digest: str
    person_dates: int
    evaluations: tuple[LandmarkEvaluation, ...]
    seconds: dict[str, float]
    scores: Scores | None


def train_on_cluster(
    config: TrainingConfig,
    cluster: Cluster,
    say: Callable[[str], object] = print,
    scores: Path | None = None,
    left_out: frozenset[str] | None = None,
    keep_days: int = KEEP_DAYS,
) -> ClusterRun:
    """Return the registered result; tables and sentences go to `say`, progress to stderr.

    Parameters
    ----------
    config : TrainingConfig
        `extract` is the folder of a partitioned extract; `serve` can only be small trees.
    scores : Path, optional
        A new folder for the scores of every person-date, one Parquet file a partition, with the package that scored.
    left_out : frozenset of str, optional
        Pseudonyms that are not scored. Who objects must be told, if only as none, where the people are real.
    keep_days : int
        How long the scores may be kept.
    """
    if config.serve != SMALL_TREES:
        raise ConfigError("serve: on a cluster only small trees are fitted; leave it out, or use `varhain train`")
    clock = Clock()
    catalogue = load_catalogue(config.catalogue)
    if catalogue.source_kind == "flat":
        raise ConfigError(f"catalogue {catalogue.name} reads a flat file; on a cluster dated facts are read")
    policy = SegmentPolicy.load(config.policy or DEFAULT_POLICY)
    partitioned = read_index(config.extract)
    name = model_name(config, catalogue, partitioned.synthetic)
    if scores is not None:
        refuse_unasked(partitioned.synthetic, left_out)
        refuse_taken(scores)
    refuse_unshared(config.extract, cluster)
    with clock.step("read and features"):
        prepared = prepare(config, catalogue, partitioned, cluster)
    gathered = prepared.gathered
    extract, cohort, table = gathered.extract, gathered.cohort, gathered.table
    with clock.step("split"):
        told = told_by_parts(catalogue, prepared.lights, lambda day: told_on(cluster, prepared.places, day))
        backtest, refit = make_splits(config, catalogue, extract, cohort)
        judged = evaluation_material(catalogue, extract, cohort, table, backtest, told)
    fits: dict[str, tuple[Material, Candidate]] = {}
    for title, split in (("backtest", backtest), ("served model", refit)):
        with clock.step("split"):
            material = training_material(config, catalogue, extract, cohort, table, split, told)
        fits[title] = material, fit_on_cluster(config, catalogue, cluster, prepared, material, clock, title, say)
        if title == "backtest":
            with clock.step("evaluate"):
                evaluations = evaluate(config, catalogue, cluster, prepared, judged, fits[title][1])
                warnings = refuse_leaks(evaluations)
            say("\n".join([evaluation_table(evaluations), "", *warnings]))
    with clock.step("levels from capacity"):
        policy = thresholds_on_cluster(policy, catalogue, cluster, prepared, fits["served model"][1])
    evidence = run_evidence(config, catalogue, extract, cohort, backtest, refit, evaluations, (), warnings)
    evidence |= {
        "censoring": {"fit and calibration": dict(fits["backtest"][0].described), "evaluation": dict(judged.described)},
        "recommendation": "Fitted on a cluster without challengers: compare them on one machine with `varhain train`.",
        "committee": None,
        "distributed": {**cluster.described(), "partitions": len(partitioned.parts)},
    }
    with tempfile.TemporaryDirectory(prefix="varhain-training-") as scratch:
        folder = Path(scratch)
        with clock.step("package"):
            package = package_on_cluster(
                folder / "package", name, config, catalogue, policy, cluster, prepared, refit, fits, evidence
            )
        with clock.step("log and register (mlflow)"):
            report = folder / "report"
            report.mkdir()
            (report / "evidence.json").write_text(json.dumps(evidence, indent=1), encoding="utf-8")
            store = Store(tracking_uri(home()))
            run = store.log_run(
                name,
                params=logged_parameters(config, catalogue, extract),
                metrics=logged_metrics(evaluations),
                tags={"demonstration": str(extract.synthetic).lower(), "distributed": "true"},
                artifacts=report,
            )
            version = store.register(folder / "package", run)
            kept = store.export(name, version, packages(home()))
    scored = None
    if scores is not None:
        with clock.step("score"):
            scored = score_prepared(
                cluster, prepared, kept, scores, tasks.Wanted(left_out=left_out or frozenset()), keep_days
            )
    say("\nTime\n" + clock.table())
    say(f"\nRegistered {name} version {version} (not serving: promotion is a separate act, with a reason).")
    return ClusterRun(name, version, package.meta.digest, len(cohort), evaluations, clock.seconds, scored)


def fit_on_cluster(
    config: TrainingConfig,
    catalogue: Catalogue,
    cluster: Cluster,
    prepared: Prepared,
    material: Material,
    clock: Clock,
    title: str,
    say: Callable[[str], object],
) -> Candidate:
    """Return a register and a full model fitted by all workers, calibrated here on the gathered calibration slice."""
    own = prepared.gathered.by_part(material.fit_rows)
    outcome = np.split(material.fit.outcome, np.cumsum([len(rows) for _, rows in own])[:-1])
    weighing = np.ones(len(material.fit)) if material.fit.weight is None else material.fit.weight
    weight = np.split(weighing, np.cumsum([len(rows) for _, rows in own])[:-1])
    texts: dict[str, str] = {}
    models = 1 if catalogue.register_names == catalogue.feature_names else 2

    with progress_bar(f"Fitting {title}", models * config.fit.trees) as bar:

        def fitter(fit: Table, names: Sequence[str]) -> TreeTables:
            def blocks() -> list[Block]:
                workers = sorted(cluster.workers().items(), key=lambda worker: str(worker[1]["name"]))
                return [
                    Block(
                        cluster.client.submit(
                            tasks.fit_values,
                            prepared.futures[part],
                            rows,
                            tuple(names),
                            catalogue.source_text,
                            config.seed + part,
                            workers=[workers[number % len(workers)][0]],
                            allow_other_workers=True,
                            pure=False,
                        ),
                        outcome[number],
                        weight[number],
                    )
                    for number, (part, rows) in enumerate(own)
                ]

            with clock.step(f"fit, {title}"):
                parameters = boosting_parameters(config.fit, config.seed)
                text = fit_watched(cluster, blocks, catalogue, names, parameters, config.fit.trees, say, bar)
                texts["register" if tuple(names) == catalogue.register_names else "full"] = text
                return compile_trees(text, tuple(names))

        with clock.step(f"calibrate, {title}"):
            values = gathered_values(cluster, prepared, material.calibration_rows)
        frame = FeatureFrame(values, catalogue.feature_names, catalogue.fingerprint)
        before = clock.seconds.get(f"fit, {title}", 0.0)
        with clock.step(f"calibrate, {title}"):
            candidate = fit_candidate(
                SMALL_TREES,
                catalogue,
                material.fit,
                replace(material.calibration, frame=frame),
                fitter,
                texts=texts,
                chain=material.chain,
            )
        clock.seconds[f"calibrate, {title}"] -= clock.seconds[f"fit, {title}"] - before
        return candidate


def evaluate(
    config: TrainingConfig,
    catalogue: Catalogue,
    cluster: Cluster,
    prepared: Prepared,
    judged: Judged,
    candidate: Candidate,
) -> tuple[LandmarkEvaluation, ...]:
    """Return the evaluation of the served rule and of its register model alone, at each landmark."""
    people = judged.table
    risks = gathered_risks(catalogue, cluster, prepared, candidate, judged.rows, "Evaluating")
    return evaluate_models(
        people.outcome,
        people.landmark,
        prepared.gathered.cohort.person[judged.rows],
        risks,
        config.evaluation.draws,
        config.seed,
        own_weights=people.weight,
    )


def thresholds_on_cluster(
    policy: SegmentPolicy, catalogue: Catalogue, cluster: Cluster, prepared: Prepared, candidate: Candidate
) -> SegmentPolicy:
    """Return the policy with thresholds: its own, or set from capacity on the last twelve months of the delivery."""
    cohort = prepared.gathered.cohort
    rows, months = latest_year(cohort, prepared.gathered.extract.delivered_until)
    risk = gathered_risks(catalogue, cluster, prepared, candidate, rows, "Levels")[SERVED]
    return thresholds_from(policy, catalogue, risk, cohort.landmark[rows], cohort.as_of[rows], months)


def package_on_cluster(
    folder: Path,
    name: str,
    config: TrainingConfig,
    catalogue: Catalogue,
    policy: SegmentPolicy,
    cluster: Cluster,
    prepared: Prepared,
    refit: Split,
    fits: dict[str, tuple[Material, Candidate]],
    evidence: dict[str, Any],
) -> Package:
    """Return the package of the model that is to be served, written to `folder`."""
    gathered, served = prepared.gathered, fits["served model"][1]
    random = np.random.default_rng(config.seed)
    reference = {}
    for month in catalogue.landmarks:
        rows = refit.fit.rows[gathered.cohort.landmark[refit.fit.rows] == month]
        if len(rows) > REFERENCE_ROWS:
            rows = np.sort(random.choice(rows, REFERENCE_ROWS, replace=False))
        values = gathered_values(cluster, prepared, rows)
        reference[month] = FeatureFrame(values, catalogue.feature_names, catalogue.fingerprint)
    evidence["distributed"]["reference_rows_at_most"] = REFERENCE_ROWS
    market = gathered.extract.facts.labour_market if gathered.extract.facts else None
    return write_package(
        folder,
        name=name,
        catalogue=catalogue,
        register=served.register,
        full=served.full,
        policy=policy,
        reference=reference,
        evidence=evidence,
        trained_on={
            "data_fingerprint": gathered.extract.fingerprint(),
            "kind": served.name,
            "distributed": {**cluster.described(), "partitions": len(prepared.places)},
            **refit.described(),
        },
        demonstration=gathered.extract.synthetic,
        register_text=served.texts.get("register"),
        full_text=served.texts.get("full") if served.full is not None else None,
        labour_market=market,
        seed=config.seed,
    )
