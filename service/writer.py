"""Appends to the chain: one transaction reads the head, adds the entries and is on disk before anyone is answered."""

import logging
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, select

from features.errors import LedgerError, VarhainError
from service.access import Caller
from service.chain import GENESIS, canonical_json, entry_digest, new_salt, payload_digest
from service.database import add_rows, first_row, write_transaction
from service.pseudonyms import Pseudonyms, random_letters
from service.tables import Entry, Payload
from service.unforeseen import type_and_place
from service.witness import Witness

log = logging.getLogger("varhain.ledger")
ENTRIES: Table = Entry.__table__  # type: ignore[attr-defined]
PAYLOADS: Table = Payload.__table__  # type: ignore[attr-defined]
_HEAD = select(ENTRIES.c.seq, ENTRIES.c.digest).order_by(ENTRIES.c.seq.desc()).limit(1)
_FOUNDATION = select(ENTRIES.c.details).where(ENTRIES.c.seq == 1)
_UNFORESEEN = "the ledger could not be written for a reason nobody foresaw: nothing was recorded, see the log"


@dataclass(frozen=True)
class Versions:
    """Which model, package, policy and catalogue an answer was made with."""

    model: str
    model_version: str
    package_digest: str
    policy_version: str
    catalogue_fingerprint: str


@dataclass(frozen=True)
class Draft:
    """An entry before it has its place in the chain. Every text is empty where it does not apply."""

    kind: str
    caller: str = ""
    role: str = ""
    unit: str = ""
    purpose: str = ""
    subject: str = ""
    about: str = ""
    model: str = ""
    model_version: str = ""
    package_digest: str = ""
    policy_version: str = ""
    catalogue_fingerprint: str = ""
    details: str = "{}"
    content: str | None = None  # the personal part, canonical JSON
    id: str = field(default_factory=lambda: random_letters(20))


def draft_by(pseudonyms: Pseudonyms, kind: str, caller: Caller, **columns: Any) -> Draft:
    """Return an entry of this caller, who stands in it under a pseudonym."""
    name = pseudonyms.of_caller(caller.key_id)
    return Draft(kind, caller=name, role=caller.role, unit=caller.unit, purpose=caller.purpose, **columns)


@dataclass(frozen=True)
class Recorded:
    """An entry that is on disk: its place, id, time (UTC, ISO 8601) and digest."""

    seq: int
    id: str
    recorded_at: str
    digest: str


