"""What models are fitted on, calibrated on and judged on, each as it was known on its day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.errors import TrainingError
from features.outcome import ACTIVATION_NEUTRAL, OFFICIAL, Outcome
from training.chain import Chain, chain_of, steps
from training.cohort import DAYS_A_MONTH, Cohort
from training.config import SplitConfig, TrainingConfig
from training.extract import Extract
from training.fit import Table
from training.followed import Followed, told_by, weighed
from training.split import PersonDates, Split, backtest_split, refit_split, share_of_people

FACTS_LAG_DAYS = 60
FLAT_EVALUATION_SHARE = 0.30
CLOCKS = (OFFICIAL, ACTIVATION_NEUTRAL)

Told = Callable[[NDArray[np.int64], int, str | None], Outcome]
"""What is told of rows of a cohort on a day (day number), under a label or the catalogue's own (None)."""


def make_splits(config: TrainingConfig, catalogue: Catalogue, extract: Extract, cohort: Cohort) -> tuple[Split, Split]:
    """Return the split of the backtest and that of the model that is served."""
    rows = PersonDates(cohort.person, cohort.as_of, cohort.matures_on)
    options: SplitConfig = config.split
    share = share_of_people(extract.client_ids, f"varhain {config.seed}", options.fit_share, options.calibration_share)
    lag = options.recording_lag_days
    lag = (0 if extract.flat else FACTS_LAG_DAYS) if lag is None else lag
    step = max(steps(catalogue).values()) if calibrates_by_chain(catalogue) else None
    backtest = backtest_split(
        rows,
        share,
        delivered_until=extract.delivered_until,
        horizon_days=catalogue.horizon_days,
        recording_lag_days=lag,
        calibration_months=options.calibration_months,
        evaluation_months=options.evaluation_months,
        evaluation_share=options.evaluation_share or (FLAT_EVALUATION_SHARE if extract.flat else None),
        step_days=step,
    )
    refit = refit_split(
        rows,
        share,
        delivered_until=extract.delivered_until,
        recording_lag_days=lag,
        calibration_months=options.calibration_months,
        step_days=step,
    )
    return backtest, refit


def expected_known_on(config: TrainingConfig, catalogue: Catalogue, delivered_until: int) -> int:
    """Return the day on which the backtest of a long delivery of dated facts stands, before any of it has been read.

    Where the delivery is short, or the evaluation is a share of the dates, only `make_splits` can tell the day.
    """
    lag = FACTS_LAG_DAYS if config.split.recording_lag_days is None else config.split.recording_lag_days
    return delivered_until - lag - catalogue.horizon_days - round(config.split.evaluation_months * DAYS_A_MONTH)


def calibrates_by_chain(catalogue: Catalogue) -> bool:
    """Whether the label is a clock that runs from landmark to landmark, so that calibration can use the last months."""
    return catalogue.source_kind == "facts" and catalogue.label.name in CLOCKS and len(catalogue.landmarks) > 1


@dataclass(frozen=True)
class Material:
    """What models are fitted and calibrated on, as it was known on the day of the split.

    Attributes
    ----------
    fit_rows, calibration_rows : int64 (n,)
        Rows of the cohort behind `fit` and `calibration`.
    described : mapping
        Cohort, censored and effective n of the fit; the links of the chain.
    """

    fit: Table
    calibration: Table
    chain: Chain | None
    fit_rows: NDArray[np.int64]
    calibration_rows: NDArray[np.int64]
    described: Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """The evaluation slice with its outcomes as delivered: rows seen to the end, and what their weights tell."""

    table: Table
    rows: NDArray[np.int64]
    known_on: int
    observed_until: int
    described: Mapping[str, Any]


def training_material(
    config: TrainingConfig,
    catalogue: Catalogue,
    extract: Extract,
    cohort: Cohort,
    table: Table,
    split: Split,
    told: Told | None = None,
) -> Material:
    """Return the fit and calibration slices of a split with what was known on its day.

    Parameters
    ----------
    told : callable, optional
        Where the facts are not here (`training.distributed`), what they tell; else the extract's facts are asked.
    """
    told = told or told_by_extract(extract, catalogue, cohort)
    known = {"known_on": split.known_on, "observed_until": split.observed_until}
    rows = split.fit.rows
    fitted = outcomes_known(extract, catalogue, cohort, rows, **known, told=told)
    own = split.calibration.rows
    calibration, chain = table.take(own), None
    described: dict[str, Any] = {"fit": fitted.described()}
    if extract.facts is not None and calibrates_by_chain(catalogue):
        chain = chain_of(
            catalogue,
            told(own, split.known_on, None),
            cohort,
            own,
            observed_until=split.observed_until,
            months=config.split.calibration_months,
        )
        described["calibration, landmark by landmark"] = chain.described()
    else:
        followed = outcomes_known(extract, catalogue, cohort, own, **known, told=told)
        calibration, own = calibration.seen(followed.value, followed.weight), own[followed.weight > 0]
        described["calibration"] = followed.described()
    return Material(
        table.take(rows).seen(fitted.value, fitted.weight), calibration, chain, rows[fitted.weight > 0], own, described
    )


def evaluation_material(
    catalogue: Catalogue, extract: Extract, cohort: Cohort, table: Table, split: Split, told: Told | None = None
) -> Judged:
    """Return the evaluation slice with the outcomes that the delivery tells; `told` as in `training_material`."""
    rows = split.evaluated().rows
    known_on, observed_until = (
        extract.delivered_until,
        extract.delivered_until - (split.known_on - split.observed_until),
    )
    followed = outcomes_known(
        extract, catalogue, cohort, rows, known_on=known_on, observed_until=observed_until, told=told
    )
    return Judged(
        table.take(rows).seen(followed.value, followed.weight),
        rows[followed.weight > 0],
        known_on,
        observed_until,
        followed.described(),
    )


def outcomes_known(
    extract: Extract,
    catalogue: Catalogue,
    cohort: Cohort,
    rows: NDArray[np.int64],
    *,
    known_on: int,
    observed_until: int,
    name: str | None = None,
    told: Told | None = None,
) -> Followed:
    """Return the outcomes of rows of the cohort as known on a day; those of a flat extract are as delivered."""
    if extract.facts is None:
        return Followed(cohort.outcome[rows], np.ones(len(rows)), np.zeros(len(rows), np.bool_))
    told = told or told_by_extract(extract, catalogue, cohort)
    return weighed(told(rows, known_on, name), cohort.as_of[rows], cohort.landmark[rows], observed_until)


def told_by_extract(extract: Extract, catalogue: Catalogue, cohort: Cohort) -> Told:
    """Return a function that asks the extract's own facts; a flat extract has none and is never asked."""

    def told(rows: NDArray[np.int64], known_on: int, name: str | None) -> Outcome:
        if extract.facts is None:
            raise TrainingError("a flat extract holds no dated facts to tell an outcome from; its outcomes are columns")
        return told_by(catalogue, extract.facts, cohort.person[rows], cohort.as_of[rows], known_on, name)

    return told
