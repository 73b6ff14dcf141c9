"""Requests that come together are screened together: each gets its own answer, and one at fault harms no other."""

import asyncio
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from features.errors import FactsError, LedgerError
from service.access import authenticate
from service.app import create_app
from service.ledger import open_ledger
from service.once import OncePerPass
from service.screening import screen
from service.settings import load_settings
from service.today import today_in_finland
from service.witness import Witness
from service.writer import Draft, Transaction
from tests.processes import command, free_port, running
from tests.service.ledger_home import ADVISOR, verified
from tests.service.served import Served, document, served


@pytest.fixture
def service(tmp_path: Path) -> Served:
    return served(tmp_path)


def gathered(service: Served, documents: list[Any]) -> list[Any]:
    """What each of several documents gets that are asked in one moment: a record or what was raised."""

    async def ask() -> list[Any]:
        app = create_app(service.settings)
        async with app.router.lifespan_context(app):
            parts = app.state.parts
            champion, day = parts.seat.current(), today_in_finland()
            asked = [parts.gathering.screen(champion, parts.ledger, ADVISOR, one, day) for one in documents]
            return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(ask())


def without_place(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in ("id", "recorded_at")}


def test_each_gets_the_answer_it_would_have_got_alone(service: Served) -> None:
    documents = [
        document(client_id="one"),
        document(client_id="two", education_level="7", occupation_isco="2"),
        document(client_id="outside", within_legal_age_range=False),
        document(client_id="four", history_from=...),
    ]

    found = gathered(service, documents)

    app = create_app(service.settings)
    parts = app.state.parts
    parts.seat.load()
    alone = [screen(parts.seat.current(), parts.ledger, ADVISOR, one, today_in_finland()) for one in documents]
    assert [without_place(one) for one in found] == [without_place(one) for one in alone]
    assert [one["assessed"] for one in found] == [True, True, False, True]
    assert len({one["id"] for one in found}) == 4


def test_one_at_fault_harms_no_other(service: Served) -> None:
    found = gathered(service, [document(client_id="one"), document(client_id="two", education_level="none")])

    assert found[0]["client_id"] == "one"
    assert isinstance(found[1], FactsError)
    assert verified(open_ledger(service.settings), service.settings.home).payloads == 1


def test_a_ledger_that_cannot_be_written_refuses_all_of_them(service: Served) -> None:
    import sqlite3

    quick = Served(load_settings(home=service.settings.home, database_wait_seconds=0.1), service.keys)
    holder = sqlite3.connect(service.settings.home / "varhain.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    found = gathered(quick, [document(client_id=f"client-{number}") for number in range(3)])

    holder.rollback()
    assert [type(one) for one in found] == [LedgerError] * 3
    assert verified(open_ledger(service.settings), service.settings.home).payloads == 0


def test_a_key_is_looked_up_once_in_a_pass_and_anew_in_the_next(service: Served) -> None:
    ledger = open_ledger(service.settings)
    key = ledger.issue_key(ADVISOR, "advisor", "kerava", "service_planning")
    looked_up = []

    def look_up() -> str:
        looked_up.append(authenticate(ledger.engine, key.text).role)
        return looked_up[-1]

    async def ask() -> None:
        callers: OncePerPass[str] = OncePerPass()
        assert [callers.get("key", look_up) for _ in range(3)] == ["advisor"] * 3
        assert len(looked_up) == 1
        ledger.revoke_key(ADVISOR, key.id)
        await asyncio.sleep(0)
        with pytest.raises(Exception, match="revoked"):
            callers.get("key", look_up)

    asyncio.run(ask())


@pytest.mark.slow
def test_two_serving_processes_share_one_ledger(service: Served, tmp_path: Path) -> None:
    settings, ports = service.settings, [free_port(), free_port()]
    shared = {
        "VARHAIN_DATABASE_URL": settings.database_url,
        "VARHAIN_SECRET_FILE": str(settings.secret_file),
        "VARHAIN_WITNESS_FILE": str(settings.witness_file),
    }

    def ask(number: int) -> str:
        body = json.dumps(document(client_id=f"client-{number}")).encode()
        headers = {**service.headers(), "Content-Type": "application/json"}
        with urlopen(Request(f"http://127.0.0.1:{ports[number % 2]}/v1/screenings", body, headers), timeout=30) as got:
            return str(json.loads(got.read())["id"])

    with ExitStack() as processes:
        for number, port in enumerate(ports):
            own = {"VARHAIN_HOME": str(tmp_path / f"worker-{number}"), "VARHAIN_PORT": str(port)}
            ready = f"http://127.0.0.1:{port}/health/ready"
            processes.enter_context(running(command("serve"), ready, {**os.environ, **shared, **own}))
        with ThreadPoolExecutor(8) as threads:
            ids = list(threads.map(ask, range(120)))
        revoked = service.keys["advisor"].split("_")[1]
        open_ledger(settings).revoke_key(ADVISOR, revoked)
        for number in range(2):
            with pytest.raises(HTTPError, match="401"):
                ask(number)

    ledger = open_ledger(settings)
    assert len(set(ids)) == 120
    result = verified(ledger, settings.home)
    assert (result.fault, result.payloads) == (None, 120)
    assert Witness(settings.witness_file).size() > 0


def test_serving_never_waits_in_the_loop_for_the_disk(service: Served) -> None:
    """While a commit is held up by another process, the loop goes on answering."""
    import sqlite3

    async def ask() -> tuple[bool, Any]:
        app = create_app(service.settings)
        async with app.router.lifespan_context(app):
            parts = app.state.parts
            holder = sqlite3.connect(service.settings.home / "varhain.sqlite", isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(
                parts.gathering.screen(parts.seat.current(), parts.ledger, ADVISOR, document(), today_in_finland())
            )
            await asyncio.sleep(0.3)
            waited = not waiting.done()
            holder.rollback()
            return waited, await waiting

    waited, record = asyncio.run(ask())

    assert waited
    assert record["assessed"] is True


def test_a_request_that_goes_away_during_a_commit_leaves_nobody_waiting(service: Served) -> None:
    ledger = open_ledger(service.settings)
    held = ledger._writer._turn  # as if another thread were committing
    held.acquire()
    try:
        waiting = [ledger._writer.append_soon(Draft(kind="reading")) for _ in range(4)]
        assert waiting[1].cancel()
    finally:
        held.release()
    recorded = [one.result(timeout=5).seq for one in waiting if not one.cancelled()]
    assert recorded == sorted(recorded)
    assert len(recorded) == 3
    verified(ledger, service.settings.home)


def test_without_a_thread_to_commit_one_request_fails_and_the_next_is_recorded(service: Served, monkeypatch) -> None:
    ledger = open_ledger(service.settings)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _no_thread)
        with pytest.raises(LedgerError, match="no thread could be started"):
            ledger._writer.append_soon(Draft(kind="reading"))
    assert ledger._writer.append_soon(Draft(kind="reading")).result(timeout=5).seq > 0


def _no_thread(self: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_an_error_nobody_foresaw_is_logged_by_type_and_place(service: Served, monkeypatch, caplog) -> None:
    ledger = open_ledger(service.settings)
    secret = "what only the client knows"

    def fails(*_: Any) -> None:
        raise ZeroDivisionError(secret)

    monkeypatch.setattr(Transaction, "append_all", fails)
    with pytest.raises(LedgerError, match="see the log"):
        ledger._writer.append_soon(Draft(kind="reading")).result(timeout=5)
    assert "unexpected ZeroDivisionError in fails" in caplog.text
    assert secret not in caplog.text
