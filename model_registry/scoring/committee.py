"""How sure an estimate is: refits of both models on people drawn anew, each asked for the risk that would be served.

A member's risk follows the same rule as the served one: the higher of its register model's and its full model's, with
everything told and with any part of it. So one more answer (a self-assessment is one, whatever it holds) raises each
member's risk or leaves it, and the rule below can only add support.

**What decides the level.** Let t be a threshold. The level behind it is suggested where the served risk reaches t, and
also where more than a fifth of the members reach it: then fewer than 80 % agree on less, the tool does not know, and
the higher level applies. Both are one comparison with t of one number, the decisive risk: the served risk or, if
higher, the risk that more than a fifth of the members reach. Thresholds are set on it, so the load includes those of
whom the tool does not know.

**The range.** From the 5th to the 95th percentile of the members' log-odds, drawn out from their median by `widening`,
and never without the served risk itself. Refits differ only by whom chance has drawn; they share the features, the
kind of model and the calibration slice, so unwidened they are too sure (`training/coverage.py` measures by how much).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from features.errors import PackageError
from model_registry.scoring.calibration import risk_of
from model_registry.scoring.refits import CalibratedRefits
from model_registry.scoring.segments import SegmentPolicy

Floats = npt.NDArray[np.float64]
LOWEST, MIDDLE, HIGHEST = 0.05, 0.50, 0.95
DISSENT = 5
"""The tool does not know where more than one member in so many disagrees: fewer than 80 % agree."""


@dataclass(frozen=True)
class Committee:
    """The refits of the register model and of the full one; `full` is None where the package has no full model.

    Attributes
    ----------
    widening : mapping of landmark (months) to float
        At least 1: how far the range is drawn out from the members' median.
    """

    register: CalibratedRefits
    full: CalibratedRefits | None
    widening: Mapping[int, float]

    def __post_init__(self) -> None:
        if self.full is not None and len(self.full) != len(self.register):
            raise PackageError("The committee needs as many refits of the full model as of the register model.")
        if not self.widening or not all(1.0 <= factor < np.inf for factor in self.widening.values()):
            raise PackageError("The committee's widening must be a number of at least 1 for each landmark.")

    def __len__(self) -> int:
        return len(self.register)

    def widened(self, names: tuple[str, ...]) -> "Committee":
        """The same committee with a column for each of `names` in every matrix it is given."""
        full = self.full.widened(names) if self.full else None
        return Committee(self.register.widened(names), full, self.widening)

    def certainty(
        self, policy: SegmentPolicy, landmark: npt.NDArray[np.int64], log_odds: Floats, members: Floats
    ) -> "Certainty":
        """What the members' log-odds (n, members) say of n rows; the range is drawn out by each row's landmark."""
        widening = np.array([self.widening[month] for month in landmark.tolist()])
        return certainty(policy, landmark, log_odds, members, widening)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The saved form: plain arrays only."""
        saved = {f"register.{key}": array for key, array in self.register.to_arrays().items()}
        if self.full is not None:
            saved |= {f"full.{key}": array for key, array in self.full.to_arrays().items()}
        months = np.array(list(self.widening), dtype=np.int64)
        return saved | {"landmarks": months, "widening": np.array(list(self.widening.values()))}

    @classmethod
    def from_arrays(cls, saved: Mapping[str, npt.NDArray[Any]]) -> "Committee":
        """The committee from its saved form.

        Raises
        ------
        PackageError
            If a part is missing or does not fit.
        """
        parts: dict[str, dict[str, npt.NDArray[Any]]] = {"register": {}, "full": {}}
        for key, array in saved.items():
            part, _, name = key.partition(".")
            if part in parts:
                parts[part][name] = array
        months, factors = (np.asarray(saved.get(key, np.zeros(0))) for key in ("landmarks", "widening"))
        if months.ndim != 1 or months.shape != factors.shape or not len(months):
            raise PackageError("the committee lacks its widening at each landmark")
        full = CalibratedRefits.from_arrays(parts["full"]) if parts["full"] else None
        widening = dict(zip(months.tolist(), factors.tolist(), strict=True))
        return cls(CalibratedRefits.from_arrays(parts["register"]), full, widening)


