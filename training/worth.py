"""What each input is worth: the gain of each block of inputs, landmark by landmark, and what no block has earned.

Whoever asks people for something must be able to say what it is good for. Blocks are added in the order in which they
cost the client something; the gain of a voluntary one is measured on the people who gave it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue, Feature
from model_registry.evidence import measures
from model_registry.evidence.estimates import Estimate, draw_weights, interval, why_not_assessable
from training.config import FitConfig
from training.fit import Table, boosting_parameters, tree_fitter

Floats = NDArray[np.float64]

MINIMAL, HISTORY, SELF_ASSESSMENT, EXPECTATION = "minimal set", "history", "self-assessment", "own expectation"
BLOCKS = (MINIMAL, HISTORY, SELF_ASSESSMENT, EXPECTATION)
OF_THE_DAY = ("present_spell_months", "registration_month_sin", "registration_month_cos", "occupation_tightness")
"""Functions that need nothing but what is known at registration."""
EVERYBODY, WHO_GAVE_IT = "everybody", "those who gave it"
AGE = "age"
GAIN_MEASURES = ("auc", "recall_at_10", "recall_at_25")


@dataclass(frozen=True)
class Gain:
    """What a block adds at a landmark to the blocks before it.

    Attributes
    ----------
    measured_on : str
        `EVERYBODY` or `WHO_GAVE_IT`.
    with_it : mapping of measure to Estimate
        The measures of the model with this block and those before it.
    gains : mapping of measure to Estimate
        With it less without it, on the same draws of persons; the first block against no model at all.
    """

    block: str
    landmark: int
    measured_on: str
    n: int
    outcomes: int
    with_it: Mapping[str, Estimate]
    gains: Mapping[str, Estimate]


@dataclass(frozen=True)
class Worth:
    """All gains, what is proposed for removal, and the gated features that could not be tried."""

    blocks: Mapping[str, tuple[str, ...]]
    gains: tuple[Gain, ...]
    proposed_for_removal: tuple[str, ...]
    gated: tuple[str, ...]
    gated_not_held: tuple[str, ...]

    def described(self) -> dict[str, Any]:
        """The worth as evidence."""
        return asdict(self)


def block_of(catalogue: Catalogue, feature: Feature) -> str:
    """Return the block that a feature belongs to."""
    if feature.input is not None:
        found = catalogue.input(feature.input)
        if found.voluntary:
            return EXPECTATION if found.fact == "statement" else SELF_ASSESSMENT
        return MINIMAL
    if feature.voluntary:
        return SELF_ASSESSMENT
    return MINIMAL if feature.function in OF_THE_DAY else HISTORY


def blocks_of(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Return the features of each block that has any, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for block in BLOCKS:
        names = tuple(one.name for one in catalogue.active_features if block_of(catalogue, one) == block)
        if names:
            found[block] = names
    return found


def measure_worth(
    catalogue: Catalogue,
    config: FitConfig,
    seed: int,
    fit: Table,
    judged: Table,
    person: NDArray[np.int64],
    known_margins: Mapping[tuple[str, ...], Floats],
    age: tuple[Floats, Floats] | None,
    draws: int,
    done: Callable[[], object] = lambda: None,
) -> Worth:
    """Return what each block is worth.

    Parameters
    ----------
    person : int64 (n,)
        Of `judged`.
    known_margins : features in catalogue order -> float64 (n,)
        Scores of models fitted already, by the features they use, so that they are not fitted again.
    age : float64 of `fit` and of `judged`, optional
        From the protected store. The model with it is made and forgotten here: only its scores leave this function,
        so there is nothing that could be packaged or registered.
    """
    blocks = blocks_of(catalogue)
    margins: dict[str, Floats] = {}
    names: tuple[str, ...] = ()
    for block, own in blocks.items():
        names = tuple(name for name in catalogue.feature_names if name in {*names, *own})
        if names in known_margins:
            margins[block] = known_margins[names]
        else:
            tables = tree_fitter(catalogue, config, seed)(fit, names)
            values = judged.frame.select(tables.names).values
            margins[block] = tables.base + tables.contributions(values).sum(axis=1)
        done()
    gated = [one.name for one in catalogue.gated_features if not one.switched_on]
    tried: list[str] = []
    if age is not None and AGE in gated:
        block = f"gated: {AGE} (audit)"
        margins[block] = _scores_with_age(catalogue, config, seed, fit, judged, age)
        tried.append(AGE)
        done()
    gains = _gains(blocks, margins, judged, person, draws, seed)
    return Worth(
        blocks,
        tuple(gains),
        tuple(block for block in blocks if _without_gain([one for one in gains if one.block == block])),
        tuple(tried),
        tuple(name for name in gated if name not in tried),
    )


def _without_gain(gains: Sequence[Gain]) -> bool:
    """Whether a block has a gain in AUC beyond its interval at no landmark where it can be assessed.

    A voluntary block is judged on those who gave it: on everybody its gain would shrink with the share that did.
    """
    gave = [one for one in gains if one.measured_on == WHO_GAVE_IT] or list(gains)
    assessed = [one.gains["auc"] for one in gave if one.gains["auc"].lower is not None]
    return bool(assessed) and all(gain.lower is not None and gain.lower <= 0 for gain in assessed)


def _gains(
    blocks: Mapping[str, tuple[str, ...]],
    margins: Mapping[str, Floats],
    judged: Table,
    person: NDArray[np.int64],
    draws: int,
    seed: int,
) -> list[Gain]:
    gave = {
        block: ~np.isnan(judged.frame.select(blocks[block]).values).all(axis=1)
        for block in (SELF_ASSESSMENT, EXPECTATION)
        if block in blocks
    }
    standing = np.ones(len(judged)) if judged.weight is None else judged.weight
    found = []
    for month in np.unique(judged.landmark):
        before = np.zeros(len(judged))
        for block, margin in margins.items():
            populations = {EVERYBODY: judged.landmark == month}
            if block in gave:
                populations[WHO_GAVE_IT] = populations[EVERYBODY] & gave[block]
            for measured_on, chosen in populations.items():
                rows = np.flatnonzero(chosen)
                found.append(
                    _gain(
                        block,
                        int(month),
                        measured_on,
                        judged.outcome[rows],
                        standing[rows],
                        draw_weights(person[rows], draws, seed + int(month)),
                        before[rows],
                        margin[rows],
                    )
                )
            before = margin
    return found


def _gain(
    block: str,
    month: int,
    measured_on: str,
    outcome: Floats,
    standing: Floats,
    drawn: Floats,
    before: Floats,
    margin: Floats,
) -> Gain:
    n, outcomes = len(outcome), int(outcome.sum())
    reason = why_not_assessable(outcome)
    if reason is not None:
        nothing = {name: Estimate(None, None, None, reason) for name in GAIN_MEASURES}
        return Gain(block, month, measured_on, n, outcomes, nothing, nothing)
    spread = drawn * standing[:, None]
    own, several = _measures(outcome, margin, standing), _measures(outcome, margin, spread)
    less, less_several = _measures(outcome, before, standing), _measures(outcome, before, spread)
    return Gain(
        block,
        month,
        measured_on,
        n,
        outcomes,
        {name: Estimate(float(own[name]), *interval(np.asarray(several[name]))) for name in GAIN_MEASURES},
        {
            name: Estimate(
                float(own[name]) - float(less[name]),
                *interval(np.asarray(several[name]) - np.asarray(less_several[name])),
            )
            for name in GAIN_MEASURES
        },
    )


def _measures(outcome: Floats, margin: Floats, weights: Floats) -> dict[str, Any]:
    ranking = measures.rank(outcome, margin, weights)
    return {
        "auc": measures.auc(ranking),
        "recall_at_10": measures.recall_at_capacity(ranking, 0.10),
        "recall_at_25": measures.recall_at_capacity(ranking, 0.25),
    }


def _scores_with_age(
    catalogue: Catalogue, config: FitConfig, seed: int, fit: Table, judged: Table, age: tuple[Floats, Floats]
) -> Floats:
    import lightgbm

    features = [catalogue.feature(name) for name in catalogue.feature_names]
    settings = {
        **boosting_parameters(config, seed),
        "objective": "binary",
        "monotone_constraints": [*(one.monotone for one in features), 0],
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        np.column_stack([fit.frame.values, age[0]]),
        fit.outcome,
        weight=fit.weight,
        categorical_feature=[place for place, one in enumerate(features) if one.kind == "category"],
        params={"verbosity": -1, "force_row_wise": True, "num_threads": config.threads},
    )
    scores = lightgbm.train(settings, data, config.trees).predict(
        np.column_stack([judged.frame.values, age[1]]), raw_score=True
    )
    return np.asarray(scores, np.float64)
