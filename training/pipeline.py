"""The story of a training run, from an extract to a registered model. Promotion is another act, by a person."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from features.catalogue import Catalogue, load_catalogue
from features.errors import ConfigError
from model_registry.evidence.gates import unsure_among_the_top
from model_registry.home import home, tracking_uri
from model_registry.package import Package, write_package
from model_registry.scoring.committee import Committee
from model_registry.scoring.segments import DEFAULT_POLICY, SegmentPolicy
from model_registry.store import Store
from training.candidates import committee_of, fit_all, fit_kind
from training.clock import Clock
from training.cohort import build_cohort, flat_cohort
from training.config import TrainingConfig
from training.doubts import doubts
from training.evaluate import (
    LandmarkEvaluation,
    compare_with_challengers,
    recommendation,
    refuse_leaks,
)
from training.evidence import level_metrics, logged_metrics, logged_parameters, policy_parameters, run_evidence
from training.exits import exits_of
from training.extract import Extract, read_extract
from training.fit import Candidate, Table
from training.judging import (
    compare_all_labels,
    evaluate_all,
    flagged_periods,
    levels_of,
    plot_run,
    proxies_by_name,
    worth_of_inputs,
)
from training.levels import set_thresholds
from training.material import (
    evaluation_material,
    make_splits,
    training_material,
)
from training.person_dates import make_table, with_known_outcome
from training.split import Split
from training.tables import (
    evaluation_table,
    exit_table,
    label_table,
    levels_table,
    period_lines,
    proxy_table,
    served_thresholds,
    verdicts,
    worth_table,
    wrapped,
)

DEMONSTRATION = "demo-"


@dataclass(frozen=True)
class TrainingRun:
    """What a run has made: the registered name and version, and how the model was judged."""

    name: str
    version: str
    run: str
    digest: str
    evaluations: tuple[LandmarkEvaluation, ...]
    evidence: Mapping[str, Any]
    seconds: Mapping[str, float]


def train(config: TrainingConfig, say: Callable[[str], None] = print) -> TrainingRun:
    """Return the registered result of a whole run; tables and sentences go to `say`, progress to stderr."""
    clock = Clock()
    catalogue = load_catalogue(config.catalogue)
    policy = SegmentPolicy.load(config.policy or DEFAULT_POLICY)
    with clock.step("read the extract"):
        extract = read_extract(config.extract, catalogue)
    name = model_name(config, catalogue, extract.synthetic)
    capacity = config.evaluation.operating_capacity
    with clock.step("cohort and outcomes"):
        cohort = (
            with_known_outcome(flat_cohort(extract, catalogue)) if extract.flat else build_cohort(extract, catalogue)
        )
    with clock.step("features"):
        table = make_table(extract, catalogue, cohort)
    with clock.step("split"):
        backtest, refit = make_splits(config, catalogue, extract, cohort)
        material = training_material(config, catalogue, extract, cohort, table, backtest)
        judged = evaluation_material(catalogue, extract, cohort, table, backtest)
    with clock.step("fit and calibrate, backtest"):
        candidates = fit_all(config, catalogue, material)
    with clock.step("committee, backtest"):
        backtest_committee = committee_of(config, catalogue, cohort, material, candidates[config.serve])
    with clock.step("evaluate"):
        evaluations = evaluate_all(config, catalogue, extract, cohort, material, judged, candidates)
        warnings = (*refuse_leaks(evaluations), *doubts(config, catalogue, policy, extract))
        comparisons = compare_with_challengers(evaluations)
    with clock.step("labels and groups side by side"):
        labels = compare_all_labels(config, catalogue, extract, cohort, table, backtest, candidates)
        periods = flagged_periods(catalogue, cohort, judged, candidates)
    with clock.step("how unemployment ends"):
        exits = exits_of(config, catalogue, extract, cohort, backtest)
    with clock.step("levels from capacity"):
        levels = levels_of(
            config, catalogue, policy, extract, cohort, table, backtest, judged, candidates, backtest_committee
        )
        gates = (unsure_among_the_top(levels),)
    report = [evaluation_table(evaluations), *map(wrapped, period_lines(periods)), label_table(labels, capacity)]
    report += [exit_table(exits), levels_table(levels), *(wrapped(gate.sentence) for gate in gates)]
    worth, proxies = None, ()
    if config.evaluation.worth:
        with clock.step("what each input is worth"):
            worth = worth_of_inputs(config, catalogue, extract, cohort, material, judged, candidates)
            proxies = proxies_by_name(config, catalogue, extract, cohort, table, material, judged)
        report += [worth_table(worth), proxy_table(proxies)] if worth else [proxy_table(proxies)]
    report += ["", *map(wrapped, (*warnings, *verdicts(comparisons), recommendation(comparisons)))]
    say("\n".join(report))
    with clock.step("fit and calibrate, served model"):
        served_material = training_material(config, catalogue, extract, cohort, table, refit)
        served = fit_kind(config.serve, config, catalogue, served_material)
    with clock.step("committee, served model"):
        committee = committee_of(config, catalogue, cohort, served_material, served)
        policy = set_thresholds(policy, catalogue, served, committee, cohort, table, extract.delivered_until)
    report += ["", served_thresholds(policy)]
    say(f"\n{served_thresholds(policy)}")
    evidence = run_evidence(config, catalogue, extract, cohort, backtest, refit, evaluations, comparisons, warnings)
    evidence |= {
        "censoring": {"fit and calibration": dict(material.described), "evaluation": dict(judged.described)},
        "labels": {"chosen": catalogue.label.name, "side_by_side": [one.described() for one in labels]},
        "exits": [one.described() for one in exits],
        "operating_capacity": capacity,
        "known_bad_periods": periods,
        "worth": worth.described() if worth else None,
        "proxies": [one.described() for one in proxies],
        "levels": [one.described() for one in levels],
        "gates": [asdict(gate) for gate in gates],
        "committee": {"members": len(committee), "widening": dict(committee.widening)} if committee else None,
    }
    with tempfile.TemporaryDirectory(prefix="varhain-training-") as scratch:
        folder = Path(scratch)
        with clock.step("package"):
            package = package_model(
                folder / "package", name, config, catalogue, policy, extract, table, refit, served, committee, evidence
            )
        with clock.step("plots"):
            plot_run(folder / "report", catalogue, judged, candidates, worth)
            (folder / "report" / "evaluation.txt").write_text("\n".join(report), encoding="utf-8")
            (folder / "report" / "evidence.json").write_text(json.dumps(evidence, indent=1), encoding="utf-8")
        with clock.step("log and register (mlflow)"):
            store = Store(tracking_uri(home()))
            run = store.log_run(
                name,
                params=logged_parameters(config, catalogue, extract) | policy_parameters(policy),
                metrics=logged_metrics(evaluations) | level_metrics(levels),
                tags={"demonstration": str(extract.synthetic).lower()},
                artifacts=folder / "report",
            )
            version = store.register(folder / "package", run)
    say("\nTime\n" + clock.table())
    say(f"\nRegistered {name} version {version} (not serving: promotion is a separate act, with a reason).")
    return TrainingRun(name, version, run, package.meta.digest, evaluations, evidence, clock.seconds)


def model_name(config: TrainingConfig, catalogue: Catalogue, synthetic: bool) -> str:
    """Return the model's name. One made of synthetic people must say so in its name, and no other may.

    Raises
    ------
    ConfigError
        Where the name given says otherwise.
    """
    plain = catalogue.name.replace("_", "-")
    name = config.name or (f"{DEMONSTRATION}{plain}" if synthetic else plain)
    if synthetic != name.startswith(DEMONSTRATION):
        rule = "must begin" if synthetic else "cannot begin"
        kind = "synthetic" if synthetic else "not synthetic"
        raise ConfigError(f"name: the extract is {kind}, so the model's name {rule} with {DEMONSTRATION}")
    return name


def package_model(
    folder: Path,
    name: str,
    config: TrainingConfig,
    catalogue: Catalogue,
    policy: SegmentPolicy,
    extract: Extract,
    table: Table,
    refit: Split,
    served: Candidate,
    committee: Committee | None,
    evidence: Mapping[str, Any],
) -> Package:
    """Return the package of the model that is to be served, written to `folder`."""
    fitted = table.take(refit.fit.rows)
    reference = {month: fitted.take(np.flatnonzero(fitted.landmark == month)).frame for month in catalogue.landmarks}
    return write_package(
        folder,
        name=name,
        catalogue=catalogue,
        register=served.register,
        full=served.full,
        committee=committee,
        policy=policy,
        reference=reference,
        evidence=evidence,
        trained_on={"data_fingerprint": extract.fingerprint(), "kind": served.name, **refit.described()},
        demonstration=extract.synthetic,
        register_text=served.texts.get("register"),
        full_text=served.texts.get("full") if served.full is not None else None,
        labour_market=extract.facts.labour_market if extract.facts else None,
        seed=config.seed,
        larger_trees=config.fit.larger_trees,
    )
