"""One person, one day: the extract of training and the document of a request give the same features."""

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.as_of import KnownFacts, known_at
from features.catalogue import Catalogue, load_catalogue
from features.facts import SECTIONS, to_date
from features.frame import build_features
from features.history import present_spell
from features.intake import frame_of_document
from features.kernels import DAY_MIN
from training.cohort import build_cohort
from training.extract import read_extract
from training.population.generate import Order, generate

TODAY = date(2026, 11, 1)
PERSON_DATES = 400


def code(catalogue: Catalogue, name: str, position: float) -> str:
    return catalogue.input(name).values[int(position)].code


def day_text(day: float) -> str:
    return to_date(int(day)).isoformat()


def document_of(catalogue: Catalogue, known: KnownFacts, i: int) -> dict[str, Any]:
    """What a case system would send of person i on the as-of date: the facts known then, as they stood then."""

    def rows(kind: str) -> range:
        return range(int(known.tables[kind].offsets[i]), int(known.tables[kind].offsets[i + 1]))

    document: dict[str, Any] = {"client_id": "person", "purpose": "service_planning", "within_legal_age_range": True}
    start = present_spell(known).start[i]
    statements = known.tables["statements"]
    for row in rows("statements"):
        told = catalogue.input(catalogue.statement_inputs[statements["input"][row]])
        value = statements["value"][row]
        if told.of_present_spell and start != DAY_MIN and statements["happened_on"][row] < start - 31:
            continue
        if np.isnan(value):  # the latest word is that it is not known
            document.pop(told.field, None)
            continue
        document[told.field] = day_text(value) if told.type == "date" else code(catalogue, told.name, value)
    for kind, name in (("spells", "employment_code"), ("services", "service")):
        table = known.tables[kind]
        document[kind] = [
            {name: code(catalogue, name, table["code"][row]), "start": day_text(table["happened_on"][row])}
            | ({"end": day_text(table["end"][row])} if table["end"][row] < known.as_of[i] else {})
            for row in rows(kind)
        ]
    # A register may learn of a spell's end after the next has begun; a case system sends spells that follow each other.
    for earlier, later in pairwise(document["spells"]):
        if earlier.get("end", later["start"]) >= later["start"]:
            earlier["end"] = (date.fromisoformat(later["start"]) - timedelta(days=1)).isoformat()
    table = known.tables["self_assessments"]
    document["self_assessments"] = []
    for row in rows("self_assessments"):
        told = {
            "instrument_version": code(catalogue, "instrument_version", 0),
            "date": day_text(table["happened_on"][row]),
            "use_permitted": bool(table["use_permitted"][row]),
        }
        for name in ("work_ability_score", "functioning", "life_satisfaction", "health"):
            if not np.isnan(table[name][row]):
                told[name] = int(table[name][row])
        for name in SECTIONS:
            if not np.isnan(table[name][row]):
                told[name] = {"score": float(table[name][row]), "minimum": 0, "maximum": 100}
        document["self_assessments"].append(told)
    return document


@pytest.mark.slow
def test_a_request_and_an_extract_give_the_same_features(tmp_path: Path) -> None:
    generate(Order(1_500, 5, date(2026, 10, 31)), tmp_path / "world")
    catalogue = load_catalogue("keski_uusimaa")
    extract = read_extract(tmp_path / "world" / "extract", catalogue)
    assert extract.facts is not None
    cohort = build_cohort(extract, catalogue)
    chosen = np.random.default_rng(5).choice(len(cohort), PERSON_DATES, replace=False)
    people, as_of = cohort.person[chosen], cohort.as_of[chosen]
    facts = extract.facts.take(people)
    in_training = build_features(catalogue, facts, as_of)
    known = known_at(facts, as_of, catalogue.statement_inputs, catalogue.label.bridging_days)
    in_requests = [
        frame_of_document(
            catalogue, document_of(catalogue, known, i), to_date(as_of[i]), TODAY, extract.facts.labour_market
        ).values[0]
        for i in range(PERSON_DATES)
    ]
    for column, name in enumerate(in_training.names):
        np.testing.assert_allclose(
            [row[column] for row in in_requests], in_training.values[:, column], rtol=0, atol=1e-9, err_msg=name
        )
    assert not np.isnan(in_training.column("work_ability_score")).all()
    assert not np.isnan(in_training.column("service_share_36")).all()
