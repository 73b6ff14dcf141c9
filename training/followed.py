"""What is known of outcomes on a day, and weights by which people seen to the end stand for those who were not.

Whoever stands on the day before an evaluation knows less than the delivery holds: runs that began lately are still
going on. They need not be dropped. Their time counts up to that day, and inverse-probability-of-censoring weights give
each run seen to its end the weight of those like it that were not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.facts import Facts
from features.outcome import OUTSIDE, Outcome, labels
from model_registry.evidence.survival import censoring_weights, effective_n

Floats = NDArray[np.float64]
PERSON_DATES_AT_ONCE = 50_000
LARGEST_WEIGHT = 10.0
COLUMNS = fields(Outcome)


@dataclass(frozen=True)
class Followed:
    """Outcomes of n person-dates as known on a day.

    Attributes
    ----------
    value : float64 (n,)
        1.0 or 0.0; NaN where nobody could know yet, or the person is outside this label's cohort.
    weight : float64 (n,)
        0 where the value is NaN; else at least 1 and at most `LARGEST_WEIGHT`.
    outside : bool (n,)
        Outside the label's cohort: neither seen nor censored.
    """

    value: Floats
    weight: Floats
    outside: NDArray[np.bool_]

    @property
    def censored(self) -> int:
        """How many of the cohort nobody saw to the end."""
        return int((np.isnan(self.value) & ~self.outside).sum())

    def described(self) -> dict[str, float]:
        """Counts for the evidence: the cohort, those not seen, and how many equally weighted people the others are."""
        return {
            "in_the_cohort": int((~self.outside).sum()),
            "not_seen_to_the_end": self.censored,
            "effective_n": round(effective_n(self.weight), 1),
            "largest_weight": round(float(self.weight.max(initial=0.0)), 3),
        }


def follow(
    catalogue: Catalogue,
    facts: Facts,
    person: NDArray[np.int64],
    as_of: NDArray[np.int32],
    landmark: NDArray[np.int8],
    *,
    known_on: int,
    observed_until: int,
    name: str | None = None,
) -> Followed:
    """Return the outcomes of these person-dates as somebody knew them on a day.

    Parameters
    ----------
    person : int64 (n,)
        Positions in `facts`.
    as_of : int32 (n,)
    landmark : int8 (n,)
        Months since the run began; the chance of being followed is estimated within each.
    known_on : int
        Day number; facts recorded later do not exist.
    observed_until : int
        Day number up to which the records are taken to be complete on that day: earlier by the recording lag.
    name : str, optional
        One of `features.outcome.LABELS`; the catalogue's own by default.
    """
    return weighed(told_by(catalogue, facts, person, as_of, known_on, name), as_of, landmark, observed_until)


def told_by(
    catalogue: Catalogue,
    facts: Facts,
    person: NDArray[np.int64],
    as_of: NDArray[np.int32],
    known_on: int,
    name: str | None = None,
) -> Outcome:
    """Return what these facts tell of the person-dates (n,) on a day; each row is of its own person alone."""
    parts = [
        labels(catalogue, facts.take(person[rows]), as_of[rows], known_on, name)
        for rows in (
            slice(start, start + PERSON_DATES_AT_ONCE) for start in range(0, max(len(person), 1), PERSON_DATES_AT_ONCE)
        )
    ]
    return joined(parts)


def joined(parts: Sequence[Outcome]) -> Outcome:
    """Return the outcomes of several lots of person-dates, one after the other."""
    return Outcome(**{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in COLUMNS})


def weighed(outcome: Outcome, as_of: NDArray[np.int32], landmark: NDArray[np.int8], observed_until: int) -> Followed:
    """Return outcomes (n,) as far as they were seen by a day, with the weights that stand for those not seen.

    The weights are of all rows together: the outcomes may come from many lots, but are weighed once.
    """
    outside = outcome.ended_by == OUTSIDE
    censored, last_seen = seen_until(outcome, observed_until)
    value = np.where(outside | censored, np.nan, outcome.value)
    days = np.maximum(last_seen - as_of, 0).astype(np.float64)
    weight = np.zeros(len(as_of))
    inside = np.flatnonzero(~outside)
    weight[inside] = censoring_weights(days[inside], censored[inside], landmark[inside], LARGEST_WEIGHT)
    return Followed(value, weight, outside)


def seen_until(outcome: Outcome, observed_until: int) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """Whose end (n,) nobody has seen, and the day (n,) of the end or up to which each was seen.

    What ended after the records are complete is not known yet, though a quick record may tell of it: taking such news
    and missing the slow ones would favour those who left.
    """
    too_late = outcome.ended_on > observed_until
    censored = (outcome.censored | too_late) & (outcome.ended_by != OUTSIDE)
    return censored, np.minimum(outcome.ended_on, np.int32(observed_until))