def utc_text(moment: datetime) -> str:
    """Return a moment as the ledger writes it: UTC, microseconds, 27 characters, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Transaction:
    """A running transaction at the head of the chain."""

    def __init__(self, connection: Connection, head: tuple[int, str]) -> None:
        self.connection = connection
        self.head = head

    def append(self, draft: Draft) -> Recorded:
        """Add an entry, with its payload if it has one; on disk when the transaction ends."""
        return self.append_all([draft])[0]

    def append_all(self, drafts: list[Draft]) -> list[Recorded]:
        """Add entries in the order given."""
        recorded_at = utc_text(datetime.now(UTC))
        entries: list[dict[str, Any]] = []
        payloads: list[dict[str, Any]] = []
        for draft in drafts:
            seq, previous = self.head[0] + 1, self.head[1]
            entry = {**vars(draft), "seq": seq, "recorded_at": recorded_at, "previous_digest": previous}
            content = entry.pop("content")
            entry["payload_digest"] = ""
            if content is not None:
                salt = new_salt()
                entry["payload_digest"] = payload_digest(salt, content)
                payloads.append({"entry_seq": seq, "salt": salt, "content": content})
            entry["digest"] = entry_digest(entry)
            entries.append(entry)
            self.head = (seq, entry["digest"])
        add_rows(self.connection, ENTRIES, entries)
        if payloads:
            add_rows(self.connection, PAYLOADS, payloads)
        return [Recorded(entry["seq"], entry["id"], recorded_at, entry["digest"]) for entry in entries]


class Writer:
    """The only one who appends. Whoever comes while a commit runs shares the next commit: one fsync for all."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms, witness: Witness) -> None:
        self._engine = engine
        self._witness = witness
        self._pseudonyms = pseudonyms
        self._foundation_seen = False
        self._turn = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._commit_is_due = False

    def append(self, draft: Draft) -> Recorded:
        """Record an entry; it is on disk when this returns.

        Raises
        ------
        LedgerError
            It could not be recorded; nothing of it is kept.
        """
        mine = _Waiting(draft)
        self._waiting.append(mine)
        with self._turn:
            if not mine.recorded.done():
                self._commit_all_waiting()
        return mine.recorded.result()

    def append_soon(self, draft: Draft) -> "Future[Recorded]":
        """Record an entry without making this thread wait: the future is done when the entry is on disk.

        The future raises what `append` raises. One thread commits for all who call this: an event loop goes on reading
        requests meanwhile, and those share the next commit.
        """
        mine = _Waiting(draft)
        self._waiting.append(mine)
        # Looked at after the draft has joined the queue: a commit that is due will find it there.
        if not self._commit_is_due:
            self._commit_is_due = True
            try:
                self._committer.submit(self._commit_what_is_due)
            except RuntimeError as error:  # no thread can be started; the draft is not left behind for a later commit
                self._commit_is_due = False
                mine.recorded.cancel()
                raise LedgerError("the ledger could not be written: no thread could be started for it") from error
        return mine.recorded

    def _commit_what_is_due(self) -> None:
        with self._turn:
            self._commit_is_due = False
            self._commit_all_waiting()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give a transaction that appends and changes other tables at once, all or nothing."""
        with self._turn, self._open() as transaction:
            yield transaction

    def _commit_all_waiting(self) -> None:
        together: list[_Waiting] = []
        while self._waiting:
            one = self._waiting.popleft()
            # From here on nobody can cancel it; who has gone before is not recorded, and gets no answer.
            if one.recorded.set_running_or_notify_cancel():
                together.append(one)
        if not together:  # another thread's commit has taken them
            return
        try:
            with self._open() as transaction:
                recorded = transaction.append_all([one.draft for one in together])
        except BaseException as error:
            if not isinstance(error, VarhainError):
                log.error("unexpected %s", type_and_place(error))
            # The others wait elsewhere and must hear of it too, each of an error of its own.
            for one in together:
                said = (error.message, error.status_code) if isinstance(error, VarhainError) else (_UNFORESEEN,)
                refused = LedgerError(*said)
                refused.__cause__ = error
                one.recorded.set_exception(refused)
            if not isinstance(error, VarhainError):
                raise
        else:
            for one, entry in zip(together, recorded, strict=True):
                one.recorded.set_result(entry)

    @contextmanager
    def _open(self) -> Iterator[Transaction]:
        with write_transaction(self._engine) as connection:
            head = first_row(connection, _HEAD)
            transaction = Transaction(connection, (head[0], head[1]) if head else (0, GENESIS))
            before = transaction.head[0]
            self._see_foundation(transaction)
            yield transaction
        self._foundation_seen = True
        if transaction.head[0] > before:
            self._witness.add(*transaction.head)

    def _see_foundation(self, transaction: Transaction) -> None:
        """Begin an empty ledger with the fingerprint of its secret, and refuse a ledger begun with another one.

        With another secret no client would be recognised: erasing one would find nothing and seem done.
        """
        if self._foundation_seen:
            return
        if transaction.head[0] == 0:
            details = canonical_json({"pseudonyms": self._pseudonyms.fingerprint})
            transaction.append(Draft(kind="foundation", details=details))
        check_foundation(transaction.connection, self._pseudonyms)


def check_foundation(connection: Connection, pseudonyms: Pseudonyms) -> None:
    """Raise LedgerError if the ledger was begun with another secret than these pseudonyms."""
    details = connection.execute(_FOUNDATION).scalar()
    if details is not None and details != canonical_json({"pseudonyms": pseudonyms.fingerprint}):
        raise LedgerError(
            "the secret file is not the one this ledger was begun with, so it would not recognise its clients: "
            "restore the secret file from the backup of this ledger"
        )


@dataclass(frozen=True)
class _Waiting:
    """A draft on its way into a commit, and whom to tell."""

    draft: Draft
    recorded: "Future[Recorded]" = field(default_factory=Future)
