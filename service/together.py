"""Screens together whoever asks at the same moment: one pass over their features and the model, one commit.

An event loop takes up every request that has come before it turns to what they wait for. So a request that comes alone
is screened alone and at once, and sixteen that come together cost little more than one of them.
"""

import asyncio
from collections.abc import Hashable
from datetime import date
from typing import Any

from starlette.concurrency import run_in_threadpool

from service.access import Caller
from service.answer import Record
from service.batch import assess_all
from service.champion import Champion
from service.ledger import Ledger
from service.objections import Standing
from service.once import OncePerPass
from service.screening import Read, answer_of, assess, client_named_in, objection_honoured, read_document, with_place


class Gathering:
    """Those who wait to be assessed on one event loop."""

    def __init__(self) -> None:
        self._standing: OncePerPass[Standing] = OncePerPass()
        self._waiting: list[tuple[Champion, Read, asyncio.Future[Record]]] = []

    async def screen(self, champion: Champion, ledger: Ledger, caller: Caller, document: Any, today: date) -> Record:
        """The same as `screening.screen`, which says what it raises; the loop is free while the disk is waited for."""
        if ledger.engine.dialect.name == "sqlite":
            standing = self._standing.get(ledger, ledger.objections.standing_now)
        else:  # a server is waited for, and not by the loop
            standing = await run_in_threadpool(ledger.objections.standing_now)
        if (client_id := client_named_in(document)) and client_id in standing:
            kept, answer = objection_honoured(champion, caller, document, today)
        else:
            read = read_document(champion, caller, document, today)
            client_id, kept = read.document["client_id"], dict(read.document)
            answer = answer_of(champion, read.as_of, await self.assess(champion, read))
        entry = ledger.record_screening_soon(caller, client_id, kept, answer, champion.versions)
        recorded = await asyncio.wrap_future(entry)
        return with_place(answer, recorded.id, recorded.recorded_at, client_id)

    async def assess(self, champion: Champion, read: Read) -> Record:
        """What is found about one person, once the loop has taken up whoever else has asked by now."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Record] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._assess_waiting)
        self._waiting.append((champion, read, found))
        return await found

    def _assess_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        # While a reload swaps champions, two of them may be asked in one moment.
        groups: dict[Hashable, list[tuple[Champion, Read, asyncio.Future[Record]]]] = {}
        for one in waiting:
            groups.setdefault(id(one[0]), []).append(one)
        for group in groups.values():
            _assess_group(group[0][0], [(read, found) for _, read, found in group if not found.cancelled()])


def _assess_group(champion: Champion, group: list[tuple[Read, asyncio.Future[Record]]]) -> None:
    try:
        records = assess_all(champion, [read for read, _ in group])
    except Exception:  # noqa: BLE001 - whoever it was about hears of it below, and nobody else
        for read, found in group:
            try:
                found.set_result(assess(champion, read))
            except Exception as error:  # noqa: BLE001 - carried to the one request that waits for it
                found.set_exception(error)
    else:
        for (_, found), record in zip(group, records, strict=True):
            found.set_result(record)
