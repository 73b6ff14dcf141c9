"""The levels that a model suggests: thresholds from capacity, and whom they reach, miss and cannot tell."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.facts import to_date
from model_registry.evidence.estimates import FEWEST_OUTCOMES, Estimate, draw_weights, interval
from model_registry.evidence.measures import ratio
from model_registry.scoring.calibration import risk_of
from model_registry.scoring.capacity import thresholds_for
from model_registry.scoring.committee import Certainty, Committee, certain, decisive_log_odds
from model_registry.scoring.segments import FROM_CAPACITY, LEVELS, SegmentPolicy
from training.cohort import DAYS_A_MONTH, Cohort
from training.committee import member_log_odds
from training.fit import Candidate, Table
from training.side_by_side import NOT_RECORDED, Groups

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
MONTHS = 12
FEWEST = 20
"""A share of fewer people is not told."""


@dataclass(frozen=True)
class Reached:
    """One kind of people at a landmark.

    Attributes
    ----------
    n, outcomes : int
        Person-dates followed to the end, and those of them with the outcome.
    suggested : Estimate
        The share with an early talk suggested.
    met, precision : Estimate
        Of those with the outcome, the share with an early talk; of those with one, the share with the outcome.
    """

    who: str
    n: int
    outcomes: int
    suggested: Estimate
    met: Estimate
    precision: Estimate


@dataclass(frozen=True)
class LevelFigures:
    """The levels at one landmark, on the evaluation slice, with thresholds set on the year before it.

    Attributes
    ----------
    people_a_month : float
        Who reach the landmark in a month, of the whole extract.
    talks_a_month : float or None
        What the capacity gives this landmark; None where thresholds are fixed.
    load, lowest, highest : float
        Early talks a month as suggested: mean, and the months with the fewest and the most.
    unsure : mapping of who to Estimate
        The share of whom the tool does not know the level: of everybody, by level, by group.
    """

    landmark: int
    people_a_month: float
    talks_a_month: float | None
    thresholds: tuple[float, float]
    load: float
    lowest: float
    highest: float
    reached: tuple[Reached, ...]
    unsure: Mapping[str, Estimate]

    def described(self) -> dict[str, Any]:
        """The figures as evidence."""
        return asdict(self)


def set_thresholds(
    policy: SegmentPolicy,
    catalogue: Catalogue,
    candidate: Candidate,
    committee: Committee | None,
    cohort: Cohort,
    table: Table,
    until: int,
) -> SegmentPolicy:
    """Return the policy with thresholds: its own, or set from capacity on the twelve months up to a day.

    Raises
    ------
    ConfigError
        Where a landmark has no share of the talks or too few people.
    """
    if policy.thresholds_are != FROM_CAPACITY or policy.capacity is None:
        return policy
    rows, months = latest_year(cohort, until)
    people = table.take(rows)
    log_odds, members = _log_odds(catalogue, candidate, committee, people)
    decisive = log_odds if members is None else decisive_log_odds(log_odds, np.sort(members, axis=1))
    return thresholds_from(policy, catalogue, risk_of(decisive), people.landmark, cohort.as_of[rows], months)


def latest_year(cohort: Cohort, until: int) -> tuple[NDArray[np.int64], float]:
    """Return the rows of the latest twelve months of as-of dates up to a day, and how many months they are."""
    dates = cohort.as_of[cohort.as_of <= until]
    last = int(dates.max(initial=0))
    first = max(int(dates.min(initial=0)), last - round(MONTHS * DAYS_A_MONTH) + 1)
    return rows_between(cohort, first, last), (last - first + 1) / DAYS_A_MONTH


def thresholds_from(
    policy: SegmentPolicy,
    catalogue: Catalogue,
    risk: Floats,
    landmark: NDArray[np.int8],
    as_of: NDArray[np.int32],
    months: float,
) -> SegmentPolicy:
    """Return the policy with thresholds set from capacity on decisive risks (n,) of people who came in so many months;
    as it is where its thresholds are its own. Raises ConfigError as `set_thresholds` does."""
    if policy.thresholds_are != FROM_CAPACITY or policy.capacity is None:
        return policy
    thresholds = thresholds_for(policy.capacity, risk, landmark.astype(np.int64), catalogue.landmarks, months)
    days = f"{to_date(int(as_of.min(initial=0))).isoformat()} to {to_date(int(as_of.max(initial=0))).isoformat()}"
    return policy.with_thresholds(thresholds, f"Set from capacity on {len(risk)} person-dates of {days}.")


def judge_levels(
    policy: SegmentPolicy,
    catalogue: Catalogue,
    candidate: Candidate,
    committee: Committee | None,
    people: Table,
    person: NDArray[np.int64],
    everybody: Table,
    as_of: NDArray[np.int32],
    groups: Sequence[Groups],
    draws: int,
    seed: int,
) -> tuple[LevelFigures, ...]:
    """Return the levels on the evaluation slice, landmark by landmark.

    Parameters
    ----------
    policy : SegmentPolicy
        With thresholds.
    people : Table of n
        The whole evaluation slice; weight 0 where the outcome is not known.
    everybody, as_of : Table of m, int32 (m,)
        All person-dates of the same time, also of people the model was fitted on: a load needs no outcome.
    """
    landmark = people.landmark.astype(np.int64)
    found = certainty_of(policy, catalogue, candidate, committee, people)
    load = certainty_of(policy, catalogue, candidate, committee, everybody).level
    from_capacity = policy.thresholds_are == FROM_CAPACITY and policy.capacity is not None
    talks = policy.capacity.talks_at(catalogue.landmarks) if from_capacity and policy.capacity else {}
    assessed = answered_self_assessment(catalogue, people)
    figures = []
    for month in catalogue.landmarks:
        rows = np.flatnonzero(landmark == month)
        drawn = draw_weights(person[rows], draws, seed + month)
        early = found.level[rows] > 0
        own = everybody.landmark == month
        people_by_month = by_month(as_of[own], np.ones(own.sum()))
        early_by_month = by_month(as_of[own], (load[own] > 0).astype(np.float64))
        figures.append(
            LevelFigures(
                landmark=month,
                people_a_month=float(people_by_month.mean()),
                talks_a_month=talks.get(month),
                thresholds=policy.thresholds[month],
                load=float(early_by_month.mean()),
                lowest=float(early_by_month.min()),
                highest=float(early_by_month.max()),
                reached=_reached(people.take(rows), early, assessed[rows], drawn),
                unsure=_unsure(found, rows, groups, drawn) if committee else {},
            )
        )
    return tuple(figures)


def certainty_of(
    policy: SegmentPolicy, catalogue: Catalogue, candidate: Candidate, committee: Committee | None, people: Table
) -> Certainty:
    """Return the levels and ranges of these people, as they would be served."""
    landmark = people.landmark.astype(np.int64)
    log_odds, members = _log_odds(catalogue, candidate, committee, people)
    if members is None or committee is None:
        return certain(policy, landmark, log_odds)
    return committee.certainty(policy, landmark, log_odds, members)


def answered_self_assessment(catalogue: Catalogue, people: Table) -> Flags:
    """Return who has any self-assessment (n,): a voluntary feature that is no statement of its own."""
    columns = [i for i, item in enumerate(catalogue.active_features) if item.voluntary and not item.input]
    answered: Flags = (~np.isnan(people.frame.values[:, columns])).any(axis=1)
    return answered


def by_month(as_of: NDArray[np.int32], counted: Floats) -> Floats:
    """Return the sums by month, counted back from the last day; a month that is not whole at the start is left out.

    >>> by_month(np.array([0, 31, 32, 60], dtype=np.int32), np.ones(4)).tolist()
    [2.0, 2.0]
    """
    back = ((as_of.max() - as_of) / DAYS_A_MONTH).astype(np.int64)
    whole = max(1, round((as_of.max() - as_of.min() + 1) / DAYS_A_MONTH))
    return np.bincount(np.minimum(back, whole), weights=counted, minlength=whole)[:whole]


def rows_between(cohort: Cohort, first: int, last: int) -> NDArray[np.int64]:
    """Return the rows of the cohort from a day to another (day numbers, both included)."""
    return np.flatnonzero((cohort.as_of >= first) & (cohort.as_of <= last))


def risk_log_odds(catalogue: Catalogue, candidate: Candidate, people: Table) -> Floats:
    """Return the log-odds (n,) of the risk that would be served."""
    return candidate.log_odds(people.frame, people.answered, catalogue, len(os.sched_getaffinity(0)))


def _log_odds(
    catalogue: Catalogue, candidate: Candidate, committee: Committee | None, people: Table
) -> tuple[Floats, Floats | None]:
    """Log-odds of the served risk (n,) and of each member's (n, members)."""
    log_odds = risk_log_odds(catalogue, candidate, people)
    if committee is None:
        return log_odds, None
    return log_odds, member_log_odds(committee, catalogue, people.frame, people.answered)


