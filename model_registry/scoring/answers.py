"""Voluntary answers may only add support: what a person would get who had told less.

With two models alone an answer could still take support away: whoever has told one thing is judged by the full model
already, and a second, favourable answer would lower it. So the full model is asked for everything told and for every
part of it, and the highest risk decides. One more answer only adds to what the highest is taken of.
"""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

from features.catalogue import Catalogue
from features.errors import PackageError
from features.frame import FeatureFrame

Floats = npt.NDArray[np.float64]
MOST_GROUPS = 4
"""Each answer more doubles the parts to ask for."""


def answer_groups(catalogue: Catalogue) -> list[list[int]]:
    """Return the columns of the answers that are given together: a self-assessment is one, each statement its own.

    Raises
    ------
    PackageError
        Where the catalogue asks for more answers than every part of can be asked for.
    """
    groups: dict[str, list[int]] = {}
    for position, feature in enumerate(catalogue.active_features):
        if feature.voluntary:
            groups.setdefault(feature.input or "self_assessment", []).append(position)
    if len(groups) > MOST_GROUPS:
        raise PackageError(
            f"The catalogue has {len(groups)} voluntary answers ({', '.join(groups)}); at most {MOST_GROUPS} can be "
            "promised to add support only. Gather some under one input, or leave some out."
        )
    return list(groups.values())


def parts_told(catalogue: Catalogue, frame: FeatureFrame) -> Iterator[tuple[npt.NDArray[np.int64], FeatureFrame]]:
    """Return rows, and their frame with part of the answers left out, for every part of what anybody told.

    The first is everybody with everything; only rows that told something of what is left out, and something else, come
    in the later ones.
    """
    yield np.arange(len(frame)), frame
    groups = answer_groups(catalogue)
    told = np.array([(~np.isnan(frame.values[:, group])).any(axis=1) for group in groups])
    for size in range(1, len(groups)):
        for left_out in combinations(range(len(groups)), size):
            others = [place for place in range(len(groups)) if place not in left_out]
            rows = np.flatnonzero(told[list(left_out)].all(axis=0) & told[others].any(axis=0))
            if len(rows):
                values = frame.values[rows]
                values[:, [column for place in left_out for column in groups[place]]] = np.nan
                yield rows, FeatureFrame(values, frame.names, frame.fingerprint)


def highest_over_answers(
    catalogue: Catalogue,
    frame: FeatureFrame,
    answered: npt.NDArray[np.bool_],
    register: Floats,
    ask_full: Callable[[FeatureFrame], Floats],
) -> Floats:
    """Return the highest of the register model's figures and the full model's, for every part of what was told.

    Parameters
    ----------
    answered : bool (n,)
        Whether any voluntary answer is known.
    register : float64 (n,) or (n, members)
        Risks or log-odds of the register model; a new array is returned.
    ask_full : callable
        Gives the full model's figures, of the same shape, for a frame.
    """
    found, rows = register.copy(), np.flatnonzero(answered)
    if len(rows):
        answers = FeatureFrame(frame.values[rows], frame.names, frame.fingerprint)
        for told, less in parts_told(catalogue, answers):
            found[rows[told]] = np.maximum(found[rows[told]], ask_full(less))
    return found
