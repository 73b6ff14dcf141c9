"""A batch answers everybody in order, as one by one; a faulty client harms no other; it is on disk before it leaves."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from service import screening
from service.answer_model import BatchAnswer
from service.database import create_database_engine
from service.ledger import open_ledger
from service.settings import Settings, load_settings
from tests.service.ledger_home import OPERATOR, verified
from tests.service.served import Served, document, served
from tests.service.test_screenings import ASSESSMENT, unemployed_since

PATH = "/v1/screenings/batch"
OCCASION = "monthly round"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return served(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(service: Served) -> Iterator[TestClient]:
    with service.client() as running:
        yield running


def send(client: TestClient, service: Served, clients: Any, role: str = "operator", **changes: Any) -> Any:
    body = {"occasion": OCCASION, "clients": clients, **changes}
    body = {key: value for key, value in body.items() if value is not ...}
    return client.post(PATH, json=body, headers=service.headers(role))


def several() -> list[dict[str, Any]]:
    """People of every kind: new, months into a spell, with answers, out of scope, of little known."""
    return [
        document(client_id="client-one"),
        document(client_id="client-two", spells=unemployed_since(125)),
        document(client_id="client-three", self_assessments=[ASSESSMENT], own_expectation="later"),
        document(client_id="client-four", spells=unemployed_since(500)),
        document(client_id="client-five", within_legal_age_range=False),
        document(client_id="client-six", spells=unemployed_since(20, "03")),
        document(client_id="client-seven", spells=[]),
        document(client_id="client-eight", education_level=..., history_from=..., occupation_isco=...),
        document(client_id="client-nine", spells=unemployed_since(280), education_level="7"),
    ]


def test_each_answer_is_the_one_the_client_gets_alone(client: TestClient, service: Served) -> None:
    alone = [client.post("/v1/screenings", json=one, headers=service.headers()).json() for one in several()]

    together = [item["screening"] for item in send(client, service, several()).json()["answers"]]

    for one, other in zip(alone, together, strict=True):
        own = ("id", "recorded_at")
        assert {key: one[key] for key in one if key not in own} == {key: other[key] for key in other if key not in own}
    assert len({answer["id"] for answer in together}) == len(together)


def test_answers_keep_the_order_of_the_request_whatever_the_risk(client: TestClient, service: Served) -> None:
    there, back = (send(client, service, order).json()["answers"] for order in (several(), several()[::-1]))

    assert [item["position"] for item in there] == list(range(9))
    assert [item["screening"]["client_id"] for item in there] == [one["client_id"] for one in several()]
    assert [item["screening"]["client_id"] for item in back] == [one["client_id"] for one in several()[::-1]]


def test_the_shape_is_the_documented_one(client: TestClient, service: Served) -> None:
    answer = send(client, service, [*several(), document(client_id="x")]).json()

    BatchAnswer.model_validate(answer)
    schema = client.get("/v1/openapi.json").json()["paths"][PATH]["post"]["requestBody"]["content"]
    assert schema["application/json"]["schema"]["properties"]["clients"]["maxItems"] == 1000


def test_a_faulty_client_gets_the_problem_it_gets_alone_and_harms_no_other(client: TestClient, service: Served) -> None:
    faulty = document(client_id="client-faulty", education_level="77", spells=[{"employment_code": "02"}])
    alone = client.post("/v1/screenings", json=faulty, headers=service.headers())

    answers = send(
        client, service, [document(client_id="client-one"), faulty, 7, document(client_id="client-two")]
    ).json()
    answers = answers["answers"]

    assert alone.status_code == 422
    assert answers[1] == {"position": 1, "problem": alone.json()}
    assert answers[2]["problem"]["status"] == 422
    assert [answers[place]["screening"]["assessed"] for place in (0, 3)] == [True, True]
    assert "77" not in json.dumps(answers[1]["problem"]["errors"])


def test_an_identity_code_in_one_document_refuses_that_one_alone(client: TestClient, service: Served) -> None:
    clients = [document(client_id="131052-308T"), document(client_id="client-two")]

    response = send(client, service, clients)

    first, second = response.json()["answers"]
    assert first["problem"]["type"] == "urn:varhain:problem:identity_code"
    assert first["problem"]["errors"][0]["pointer"] == "/client_id"
    assert second["screening"]["assessed"] is True
    assert "131052" not in response.text


def test_another_purpose_is_refused_for_that_client(client: TestClient, service: Served) -> None:
    answers = send(client, service, [document(purpose="benefit_control"), document(client_id="client-two")]).json()

    assert [item.get("problem", {}).get("status") for item in answers["answers"]] == [403, None]


def test_an_objecting_client_is_answered_so(client: TestClient, service: Served) -> None:
    objections = open_ledger(service.settings).objections
    objections.record("client-two", OPERATOR)

    answers = send(client, service, several()).json()["answers"]
    objections.withdraw("client-two", OPERATOR)

    assert answers[1]["screening"]["not_assessed"]["reason"] == "client_objects"
    assert [item["screening"]["assessed"] for item in answers[:3]] == [True, False, True]


def test_the_same_client_twice_is_answered_at_the_first_place(client: TestClient, service: Served) -> None:
    answers = send(client, service, [document(), document(client_id="client-two"), document()]).json()["answers"]

    assert answers[0]["screening"]["assessed"] is True
    assert answers[2]["problem"]["errors"][0]["pointer"] == "/client_id"
    assert "position 0" in answers[2]["problem"]["errors"][0]["detail"]


@pytest.mark.parametrize("fault", [{"education_level": "77"}, {"purpose": "benefit_control"}, {"note": "131052-308T"}])
def test_a_client_refused_at_the_first_place_is_answered_at_the_next(
    client: TestClient, service: Served, fault: dict[str, str]
) -> None:
    answers = send(client, service, [document(**fault), document(), document()]).json()["answers"]

    assert "problem" in answers[0]
    assert answers[1]["screening"]["assessed"] is True
    assert "position 1" in answers[2]["problem"]["errors"][0]["detail"]


def test_a_client_on_whom_the_service_fails_harms_no_other(
    client: TestClient, service: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = screening.told_inputs

    def failing(catalogue: Any, asked: Any) -> list[str]:
        if asked["client_id"] == "client-two":
            raise ZeroDivisionError("secret-77")
        return told(catalogue, asked)

    monkeypatch.setattr(screening, "told_inputs", failing)
    response = send(client, service, several())

    assert response.status_code == 200
    answers = response.json()["answers"]
    assert answers[1]["problem"]["type"] == "urn:varhain:problem:unexpected"
    assert ["screening" in item for item in answers] == [place != 1 for place in range(9)]
    assert "unexpected ZeroDivisionError" in caplog.text
    assert "secret-77" not in caplog.text + response.text


@pytest.mark.parametrize("clients", [[], [{}] * 1001, ..., "client-one", {}])
def test_a_batch_of_no_or_too_many_clients_is_refused_as_a_whole(
    client: TestClient, service: Served, clients: Any
) -> None:
    response = send(client, service, clients)

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/clients"]
    assert "1 to 1,000" in response.json()["errors"][0]["detail"]


@pytest.mark.parametrize("occasion", [..., "", "   ", 7, None, "x" * 201])
def test_a_batch_needs_an_occasion(client: TestClient, service: Served, occasion: Any) -> None:
    response = send(client, service, [document()], occasion=occasion)

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/occasion"]


def test_an_occasion_with_an_identity_code_is_refused_and_not_repeated(client: TestClient, service: Served) -> None:
    response = send(client, service, [document()], occasion="about 131052-308T")

    assert response.status_code == 422
    assert "131052" not in response.text


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 400), (b"{", 400), (b"\xff", 400), (b"[]", 422), (b'{"occasion": NaN}', 422)]
)
def test_a_body_that_is_no_batch_is_refused(client: TestClient, service: Served, body: bytes, status: int) -> None:
    response = client.post(PATH, content=body, headers=service.headers("operator"))

    assert response.status_code == status
    assert response.json()["status"] == status


def test_a_field_that_no_batch_has_is_named(client: TestClient, service: Served) -> None:
    response = send(client, service, [document()], sort_by="risk")

    assert [error["pointer"] for error in response.json()["errors"]] == ["/sort_by"]


def test_a_large_body_is_taken_in_from_nobody_without_a_key(client: TestClient, service: Served) -> None:
    assert client.post(PATH, content=b"x" * 4_000_000).status_code == 401
    assert client.post(PATH, content=b"{}", headers={"Authorization": "Bearer varhain_abc_def"}).status_code == 401
    assert client.request("PUT", PATH, content=b"x" * 300_000, headers=service.headers("operator")).status_code == 413


def test_a_body_over_eight_mebibytes_is_refused_with_413(client: TestClient, service: Served) -> None:
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        body: Any = b" " * (8 * 1024 * 1024 + 1)
        content = iter([body]) if headers else body
        response = client.post(PATH, content=content, headers={**service.headers("operator"), **headers})

        assert response.status_code == 413
        assert response.json()["type"] == "urn:varhain:problem:too_large"


def test_a_batch_may_be_larger_than_a_single_request(client: TestClient, service: Served) -> None:
    clients = [document(client_id=f"client-{chr(97 + n // 26)}{chr(97 + n % 26)}") for n in range(400)]
    padded = json.dumps({"occasion": OCCASION, "clients": clients}) + " " * 300_000

    response = client.post(PATH, content=padded.encode(), headers=service.headers("operator"))

    assert response.status_code == 200
    assert len(response.json()["answers"]) == 400


def test_advisors_screen_no_caseloads(client: TestClient, service: Served) -> None:
    assert send(client, service, [document()], role="advisor").status_code == 403


def test_an_operator_can_read_what_a_batch_answered(client: TestClient, service: Served) -> None:
    given = send(client, service, several()).json()["answers"][2]["screening"]

    again = client.get(f"/v1/screenings/{given['id']}", headers=service.headers("operator"))

    assert again.json() == given


def test_a_batch_is_one_transaction_and_its_entries_name_its_occasion(tmp_path: Path) -> None:
    service = served(tmp_path)
    with service.client() as client:
        before = (tmp_path / "ledger.witness").read_text().count("\n")
        answer = send(client, service, [*several(), document(client_id="x")]).json()

    database = sqlite3.connect(tmp_path / "varhain.sqlite")
    rows = database.execute("SELECT kind, id, about, details FROM entries ORDER BY seq").fetchall()
    head, screenings = rows[-10], rows[-9:]
    assert (head[0], head[1]) == ("caseload", answer["caseload"])
    assert json.loads(head[3]) == {"occasion": OCCASION, "clients": 10, "refused": 1}
    assert {(kind, about) for kind, _, about, _ in screenings} == {("screening", answer["caseload"])}
    # The witness file gets a line at each commit.
    assert (tmp_path / "ledger.witness").read_text().count("\n") == before + 1
    assert verified(open_ledger(service.settings), tmp_path).fault is None


def test_without_a_ledger_nobody_is_answered(tmp_path: Path) -> None:
    service = served(tmp_path)
    settings: Settings = load_settings(home=tmp_path, database_wait_seconds=0.1)
    with Served(settings, service.keys).client() as client, create_database_engine(settings).connect() as other:
        connection = other.execution_options(writes=True)
        with connection.begin():
            response = send(client, service, several())

        assert response.status_code == 503
        assert "answers" not in response.json()
        assert send(client, service, several()).status_code == 200


def test_a_batch_that_no_longer_fits_on_the_disk_is_not_answered_and_leaves_nothing(tmp_path: Path) -> None:
    service = served(tmp_path)
    with service.client() as client:
        engine = engine_of(client)
        with engine.connect() as connection:  # the pool has one connection, which the batch will use
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")

        response = send(client, service, several())

    assert response.status_code == 503
    assert "the disk of the ledger is full: nothing was recorded" in response.json()["detail"]
    assert "answers" not in response.json()
    kinds = sqlite3.connect(tmp_path / "varhain.sqlite").execute("SELECT DISTINCT kind FROM entries").fetchall()
    assert not {("caseload",), ("screening",)} & set(kinds)
    assert verified(open_ledger(service.settings), tmp_path).fault is None


def engine_of(client: TestClient) -> Engine:
    """The database engine of the running service."""
    app: Any = client.app
    engine: Engine = app.state.parts.engine
    return engine
