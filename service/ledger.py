"""The ledger: what was screened, read, promoted and erased, by whom, when and with which versions.

Rows are built here and in the two side rooms, `objections.py` and `caseloads.py`; nowhere else. Every method that
records returns only when its entry is on disk; reading a screening records the reading first. How entries are chained
stands in `chain.py`, how they are written in `writer.py`, how they are checked in `verification.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, bindparam, delete, func, insert, select, update

from features.errors import AccessError, LedgerError, NotFoundError
from features.identity_codes import holds_identity_code
from service.access import API_KEYS, Caller, IssuedKey, check_grant, new_key
from service.caseloads import FILE_ROW, Caseloads
from service.chain import canonical_json
from service.database import create_database_engine, empty_write_ahead_file, read_transaction
from service.objections import Objections
from service.pseudonyms import Pseudonyms, is_letters, load_pseudonyms
from service.settings import Settings
from service.witness import Witness
from service.writer import ENTRIES, PAYLOADS, Recorded, Versions, Writer, check_foundation, draft_by, utc_text

__all__ = ["Erasure", "Ledger", "Promotion", "Recorded", "Screening", "Versions", "open_ledger"]

_WITH_PAYLOAD = select(ENTRIES, PAYLOADS.c.content).join_from(ENTRIES, PAYLOADS, isouter=True)
_SCREENING = _WITH_PAYLOAD.where(ENTRIES.c.id == bindparam("screening_id"), ENTRIES.c.kind == "screening")
_ABOUT = (ENTRIES.c.subject == bindparam("subject"), ENTRIES.c.kind.in_(("screening", FILE_ROW)))
_SCREENINGS_OF = _WITH_PAYLOAD.where(*_ABOUT).order_by(ENTRIES.c.seq.desc())
_PROMOTIONS = select(ENTRIES).where(ENTRIES.c.kind == "promotion").order_by(ENTRIES.c.seq.desc())


@dataclass(frozen=True)
class Screening:
    """A screening as it was recorded. After erasure `client_id`, `document` and `answer` are None.

    One from a file has no document, and its answer is the row that was written; `caseload` is the id of the run.
    """

    id: str
    recorded_at: str
    unit: str
    versions: Versions
    client_id: str | None
    document: dict[str, Any] | None
    answer: dict[str, Any] | None
    caseload: str = ""
    is_from_file: bool = False

    @property
    def is_erased(self) -> bool:
        """Whether the personal part is gone."""
        return self.answer is None


@dataclass(frozen=True)
class Promotion:
    """A model version made champion, by whom (a pseudonym) and why. The latest one serves."""

    id: str
    recorded_at: str
    caller: str
    model: str
    version: str
    package_digest: str
    package_folder: str
    reason: str


@dataclass(frozen=True)
class Erasure:
    """The receipt of an erasure or expiry; `traces_gone` is False while old copies may lie in the database's files.

    `objection_stands` says that the client objects to screening: that outlives an erasure.
    """

    entry: Recorded
    payloads: int
    traces_gone: bool
    objection_stands: bool = False


class Ledger:
    """The one door to the entries. Safe for many threads and many processes on one database."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms, witness: Witness) -> None:
        self.engine = engine
        self._pseudonyms = pseudonyms
        self._writer = Writer(engine, pseudonyms, witness)
        self.objections = Objections(engine, pseudonyms, self._writer)
        self.caseloads = Caseloads(engine, pseudonyms, self._writer)

    # -- screenings -------------------------------------------------------------------------------------------------

    def record_screening(
        self,
        caller: Caller,
        client_id: str,
        document: Mapping[str, Any],
        answer: Mapping[str, Any],
        versions: Versions,
        *,
        screening_id: str | None = None,
    ) -> Recorded:
        """Return the entry of a screening, on disk.

        `screening_id` is one of `random_letters(20)`, where the answer must name it before it is recorded.

        Raises
        ------
        LedgerError
            It could not be recorded; then the screening must not be answered.
        """
        content = canonical_json({"client_id": client_id, "document": document, "answer": answer})
        known = {} if screening_id is None else {"id": screening_id}
        subject = self._pseudonyms.of_client(client_id)
        return self._append("screening", caller, subject=subject, content=content, **vars(versions), **known)

    def screening(self, screening_id: str, caller: Caller) -> Screening | None:
        """Return a screening, after recording that it was read; None if there is none in the caller's unit.

        Raises
        ------
        AccessError
            The role reads no screenings.
        """
        _check_reader(caller)
        if not is_letters(screening_id):
            return None
        with read_transaction(self.engine) as connection:
            row = connection.execute(_SCREENING, {"screening_id": screening_id}).first()
        if row is None:
            return None
        # An attempt from another unit is recorded as well: the register keeper must be able to see it.
        allowed = _may_read(caller, row.unit)
        self._append("read" if allowed else "read_refused", caller, subject=row.subject, about=row.id)
        return _screening(row) if allowed else None

    def screenings_of(self, client_id: str, caller: Caller) -> list[Screening]:
        """Return the screenings of a client in the caller's unit, newest first, after recording that they were read.

        Looking for a client of whom there is nothing is recorded too: who asked about whom must be known afterwards.
        """
        _check_reader(caller)
        subject = self._pseudonyms.of_client(client_id)
        with read_transaction(self.engine) as connection:
            check_foundation(connection, self._pseudonyms)
            rows = connection.execute(_SCREENINGS_OF, {"subject": subject}).all()
        readable = [row for row in rows if _may_read(caller, row.unit)]
        kind = "read_refused" if rows and not readable else "read"
        self._append(kind, caller, subject=subject, details=canonical_json({"screenings": len(readable)}))
        return [_screening(row) for row in readable]

    # -- promotions -------------------------------------------------------------------------------------------------

    def record_promotion(
        self, caller: Caller, model: str, version: str, package_digest: str, package_folder: str, reason: str
    ) -> Recorded:
        """Return the entry that makes a model version the champion. A reason is required; it is kept for good."""
        if not reason.strip():
            raise LedgerError("a promotion needs a reason: say in a sentence why this version should serve", 422)
        if holds_identity_code(reason):
            raise LedgerError("reason: something in it is shaped like a personal identity code; write it without", 422)
        details = canonical_json({"package_folder": package_folder, "reason": reason.strip()})
        return self._append(
            "promotion", caller, model=model, model_version=version, package_digest=package_digest, details=details
        )

    def champion(self) -> Promotion | None:
        """Return the latest promotion, or None before the first."""
        with read_transaction(self.engine) as connection:
            row = connection.execute(_PROMOTIONS.limit(1)).first()
        return _promotion(row) if row else None

    def promotions(self) -> list[Promotion]:
        """Return every promotion, newest first."""
        with read_transaction(self.engine) as connection:
            return [_promotion(row) for row in connection.execute(_PROMOTIONS)]

    # -- forgetting -------------------------------------------------------------------------------------------------

    def erase(self, client_id: str, caller: Caller) -> Erasure:
        """Delete every payload of a client and record that; entries stay, and the chain still verifies.

        An objection holds no payload and stays: were it forgotten, the client would be screened again.

        Backups keep what they hold until they are rotated: this is about the database alone.

        Raises
        ------
        NotFoundError
            Nothing was ever recorded about this client.
        """
        subject = self._pseudonyms.of_client(client_id)
        # Entries without a payload do not count: that somebody once asked for a misspelt client is no trace of one.
        of_client = select(ENTRIES.c.seq).where(ENTRIES.c.subject == subject, ENTRIES.c.payload_digest != "")
        with self._writer.transaction() as transaction:
            objects = self.objections.stands_in(transaction.connection, subject)
            if not objects and transaction.connection.execute(of_client.limit(1)).first() is None:
                raise NotFoundError("nothing is recorded about this client: check the spelling of the client id")
            doomed = PAYLOADS.c.entry_seq.in_(of_client)
            deleted = transaction.connection.execute(delete(PAYLOADS).where(doomed)).rowcount
            details = canonical_json({"payloads": deleted})
            entry = transaction.append(draft_by(self._pseudonyms, "erasure", caller, subject=subject, details=details))
        return Erasure(entry, deleted, empty_write_ahead_file(self.engine), objects)

    def expire(self, older_than: timedelta, caller: Caller) -> Erasure | None:
        """Delete every payload recorded longer ago than this and record that; None if there was none."""
        before = utc_text(datetime.now(UTC) - older_than)
        expired = PAYLOADS.c.entry_seq.in_(select(ENTRIES.c.seq).where(ENTRIES.c.recorded_at < before))
        with self._writer.transaction() as transaction:
            deleted = transaction.connection.execute(delete(PAYLOADS).where(expired)).rowcount
            if not deleted:
                return None
            details = canonical_json({"payloads": deleted, "before": before})
            entry = transaction.append(draft_by(self._pseudonyms, "expiry", caller, details=details))
        return Erasure(entry, deleted, empty_write_ahead_file(self.engine))

    # -- keys -------------------------------------------------------------------------------------------------------

    def issue_key(self, caller: Caller, role: str, unit: str, purpose: str) -> IssuedKey:
        """Return a new key, whose text is known only now; its making is an entry of the ledger."""
        check_grant(role, unit, purpose)
        key = new_key()
        # With the secret's digest in the chain, a row of `api_keys` that was put there by hand is found by verifying.
        granted = {"role": role, "unit": unit, "purpose": purpose, "secret_digest": key.secret_digest}
        details = canonical_json(granted)
        with self._writer.transaction() as transaction:
            draft = draft_by(self._pseudonyms, "key_created", caller, about=key.id, details=details)
            row = {
                "id": key.id,
                "secret_digest": key.secret_digest,
                "role": role,
                "unit": unit,
                "purpose": purpose,
                "created_at": transaction.append(draft).recorded_at,
            }
            transaction.connection.execute(insert(API_KEYS).values(row))
        return key

    def revoke_key(self, caller: Caller, key_id: str) -> Recorded:
        """Return the entry of a revoked key, which from now on opens nothing.

        Raises
        ------
        NotFoundError
            There is no such key, or it was revoked before.
        """
        usable = (API_KEYS.c.id == key_id) & API_KEYS.c.revoked_at.is_(None)
        with self._writer.transaction() as transaction:
            if transaction.connection.execute(select(func.count()).where(usable)).scalar() == 0:
                raise NotFoundError("no usable key has this id: `varhain key list` shows the ids")
            entry = transaction.append(draft_by(self._pseudonyms, "key_revoked", caller, about=key_id))
            transaction.connection.execute(update(API_KEYS).where(usable).values(revoked_at=entry.recorded_at))
        return entry

    def _append(self, kind: str, caller: Caller, **columns: Any) -> Recorded:
        return self._writer.append(draft_by(self._pseudonyms, kind, caller, **columns))


