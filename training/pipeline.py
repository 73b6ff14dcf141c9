"""The story of a training run, from an extract to a registered model. Promotion is another act, by a person."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue, load_catalogue
from features.errors import ConfigError
from features.frame import FeatureFrame
from features.outcome import LABELS
from model_registry.evidence.estimates import why_not_assessable
from model_registry.evidence.gates import unsure_among_the_top
from model_registry.evidence.measures import auc, rank
from model_registry.home import home, tracking_uri
from model_registry.package import Package, voluntary_known, write_package
from model_registry.scoring.committee import Committee
from model_registry.scoring.segments import DEFAULT_POLICY, SegmentPolicy
from model_registry.store import Store
from training.challengers import AGE_RULE, ONLY_REGISTER, challenger_fitters, fit_age_rule
from training.clock import Clock
from training.cohort import Cohort, ages, build_cohort, features_of_cohort, flat_cohort
from training.committee import fit_committee
from training.config import TrainingConfig
from training.evaluate import (
    REGISTER,
    SERVED,
    LandmarkEvaluation,
    compare_with_challengers,
    evaluate_models,
    recommendation,
    refuse_leaks,
)
from training.evidence import logged_metrics, logged_parameters, run_evidence
from training.exits import exits_of
from training.extract import Extract, read_extract
from training.fit import SMALL_TREES, Candidate, Fitter, Table, fit_candidate, tree_fitter
from training.levels import LevelFigures, judge_levels, rows_between, set_thresholds
from training.material import (
    Judged,
    Material,
    evaluation_material,
    make_splits,
    outcomes_known,
    training_material,
)
from training.missing import with_values_missing_at_random
from training.plots import plot_all
from training.progress import progress_bar
from training.proxies import ProxyFigure, attributes, measure_proxies, suspects
from training.side_by_side import LabelFigures, compare_labels, groups_of
from training.split import Split
from training.tables import (
    evaluation_table,
    exit_table,
    label_table,
    levels_table,
    period_lines,
    proxy_table,
    verdicts,
    worth_table,
    wrapped,
)
from training.worth import Worth, blocks_of, measure_worth

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
        warnings = refuse_leaks(evaluations)
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
                params=logged_parameters(config, catalogue, extract),
                metrics=logged_metrics(evaluations),
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


def with_known_outcome(cohort: Cohort) -> Cohort:
    """Return the cohort without the person-dates whose outcome is not known."""
    rows = np.flatnonzero(~np.isnan(cohort.outcome))
    return Cohort(
        cohort.person[rows],
        cohort.as_of[rows],
        cohort.matures_on[rows],
        cohort.landmark[rows],
        cohort.outcome[rows],
        cohort.counts,
    )


def make_table(extract: Extract, catalogue: Catalogue, cohort: Cohort) -> Table:
    """Return features, outcomes and landmarks of the cohort, row by row."""
    frame = _flat_frame(extract, cohort) if extract.flat else _fact_frame(extract, catalogue, cohort)
    return Table(frame, cohort.outcome, voluntary_known(catalogue, frame), cohort.landmark)


def fit_all(config: TrainingConfig, catalogue: Catalogue, material: Material) -> dict[str, Candidate]:
    """Return every model by name, the kind that is to be served first."""
    kinds = [SMALL_TREES, *challenger_fitters(catalogue, config.seed)]
    if config.serve not in kinds:
        raise ConfigError(f"serve: catalogue {catalogue.name} has no features for this kind; choose {', '.join(kinds)}")
    kinds.sort(key=lambda kind: kind != config.serve)
    return {kind: fit_kind(kind, config, catalogue, material) for kind in kinds}


def fit_kind(kind: str, config: TrainingConfig, catalogue: Catalogue, material: Material) -> Candidate:
    """Return a register and a full model of one kind, fitted and calibrated."""
    fit = fitted_on(config, catalogue, material)
    texts: dict[str, str] = {}
    models = 1 if catalogue.register_names == catalogue.feature_names else 2
    with progress_bar(f"Fitting {kind}", models * config.fit.trees, kind == SMALL_TREES) as bar:
        fitters: dict[str, Fitter] = {
            SMALL_TREES: tree_fitter(catalogue, config.fit, config.seed, lambda: bar(1), texts),
            **challenger_fitters(catalogue, config.seed),
        }
        return fit_candidate(
            kind,
            catalogue,
            fit,
            material.calibration,
            fitters[kind],
            with_full=kind not in ONLY_REGISTER,
            texts=texts,
            chain=material.chain,
        )


def fitted_on(config: TrainingConfig, catalogue: Catalogue, material: Material) -> Table:
    """Return the fit slice as every model sees it: what is not known is missing at random."""
    return replace(material.fit, frame=with_values_missing_at_random(catalogue, material.fit.frame, config.seed))


def committee_of(
    config: TrainingConfig, catalogue: Catalogue, cohort: Cohort, material: Material, candidate: Candidate
) -> Committee | None:
    """Return the committee of a candidate, fitted on people drawn from its own fit slice."""
    models = 1 if candidate.full is None else 2
    refits = models * config.committee.members
    with progress_bar(f"Committee of {config.committee.members}", refits, refits > 0) as bar:
        return fit_committee(
            candidate,
            catalogue,
            config.committee,
            config.fit,
            config.seed,
            fitted_on(config, catalogue, material),
            cohort.person[material.fit_rows],
            material.calibration,
            material.chain,
            lambda: bar(1),
        )


def levels_of(
    config: TrainingConfig,
    catalogue: Catalogue,
    policy: SegmentPolicy,
    extract: Extract,
    cohort: Cohort,
    table: Table,
    split: Split,
    judged: Judged,
    candidates: Mapping[str, Candidate],
    committee: Committee | None,
) -> tuple[LevelFigures, ...]:
    """Return the levels on the evaluation slice, with thresholds set on the year before it."""
    candidate = candidates[config.serve]
    policy = set_thresholds(policy, catalogue, candidate, committee, cohort, table, split.evaluated().starts - 1)
    rows = split.evaluated().rows
    people = table.take(rows)
    weight = np.zeros(len(rows))
    standing = judged.table.weight
    weight[np.searchsorted(rows, judged.rows)] = 1.0 if standing is None else standing
    everybody = rows_between(cohort, split.evaluated().starts, split.evaluated().ends)
    return judge_levels(
        policy,
        catalogue,
        candidate,
        committee,
        replace(people, weight=weight),
        cohort.person[rows],
        table.take(everybody),
        cohort.as_of[everybody],
        groups_of(catalogue, extract.protected, cohort.person[rows]),
        config.evaluation.draws,
        config.seed,
    )


def evaluate_all(
    config: TrainingConfig,
    catalogue: Catalogue,
    extract: Extract,
    cohort: Cohort,
    material: Material,
    judged: Judged,
    candidates: Mapping[str, Candidate],
) -> tuple[LandmarkEvaluation, ...]:
    """Return the evaluation of every model, and of the age rule as a yardstick, on the evaluation slice."""
    people = judged.table
    risks = risks_by_model(catalogue, people, candidates)
    age = ages(extract, cohort.person, cohort.as_of)
    if np.isfinite(age).any():
        rule = fit_age_rule(age[material.fit_rows], material.fit.outcome, material.fit.weight)
        risks[AGE_RULE] = rule.risk(age[judged.rows])
    landmarks = len(np.unique(people.landmark))
    with progress_bar("Evaluating", landmarks * len(risks)) as bar:
        return evaluate_models(
            people.outcome,
            people.landmark,
            cohort.person[judged.rows],
            risks,
            config.evaluation.draws,
            config.seed,
            lambda _: bar(1),
            people.weight,
        )


def compare_all_labels(
    config: TrainingConfig,
    catalogue: Catalogue,
    extract: Extract,
    cohort: Cohort,
    table: Table,
    split: Split,
    candidates: Mapping[str, Candidate],
) -> tuple[LabelFigures, ...]:
    """Return the served model's figures under every label that can be computed, and by protected group."""
    rows = split.evaluated().rows
    people = table.take(rows)
    known_on, until = extract.delivered_until, extract.delivered_until - split.recording_lag_days
    names = LABELS if extract.facts is not None else (catalogue.label.name,)
    followed = {
        name: outcomes_known(extract, catalogue, cohort, rows, known_on=known_on, observed_until=until, name=name)
        for name in names
    }
    return compare_labels(
        next(iter(candidates.values())).risk(people.frame, people.answered, catalogue),
        people.landmark,
        cohort.person[rows],
        followed,
        catalogue.label.name,
        groups_of(catalogue, extract.protected, cohort.person[rows]),
        config.evaluation.operating_capacity,
        config.evaluation.draws,
        config.seed,
    )


