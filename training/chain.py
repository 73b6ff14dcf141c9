"""Calibration on the latest months, though nobody has been followed for a year in them: landmark by landmark.

A risk at registration speaks of the next twelve months, so whoever waits for outcomes calibrates on people who began
one to two years ago. The stretch from one landmark to the next is a quarter, and of the latest quarter everything is
known. Whoever did not stay to the next landmark has no outcome; whoever stayed has the risk of the next landmark as
expected outcome. From the last landmark, whose outcome is seen within a quarter, back to registration this gives every
recent person-date an expected outcome, and one calibration is fitted to all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.errors import TrainingError
from features.facts import Facts
from features.outcome import BY_MOVE, OUTSIDE, REACHED, UNSEEN, Outcome, labels
from model_registry.evidence.survival import censoring_weights
from model_registry.scoring.calibration import SigmoidCalibration
from training.cohort import DAYS_A_MONTH, Cohort

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

FEWEST_ROWS, FEWEST_OF_A_CLASS = 200, 20
"""Below the first a landmark's own calibration on the way is of the level only, below the second there is none, and it
hands back the raw risk (assumptions)."""
SLACK_DAYS = 4
"""Starts are corrected by a few days, so the same run may come to its next landmark so much later."""


@dataclass(frozen=True)
class Link:
    """One landmark of the chain.

    Attributes
    ----------
    rows, following : int64 (n,)
        Positions in the calibration table: of the person-dates, and of the same people at the next landmark (-1 where
        they have no person-date there).
    stayed : bool (n,)
        Still in the run at the next landmark; at the last one, at the horizon.
    weight : float64 (n,)
        Stands for those who moved away meanwhile.
    """

    landmark: int
    rows: Rows
    following: Rows
    stayed: NDArray[np.bool_]
    weight: Floats


@dataclass(frozen=True)
class Chain:
    """The links, the last landmark first."""

    links: tuple[Link, ...]

    def where(self, kept: NDArray[np.bool_]) -> "Chain":
        """The chain of the rows kept (n of the table); whom they become at the next landmark stays known."""
        return Chain(
            tuple(
                Link(
                    link.landmark,
                    link.rows[kept[link.rows]],
                    link.following[kept[link.rows]],
                    link.stayed[kept[link.rows]],
                    link.weight[kept[link.rows]],
                )
                for link in self.links
            )
        )

    def __len__(self) -> int:
        return sum(len(link.rows) for link in self.links)

    def described(self) -> dict[str, object]:
        """Person-dates and the share that stayed, by landmark, for the evidence."""
        return {
            f"month {link.landmark}": {
                "person_dates": len(link.rows),
                "stayed": round(float(link.stayed.mean()), 4) if len(link.rows) else None,
            }
            for link in reversed(self.links)
        }


def steps(catalogue: Catalogue) -> dict[int, int]:
    """Days from each landmark to the next, from the last to the horizon."""
    ends = (*catalogue.landmarks[1:], catalogue.horizon_months)
    return {
        month: round(end * DAYS_A_MONTH) - round(month * DAYS_A_MONTH)
        for month, end in zip(catalogue.landmarks, ends, strict=True)
    }


def build_chain(
    catalogue: Catalogue,
    facts: Facts,
    cohort: Cohort,
    rows: Rows,
    *,
    known_on: int,
    observed_until: int,
    months: float,
) -> Chain:
    """Return the chain of these person-dates, as these facts tell it on a day; see `chain_of`."""
    told = labels(catalogue, facts.take(cohort.person[rows]), cohort.as_of[rows], known_on)
    return chain_of(catalogue, told, cohort, rows, observed_until=observed_until, months=months)


def chain_of(
    catalogue: Catalogue, told: Outcome, cohort: Cohort, rows: Rows, *, observed_until: int, months: float
) -> Chain:
    """Return the chain of these person-dates, as known on a day; positions are positions in `rows`.

    Parameters
    ----------
    told : Outcome (n,)
        Of these person-dates, as known on the day.
    rows : int64 (n,)
        Of the cohort: sorted, so that a person's later date follows the earlier one.
    months : float
        How far back from the last complete day, for each link.
    """
    person, as_of, landmark = cohort.person[rows], cohort.as_of[rows], cohort.landmark[rows]
    later = np.minimum(np.arange(len(rows)) + 1, max(len(rows) - 1, 0))
    ordered = list(catalogue.landmarks)
    links = []
    for position, (month, step) in reversed(list(enumerate(steps(catalogue).items()))):
        latest = observed_until - step
        chosen = (landmark == month) & (as_of <= latest) & (as_of > latest - round(months * DAYS_A_MONTH))
        own = np.flatnonzero(chosen & (told.ended_by != OUTSIDE))
        last = position == len(ordered) - 1
        following = np.full(len(own), -1)
        reached = as_of[own] + step
        if not last:
            next_one = later[own]
            same = (person[next_one] == person[own]) & (landmark[next_one] == ordered[position + 1])
            same &= as_of[next_one] - as_of[own] <= step + SLACK_DAYS
            following = np.where(same, next_one, -1)
            reached = np.where(same, as_of[next_one], reached)
        # a person-date at the next landmark is no proof: the end may have become known only after it
        stayed = told.ended_by[own] == REACHED if last else told.ended_on[own] >= reached
        lost = ~stayed & np.isin(told.ended_by[own], (BY_MOVE, UNSEEN))
        weight = censoring_weights(np.minimum(told.ended_on[own], reached) - as_of[own], lost)
        seen = weight > 0
        links.append(Link(month, own[seen], following[seen], stayed[seen], weight[seen]))
    return Chain(tuple(links))


def calibrate_chain(
    chain: Chain, margin: Floats, fit_sigmoid: Callable[[Floats, Floats, Floats], SigmoidCalibration]
) -> SigmoidCalibration:
    """Return one calibration of margins (n of the table) to the expected outcomes of all links.

    Raises
    ------
    TrainingError
        Where everybody stayed, or nobody did.
    """
    margins, expected, weights = [], [], []
    next_level = SigmoidCalibration(1.0, 0.0)
    for place, link in enumerate(chain.links):
        own = margin[link.rows]
        outcome = link.stayed.astype(np.float64)
        if place > 0 and len(link.rows):
            risk = next_level.risk(margin[np.maximum(link.following, 0)])
            known = link.following >= 0
            outcome = outcome * np.where(known, risk, risk[known].mean() if known.any() else 0.5)
        margins.append(own)
        expected.append(outcome)
        weights.append(link.weight)
        next_level = _level(own, outcome, link, fit_sigmoid)
    outcome, weight = np.concatenate(expected), np.concatenate(weights)
    if not len(outcome) or not 0 < float(outcome @ weight) < float(weight.sum()):
        raise TrainingError(
            "in the calibration slice everybody or nobody stays unemployed; a model needs both: deliver more people or "
            "a longer history"
        )
    return fit_sigmoid(np.concatenate(margins), outcome, weight)


def _level(
    margin: Floats,
    outcome: Floats,
    link: Link,
    fit_sigmoid: Callable[[Floats, Floats, Floats], SigmoidCalibration],
) -> SigmoidCalibration:
    """The calibration of one landmark: slope and level, the level alone of fewer people, nothing of very few."""
    stayed = int(link.stayed.sum())
    if min(stayed, len(margin) - stayed) < FEWEST_OF_A_CLASS:
        return SigmoidCalibration(1.0, 0.0)
    if len(margin) >= FEWEST_ROWS:
        return fit_sigmoid(margin, outcome, link.weight)
    low, high = -20.0, 20.0
    wanted = float(np.average(outcome, weights=link.weight))
    for _ in range(60):
        middle = (low + high) / 2
        told = float(np.average(SigmoidCalibration(1.0, middle).risk(margin), weights=link.weight))
        low, high = (middle, high) if told < wanted else (low, middle)
    return SigmoidCalibration(1.0, middle)