def open_ledger(settings: Settings) -> Ledger:
    """Return the ledger of an installation; its database must have been migrated."""
    pseudonyms = load_pseudonyms(settings.secret_file)
    return Ledger(create_database_engine(settings), pseudonyms, Witness(settings.witness_file))


def _check_reader(caller: Caller) -> None:
    if caller.role not in ("advisor", "operator"):
        raise AccessError("screenings are read by the advisors of their unit, and by an operator on a client's request")


def _may_read(caller: Caller, unit: str) -> bool:
    return caller.role == "operator" or caller.unit == unit


def _screening(row: Row[Any]) -> Screening:
    versions = Versions(row.model, row.model_version, row.package_digest, row.policy_version, row.catalogue_fingerprint)
    payload = json.loads(row.content) if row.content is not None else {}
    return Screening(
        id=row.id,
        recorded_at=row.recorded_at,
        unit=row.unit,
        versions=versions,
        client_id=payload.get("client_id"),
        document=payload.get("document"),
        answer=payload.get("answer"),
        caseload=row.about,
        is_from_file=row.kind == FILE_ROW,
    )


def _promotion(row: Row[Any]) -> Promotion:
    details = json.loads(row.details)
    return Promotion(
        id=row.id,
        recorded_at=row.recorded_at,
        caller=row.caller,
        model=row.model,
        version=row.model_version,
        package_digest=row.package_digest,
        package_folder=details["package_folder"],
        reason=details["reason"],
    )
