"""How a run judges its models on the evaluation slice: measures, labels, groups, levels, worth of inputs, plots."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.outcome import LABELS
from model_registry.evidence.estimates import why_not_assessable
from model_registry.evidence.measures import auc, rank
from model_registry.scoring.committee import Committee
from model_registry.scoring.segments import SegmentPolicy
from training.candidates import fitted_on
from training.challengers import AGE_RULE, fit_age_rule
from training.cohort import Cohort, ages
from training.config import TrainingConfig
from training.evaluate import (
    REGISTER,
    SERVED,
    LandmarkEvaluation,
    evaluate_models,
)
from training.extract import Extract
from training.fit import SMALL_TREES, Candidate, Table
from training.levels import LevelFigures, judge_levels, rows_between, set_thresholds
from training.material import (
    Judged,
    Material,
    outcomes_known,
)
from training.plots import plot_all
from training.progress import progress_bar
from training.proxies import ProxyFigure, attributes, measure_proxies, suspects
from training.side_by_side import LabelFigures, compare_labels, groups_of
from training.split import Split
from training.worth import Worth, blocks_of, measure_worth


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


def risks_by_model(catalogue: Catalogue, people: Table, candidates: Mapping[str, Candidate]) -> dict[str, Any]:
    """Return risks (n,) by model: the served rule, its register model alone, and each of the others."""
    first, *others = candidates.values()
    risks = {SERVED: first.risk(people.frame, people.answered, catalogue)}
    if first.full is not None:
        risks[REGISTER] = first.register.risk(people.frame)
    return risks | {other.name: other.risk(people.frame, people.answered, catalogue) for other in others}


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
