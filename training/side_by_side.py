"""The three labels side by side: base rates, recall, and differences between groups of the protected store."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from model_registry.evidence import measures
from model_registry.evidence.estimates import (
    FEWEST_OUTCOMES,
    Estimate,
    draw_weights,
    interval,
    why_not_assessable,
)
from model_registry.evidence.survival import effective_n
from training.followed import Followed

Floats = NDArray[np.float64]
AUDITED = ("sex", "citizenship_group", "native_language_group")
NOT_RECORDED = "not recorded"
MEASURES = ("auc", "recall_at_10", "recall_at_25")


@dataclass(frozen=True)
class GroupFigures:
    """One group under one label at one landmark.

    Attributes
    ----------
    n, outcomes : int
        Person-dates seen to the end, and those of them with the outcome.
    recall : Estimate
        Of those with the outcome, the share that is met early when the operating capacity is used on everybody.
    difference : Estimate
        That recall less the reference group's, on the same draws; the reference is the largest group.
    """

    attribute: str
    group: str
    reference: bool
    n: int
    outcomes: int
    base_rate: Estimate
    flagged: Estimate
    recall: Estimate
    difference: Estimate


@dataclass(frozen=True)
class LabelFigures:
    """The served model under one label at one landmark."""

    label: str
    chosen: bool
    landmark: int
    n: int
    not_seen: int
    outside: int
    outcomes: int
    effective_n: float
    base_rate: Estimate
    values: Mapping[str, Estimate]
    groups: tuple[GroupFigures, ...]

    def described(self) -> dict[str, Any]:
        """The figures as evidence."""
        return asdict(self)


@dataclass(frozen=True)
class Groups:
    """A protected attribute of n person-dates: `member` (n,) is a position in `names`, -1 where not recorded."""

    attribute: str
    names: tuple[str, ...]
    member: NDArray[np.int64]


def groups_of(
    catalogue: Catalogue, protected: Mapping[str, Floats], person: NDArray[np.int64], names: Sequence[str] = AUDITED
) -> tuple[Groups, ...]:
    """Return the protected attributes of these person-dates that are codes and are held at all."""
    found = []
    for attribute in catalogue.protected:
        if attribute.name not in names or attribute.type != "code" or attribute.name not in protected:
            continue
        values = protected[attribute.name][person]
        if np.isnan(values).all():
            continue
        member = np.where(np.isnan(values), -1, np.nan_to_num(values, nan=0)).astype(np.int64)
        found.append(Groups(attribute.name, tuple(value.code for value in attribute.values), member))
    return tuple(found)


def compare_labels(
    risk: Floats,
    landmark: NDArray[np.int8],
    person: NDArray[np.int64],
    followed: Mapping[str, Followed],
    chosen: str,
    groups: Sequence[Groups],
    capacity: float,
    draws: int,
    seed: int,
) -> tuple[LabelFigures, ...]:
    """Return the figures of the served model under every label, landmark by landmark.

    Parameters
    ----------
    risk, landmark, person : (n,)
        Of the whole evaluation slice, whether or not its outcome is known: whom the service would meet does not depend
        on what is known later.
    followed : label -> Followed of n
    capacity : float
        The operating capacity: the share of people at a landmark who are met early.
    """
    found = []
    for month in np.unique(landmark):
        rows = np.flatnonzero(landmark == month)
        drawn = draw_weights(person[rows], draws, seed + int(month))
        flag = measures.flags_at_capacity(risk[rows], np.ones(len(rows)), capacity)
        flags = measures.flags_at_capacity(risk[rows], drawn, capacity)
        for label, outcomes in followed.items():
            value, standing = outcomes.value[rows], outcomes.weight[rows]
            seen = np.flatnonzero(standing > 0)
            own, weights = value[seen], standing[seen]
            spread = drawn[seen] * weights[:, None]
            reason = why_not_assessable(own)
            figures: dict[str, Estimate] = {}
            if reason is None:
                ranking = measures.rank(own, risk[rows][seen], weights)
                rankings = measures.rank(own, risk[rows][seen], spread)
                figures["auc"] = _estimate(measures.auc(ranking), measures.auc(rankings))
                for share in (10, 25):
                    figures[f"recall_at_{share}"] = _estimate(
                        measures.recall_at_capacity(ranking, share / 100),
                        measures.recall_at_capacity(rankings, share / 100),
                    )
            else:
                figures = {name: Estimate(None, None, None, reason) for name in MEASURES}
            point = (own, weights[:, None], flag[seen][:, None])
            several = (own, spread, flags[seen])
            found.append(
                LabelFigures(
                    label=label,
                    chosen=label == chosen,
                    landmark=int(month),
                    n=len(seen),
                    not_seen=int((np.isnan(value) & ~outcomes.outside[rows]).sum()),
                    outside=int(outcomes.outside[rows].sum()),
                    outcomes=int(own.sum()),
                    effective_n=effective_n(weights),
                    base_rate=_estimate(measures.base_rate(own, weights), measures.base_rate(own, spread)),
                    values=figures,
                    groups=tuple(
                        figure
                        for one in groups
                        for figure in _by_group(one.attribute, one.names, one.member[rows][seen], point, several)
                    ),
                )
            )
    return tuple(found)


def largest_gaps(figures: Sequence[LabelFigures]) -> list[str]:
    """Return a sentence for each difference between groups that is beyond its interval, under the chosen label."""
    found = []
    for one in figures:
        for group in one.groups if one.chosen else ():
            gap = group.difference
            if gap.value is None or gap.lower is None or gap.upper is None or gap.lower <= 0 <= gap.upper:
                continue
            found.append(
                f"month {one.landmark}, {group.attribute} {group.group}: of those with the outcome "
                f"{100 * abs(gap.value):.1f} points {'fewer' if gap.value < 0 else 'more'} are met early than in the "
                "largest group"
            )
    return found


Sample = tuple[Floats, Floats, Floats]
"""Outcome (n,), weights (n, draws) and flags (n, draws)."""


def _by_group(
    attribute: str, names: tuple[str, ...], member: NDArray[np.int64], point: Sample, several: Sample
) -> list[GroupFigures]:
    present = [place for place in (*range(len(names)), -1) if (member == place).any()]
    known = [place for place in present if place >= 0]
    if not known:
        return []
    reference = max(known, key=lambda place: int((member == place).sum()))
    at_reference = (_recall(point, member == reference), _recall(several, member == reference))
    enough = int(point[0][member == reference].sum()) >= FEWEST_OUTCOMES
    found = []
    for place in present:
        rows = member == place
        n, outcomes = int(rows.sum()), int(point[0][rows].sum())
        reason = None
        if outcomes < FEWEST_OUTCOMES:
            reason = f"n = {n}, {outcomes} with the outcome: at least {FEWEST_OUTCOMES} are needed"
        nothing = Estimate(None, None, None, reason)
        recall = (_recall(point, rows), _recall(several, rows))
        found.append(
            GroupFigures(
                attribute,
                names[place] if place >= 0 else NOT_RECORDED,
                place == reference,
                n,
                outcomes,
                nothing if reason else _estimate(_share(point, rows, 0), _share(several, rows, 0)),
                nothing if reason else _estimate(_share(point, rows, 2), _share(several, rows, 2)),
                nothing if reason else _estimate(*recall),
                nothing
                if reason or not enough
                else _estimate(recall[0] - at_reference[0], recall[1] - at_reference[1])
                if place != reference
                else Estimate(0.0, 0.0, 0.0),
            )
        )
    return found


def _recall(sample: Sample, rows: NDArray[np.bool_]) -> Floats:
    outcome, weights, flags = sample
    positives = weights[rows] * outcome[rows][:, None]
    return measures.ratio((positives * flags[rows]).sum(axis=0), positives.sum(axis=0))


def _share(sample: Sample, rows: NDArray[np.bool_], what: int) -> Floats:
    """The weighted share with the outcome (0) or flagged (2)."""
    counted = sample[0][rows][:, None] if what == 0 else sample[2][rows]
    weights = sample[1][rows]
    return measures.ratio((weights * counted).sum(axis=0), weights.sum(axis=0))


def _estimate(point: Floats | float, spread: Floats | float) -> Estimate:
    value = float(np.asarray(point).ravel()[0])
    if not np.isfinite(value):
        return Estimate(None, None, None, "not defined on these people")
    return Estimate(value, *interval(np.asarray(spread)))
