"""What services a person has taken part in. Topics to talk about, never causes: a service marks a need already seen."""

import numpy as np
from numpy.typing import NDArray

from features.as_of import KnownFacts
from features.facts import Floats
from features.functions import feature_function
from features.history import observed_before
from features.kernels import DAY_MIN, days_within, ended_within

EVERY_KIND: NDArray[np.bool_] = np.ones(256, np.bool_)


@feature_function("service_share", reads=("services", "history_from"))
def service_share(known: KnownFacts, months: int) -> Floats:
    """Share (0-1) of the observed `months` up to the as-of date spent in services; NaN where not observed."""
    services = known.tables["services"]
    window = observed_before(known, known.as_of, months, fewest_days=1)
    days = np.empty(len(known))
    columns = (services.offsets, services["happened_on"], services["end"], services["code"])
    days_within(*columns, EVERY_KIND, window.opens, window.closes, days)
    share: Floats = np.minimum(days / window.observed_days, 1.0)
    return share


@feature_function("services_ended", reads=("services", "history_from"))
def services_ended(known: KnownFacts, months: int) -> Floats:
    """Services that ended within the `months` before the as-of date; NaN where history is not observed at all."""
    services = known.tables["services"]
    window = observed_before(known, known.as_of, months, fewest_days=DAY_MIN)
    count = np.empty(len(known))
    ended_within(services.offsets, services["end"], window.opens, known.as_of, count)
    count[np.isnan(window.observed_days)] = np.nan
    return count
