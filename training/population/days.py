"""Calendar arithmetic on day numbers (days since 1970-01-01), vectorised."""

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int64]
Floats = NDArray[np.float64]

OPEN = np.int64(2**40)
"""An end so far away that it is never reached."""


def month_of(days: Days) -> NDArray[np.int64]:
    """Calendar month, 1-12."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1


def month_index(days: Days) -> NDArray[np.int64]:
    """Months since January 1970."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def year_of(days: Days) -> NDArray[np.int64]:
    """Calendar year."""
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def first_day_of_month(month: NDArray[np.int64]) -> Days:
    """First day of a month given as months since January 1970."""
    return month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def last_day_of_month(days: Days) -> Days:
    """Last day of the month that holds each day."""
    return first_day_of_month(month_index(days) + 1) - 1


def iso(days: Days) -> NDArray[np.str_]:
    """ISO dates as strings."""
    return days.astype("datetime64[D]").astype(str)
