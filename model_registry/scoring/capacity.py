"""From the number of early talks an area can hold to the risk from which one is suggested, landmark by landmark.

Never one threshold over all landmarks: whoever is still unemployed after nine months has a higher risk than nearly
everybody who registers today, so a pooled cut would spend the talks where it is late and none where it is early.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.errors import ConfigError

Floats = npt.NDArray[np.float64]
KEYS = {"early_talks_a_month", "share_at_landmark", "close_support_share"}
WHOLE = 1 + 1e-9
FEWEST_PEOPLE = 30
"""A threshold set on fewer people at a landmark says more about them than about the load to come (assumption)."""


@dataclass(frozen=True)
class Capacity:
    """How many early talks an area can hold, and where.

    Attributes
    ----------
    early_talks_a_month : int
        Over all landmarks: early meetings and close support together.
    share_at_landmark : mapping of landmark (months) to share of the talks
        Together at most 1; what is left of 1 is a reserve.
    close_support_share : float
        Of those who get an early talk, the share with close support.
    """

    early_talks_a_month: int
    share_at_landmark: Mapping[int, float]
    close_support_share: float

    def talks_at(self, landmarks: Sequence[int]) -> dict[int, float]:
        """Talks a month at each of a model's landmarks; those the model does not have give theirs to the others.

        Raises
        ------
        ConfigError
            Where a landmark has no share.
        """
        missing = [str(month) for month in landmarks if month not in self.share_at_landmark]
        if missing:
            raise ConfigError(
                f"The policy's capacity.share_at_landmark says nothing of month {', '.join(missing)}; add its share."
            )
        own = sum(self.share_at_landmark[month] for month in landmarks)
        talks = self.early_talks_a_month * sum(self.share_at_landmark.values())
        return {month: talks * self.share_at_landmark[month] / own for month in landmarks}


def read_capacity(content: Mapping[str, Any]) -> Capacity:
    """The capacity of a table of a policy file that `capacity_faults` finds nothing wrong with."""
    shares = {int(month): float(share) for month, share in content["share_at_landmark"].items()}
    return Capacity(content["early_talks_a_month"], dict(sorted(shares.items())), content["close_support_share"])


def capacity_faults(content: Any) -> list[str]:
    """What is wrong with a capacity table, each fault with its place; empty if nothing is."""
    if not isinstance(content, dict):
        return ["capacity: must be a table"]
    faults = [f"capacity.{key}: is no part of a capacity; remove it" for key in content if key not in KEYS]
    talks, shares = content.get("early_talks_a_month"), content.get("share_at_landmark")
    if type(talks) is not int or talks < 1:
        faults.append("capacity.early_talks_a_month: must be a whole number of at least 1")
    if not isinstance(shares, dict) or not shares or not all(month.isdecimal() for month in shares):
        faults.append("capacity.share_at_landmark: must name months, such as { 0 = 0.45, 3 = 0.30 }")
    elif (
        not all(isinstance(share, float) and share > 0 for share in shares.values()) or sum(shares.values()) > 1 + 1e-9
    ):
        faults.append("capacity.share_at_landmark: shares must be numbers with a point, above 0, at most 1 together")
    close = content.get("close_support_share")
    if not isinstance(close, float) or not 0 < close < 1:
        faults.append("capacity.close_support_share: must be a number between 0 and 1")
    return faults


def thresholds_for(
    capacity: Capacity,
    decisive: Floats,
    landmark: npt.NDArray[np.int64],
    landmarks: Sequence[int],
    months: float,
) -> dict[int, tuple[float, float]]:
    """The thresholds (early meeting from, close support from) at each landmark, so that the talks are enough.

    Parameters
    ----------
    decisive : float64 (n,)
        The risk that decides the level, of everybody who reached a landmark within `months`: as they come, with and
        without voluntary answers, and with those of whom the tool does not know.
    landmark : int64 (n,)
    months : float
        How many months these people came in.

    Raises
    ------
    ConfigError
        Where a landmark has no share of the talks, or fewer than 30 people reached it.
    """
    found = {}
    for month, talks in capacity.talks_at(landmarks).items():
        own = np.sort(decisive[landmark == month])[::-1]
        if len(own) < FEWEST_PEOPLE:
            raise ConfigError(
                f"Only {len(own)} people reached month {month} in the last {months:.0f} months; thresholds from "
                f"capacity need {FEWEST_PEOPLE}: deliver a longer extract, or fix [thresholds.{month}] in the policy."
            )
        early = _reached_by_at_most(own, round(talks * months))
        close = _reached_by_at_most(own, round(talks * months * capacity.close_support_share))
        found[month] = (early, max(close, float(np.nextafter(early, 1.0))))
    return found


def _reached_by_at_most(descending: Floats, people: int) -> float:
    """The lowest risk that at most so many people reach; people with the same risk are on the same side."""
    if people >= len(descending):
        return float(np.nextafter(0.0, 1.0)) if descending[-1] <= 0 else float(descending[-1])
    next_one = descending[people]
    above = descending[:people][descending[:people] > next_one]
    return float(above[-1]) if len(above) else float(np.nextafter(next_one, 1.0))
