"""Who is outside the people the model was trained on: they are served as usual, and the answer says so."""

from collections.abc import Mapping
from math import isnan
from typing import Any

from features.as_of import KnownFacts
from features.catalogue import Catalogue
from features.history import LAID_OFF, present_spell

OUTSIDE_AGE_RANGE = "outside_legal_age_range"
LAYOFF_ONLY = "temporary_layoff_only"
NO_UNEMPLOYMENT = "no_present_unemployment"
OVER_A_YEAR = "unemployed_over_a_year"


def outside_of_scope(catalogue: Catalogue, document: Mapping[str, Any], known: KnownFacts) -> tuple[str | None, float]:
    """Why one person is not assessed (None when they are in scope), and the months since the present spell began.

    The age range is told by the case system as yes or no; the year of birth itself is never asked for.
    """
    if document.get("within_legal_age_range") is False:
        return OUTSIDE_AGE_RANGE, float("nan")
    spell = present_spell(known)
    months = float(spell.months[0])
    if spell.code[0] == LAID_OFF:
        return LAYOFF_ONLY, months
    if isnan(months):
        return NO_UNEMPLOYMENT, months
    return (OVER_A_YEAR if months >= catalogue.horizon_months else None), months
