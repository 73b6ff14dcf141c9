"""The same people give the same answer from a file as one by one: level, estimate, reasons, and why there is none."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.as_of import known_at
from features.facts import day_number
from features.history import present_spell
from service.champion import Champion, promoted_champion
from service.ledger import open_ledger
from service.screening import assess, read_document
from service.today import today_in_finland
from tests.contract.test_same_features import document_of
from tests.service.caseload_files import OPERATOR, answers, fact_file
from tests.service.served import Served, catalogue, document, served
from tests.service.test_batch import several
from training.extract import read_extract
from training.fact_table import write_fact_table
from training.population.generate import Order, generate

GROUPS = ("strengths", "can_be_influenced", "situation_now", "topics")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return served(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def champion(service: Served) -> Champion:
    return promoted_champion(open_ledger(service.settings), service.settings)


def alone(champion: Champion, asked: dict[str, Any]) -> dict[str, str]:
    """What a single screening finds, in the columns of the output."""
    read = read_document(champion, OPERATOR, asked, today_in_finland())
    found = assess(champion, read)
    told = {"client_id": str(asked["client_id"]), "as_of": read.as_of.isoformat()}
    if not found["assessed"]:
        return told | {"not_assessed": found["reason"], "level": ""}
    told |= {"level": found["segment"]["level"], "of_100_stay": str(found["risk"]["of_100_stay"]), "not_assessed": ""}
    told |= {"decided_by": found["risk"]["decided_by"], "landmark": str(found["risk"]["landmark"])}
    return told | {group: " ".join(part["domain"] for part in found[group]) for group in GROUPS}


def assert_alike(champion: Champion, documents: list[dict[str, Any]], rows: list[dict[str, str]]) -> None:
    for asked, row in zip(documents, rows, strict=True):
        expected = alone(champion, asked)
        assert {name: row[name] for name in expected} == expected


def test_documents_of_every_kind_are_answered_alike(service: Served, champion: Champion, tmp_path: Path) -> None:
    forbidden = {"instrument_version": "2020", "date": "2026-01-01", "use_permitted": False, "health": 99}
    ranged = {"instrument_version": "2020", "date": "2026-01-02", "use_permitted": True}
    ranged |= {"mind": {"score": 30, "minimum": 12, "maximum": 48}, "work_ability_score": 0}
    documents = [
        *several(),
        document(client_id="client-forbidden", self_assessments=[forbidden]),
        document(client_id="client-ranged", self_assessments=[ranged], own_expectation="cannot_say"),
        document(client_id="client-served", services=[{"service": "job_search_training", "start": "2026-02-01"}])
        if catalogue().value("service", "job_search_training")
        else document(client_id="client-served"),
        document(client_id="client-earlier", as_of=(today_in_finland() - timedelta(days=60)).isoformat()),
    ]

    rows = answers(
        service, fact_file(tmp_path / "in.csv", by_name(documents)), tmp_path / "out.csv", with_health_reasons=True
    )

    assert_alike(champion, by_name(documents), rows)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_synthetic_people_are_answered_alike(service: Served, champion: Champion, tmp_path: Path, suffix: str) -> None:
    until = today_in_finland() - timedelta(days=20)
    generate(Order(1_200, 7, until), tmp_path / "world")
    extract = read_extract(tmp_path / "world" / "extract", catalogue())
    source = tmp_path / f"facts{suffix}"
    written = write_fact_table(extract, catalogue(), until, source)
    assert extract.facts is not None
    days = np.full(len(extract.facts), day_number(until), np.int32)
    known = known_at(extract.facts, days, catalogue().statement_inputs, catalogue().label.bridging_days)
    unemployed = np.flatnonzero(~np.isnan(present_spell(known).months))

    rows = answers(service, source, tmp_path / "out.csv", with_health_reasons=True, rows_at_once=400, threads=2)

    documents = []
    for person in unemployed:
        asked = document_of(catalogue(), known, int(person))
        within = next(row for row in rows if row["client_id"] == extract.client_ids[person])
        documents.append(asked | {"client_id": extract.client_ids[person], "as_of": until.isoformat()})
        documents[-1]["within_legal_age_range"] = within["not_assessed"] != "outside_legal_age_range"
    assert len(rows) == written.people == len(documents) > 100
    assert len({row["level"] for row in rows}) > 2
    assert_alike(champion, documents, rows)


def by_name(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(documents, key=lambda one: str(one["client_id"]))
