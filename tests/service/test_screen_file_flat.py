"""A flat caseload: one row a person, read by the serving model's own catalogue and no code."""

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.errors import ExtractError
from features.facts import day_number
from service.batch import assess_all
from service.caseload_file.plan import CaseloadError
from service.champion import promoted_champion
from service.ledger import open_ledger
from service.screening import assess, read_document
from service.settings import Settings
from service.today import today_in_finland
from tests.service.caseload_files import OPERATOR, answers, table
from tests.service.ledger_home import ANALYST, installation
from tests.service.served import Served
from tests.small_package import CODES, catalogue, frame, small_package

FIELDS = ("months_worked", "months_out", "trade", "own_view")


@pytest.fixture
def service(tmp_path: Path) -> Served:
    settings: Settings = installation(tmp_path / "home")
    folder = tmp_path / "home" / "packages" / "small"
    made = small_package(folder)
    open_ledger(settings).record_promotion(ANALYST, "demo-small", "1", made.meta.digest, str(folder), "for the test")
    return Served(settings, {})


def people(n: int) -> list[dict[str, Any]]:
    """What is known of n made-up people, by field; what is not known is left out."""
    found = []
    for values in frame(n, seed=9).values:
        told = {name: value for name, value in zip(FIELDS, values.tolist(), strict=True) if not np.isnan(value)}
        if "trade" in told:
            told["trade"] = CODES[int(told["trade"])]
        found.append(told)
    return found


def flat_file(path: Path, rows: list[dict[str, Any]], **more: Any) -> Path:
    today = day_number(today_in_finland()) - day_number(origin())
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*FIELDS, "day", "weeks"])
        writer.writeheader()
        writer.writerows({"day": today, "weeks": 3, **row, **more} for row in rows)
    return path


def origin() -> date:
    flat = catalogue().flat
    assert flat is not None
    return flat.as_of_origin


def test_each_row_gets_the_answer_of_its_document(service: Served, tmp_path: Path) -> None:
    known = people(60)

    rows = answers(service, flat_file(tmp_path / "in.csv", known), tmp_path / "out.csv", rows_at_once=25)

    champion = promoted_champion(open_ledger(service.settings), service.settings)
    assert [row["client_id"] for row in rows] == [f"row-{number:08d}" for number in range(1, 61)]
    for row, told in zip(rows, known, strict=True):
        asked = {"client_id": "anna", "purpose": "service_planning", **told}
        found = assess(champion, read_document(champion, OPERATOR, asked, today_in_finland()))
        assert row["level"] == found["segment"]["level"]
        assert row["of_100_stay"] == str(found["risk"]["of_100_stay"])
        assert row["can_be_influenced"].split() == [part["domain"] for part in found["can_be_influenced"]]
        assert row["decided_by"] == found["risk"]["decided_by"]
        between = found["risk"]["range"]
        assert (row["of_100_from"], row["of_100_to"]) == (
            str(between["of_100_stay_low"]),
            str(between["of_100_stay_high"]),
        )
        assert row["unsure"] == str(not found["segment"]["certainty"]["known"]).lower()
        assert row["other_level"] == (found["segment"]["certainty"]["other_level"] or "")
    assert {row["decided_by"] for row in rows} == {"register", "full"}
    assert {row["unsure"] for row in rows} == {"true", "false"}


def test_everybody_at_once_is_found_what_each_alone_is_found(service: Served) -> None:
    champion = promoted_champion(open_ledger(service.settings), service.settings)
    documents = [{"client_id": "anna", "purpose": "service_planning", **told} for told in people(60)]
    reads = [read_document(champion, OPERATOR, asked, today_in_finland()) for asked in documents]

    assert assess_all(champion, reads) == [assess(champion, read) for read in reads]


def test_without_the_committee_no_range_is_told_and_nothing_is_official(service: Served, tmp_path: Path) -> None:
    source = flat_file(tmp_path / "in.csv", people(5))

    rows = answers(service, source, tmp_path / "out.csv", without_committee=True)

    assert "of_100_from" not in rows[0]
    assert json.loads((tmp_path / "out.csv.about.json").read_text())["committee"] is False
    with pytest.raises(CaseloadError, match="for measuring only"):
        answers(service, source, tmp_path / "two.csv", without_committee=True, caller=OPERATOR, occasion="x")


def test_people_without_pseudonyms_are_recorded_under_no_name(service: Served, tmp_path: Path) -> None:
    source = flat_file(tmp_path / "in.csv", people(5))

    with pytest.raises(CaseloadError, match=r"small names no column of pseudonyms.* give --dry-run"):
        answers(service, source, tmp_path / "out.csv", caller=OPERATOR, occasion="x")

    assert {file.name for file in tmp_path.iterdir()} == {"home", "in.csv"}
    assert len(answers(service, source, tmp_path / "out.csv")) == 5


def test_a_faulty_row_is_rejected_alone(service: Served, tmp_path: Path) -> None:
    known = people(5)
    known[2] |= {"trade": "secret-z", "months_out": 5000}

    rows = answers(service, flat_file(tmp_path / "in.csv", known), tmp_path / "out.csv")

    assert [row["client_id"] for row in rows] == [f"row-0000000{number}" for number in (1, 2, 4, 5)]
    rejects = table(tmp_path / "out.csv.rejects.csv")
    assert [(reject["row"], reject["field"]) for reject in rejects] == [("3", "months_out"), ("3", "trade")]
    assert "secret-z" not in (tmp_path / "out.csv.rejects.csv").read_text()


def test_an_identity_code_in_a_column_nobody_reads_is_refused_too(service: Served, tmp_path: Path) -> None:
    known = people(2)
    known[1] |= {"weeks": "131052-308T"}

    rows = answers(service, flat_file(tmp_path / "in.csv", known), tmp_path / "out.csv")

    assert len(rows) == 1
    assert table(tmp_path / "out.csv.rejects.csv")[0]["field"] == "weeks"


def test_old_rows_need_a_day_to_be_looked_at_from(service: Served, tmp_path: Path) -> None:
    source = flat_file(tmp_path / "in.csv", people(3), day=10_000)

    assert answers(service, source, tmp_path / "out.csv") == []
    assert len(answers(service, source, tmp_path / "today.csv", as_of=today_in_finland())) == 3


def test_a_missing_column_is_told_before_anything_is_read(service: Served, tmp_path: Path) -> None:
    source = flat_file(tmp_path / "in.csv", people(3))
    source.write_text(source.read_text().replace("trade", "trades", 1))

    with pytest.raises(ExtractError, match="column trade is missing"):
        answers(service, source, tmp_path / "out.csv")