@dataclass(frozen=True)
class Certainty:
    """What the committee says of n rows.

    Attributes
    ----------
    members : int
    lower, upper : float64 (n,)
        The range of the risk.
    decisive : float64 (n,)
        The risk that decides the level.
    level : int8 (n,)
        The level that applies, a position in the policy's levels.
    same_level : int64 (n,)
        How many members give the level of the served risk.
    unsure : bool (n,)
        Fewer than 80 % of the members do: the tool does not know.
    other_level : int8 (n,)
        The level that the tool cannot tell from the one that applies; the same where it knows.
    """

    members: int
    lower: Floats
    upper: Floats
    decisive: Floats
    level: npt.NDArray[np.int8]
    same_level: npt.NDArray[np.int64]
    unsure: npt.NDArray[np.bool_]
    other_level: npt.NDArray[np.int8] = field(repr=False)


def decisive_log_odds(log_odds: Floats, ordered: Floats) -> Floats:
    """The log-odds (n,) that decide the level, of the served ones (n,) and the members' (n, m), ascending in a row."""
    return np.maximum(log_odds, ordered[:, -(ordered.shape[1] // DISSENT + 1)])


def percentiles(ordered: Floats) -> tuple[Floats, Floats, Floats]:
    """The 5th, 50th and 95th percentile (n,) of members' log-odds (n, m), ascending in a row."""
    lowest, middle, highest = (_quantile(ordered, share) for share in (LOWEST, MIDDLE, HIGHEST))
    return lowest, middle, highest


def drawn_out(log_odds: Floats, ordered: Floats, widening: Floats | float) -> tuple[Floats, Floats]:
    """The ends (n,) of the range of the log-odds: the members' percentiles drawn out from their median, and never
    without the served log-odds (n,)."""
    lowest, middle, highest = percentiles(ordered)
    lower = np.minimum(log_odds, middle - widening * (middle - lowest))
    return lower, np.maximum(log_odds, middle + widening * (highest - middle))


def certainty(
    policy: SegmentPolicy, landmark: npt.NDArray[np.int64], log_odds: Floats, members: Floats, widening: Floats | float
) -> Certainty:
    """What the members say of n rows under a policy.

    Parameters
    ----------
    landmark : int64 (n,)
    log_odds : float64 (n,)
        Of the served risk.
    members : float64 (n, m)
        The log-odds of each member's risk.
    widening : float64 (n,) or float
        How far each range is drawn out from the median.
    """
    n, count = members.shape
    ordered = np.sort(members, axis=1)
    lower, upper = drawn_out(log_odds, ordered, widening)
    # everything at once: for one row the calls cost more than the numbers
    together = risk_of(np.column_stack([lower, upper, decisive_log_odds(log_odds, ordered), log_odds, members]))
    positions = policy.positions(together[:, 2:].ravel(), np.repeat(landmark, count + 2)).reshape(n, count + 2)
    level, served, votes = positions[:, 0], positions[:, 1], positions[:, 2:]
    same = (votes == served[:, None]).sum(axis=1)
    unsure = DISSENT * (count - same) > count
    other = level.copy()
    for row in np.flatnonzero(unsure):
        # a dissent that does not raise the level is from below, in part at least
        below = np.bincount(votes[row], minlength=len(policy.levels))[: served[row]]
        other[row] = served[row] if level[row] > served[row] else below.argmax()
    return Certainty(count, together[:, 0], together[:, 1], together[:, 2], level.copy(), same, unsure, other)


def certain(policy: SegmentPolicy, landmark: npt.NDArray[np.int64], log_odds: Floats) -> Certainty:
    """The same without a committee: no range (NaN), no votes, and the served risk decides."""
    risk = risk_of(log_odds)
    level = policy.positions(risk, landmark)
    unknown = np.full(len(risk), np.nan)
    nobody = np.zeros(len(risk), dtype=np.int64)
    return Certainty(0, unknown, unknown, risk, level, nobody, nobody > 0, level)


def _quantile(ordered: Floats, share: float) -> Floats:
    """A quantile (n,) of rows in ascending order (n, m), between two members in proportion."""
    place = share * (ordered.shape[1] - 1)
    first = int(place)
    second = min(first + 1, ordered.shape[1] - 1)
    quantile: Floats = ordered[:, first] + (place - first) * (ordered[:, second] - ordered[:, first])
    return quantile
