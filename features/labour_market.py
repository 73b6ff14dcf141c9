"""The labour market of a person's occupation, as published by the as-of date."""

import numpy as np

from features.as_of import KnownFacts, published_at
from features.facts import Floats
from features.functions import feature_function
from features.history import statement


@feature_function("occupation_tightness", reads=("occupation_isco",))
def occupation_tightness(known: KnownFacts) -> Floats:
    """Jobseekers per vacancy in the occupation's major group, the latest month published by the as-of date.

    NaN where the occupation is not known, or no figure young enough had been published.
    """
    if known.labour_market is None:
        return np.full(len(known), np.nan)
    return published_at(known.labour_market, statement(known, "occupation_isco"), known.as_of)
