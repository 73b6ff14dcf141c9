"""What a screening answers, to whom, in which language, and that it is in the ledger."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from service.answer_model import ScreeningAnswer, ScreeningList
from service.ledger import open_ledger
from service.today import today_in_finland
from tests.service.ledger_home import OPERATOR, verified
from tests.service.served import Served, document, served

Post = Any


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return served(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(service: Served) -> Iterator[TestClient]:
    with service.client() as running:
        yield running


@pytest.fixture
def post(client: TestClient, service: Served) -> Post:
    def send(language: str = "en", role: str = "advisor", **changes: Any) -> Any:
        headers = {**service.headers(role), "Accept-Language": language}
        return client.post("/v1/screenings", json=document(**changes), headers=headers)

    return send


def ago(days: int) -> str:
    return (today_in_finland() - timedelta(days=days)).isoformat()


def unemployed_since(days: int, code: str = "02") -> list[dict[str, Any]]:
    return [
        {"employment_code": "01", "start": ago(2000), "end": ago(days + 1)},
        {"employment_code": code, "start": ago(days), "end": None},
    ]


ASSESSMENT = {
    "instrument_version": "2020",
    "date": ago(1),
    "collected_by": "employment_service",
    "collected_for": "service_planning",
    "use_permitted": True,
    "work_ability_score": 0,
    "health": 1,
}


def test_strengths_come_before_the_risk_and_the_risk_before_reasons(post: Post) -> None:
    answer = post().json()

    order = [key for key in answer if isinstance(answer[key], dict) and "heading" in answer[key]]
    assert order[:5] == ["strengths", "risk", "segment", "can_be_influenced", "situation_now"]
    assert answer["strengths"]["items"][0]["domain"] == "work_history"


def test_the_risk_reads_both_ways_and_adds_up(post: Post) -> None:
    risk = post().json()["risk"]

    assert risk["of_100_leave"] + risk["of_100_stay"] == 100
    assert f"about {risk['of_100_leave']} leave unemployment within a year" in risk["text"]
    assert "cannot tell which of them" in risk["text"]


def test_later_in_a_spell_the_year_is_counted_from_its_start(post: Post) -> None:
    risk = post(spells=unemployed_since(125)).json()["risk"]

    assert risk["landmark"] == 3
    assert "before a year has passed since the unemployment began (about 8 months from now)" in risk["text"]


@pytest.mark.parametrize(
    ("language", "heading", "level", "influence"),
    [
        ("fi", "Vahvuudet", "peruspalvelu", "Asioita, joihin voidaan vaikuttaa"),
        ("sv", "Styrkor", "grundservice", "Saker vi kan påverka"),
        ("en", "Strengths", "standard service", "Things that can be influenced"),
    ],
)
def test_the_answer_speaks_the_language_asked_for(
    post: Post, language: str, heading: str, level: str, influence: str
) -> None:
    response = post(language)

    answer = response.json()
    assert (response.status_code, response.headers["content-language"]) == (200, language)
    assert (answer["strengths"]["heading"], answer["segment"]["name"]) == (heading, level)
    assert answer["can_be_influenced"]["heading"] == influence


def test_finnish_is_spoken_when_no_language_of_ours_is_asked_for(post: Post) -> None:
    assert post("de, fr;q=0.5").json()["language"] == "fi"


def test_the_minimal_document_is_enough(post: Post) -> None:
    response = post(education_level=..., occupation_isco=..., history_from=..., as_of=...)

    assert response.status_code == 200
    assert response.json()["assessed"] is True
    assert "education_level" in [item["input"] for item in response.json()["not_known"]["items"]]


def test_a_demonstration_says_so_in_every_answer(post: Post) -> None:
    assert "ESITTELYMALLI" in post("fi").json()["demonstration"]
    assert "ESITTELYMALLI" in post("fi", within_legal_age_range=False).json()["demonstration"]


def test_a_person_decides_and_what_it_is_not_for_stand_in_every_answer(post: Post) -> None:
    for answer in (post().json(), post(within_legal_age_range=False).json()):
        assert "decides" in answer["a_person_decides"]
        assert len(answer["not_for"]["items"]) == 4
        assert answer["versions"]["policy"].startswith("2026-2+")


def test_a_voluntary_answer_can_only_raise_the_level(post: Post) -> None:
    without = post().json()["risk"]
    worse = post(self_assessments=[ASSESSMENT]).json()["risk"]
    better = post(self_assessments=[{**ASSESSMENT, "work_ability_score": 10}]).json()["risk"]

    assert (worse["decided_by"], better["decided_by"]) == ("full", "register")
    assert worse["probability"] > without["probability"]
    assert better["probability"] == without["probability"]
    assert "did not raise it" in better["decided_by_text"]
    assert "voluntary" not in without["decided_by_text"]


def test_a_self_assessment_whose_use_is_not_permitted_changes_nothing_but_what_is_known(post: Post) -> None:
    without = post(self_assessments=[]).json()
    forbidden = post(self_assessments=[{**ASSESSMENT, "use_permitted": False}]).json()

    for part in ("risk", "segment", "topics", "strengths", "can_be_influenced"):
        assert forbidden[part] == without[part]


def test_answers_whose_use_is_not_permitted_are_not_kept(service: Served, client: TestClient, post: Post) -> None:
    distinctive = 47.8125
    forbidden = {
        **ASSESSMENT,
        "use_permitted": False,
        "mind": {"score": distinctive, "minimum": 9.0, "maximum": 99.0},
        "remark": "distinctive remark",
    }

    response = post(self_assessments=[forbidden])

    home = Path(service.settings.home)
    kept = b"".join(file.read_bytes() for file in home.glob("varhain.sqlite*"))
    assert response.status_code == 200
    assert b'"use_permitted":false' in kept
    assert str(distinctive).encode() not in kept
    assert b"distinctive remark" not in kept


@pytest.mark.parametrize("value", [99, "a lot", None, {"score": 1}])
def test_faulty_answers_whose_use_is_not_permitted_do_not_refuse_the_person(post: Post, value: Any) -> None:
    forbidden = {**ASSESSMENT, "use_permitted": False, "work_ability_score": value, "mind": value}

    assert post(self_assessments=[forbidden]).status_code == 200


@pytest.mark.parametrize("permission", [True, 0, "false", None])
def test_answers_are_checked_unless_their_use_is_plainly_not_permitted(post: Post, permission: Any) -> None:
    response = post(self_assessments=[{**ASSESSMENT, "use_permitted": permission, "work_ability_score": 99}])

    assert response.status_code == 422
    assert "/self_assessments/0/work_ability_score" in [error["pointer"] for error in response.json()["errors"]]


def test_the_sections_of_a_self_assessment_are_topics_only(post: Post) -> None:
    answer = post(self_assessments=[ASSESSMENT]).json()

    said = {item["domain"] for group in ("can_be_influenced", "situation_now") for item in answer[group]["items"]}
    assert {item["domain"] for item in answer["topics"]["items"]} == {"work_ability", "wellbeing"}
    assert not said & {"work_ability", "wellbeing"}


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("outside_legal_age_range", {"within_legal_age_range": False}),
        ("temporary_layoff_only", {"spells": unemployed_since(20, "03")}),
        ("no_present_unemployment", {"spells": [{"employment_code": "01", "start": ago(300), "end": None}]}),
        ("unemployed_over_a_year", {"spells": unemployed_since(400)}),
    ],
)
def test_outside_the_trained_population_nothing_is_assessed(post: Post, reason: str, changes: dict[str, Any]) -> None:
    response = post(**changes)

    answer = response.json()
    assert (response.status_code, answer["assessed"]) == (200, False)
    assert answer["not_assessed"]["reason"] == reason
    assert "says nothing about need" in answer["not_assessed"]["text"]
    assert answer["not_assessed"]["next_step"]
    assert "risk" not in answer
    assert "segment" not in answer


def test_every_answer_fits_the_published_model(post: Post) -> None:
    for changes in ({}, {"self_assessments": [ASSESSMENT]}, {"within_legal_age_range": False}):
        ScreeningAnswer.model_validate(post(**changes).json())


def test_three_lines_for_whoever_asks_for_text(client: TestClient, service: Served) -> None:
    response = client.post("/v1/screenings", json=document(), headers=service.headers(Accept="text/plain"))

    lines = response.text.splitlines()
    assert response.headers["content-type"].startswith("text/plain")
    assert len(lines) == 3
    assert "Strengths:" in lines[0]
    assert "Of 100 people" in lines[1]


def test_a_screening_is_read_again_in_another_language_and_the_reading_recorded(
    client: TestClient, service: Served, post: Post
) -> None:
    first = post("fi").json()

    again = client.get(f"/v1/screenings/{first['id']}", headers={**service.headers(), "Accept-Language": "sv"})

    assert again.status_code == 200
    assert again.json()["risk"]["probability"] == first["risk"]["probability"]
    assert again.json()["strengths"]["heading"] == "Styrkor"
    with open_ledger(service.settings).engine.connect() as connection:
        reads = connection.execute(text("SELECT about FROM entries WHERE kind = 'read'")).scalars().all()
    assert first["id"] in reads


def test_read_in_the_same_language_it_says_the_same(client: TestClient, service: Served, post: Post) -> None:
    first = post("en", self_assessments=[ASSESSMENT]).json()

    assert client.get(f"/v1/screenings/{first['id']}", headers=service.headers()).json() == first


def test_another_unit_does_not_learn_that_a_screening_exists(client: TestClient, service: Served, post: Post) -> None:
    known = client.get(f"/v1/screenings/{post().json()['id']}", headers=service.headers("elsewhere"))
    unknown = client.get("/v1/screenings/nosuchscreening", headers=service.headers("elsewhere"))

    assert (known.status_code, unknown.status_code) == (404, 404)
    assert known.json() == unknown.json()


def test_a_clients_screenings_come_newest_first_and_for_the_own_unit_only(
    client: TestClient, service: Served, post: Post
) -> None:
    ids = [post(client_id="client-vuokko").json()["id"] for _ in range(2)]

    own = client.get("/v1/clients/client-vuokko/screenings", headers=service.headers()).json()
    other = client.get("/v1/clients/client-vuokko/screenings", headers=service.headers("elsewhere")).json()

    ScreeningList.model_validate(own)
    assert [screening["id"] for screening in own["screenings"]] == ids[::-1]
    assert other == {"screenings": [], "from_files": [], "erased": 0}


def test_an_erased_screening_is_gone_and_said_to_be(client: TestClient, service: Served, post: Post) -> None:
    first = post(client_id="client-to-forget").json()
    open_ledger(service.settings).erase("client-to-forget", OPERATOR)

    assert client.get(f"/v1/screenings/{first['id']}", headers=service.headers()).status_code == 410
    found = client.get("/v1/clients/client-to-forget/screenings", headers=service.headers()).json()
    assert found == {"screenings": [], "from_files": [], "erased": 1}


def test_when_the_ledger_cannot_be_written_nothing_is_answered(client: TestClient, service: Served, post: Post) -> None:
    with sqlite3.connect(Path(service.settings.home) / "varhain.sqlite") as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON payloads BEGIN SELECT RAISE(ABORT, 'full'); END")
    try:
        response = post()
    finally:
        with sqlite3.connect(Path(service.settings.home) / "varhain.sqlite") as database:
            database.execute("DROP TRIGGER full")

    assert response.status_code == 503
    assert response.json()["type"] == "urn:varhain:problem:ledger"
    assert "strengths" not in response.json()


def test_the_ledger_verifies_after_all_of_this(service: Served, post: Post) -> None:
    post()

    found = verified(open_ledger(service.settings), Path(service.settings.home))
    assert found.fault is None
