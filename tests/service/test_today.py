"""The day is Finland's, wherever the machine stands; a screening looks at most a year back."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from service import dependencies
from service.today import FINLAND, earliest_as_of, today_in_finland
from tests.service.served import Served, document, served


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return served(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(service: Served) -> Iterator[TestClient]:
    with service.client() as running:
        yield running


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 21, 21, 59, tzinfo=UTC), date(2026, 11, 21)),
        (datetime(2026, 11, 21, 22, 0, tzinfo=UTC), date(2026, 11, 22)),  # winter: two hours ahead of UTC
        (datetime(2026, 7, 1, 20, 59, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 7, 1, 21, 0, tzinfo=UTC), date(2026, 7, 2)),  # summer: three
    ],
)
def test_a_day_begins_at_midnight_in_finland(moment: datetime, day: date) -> None:
    assert today_in_finland(moment) == day


@pytest.mark.parametrize("zone", ["Etc/GMT-14", "Etc/GMT+12"])  # at any moment one of them has another day than Finland
def test_the_service_asks_finland_and_not_the_machine(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", zone)
        time.tzset()
        found, expected = asyncio.run(dependencies.today()), datetime.now(FINLAND).date()
    time.tzset()

    assert found == expected


@pytest.mark.parametrize(
    ("today", "earliest"),
    [
        (date(2026, 11, 22), date(2025, 11, 22)),
        (date(2028, 2, 29), date(2027, 3, 1)),
        (date(2025, 2, 28), date(2024, 2, 28)),
    ],
)
def test_a_screening_looks_at_most_twelve_months_back(today: date, earliest: date) -> None:
    assert earliest_as_of(today) == earliest


def test_the_earliest_day_is_screened_and_the_day_before_is_told_why_not(client: TestClient, service: Served) -> None:
    earliest = earliest_as_of(today_in_finland())
    spells = [{"employment_code": "02", "start": (earliest - timedelta(days=9)).isoformat(), "end": None}]

    allowed, refused = (
        client.post(
            "/v1/screenings",
            json=document(as_of=day.isoformat(), spells=spells, history_from=...),
            headers=service.headers(),
        )
        for day in (earliest, earliest - timedelta(days=1))
    )

    assert allowed.status_code == 200
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"pointer": "/as_of", "detail": "Lies over twelve months back; a screening looks at today or a recent day."}
    ]
