"""How unemployment ends: the share still unemployed and the shares gone by each exit, under the labels with a clock.

Work on the open market is the event. Services, subsidised work and education are competing exits, pension and death
competing ends: whoever left by one cannot leave by another. Moving away and short follow-up are censoring.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.outcome import (
    BY_BREAK,
    BY_DEATH,
    BY_EDUCATION,
    BY_PENSION,
    BY_SERVICE,
    BY_SUBSIDISED,
    BY_WORK,
    OUTSIDE,
    labels,
)
from model_registry.evidence.estimates import FEWEST_OUTCOMES, Estimate, draw_weights, interval
from model_registry.evidence.survival import exit_shares, kaplan_meier
from training.cohort import DAYS_A_MONTH, Cohort
from training.config import TrainingConfig
from training.extract import Extract
from training.followed import PERSON_DATES_AT_ONCE, seen_until
from training.material import CLOCKS
from training.split import Split

Ints = NDArray[np.int64]
WORK = "open-market work"
EXITS: Mapping[str, tuple[int, ...]] = {
    WORK: (BY_WORK,),
    "service": (BY_SERVICE,),
    "subsidised work": (BY_SUBSIDISED,),
    "education": (BY_EDUCATION,),
    "other break": (BY_BREAK,),
    "pension or death": (BY_PENSION, BY_DEATH),
}
"""The exits as they are told, and the codes in `features.outcome.ENDS` that each gathers."""
STAYS = -1


@dataclass(frozen=True)
class AtMonth:
    """Shares of everybody in the cohort of a landmark, so many months after the run began.

    Attributes
    ----------
    at_risk : int
        People still unemployed and under observation on that day.
    staying : Estimate
        Still unemployed (Kaplan-Meier).
    exits : exit -> Estimate
        Gone by each exit (Aalen-Johansen); with `staying` they add up to 1.
    """

    months: int
    at_risk: int
    staying: Estimate
    exits: Mapping[str, Estimate]


@dataclass(frozen=True)
class Exits:
    """How the unemployment of one landmark's cohort ends, under one label.

    Attributes
    ----------
    n : int
        People in the cohort; all at risk on the as-of date.
    lost : int
        Moved away, or not followed to the end: censored.
    stopped_before : int
        Whose clock had been stopped before the as-of date (a service under label A); they count at that date.
    work_alone : float, optional
        One minus Kaplan-Meier for work at the horizon, the other exits taken as censored: what Aalen-Johansen is not.
    """

    label: str
    landmark: int
    n: int
    lost: int
    stopped_before: int
    months: tuple[AtMonth, ...]
    work_alone: float | None

    def described(self) -> dict[str, Any]:
        """The figures as evidence."""
        return asdict(self)


def exits_of(
    config: TrainingConfig, catalogue: Catalogue, extract: Extract, cohort: Cohort, split: Split
) -> tuple[Exits, ...]:
    """Return how unemployment ended for everybody whose as-of date lies in the evaluation slice, by landmark and label.

    All people of those dates, not the judged third alone: no model is in these figures. Nothing for a flat extract,
    which holds outcomes and no ends.
    """
    if extract.facts is None:
        return ()
    judged = split.evaluated()
    inside = (cohort.as_of >= judged.starts) & (cohort.as_of <= judged.ends)
    inside &= cohort.matures_on <= extract.delivered_until - split.recording_lag_days
    rows = np.flatnonzero(inside)
    found = []
    for name in CLOCKS:
        ended = _ends(catalogue, extract, cohort, rows, split, name)
        for landmark in catalogue.landmarks:
            here = np.flatnonzero((cohort.landmark[rows] == landmark) & ~ended.outside)
            person = cohort.person[rows[here]]
            found.append(_at_landmark(config, catalogue, name, landmark, ended.take(here), person))
    return tuple(sorted(found, key=lambda one: one.landmark))


@dataclass(frozen=True)
class _Ends:
    """Day of the run (n,) on which the clock stopped or nothing more was seen, and by which exit (`STAYS`: none)."""

    day: Ints
    exit: Ints
    lost: NDArray[np.bool_]
    before: NDArray[np.bool_]
    outside: NDArray[np.bool_]

    def take(self, rows: Ints) -> "_Ends":
        return _Ends(self.day[rows], self.exit[rows], self.lost[rows], self.before[rows], self.outside[rows])


def _ends(catalogue: Catalogue, extract: Extract, cohort: Cohort, rows: Ints, split: Split, name: str) -> _Ends:
    assert extract.facts is not None
    exit_of_end = np.full(OUTSIDE + 1, STAYS)
    for place, ends in enumerate(EXITS.values()):
        exit_of_end[list(ends)] = place
    known_on, observed_until = extract.delivered_until, extract.delivered_until - split.recording_lag_days
    n = len(rows)
    day, exits = np.zeros(n, np.int64), np.full(n, STAYS)
    lost, before, outside = (np.zeros(n, np.bool_) for _ in range(3))
    for first in range(0, n, PERSON_DATES_AT_ONCE):
        here = slice(first, first + PERSON_DATES_AT_ONCE)
        person, as_of = cohort.person[rows[here]], cohort.as_of[rows[here]]
        outcome = labels(catalogue, extract.facts.take(person), as_of, known_on, name)
        lost[here], last_seen = seen_until(outcome, observed_until)
        day[here] = last_seen - (outcome.matures_on - catalogue.horizon_days)
        exits[here] = np.where(lost[here], STAYS, exit_of_end[outcome.ended_by])
        before[here] = (exits[here] != STAYS) & (outcome.ended_on <= as_of)
        outside[here] = outcome.ended_by == OUTSIDE
    return _Ends(day, exits, lost, before, outside)


def _at_landmark(
    config: TrainingConfig, catalogue: Catalogue, name: str, landmark: int, ended: _Ends, person: Ints
) -> Exits:
    n = len(ended.day)
    months = [month for month in (*catalogue.landmarks, catalogue.horizon_months) if month > landmark]
    # the end of a run is its last day, so whoever is unemployed on the day itself has not left by then
    days = [round(month * DAYS_A_MONTH) - 1 for month in months]
    counts = (n, int(ended.lost.sum()), int(ended.before.sum()))
    at_risk = [int((ended.day > day).sum()) for day in days]
    if n < FEWEST_OUTCOMES:
        nothing = Estimate(None, None, None, f"n = {n}: at least {FEWEST_OUTCOMES} people are needed")
        unknown = tuple(
            AtMonth(month, left, nothing, dict.fromkeys(EXITS, nothing))
            for month, left in zip(months, at_risk, strict=True)
        )
        return Exits(name, landmark, *counts, unknown, None)
    sample = (ended.day, ended.exit, range(len(EXITS)), days)
    staying, gone = exit_shares(*sample, np.ones((n, 1)))
    drawn = draw_weights(person, config.evaluation.draws, config.seed + landmark)
    staying_drawn, gone_drawn = exit_shares(*sample, drawn)
    told = tuple(
        AtMonth(
            month,
            at_risk[place],
            Estimate(float(staying[place, 0]), *interval(staying_drawn[place])),
            {
                words: Estimate(float(gone[exit][place, 0]), *interval(gone_drawn[exit][place]))
                for exit, words in enumerate(EXITS)
            },
        )
        for place, month in enumerate(months)
    )
    work = ended.exit == list(EXITS).index(WORK)
    alone = 1.0 - kaplan_meier(ended.day, work).at(days[-1])
    return Exits(name, landmark, *counts, told, alone)
