"""Objections of clients to being screened: who objects is answered "not assessed" until the objection is withdrawn.

An objection is an entry under the client's keyed pseudonym and holds no payload, so that erasing what is kept about the
client leaves it standing (ADR 15). The latest entry of a client decides.
"""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select

from features.errors import LedgerError
from features.identity_codes import holds_identity_code
from features.intake import CLIENT_ID
from service.access import Caller
from service.database import read_transaction
from service.pseudonyms import Pseudonyms
from service.writer import ENTRIES, Recorded, Writer, check_foundation, draft_by

OBJECTION, WITHDRAWAL = "objection", "objection_withdrawn"
_ALL = select(ENTRIES.c.subject, ENTRIES.c.kind).where(ENTRIES.c.kind.in_((OBJECTION, WITHDRAWAL)))
_IN_ORDER = _ALL.order_by(ENTRIES.c.seq)
_LATEST = _ALL.where(ENTRIES.c.subject == bindparam("subject")).order_by(ENTRIES.c.seq.desc()).limit(1)


@dataclass(frozen=True)
class Counts:
    """How many clients object now, and how many objections and withdrawals were ever recorded."""

    standing: int
    recorded: int
    withdrawn: int


class Objections:
    """The objections in a ledger. Safe for many threads and many processes on one database."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms, writer: Writer) -> None:
        self._engine = engine
        self._pseudonyms = pseudonyms
        self._writer = writer

    def record(self, client_id: str, caller: Caller) -> Recorded | None:
        """Return the entry of an objection, on disk; None where it stood already and nothing was added.

        Raises
        ------
        LedgerError
            The client id is of no form that could be screened, or the entry could not be written.
        """
        return self._turn(OBJECTION, client_id, caller)

    def withdraw(self, client_id: str, caller: Caller) -> Recorded | None:
        """Return the entry of a withdrawal, on disk; None where no objection stood. Raises as `record` does."""
        return self._turn(WITHDRAWAL, client_id, caller)

    def stands(self, client_id: str) -> bool:
        """Return whether the client objects now."""
        with read_transaction(self._engine) as connection:
            return self.stands_in(connection, self._pseudonyms.of_client(client_id))

    @staticmethod
    def stands_in(connection: Connection, subject: str) -> bool:
        """Return whether the client of this pseudonym objects, as a running transaction sees it."""
        row = connection.execute(_LATEST, {"subject": subject}).first()
        return row is not None and row.kind == OBJECTION

    def standing(self) -> "Standing":
        """Return everybody who objects now, for asking about many.

        Raises
        ------
        LedgerError
            The secret is another than the ledger's: nobody would be recognised.
        """
        with read_transaction(self._engine) as connection:
            check_foundation(connection, self._pseudonyms)
            latest = {row.subject: row.kind for row in connection.execute(_IN_ORDER)}
        return Standing(frozenset(one for one, kind in latest.items() if kind == OBJECTION), self._pseudonyms)

    def counts(self) -> Counts:
        """Return counts alone: the ledger does not know the names behind its pseudonyms, and lists none."""
        with read_transaction(self._engine) as connection:
            rows = connection.execute(_IN_ORDER).all()
        latest: dict[str, Any] = {row.subject: row.kind for row in rows}
        kinds = [row.kind for row in rows]
        return Counts(list(latest.values()).count(OBJECTION), kinds.count(OBJECTION), kinds.count(WITHDRAWAL))

    def _turn(self, kind: str, client_id: str, caller: Caller) -> Recorded | None:
        if not re.fullmatch(CLIENT_ID, client_id) or holds_identity_code(client_id):
            raise LedgerError(
                "the client id must be the pseudonym that the case system sends: 3 to 64 letters, digits, _ or -, and "
                "nothing shaped like a personal identity code; nothing was recorded",
                422,
            )
        subject = self._pseudonyms.of_client(client_id)
        with self._writer.transaction() as transaction:
            if self.stands_in(transaction.connection, subject) == (kind == OBJECTION):
                return None
            return transaction.append(draft_by(self._pseudonyms, kind, caller, subject=subject))


@dataclass(frozen=True)
class Standing:
    """Everybody who objected at one moment."""

    subjects: frozenset[str]
    _pseudonyms: Pseudonyms

    def __contains__(self, client_id: str) -> bool:
        # An empty set spares the pseudonyms of a whole caseload.
        return bool(self.subjects) and self._pseudonyms.of_client(client_id) in self.subjects
