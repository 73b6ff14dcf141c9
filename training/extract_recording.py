"""Facts whose recording time was not kept: the catalogue's rule stands in, and no end is known before it happened."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.extract_columns import MISSING_DAY
from features.facts import COLUMNS, OPEN_END, Days


def stand_in(
    catalogue: Catalogue,
    kind: str,
    owner: NDArray[np.int64],
    columns: dict[str, NDArray[Any]],
    delivered_on: Days | None,
) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
    """Return owners and columns in which every row has a recording time, by the catalogue's rule where it had none.

    Under a lag, a spell that has ended becomes two versions: its start known some days after the start, its end some
    days after the end. One version alone would either know the end too early or the start too late.
    """
    rule = catalogue.recording_rule(kind)
    known_on = columns["known_on"].copy()
    missing = known_on == MISSING_DAY
    if rule.rule == "first_delivery" and delivered_on is not None:
        carried = missing & (delivered_on != MISSING_DAY)
        known_on[carried] = delivered_on[carried]
        missing &= ~carried
    known_on[missing] = columns["happened_on"][missing] + rule.days
    versions = {**columns, "known_on": known_on}
    if "end" not in COLUMNS[kind]:
        return owner, versions
    ended = np.flatnonzero(missing & (columns["end"] != OPEN_END))
    closing = {name: column[ended] for name, column in versions.items()}
    closing["known_on"] = np.maximum(closing["end"] + np.int32(rule.days), closing["known_on"] + 1).astype(np.int32)
    opened = versions["end"].copy()
    opened[ended] = OPEN_END
    versions["end"] = opened
    joined = {name: np.concatenate([versions[name], closing[name]]) for name in versions}
    return np.concatenate([owner, owner[ended]]), joined
