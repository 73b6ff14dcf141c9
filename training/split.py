"""Who the model is fitted on, calibrated on and judged on: people by a salted hash, times by date, a gap between."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.errors import TrainingError
from features.facts import to_date

DAYS_A_MONTH = 30.4375
FIT, CALIBRATION, EVALUATION = 0, 1, 2
SHARES = ("fit", "calibration", "evaluation")


@dataclass(frozen=True)
class Slice:
    """Rows of one part of the split, with the dates (day numbers, both included) that they were taken from."""

    name: str
    rows: NDArray[np.int64]
    starts: int
    ends: int

    def described(self) -> dict[str, object]:
        """The slice as evidence: name, dates and number of person-dates."""
        return {
            "name": self.name,
            "from": to_date(self.starts).isoformat(),
            "to": to_date(self.ends).isoformat(),
            "person_dates": len(self.rows),
        }


@dataclass(frozen=True)
class Split:
    """Fit, calibration and evaluation; `evaluation` is None for the refit that is served.

    Attributes
    ----------
    gap_days : int
        Between the last date of calibration and the first of the evaluation.
    known_on, observed_until : int
        Day numbers for fit and calibration: nothing recorded after the first is known to them, and what happened after
        the second is not taken as complete.
    recording_lag_days : int
    """

    fit: Slice
    calibration: Slice
    evaluation: Slice | None
    gap_days: int
    known_on: int
    observed_until: int
    recording_lag_days: int

    def evaluated(self) -> Slice:
        """The evaluation slice.

        Raises
        ------
        TrainingError
            For a refit, which has none.
        """
        if self.evaluation is None:
            raise TrainingError("a refit has no evaluation slice; the backtest is what is judged")
        return self.evaluation

    def described(self) -> dict[str, object]:
        """The split as evidence."""
        parts = [self.fit, self.calibration, *([self.evaluation] if self.evaluation else [])]
        return {
            "slices": [part.described() for part in parts],
            "gap_days": self.gap_days,
            "known_on": to_date(self.known_on).isoformat(),
            "complete_until": to_date(self.observed_until).isoformat(),
        }


@dataclass(frozen=True)
class PersonDates:
    """What the split needs to know about n person-dates.

    Attributes
    ----------
    person : int64 (n,)
        Position of the person.
    as_of, matures_on : int32 (n,)
        The as-of date and the day on which the horizon ends.
    """

    person: NDArray[np.int64]
    as_of: NDArray[np.int32]
    matures_on: NDArray[np.int32]


def share_of_people(
    client_ids: Sequence[str], salt: str, fit_share: float, calibration_share: float
) -> NDArray[np.int8]:
    """Return for each person FIT, CALIBRATION or EVALUATION, by a salted hash of the pseudonym.

    The same person is in the same share in every run with the same salt, whatever else the extract holds.
    """
    if fit_share + calibration_share >= 1:
        raise TrainingError("split: fit_share and calibration_share must leave people to evaluate on, below 1 together")
    hashed = hashlib.blake2b(salt.encode(), digest_size=8)
    place = np.empty(len(client_ids))
    for i, client_id in enumerate(client_ids):
        own = hashed.copy()
        own.update(client_id.encode())
        place[i] = int.from_bytes(own.digest(), "big") / 2**64
    return np.digitize(place, [fit_share, fit_share + calibration_share]).astype(np.int8)


def backtest_split(
    rows: PersonDates,
    share: NDArray[np.int8],
    *,
    delivered_until: int,
    horizon_days: int,
    recording_lag_days: int,
    calibration_months: float,
    evaluation_months: float,
    evaluation_share: float | None = None,
    step_days: int | None = None,
) -> Split:
    """Return the split of the backtest.

    From the end backwards: the evaluation slice (the latest dates whose horizon is over); before it, one recording lag,
    because what happened within it is not all recorded when the evaluation begins. Fit and calibration know nothing
    that was recorded from the first day of the evaluation on, and take as complete only what happened before the lag:
    the fit slice is every date whose horizon was over then; the calibration slice is its last months. Each slice holds
    its own people only. Where everybody has one row, people cannot overlap: each slice takes all of its rows, and the
    fit slice ends where calibration begins.

    Parameters
    ----------
    step_days : int, optional
        Longest stretch between landmarks, where calibration goes landmark by landmark (`training.chain`): its slice
        then reaches up to the lag. Otherwise it ends where its outcomes were known.

    Raises
    ------
    TrainingError
        When a slice is empty.
    """
    matured_on = delivered_until - recording_lag_days
    alone = len(np.unique(rows.person)) == len(rows.person)
    last = min(matured_on - horizon_days, int(rows.as_of.max(initial=0)))
    gap = horizon_days + recording_lag_days
    if evaluation_share is None:
        first = last - round(evaluation_months * DAYS_A_MONTH) + 1
        gap_starts = first - gap
        calibrated_from = gap_starts - round(calibration_months * DAYS_A_MONTH) + 1
    else:
        first = int(np.quantile(rows.as_of, 1 - evaluation_share, method="lower"))
        gap_starts = first - gap
        before = rows.as_of[rows.as_of <= gap_starts]
        calibrated_from = int(np.quantile(before, 1 - evaluation_share)) if len(before) else gap_starts
    earliest = int(rows.as_of.min(initial=last))
    known = rows.matures_on <= first - recording_lag_days
    calibrated_to = gap_starts
    if step_days is not None:
        calibrated_to = first - 1 - recording_lag_days
        calibrated_from = calibrated_to - step_days - round(calibration_months * DAYS_A_MONTH) + 1

    def part(name: str, starts: int, ends: int, only: NDArray[np.bool_] | bool = True) -> Slice:
        own = np.ones(len(rows.person), np.bool_) if alone else share[rows.person] == SHARES.index(name)
        return _slice(name, own & only & (rows.as_of >= starts) & (rows.as_of <= ends), starts, ends)

    fit_ends = calibrated_from - 1 if alone else gap_starts if step_days is None else calibrated_to
    return Split(
        part("fit", earliest, fit_ends, known),
        part("calibration", calibrated_from, calibrated_to, known if step_days is None else True),
        part("evaluation", first, last, rows.matures_on <= matured_on),
        gap if step_days is None else recording_lag_days,
        known_on=first - 1,
        observed_until=first - recording_lag_days,
        recording_lag_days=recording_lag_days,
    )


def refit_split(
    rows: PersonDates,
    share: NDArray[np.int8],
    *,
    delivered_until: int,
    recording_lag_days: int,
    calibration_months: float,
    step_days: int | None = None,
) -> Split:
    """Return the split of the model that is served: all matured data, calibration people (their latest dates) apart."""
    observed_until = delivered_until - recording_lag_days
    matured = rows.matures_on <= observed_until
    apart = share[rows.person] == CALIBRATION
    months = round(calibration_months * DAYS_A_MONTH)
    if step_days is None:
        # by the day of maturity: by as-of date the last months would hold late landmarks only
        recent = matured & (rows.matures_on > int(rows.matures_on[matured].max(initial=0)) - months)
    else:
        recent = (rows.as_of <= observed_until) & (rows.as_of > observed_until - step_days - months)

    def part(name: str, chosen: NDArray[np.bool_]) -> Slice:
        dates = rows.as_of[chosen]
        return _slice(name, chosen, int(dates.min(initial=2**31 - 1)), int(dates.max(initial=0)))

    return Split(
        part("fit", matured & ~apart),
        part("calibration", apart & recent),
        None,
        recording_lag_days,
        known_on=delivered_until,
        observed_until=observed_until,
        recording_lag_days=recording_lag_days,
    )


def _slice(name: str, chosen: NDArray[np.bool_], starts: int, ends: int) -> Slice:
    if not chosen.any():
        dates = f"{to_date(starts)} to {to_date(ends)}" if ends >= starts else "no dates are left for it"
        raise TrainingError(
            f"the {name} slice ({dates}) holds nobody with a known outcome; deliver a longer history, or make the "
            "slices shorter (split.calibration_months, split.evaluation_months)"
        )
    return Slice(name, np.flatnonzero(chosen), starts, ends)