def flagged_periods(
    catalogue: Catalogue, cohort: Cohort, judged: Judged, candidates: Mapping[str, Candidate]
) -> dict[str, Any]:
    """Return for each flagged known-bad period what it touches of the evaluation at the headline, and its effect."""
    people = judged.table
    month = int(people.landmark.min())
    first = np.flatnonzero(people.landmark == month)
    risk = next(iter(candidates.values())).risk(people.frame, people.answered, catalogue)
    found = {}
    for name, flags in cohort.flags.items():
        flagged = flags[judged.rows][first]
        if flagged.any():
            found[name] = {
                "landmark": month,
                "n": int(flagged.sum()),
                "of": len(first),
                "auc": _auc(people, risk, first),
                "auc_without": _auc(people, risk, first[~flagged]),
            }
    return found


def worth_of_inputs(
    config: TrainingConfig,
    catalogue: Catalogue,
    extract: Extract,
    cohort: Cohort,
    material: Material,
    judged: Judged,
    candidates: Mapping[str, Candidate],
) -> Worth | None:
    """Return what each block of inputs is worth, None where the catalogue has but one block."""
    blocks = blocks_of(catalogue)
    if len(blocks) < 2:
        return None
    trees = candidates[SMALL_TREES]
    known = {
        model.feature_names: model.margin(judged.table.frame)
        for model in (trees.register, trees.full)
        if model is not None
    }
    age = ages(extract, cohort.person, cohort.as_of)
    held = (age[material.fit_rows], age[judged.rows]) if np.isfinite(age).any() else None
    with progress_bar("Worth of inputs", len(blocks) + (held is not None)) as bar:
        return measure_worth(
            catalogue,
            config.fit,
            config.seed,
            fitted_on(config, catalogue, material),
            judged.table,
            cohort.person[judged.rows],
            known,
            held,
            config.evaluation.draws,
            lambda: bar(1),
        )