def _reached(people: Table, early: Flags, assessed: Flags, drawn: Floats) -> tuple[Reached, ...]:
    kinds = {"everybody": np.ones(len(people), np.bool_)}
    if assessed.any():
        kinds |= {"with a self-assessment": assessed, "without one": ~assessed}
    weight = np.ones(len(people)) if people.weight is None else people.weight
    outcome = np.where(weight > 0, people.outcome, 0.0)
    found = []
    for who, own in kinds.items():
        seen = weight * own
        n, outcomes = int((seen > 0).sum()), int(outcome[seen > 0].sum())
        enough = f"n = {n}, {outcomes} with the outcome: at least {FEWEST_OUTCOMES} are needed"
        found.append(
            Reached(
                who,
                n,
                outcomes,
                share_of(early, own.astype(np.float64), drawn, f"n = {int(own.sum())}: at least {FEWEST} are needed"),
                share_of(early, seen * outcome, drawn, enough),
                share_of(outcome, seen * early, drawn, f"{int((seen * early > 0).sum())} early talks: too few to tell"),
            )
        )
    return tuple(found)


def _unsure(found: Certainty, rows: NDArray[np.int64], groups: Sequence[Groups], drawn: Floats) -> dict[str, Estimate]:
    unsure, level = found.unsure[rows], found.level[rows]
    kinds = {"everybody": np.ones(len(rows), np.bool_)}
    kinds |= {f"level {name}": level == position for position, name in enumerate(LEVELS)}
    for one in groups:
        member = one.member[rows]
        for position in np.unique(member):
            name = one.names[position] if position >= 0 else NOT_RECORDED
            kinds[f"{one.attribute} {name}"] = member == position
    few = "n = {}: at least {} are needed"
    return {
        who: share_of(unsure, own.astype(np.float64), drawn, few.format(int(own.sum()), FEWEST))
        for who, own in kinds.items()
    }


def share_of(what: NDArray[Any], among: Floats, drawn: Floats, few: str) -> Estimate:
    """Return the weighted share of `what` (n,) among people (n,), with its bootstrap interval; `few` says why not."""
    if int((among > 0).sum()) < FEWEST:
        return Estimate(None, None, None, few)
    value = float(np.average(what, weights=among))
    weights = drawn * among[:, None]
    return Estimate(value, *interval(np.asarray(ratio(what @ weights, weights.sum(axis=0)))))
