"""Fits the committee: the served recipe again and again on people drawn anew, with replacement.

A person who is drawn twice counts twice, with all their person-dates. Every refit is calibrated on the same slice as
the model itself. They run side by side, one thread each: small fits share a core better than threads share a small fit.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.frame import FeatureFrame
from model_registry.scoring.answers import highest_over_answers
from model_registry.scoring.calibration import SigmoidCalibration
from model_registry.scoring.committee import Committee
from model_registry.scoring.refits import CalibratedRefits, Refits, calibrated_refits, linear_refits, tree_refits
from model_registry.scoring.trees import SMALL_TREE_LEAVES
from training.chain import Chain
from training.challengers import HISTORY_RULE, LOGISTIC, SMALL_TREE, TREE_DEPTH, fit_linear_kind, small_tree_text
from training.config import CommitteeConfig, FitConfig
from training.fit import SMALL_TREES, Candidate, Table, boosting_parameters, calibrated_margin, train_trees

Floats = NDArray[np.float64]
SEED_STEP = 7919
MEASURED_ON = 100_000
WIDENING = {
    5: {0: 9.4, 3: 6.5, 6: 5.5, 9: 6.5},
    25: {0: 4.7, 3: 3.3, 6: 3.1, 9: 3.9},
}
"""By members of a committee and landmark: how far its range must be drawn out to cover the true risk, everything given,
of 80 % of the people in each of five synthetic populations of 100,000 with the trend (`varhain evidence committee`,
docs/evidence-committee.md); on real people, whose true risk nobody knows, an assumption."""


@dataclass(frozen=True)
class Refit:
    """How one refit of a kind is made, and how several become one: a model (LightGBM's text, or linear tables)."""

    fit: Callable[[Table, Sequence[str], int], object]
    together: Callable[[Sequence[object], Sequence[str]], Refits]


def fit_committee(
    candidate: Candidate,
    catalogue: Catalogue,
    config: CommitteeConfig,
    fit_config: FitConfig,
    seed: int,
    fit: Table,
    person: NDArray[np.int64],
    calibration: Table,
    chain: Chain | None,
    progress: Callable[[], None] = lambda: None,
) -> Committee | None:
    """Return the committee of a candidate; None where the configuration asks for no members.

    Parameters
    ----------
    fit, person : Table of n, int64 (n,)
        What the candidate was fitted on, and whose each person-date is.
    calibration, chain
        What the candidate was calibrated on.
    progress : callable
        Called after each refit, from several threads.
    """
    if config.members == 0:
        return None
    kind = refit_of(candidate.name, catalogue, fit_config, config.most_trees)
    models = {"register": candidate.register.feature_names}
    if candidate.full is not None:
        models["full"] = candidate.full.feature_names
    drawn = [draw_people(person, seed + SEED_STEP * (member + 1)) for member in range(config.members)]

    def one(order: tuple[str, int]) -> object:
        model, member = order
        rows = np.flatnonzero(drawn[member])
        again = fit.take(rows)
        times = drawn[member][rows].astype(np.float64)
        weighted = replace(again, weight=times if again.weight is None else times * again.weight)
        made = kind.fit(weighted, models[model], seed + SEED_STEP * (member + 1))
        progress()
        return made

    orders = [(model, member) for model in models for member in range(config.members)]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        made = dict(zip(orders, pool.map(one, orders), strict=True))
    parts: dict[str, CalibratedRefits] = {}
    for model, names in models.items():
        refits = kind.together([made[model, member] for member in range(config.members)], names)
        own_chain = chain.where(calibration.answered) if chain is not None and model == "full" else chain
        rows = (
            np.flatnonzero(calibration.answered) if chain is None and model == "full" else np.arange(len(calibration))
        )
        parts[model] = calibrated_refits(refits, calibrate_all(refits, calibration.take(rows), own_chain))
    widening = {
        month: widening_measured(config.members, month) if config.widening is None else config.widening
        for month in catalogue.landmarks
    }
    return Committee(parts["register"], parts.get("full"), widening)


def calibrate_all(refits: Refits, calibration: Table, chain: Chain | None) -> list[SigmoidCalibration]:
    """Return one calibration for each refit, all on the same slice."""
    margins = refits.margins(calibration.frame.select(refits.names).values, len(os.sched_getaffinity(0)))
    return [calibrated_margin(margins[:, member], calibration, chain) for member in range(len(refits))]


def widening_measured(members: int, landmark: int) -> float:
    """Return the widening for so many members at a landmark, between the measured ones in proportion.

    >>> widening_measured(25, 0) == widening_measured(40, 0) == WIDENING[25][0]
    True
    """
    sizes = [np.interp(landmark, list(measured), list(measured.values())) for measured in WIDENING.values()]
    return float(np.interp(members, list(WIDENING), sizes))


def member_log_odds(
    committee: Committee, catalogue: Catalogue, frame: FeatureFrame, answered: NDArray[np.bool_]
) -> Floats:
    """Return the log-odds (n, members) of the risk each member would have served."""
    threads = len(os.sched_getaffinity(0))
    wide = committee.widened(catalogue.feature_names)
    register, full = wide.register.log_odds(frame.values, threads), wide.full
    if full is None:
        return register
    return highest_over_answers(catalogue, frame, answered, register, lambda less: full.log_odds(less.values, threads))


def draw_people(person: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return how often each person-date (n,) counts when as many people as there are are drawn with replacement."""
    people, place = np.unique(person, return_inverse=True)
    times = np.random.default_rng(seed).multinomial(len(people), np.full(len(people), 1 / len(people)))
    counts: NDArray[np.int64] = times[place].astype(np.int64)
    return counts


def refit_of(kind: str, catalogue: Catalogue, config: FitConfig, most_trees: int) -> Refit:
    """Return how a kind of model is refitted."""
    if kind in (LOGISTIC, HISTORY_RULE):
        return Refit(
            lambda table, names, _: fit_linear_kind(kind, catalogue, table, names),
            lambda made, _: linear_refits(made),  # type: ignore[arg-type]
        )
    if kind == SMALL_TREE:
        return Refit(
            lambda table, names, seed: small_tree_text(catalogue, table, names, seed),
            lambda made, names: tree_refits(made, names, max_leaves=2**TREE_DEPTH),  # type: ignore[arg-type]
        )
    assert kind == SMALL_TREES
    trees = min(config.trees, most_trees)
    rate = min(1.0, config.learning_rate * config.trees / trees)
    # Of a model with larger trees, too, the refits stay small: nobody waits for them to be explained.
    leaves = min(config.leaves, SMALL_TREE_LEAVES)
    settings = config.model_copy(update={"learning_rate": rate, "threads": 1, "leaves": leaves})
    return Refit(
        lambda table, names, seed: train_trees(catalogue, table, names, boosting_parameters(settings, seed), trees),
        lambda made, names: tree_refits(made, names, max_leaves=leaves),  # type: ignore[arg-type]
    )
