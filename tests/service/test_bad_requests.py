"""Requests that cannot be served: each a problem that names the place and the cure and repeats nothing."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.today import today_in_finland
from tests.service.served import Served, as_bytes, document, served


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return served(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(service: Served) -> Iterator[TestClient]:
    with service.client() as running:
        yield running


def send(client: TestClient, service: Served, content: Any) -> Any:
    return client.post("/v1/screenings", content=content, headers=service.headers())


def ago(days: int) -> str:
    return (today_in_finland() - timedelta(days=days)).isoformat()


def spell(**changes: Any) -> dict[str, Any]:
    return {"employment_code": "02", "start": ago(2), "end": None, **changes}


ASSESSMENT = {"instrument_version": "2020", "date": ago(1), "use_permitted": True}
FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("an unknown field", {"shoe_size": 43}, "/shoe_size"),
    ("an unknown field of a spell", {"spells": [spell(wage=1)]}, "/spells/0/wage"),
    ("an unknown code", {"education_level": "77"}, "/education_level"),
    ("a code as a number", {"occupation_isco": 52}, "/occupation_isco"),
    (
        "a code after its last day",
        {"services": [{"service": "multisectoral_joint_service", "start": ago(20)}]},
        "/services/0/service",
    ),
    (
        "a code before its first day",
        {"services": [{"service": "multisectoral_support", "start": "2024-03-01"}]},
        "/services/0/service",
    ),
    (
        "a score above its own maximum",
        {"self_assessments": [{**ASSESSMENT, "mind": {"score": 40, "minimum": 9, "maximum": 36}}]},
        "/self_assessments/0/mind/score",
    ),
    ("a score without its range", {"self_assessments": [{**ASSESSMENT, "mind": 40}]}, "/self_assessments/0/mind"),
    (
        "a work ability score of 11",
        {"self_assessments": [{**ASSESSMENT, "work_ability_score": 11}]},
        "/self_assessments/0/work_ability_score",
    ),
    ("a date in the future", {"spells": [spell(start=ago(-5))]}, "/spells/0/start"),
    ("an as-of date in the future", {"as_of": ago(-1)}, "/as_of"),
    ("an as-of date over a year back", {"as_of": ago(367)}, "/as_of"),
    ("an as-of date of the first year", {"as_of": "0001-01-01"}, "/as_of"),
    ("dates reversed", {"spells": [spell(end=ago(9))]}, "/spells/0/end"),
    ("a day no calendar has", {"spells": [spell(start="2026-02-30")]}, "/spells/0/start"),
    ("a day as a number", {"spells": [spell(start=1_700_000_000)]}, "/spells/0/start"),
    ("overlapping spells", {"spells": [spell(start=ago(9)), spell()]}, "/spells/1/start"),
    ("no spells", {"spells": ...}, "/spells"),
    ("spells that are no list", {"spells": {}}, "/spells"),
    ("no purpose", {"purpose": ...}, "/purpose"),
    ("a purpose that is no text", {"purpose": 1}, "/purpose"),
    ("no client", {"client_id": ...}, "/client_id"),
    ("no word on the age range", {"within_legal_age_range": ...}, "/within_legal_age_range"),
    ("the age range as text", {"within_legal_age_range": "true"}, "/within_legal_age_range"),
    ("a client with a blank", {"client_id": "two words"}, "/client_id"),
]


@pytest.mark.parametrize(("changes", "pointer"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_told_with_its_pointer(
    client: TestClient, service: Served, changes: dict[str, Any], pointer: str
) -> None:
    response = send(client, service, as_bytes(document(**changes)))

    problem = response.json()
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "urn:varhain:problem:invalid"
    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert all(error["detail"] for error in problem["errors"])


def test_every_fault_is_told_at_once(client: TestClient, service: Served) -> None:
    changes = {"education_level": "77", "spells": [spell(start=ago(9), end=ago(20)), spell(employment_code="9")]}

    problem = send(client, service, as_bytes(document(**changes, shoe_size=43))).json()

    pointers = [error["pointer"] for error in problem["errors"]]
    assert pointers == ["/education_level", "/shoe_size", "/spells/0/end", "/spells/1/employment_code"]


def test_a_misspelt_field_is_told_what_was_meant(client: TestClient, service: Served) -> None:
    problem = send(client, service, as_bytes(document(eduction_level="3"))).json()

    assert problem["errors"][0]["detail"] == "Is not a field of this catalogue. Did you mean education_level?"


def test_a_refused_value_is_not_repeated(client: TestClient, service: Served) -> None:
    secret = "Kielo-Orvokki"
    changes = {"education_level": secret, "client_id": f"{secret} X", "spells": [spell(start=secret)], secret: secret}

    assert secret not in send(client, service, as_bytes(document(**changes))).text


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400])
def test_a_number_that_is_none_is_refused_by_its_field(client: TestClient, service: Served, literal: str) -> None:
    text = json.dumps(document(self_assessments=[{**ASSESSMENT, "work_ability_score": 5}]))

    response = send(client, service, text.replace('"work_ability_score": 5', f'"work_ability_score": {literal}'))

    assert response.status_code == 422
    assert [e["pointer"] for e in response.json()["errors"]] == ["/self_assessments/0/work_ability_score"]


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"",
        b"\xef\xbb\xbf{}",
        json.dumps(document()).encode("utf-16"),
        '{"client_id": "\u00e4"}'.encode("latin-1"),
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b"[" * 30 + b"]" * 30,
        b'{"client_id": "a", "client_id": "b"}',
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=["cut", "empty", "mark", "utf-16", "latin-1", "surrogate", "abyss", "deep", "twice", "digits"],
)
def test_what_cannot_be_read_is_400(client: TestClient, service: Served, raw: bytes) -> None:
    response = send(client, service, raw)

    assert response.status_code == 400
    assert response.json()["type"] == "urn:varhain:problem:unreadable"


@pytest.mark.parametrize("value", ["[]", '"text"', "1", "null", "true"])
def test_a_document_that_is_no_object_is_422(client: TestClient, service: Served, value: str) -> None:
    assert send(client, service, value.encode()).status_code == 422


def test_more_than_256_kib_is_413_whether_announced_or_not(client: TestClient, service: Served) -> None:
    large = b" " * 262_145

    announced = send(client, service, large)
    chunked = send(client, service, (large[i : i + 8192] for i in range(0, len(large), 8192)))
    fits = send(client, service, as_bytes(document()).ljust(262_144))

    assert [announced.status_code, chunked.status_code, fits.status_code] == [413, 413, 200]
    assert announced.json()["type"] == "urn:varhain:problem:too_large"


def test_another_purpose_is_refused_with_the_reason(client: TestClient, service: Served) -> None:
    response = send(client, service, as_bytes(document(purpose="benefit_control")))

    assert response.status_code == 403
    assert response.json()["type"] == "urn:varhain:problem:purpose"
    assert "not for statements, obligations, benefits or control" in response.json()["detail"]
    assert "benefit_control" not in response.text


def test_problems_speak_the_language_asked_for(client: TestClient, service: Served) -> None:
    titles = [
        client.post("/v1/screenings", content=b"{", headers={**service.headers(), "Accept-Language": language}).json()
        for language in ("fi", "sv", "en")
    ]

    assert [problem["title"] for problem in titles] == [
        "Pyyntöä ei voi lukea",
        "Begäran kan inte läsas",
        "The request cannot be read",
    ]


def test_unknown_paths_and_methods_are_problems_too(client: TestClient) -> None:
    missing, method = client.get("/v1/nothing/"), client.delete("/v1/screenings")

    assert (missing.status_code, method.status_code) == (404, 405)
    assert missing.headers["content-type"] == method.headers["content-type"] == "application/problem+json"