def proxies_by_name(
    config: TrainingConfig,
    catalogue: Catalogue,
    extract: Extract,
    cohort: Cohort,
    table: Table,
    material: Material,
    judged: Judged,
) -> tuple[ProxyFigure, ...]:
    """Return how well each suspect tells each protected attribute at the first landmark."""
    if extract.facts is None:
        return ()
    month = catalogue.landmarks[0]
    parts = []
    for rows in (material.fit_rows, judged.rows):
        first = rows[cohort.landmark[rows] == month]
        where = (cohort.person[first], cohort.as_of[first])
        parts.append(
            (
                suspects(catalogue, extract.facts, extract.protected, table.take(first), *where),
                attributes(catalogue, extract.protected, *where),
                where[0],
            )
        )
    (classes, answers, _), (own_classes, asked, person) = parts
    return measure_proxies(classes, answers, own_classes, asked, person, config.evaluation.draws, config.seed)


def risks_by_model(catalogue: Catalogue, people: Table, candidates: Mapping[str, Candidate]) -> dict[str, Any]:
    """Return risks (n,) by model: the served rule, its register model alone, and each of the others."""
    first, *others = candidates.values()
    risks = {SERVED: first.risk(people.frame, people.answered, catalogue)}
    if first.full is not None:
        risks[REGISTER] = first.register.risk(people.frame)
    return risks | {other.name: other.risk(people.frame, people.answered, catalogue) for other in others}


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


def plot_run(
    folder: Path, catalogue: Catalogue, judged: Judged, candidates: Mapping[str, Candidate], worth: Worth | None
) -> Sequence[Path]:
    """Return the plots of the backtest, written to `folder`."""
    people = judged.table
    register = next(iter(candidates.values())).register
    contributions = register.contributions(people.frame)
    risks = risks_by_model(catalogue, people, candidates)
    return plot_all(
        folder,
        catalogue,
        people.outcome,
        people.landmark,
        risks,
        contributions,
        register.feature_names,
        people.weight,
        worth,
    )


def _auc(people: Table, risk: NDArray[np.float64], rows: NDArray[np.int64]) -> float | None:
    if why_not_assessable(people.outcome[rows]) is not None:
        return None
    return float(auc(rank(people.outcome[rows], risk[rows], None if people.weight is None else people.weight[rows])))


def _fact_frame(extract: Extract, catalogue: Catalogue, cohort: Cohort) -> FeatureFrame:
    if extract.facts is None:
        raise ConfigError("the catalogue reads dated facts and the extract has none; choose the catalogue that fits it")
    with progress_bar("Features", len(cohort)) as bar:
        return features_of_cohort(catalogue, extract.facts, cohort, bar)


def _flat_frame(extract: Extract, cohort: Cohort) -> FeatureFrame:
    flat = extract.flat
    if flat is None:
        raise ConfigError("the catalogue reads a flat extract and this one holds facts; choose the catalogue that fits")
    values = np.ascontiguousarray(flat.frame.values[~np.isnan(flat.outcome)])
    return FeatureFrame(values, flat.frame.names, flat.frame.fingerprint)
