"""Which day it is for the service, and how far back a screening may look."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

# A server's own zone is often UTC: for two or three hours of every night it would refuse facts of the day as future.
FINLAND = ZoneInfo("Europe/Helsinki")


def today_in_finland(now: datetime | None = None) -> date:
    """The day of the calendar in Finland, wherever the machine stands; `now` carries its own time zone.

    >>> today_in_finland(datetime(2026, 11, 21, 22, 30, tzinfo=UTC))
    datetime.date(2026, 11, 22)
    """
    return (now or datetime.now(UTC)).astimezone(FINLAND).date()


def earliest_as_of(today: date) -> date:
    """The first day a screening may look at: twelve months back.

    >>> earliest_as_of(date(2026, 11, 22)), earliest_as_of(date(2024, 2, 29))
    (datetime.date(2025, 11, 22), datetime.date(2023, 3, 1))
    """
    try:
        return today.replace(year=today.year - 1)
    except ValueError:  # 29 February
        return today.replace(year=today.year - 1, day=28) + timedelta(days=1)
