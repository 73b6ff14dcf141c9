"""Many people's facts from one table: what `intake` reads of a document, and each fault with its row and its person."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.checked_rows import CheckedRows
from features.errors import ExtractError
from features.fact_rows import PeopleRead, columns_of, read_people
from features.facts import day_number
from features.frame import build_features
from features.intake import frame_of_document
from tests.service.caseload_files import rows_of
from tests.service.served import catalogue

TODAY = date(2026, 11, 24)
AS_OF = date(2026, 11, 20)
SPELLS = [
    {"employment_code": "01", "start": "2021-01-04", "end": "2026-09-30"},
    {"employment_code": "02", "start": "2026-10-01"},
]
ASSESSMENT = {
    "instrument_version": "2020",
    "date": "2026-10-02",
    "use_permitted": True,
    "work_ability_score": 4,
    "mind": {"score": 30, "minimum": 12, "maximum": 48},
}


def document(client: str = "anna", **changes: Any) -> dict[str, Any]:
    base = {
        "client_id": client,
        "purpose": "service_planning",
        "as_of": AS_OF.isoformat(),
        "within_legal_age_range": True,
        "education_level": "3",
        "history_from": "2020-01-01",
        "spells": SPELLS,
    }
    return {**base, **changes}


def read(rows: list[dict[str, Any]]) -> tuple[PeopleRead, CheckedRows]:
    """What is read of rows, all as text (as in CSV)."""
    names = list(dict.fromkeys(row["client_id"] for row in rows))
    columns = {
        name: pa.array([None if row.get(name) in (None, "") else str(row[name]) for row in rows], pa.string())
        for name in columns_of(catalogue())
    }
    file = CheckedRows("facts.csv", pa.table(columns))
    owner = np.array([names.index(row["client_id"]) for row in rows])
    days = np.full(len(names), day_number(AS_OF), np.int32)
    return read_people(catalogue(), file, owner, tuple(names), days, TODAY), file


def faults(*documents: dict[str, Any], **changes: Any) -> list[tuple[int, str, str]]:
    """Row (from 1), column and sentence of every fault in the rows of some documents."""
    rows = [row | changes for one in documents for row in rows_of(one)]
    people, file = read(rows)
    assert people.refused.any() == bool(file.marks)
    return sorted((int(row) + 1, mark.column, mark.sentence) for mark in file.marks for row in mark.rows)


def test_a_table_gives_the_features_that_documents_give() -> None:
    documents = [
        document("anna", self_assessments=[ASSESSMENT], own_expectation="later"),
        document("berta", spells=SPELLS[:1]),
        document("clara", services=[{"service": catalogue().input("service").values[0].code, "start": "2026-03-02"}]),
    ]

    people, file = read([row for one in documents for row in rows_of(one)])

    together = build_features(catalogue(), people.facts, people.as_of)
    alone = [frame_of_document(catalogue(), one, AS_OF, TODAY).values[0] for one in documents]
    np.testing.assert_array_equal(together.values, np.array(alone))
    assert not file.marks
    assert not people.refused.any()


def test_a_later_version_of_a_fact_replaces_the_earlier_one() -> None:
    client = {"client_id": "anna", "as_of": AS_OF.isoformat()}
    spell = {**client, "fact": "spells", "employment_code": "02", "start": "2026-10-01", "fact_id": 7}
    rows = [
        {**client, "fact": "statements", "input": "within_legal_age_range", "value": "true"},
        {**spell, "known_on": "2026-10-01"},
        {**spell, "known_on": "2026-11-10", "end": "2026-11-08"},
    ]

    people, file = read(rows)

    assert not file.marks
    assert np.isnan(build_features(catalogue(), people.facts, people.as_of).column("present_spell_months")[0])


@pytest.mark.parametrize(
    ("changes", "column", "said"),
    [
        ({"education_level": "77"}, "value", "is not a code of education_level"),
        ({"history_from": "yesterday"}, "value", "must be a date written as YYYY-MM-DD"),
        ({"history_from": "2027-01-01"}, "value", "lies in the future"),
        ({"history_from": "0202-01-01"}, "value", "lies before 1900"),
        ({"within_legal_age_range": None}, "within_legal_age_range", "is missing"),
        ({"within_legal_age_range": "perhaps"}, "value", "must be true or false"),
        ({"shoe_size": "43"}, "input", "is not a statement of the catalogue"),
        ({"spells": [{"start": "2026-10-01"}]}, "employment_code", "is empty"),
        ({"spells": [{"employment_code": "02"}]}, "start", "is empty"),
        ({"spells": [{"employment_code": "99", "start": "2026-10-01"}]}, "employment_code", "is not a code of"),
        ({"spells": [{"employment_code": "02", "start": "2026-02-30"}]}, "start", "must be a date"),
        ({"spells": [{"employment_code": "02", "start": "2026-12-01"}]}, "start", "lies in the future"),
        ({"spells": [{**SPELLS[0], "end": "2020-01-01"}]}, "end", "lies before the start"),
        ({"spells": [SPELLS[0], {**SPELLS[1], "start": "2026-09-30"}]}, "start", "overlaps another spell"),
        ({"spells": [{**SPELLS[1], "known_on": "2027-01-01"}]}, "known_on", "lies in the future"),
        ({"self_assessments": [{**ASSESSMENT, "health": 9}]}, "health", "is outside its range"),
        ({"self_assessments": [{**ASSESSMENT, "health": 2.5}]}, "health", "must be a whole number"),
        ({"self_assessments": [{**ASSESSMENT, "health": "nan"}]}, "health", "must be a finite number"),
        ({"self_assessments": [{**ASSESSMENT, "use_permitted": None}]}, "use_permitted", "is empty"),
        ({"self_assessments": [{**ASSESSMENT, "mind": {"score": 3}}]}, "mind_score", "has no minimum and maximum"),
    ],
)
def test_a_fault_is_told_with_its_column_and_refuses_that_client_alone(
    changes: dict[str, Any], column: str, said: str
) -> None:
    found = faults(document("anna"), document("berta", **changes), document("clara"))

    own = range(len(list(rows_of(document("anna")))) + 1, 100)
    assert [(place, words[: len(said)]) for _, place, words in found if place == column] == [(column, said)]
    assert {row for row, _, _ in found} <= set(own)
    rows = [row for one in ("anna", "clara") for row in rows_of(document(one))]
    rows[5:5] = rows_of(document("berta", **changes))
    assert read(rows)[0].refused.tolist() == [False, True, False]


def test_a_kind_of_fact_that_does_not_exist_is_told() -> None:
    assert faults(document(), fact="dreams")[0][1:] == (
        "fact",
        "is not a kind of fact; use one of spells, services, self_assessments, statements",
    )


def test_the_same_version_twice_is_told() -> None:
    rows = list(rows_of(document()))
    rows[-1] |= {"fact_id": 3, "known_on": "2026-10-01"}

    _, file = read([*rows, rows[-1]])

    assert {mark.column for mark in file.marks} == {"fact_id"}


def test_what_may_not_be_used_is_not_checked() -> None:
    assert faults(document(self_assessments=[{**ASSESSMENT, "use_permitted": False, "health": 99}])) == []


def test_hundreds_of_facts_about_one_client_are_refused() -> None:
    many = [
        {
            "employment_code": "01",
            "start": f"{1920 + n // 12}-{1 + n % 12:02d}-01",
            "end": f"{1920 + n // 12}-{1 + n % 12:02d}-02",
        }
        for n in range(501)
    ]

    assert {place for _, place, _ in faults(document(spells=many))} == {"fact"}


def test_an_identity_code_is_refused_wherever_it_stands_and_never_repeated() -> None:
    for name in ("value", "client_id"):
        rows = list(rows_of(document()))
        rows[2][name] = "131052-308T"
        if name == "client_id":
            rows = [row | {"client_id": "131052-308T"} for row in rows]

        people, file = read(rows)

        assert people.refused.all()
        assert name in {mark.column for mark in file.marks}
        assert not any("131052" in mark.sentence for mark in file.marks)


def test_a_column_of_a_wrong_type_refuses_the_file() -> None:
    rows = list(rows_of(document()))
    names = columns_of(catalogue())
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    wrong = table.set_column(names.index("employment_code"), "employment_code", pa.array([2] * len(rows)))
    days = np.full(1, day_number(AS_OF), np.int32)

    with pytest.raises(ExtractError, match="column employment_code: must be text and is int64"):
        read_people(catalogue(), CheckedRows("a", wrong), np.zeros(len(rows), np.int64), ("anna",), days, TODAY)
