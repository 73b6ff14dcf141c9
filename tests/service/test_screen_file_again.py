"""A run that was stopped goes on as itself: the same day and options, nobody twice, and nothing the ledger denies."""

from datetime import timedelta
from pathlib import Path

import pytest

from service.caseload_file.plan import CaseloadError
from service.today import today_in_finland
from tests.service.caseload_files import OPERATOR, entries, fact_file, official, people, stop, table
from tests.service.served import Served, served


@pytest.fixture
def service(tmp_path: Path) -> Served:
    return served(tmp_path / "home")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return fact_file(tmp_path / "in.csv", people())


RECORDED = {"caller": OPERATOR, "occasion": "monthly round"}


def test_a_run_stopped_in_its_first_portion_goes_on_as_the_same_run(
    service: Served, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = stop(monkeypatch, service, source, tmp_path / "out.csv", after=0, **RECORDED)

    with pytest.raises(CaseloadError, match="keep_days changed"):
        official(service, source, out, rows_at_once=10, keep_days=31)
    official(service, source, out, rows_at_once=10, today=today_in_finland() + timedelta(days=1))

    assert len(entries(service, "caseload")) == 1
    assert [one[0] for one in entries(service, "caseload_row")] == [row["screening_id"] for row in table(out)]
