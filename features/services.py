"""What services a person has taken part in. Topics to talk about, never causes: a service marks a need already seen."""

import numpy as np

from features.as_of import KnownFacts
from features.facts import Floats
from features.functions import feature_function
from features.history import DAYS_A_MONTH, statement
from features.kernels import days_within


def _window_opens(known: KnownFacts, months: int) -> Floats:
    opens = known.as_of - np.float64(round(months * DAYS_A_MONTH)) + 1
    observed_from = statement(known, "history_from")
    return np.where(np.isnan(observed_from), np.nan, np.maximum(opens, observed_from))


@feature_function("service_share", reads=("services", "history_from"))
def service_share(known: KnownFacts, months: int) -> Floats:
    """Share (0-1) of the observed `months` up to the as-of date spent in services; NaN where not observed."""
    services = known.tables["services"]
    opens = _window_opens(known, months)
    days = np.empty(len(known))
    every_kind = np.ones(256, np.bool_)
    columns = (services.offsets, services["happened_on"], services["end"], services["code"])
    days_within(*columns, every_kind, np.nan_to_num(opens).astype(np.int32), known.as_of, days)
    observed = known.as_of - opens + 1
    observed[observed < 1] = np.nan
    share: Floats = np.minimum(days / observed, 1.0)
    return share


@feature_function("services_ended", reads=("services", "history_from"))
def services_ended(known: KnownFacts, months: int) -> Floats:
    """Services that ended within the `months` before the as-of date; NaN where history is not observed at all."""
    services = known.tables["services"]
    opens = _window_opens(known, months)
    owner = np.repeat(np.arange(len(known)), np.diff(services.offsets))
    ended = (services["end"] >= opens[owner]) & (services["end"] < known.as_of[owner])
    count = np.bincount(owner[ended], minlength=len(known)).astype(np.float64)
    count[np.isnan(opens)] = np.nan
    return count
