"""Who is outside the people the model was trained on: they are served as usual, and the answer says so."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.as_of import KnownFacts
from features.catalogue import Catalogue
from features.history import LAID_OFF, present_spell

OUTSIDE_AGE_RANGE = "outside_legal_age_range"
LAYOFF_ONLY = "temporary_layoff_only"
NO_UNEMPLOYMENT = "no_present_unemployment"
OVER_A_YEAR = "unemployed_over_a_year"
CLIENT_OBJECTS = "client_objects"
"""Not found by this module: an objection is honoured before anything is looked at."""

OUTSIDE = (OVER_A_YEAR, NO_UNEMPLOYMENT, LAYOFF_ONLY, OUTSIDE_AGE_RANGE)
"""Why people are outside; where several reasons hold, the one further back is told."""


def scope_of(
    catalogue: Catalogue, known: KnownFacts, within_age_range: NDArray[np.bool_]
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """The position in `OUTSIDE` of why each of n people is not assessed, int8 (n,), -1 for who is in scope; and the
    months since the present spell began, float64 (n,), NaN where there is none.

    The age range is told by the case system as yes or no; the year of birth itself is never asked for.
    """
    spell = present_spell(known)
    why = np.full(len(known), -1, np.int8)
    # In the order of `OUTSIDE`: a later line takes precedence.
    why[spell.months >= catalogue.horizon_months] = 0
    why[np.isnan(spell.months)] = 1
    why[spell.code == LAID_OFF] = 2
    why[~within_age_range] = 3
    return why, spell.months


def outside_of_scope(catalogue: Catalogue, document: Mapping[str, Any], known: KnownFacts) -> tuple[str | None, float]:
    """Why one person is not assessed (None when they are in scope), and the months since the present spell began."""
    within = np.array([document.get("within_legal_age_range") is not False])
    why, months = scope_of(catalogue, known, within)
    return (OUTSIDE[why[0]] if why[0] >= 0 else None), float(months[0])
