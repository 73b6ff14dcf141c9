"""Health and social-care values never reach a log, whether the request is answered or refused."""

import logging
from pathlib import Path

import pytest

from tests.service.served import document, served

# Values that stand nowhere else: a score on a scale of its own for each section.
DISTINCT = {name: {"score": 7310.25 + i, "minimum": 7000, "maximum": 7900} for i, name in enumerate(("mind", "body"))}


@pytest.mark.parametrize(
    ("change", "status"), [({}, 200), ({"health": 73109}, 422), ({"instrument_version": "?"}, 422)]
)
def test_no_score_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, change: dict[str, object], status: int
) -> None:
    service = served(tmp_path)
    told = {"instrument_version": "2020", "date": "2026-10-01", "use_permitted": True, **DISTINCT, **change}
    with caplog.at_level(logging.DEBUG), service.client() as client:
        answer = client.post("/v1/screenings", json=document(self_assessments=[told]), headers=service.headers())
    assert answer.status_code == status
    lines = "\n".join(f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records)
    assert f"POST /v1/screenings {status}" in lines
    assert not [value for value in ("7310.25", "7311.25", "73109") if value in lines]
