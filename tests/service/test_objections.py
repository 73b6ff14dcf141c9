"""Who objects is answered "not assessed", no fact of them is kept, and an erasure leaves the objection standing."""

import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.errors import LedgerError, NotFoundError
from service.ledger import open_ledger
from service.texts import LANGUAGES
from service.today import today_in_finland
from tests.processes import command, environment
from tests.service.ledger_home import ADVISOR, OPERATOR, empty_ledger, screen, verified
from tests.service.served import Served, document, served

CLIENT = "client-kielo"


@pytest.fixture
def service(tmp_path: Path) -> Served:
    return served(tmp_path)


@pytest.fixture
def client(service: Served) -> Iterator[TestClient]:
    with service.client() as running:
        yield running


def ask(client: TestClient, service: Served, language: str = "en", **changes: Any) -> Any:
    headers = {**service.headers(), "Accept-Language": language}
    return client.post("/v1/screenings", json=document(**changes), headers=headers)


def objection(home: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("objection", *arguments),
        env=environment(home),
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_objecting_client_is_not_assessed_and_others_are(client: TestClient, service: Served) -> None:
    open_ledger(service.settings).objections.record(CLIENT, OPERATOR)

    answer = ask(client, service)

    assert answer.status_code == 200
    assert answer.json()["assessed"] is False
    assert answer.json()["not_assessed"]["reason"] == "client_objects"
    assert not {"risk", "segment"} & set(answer.json())
    assert ask(client, service, client_id="client-other").json()["assessed"] is True


def test_the_answer_has_words_in_every_language(client: TestClient, service: Served) -> None:
    open_ledger(service.settings).objections.record(CLIENT, OPERATOR)

    said = {ask(client, service, language).json()["not_assessed"]["reason_text"] for language in LANGUAGES}

    assert len(said) == 3


def test_no_fact_of_an_objecting_client_is_kept(client: TestClient, service: Served) -> None:
    open_ledger(service.settings).objections.record(CLIENT, OPERATOR)

    given = ask(client, service)

    screening = open_ledger(service.settings).screening(given.json()["id"], ADVISOR)
    assert screening is not None
    assert screening.document is not None
    assert set(screening.document) == {"client_id", "purpose", "as_of"}
    everything = sqlite3.connect(service.settings.home / "varhain.sqlite").execute("SELECT content FROM payloads")
    assert not any("spells" in content or "education_level" in content for (content,) in everything)


def test_the_answer_can_be_read_again(client: TestClient, service: Served) -> None:
    open_ledger(service.settings).objections.record(CLIENT, OPERATOR)
    given = ask(client, service).json()

    again = client.get(f"/v1/screenings/{given['id']}", headers=service.headers())

    assert again.json() == given


def test_the_facts_are_not_looked_at_but_the_purpose_is(client: TestClient, service: Served) -> None:
    open_ledger(service.settings).objections.record(CLIENT, OPERATOR)

    assert ask(client, service, education_level="nonsense", spells=7).status_code == 200
    assert ask(client, service, purpose="benefit_control").status_code == 403


def test_a_day_that_cannot_be_looked_at_becomes_today(client: TestClient, service: Served) -> None:
    open_ledger(service.settings).objections.record(CLIENT, OPERATOR)
    today = today_in_finland()

    for asked in ((today + timedelta(days=3)).isoformat(), "1999-01-01", "soon", 7):
        assert ask(client, service, as_of=asked).json()["as_of"] == today.isoformat()


def test_recording_twice_adds_nothing_and_says_so(tmp_path: Path) -> None:
    ledger = empty_ledger(tmp_path)

    first, second = ledger.objections.record(CLIENT, OPERATOR), ledger.objections.record(CLIENT, OPERATOR)

    assert first is not None
    assert second is None
    assert ledger.objections.counts().recorded == 1


def test_a_withdrawal_ends_it_and_a_new_objection_begins_it_again(tmp_path: Path) -> None:
    objections = empty_ledger(tmp_path).objections

    assert objections.withdraw(CLIENT, OPERATOR) is None
    objections.record(CLIENT, OPERATOR)
    assert CLIENT in objections.standing()
    assert objections.withdraw(CLIENT, OPERATOR) is not None
    assert (objections.stands(CLIENT), CLIENT in objections.standing()) == (False, False)
    objections.record(CLIENT, OPERATOR)
    assert (objections.stands(CLIENT), CLIENT in objections.standing()) == (True, True)
    assert (objections.counts().standing, objections.counts().recorded, objections.counts().withdrawn) == (1, 2, 1)
    assert verified(empty_ledger(tmp_path), tmp_path).fault is None


def test_an_erasure_leaves_the_objection_standing_and_says_so(tmp_path: Path) -> None:
    ledger = empty_ledger(tmp_path)
    screen(ledger, CLIENT)
    ledger.objections.record(CLIENT, OPERATOR)

    erasure = ledger.erase(CLIENT, OPERATOR)

    assert (erasure.payloads, erasure.objection_stands) == (1, True)
    assert ledger.objections.stands(CLIENT)
    assert verified(ledger, tmp_path).fault is None


def test_a_client_of_whom_there_is_an_objection_alone_can_be_erased(tmp_path: Path) -> None:
    ledger = empty_ledger(tmp_path)
    ledger.objections.record(CLIENT, OPERATOR)

    assert (ledger.erase(CLIENT, OPERATOR).payloads, ledger.objections.stands(CLIENT)) == (0, True)
    ledger.objections.withdraw(CLIENT, OPERATOR)
    with pytest.raises(NotFoundError):
        ledger.erase("somebody-else", OPERATOR)


@pytest.mark.parametrize("client_id", ["", "ab", "with blanks", "x" * 65, "131052-308T"])
def test_a_name_that_could_not_be_screened_is_refused_and_not_repeated(tmp_path: Path, client_id: str) -> None:
    with pytest.raises(LedgerError) as refused:
        empty_ledger(tmp_path).objections.record(client_id, OPERATOR)

    assert not client_id or client_id not in refused.value.message


def test_the_ledger_holds_no_name_of_who_objects(tmp_path: Path) -> None:
    empty_ledger(tmp_path).objections.record(CLIENT, OPERATOR)

    for file in tmp_path.glob("varhain.sqlite*"):
        assert CLIENT.encode() not in file.read_bytes()


@pytest.mark.slow
def test_the_commands_say_what_they_did(service: Served) -> None:
    home = service.settings.home

    assert "objection recorded: entry" in objection(home, "record", CLIENT).stdout
    assert "already" in objection(home, "record", "-", typed=f"{CLIENT}\n").stdout
    counted = objection(home, "list").stdout
    assert "1 clients object now" in counted
    assert CLIENT not in counted
    assert "objection withdrawn: entry" in objection(home, "withdraw", CLIENT).stdout
    assert "no objection" in objection(home, "withdraw", CLIENT).stdout


def test_an_identity_code_is_refused_by_the_command_however_it_comes(service: Served) -> None:
    for arguments, typed in ((("record", "131052-308T"), ""), (("record", "-"), "131052-308T\n")):
        done = objection(service.settings.home, *arguments, typed=typed)

        assert done.returncode == 2
        assert "131052" not in done.stdout + done.stderr
