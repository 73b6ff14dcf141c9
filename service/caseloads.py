"""Whole caseloads in the ledger: one entry that says why a caseload was screened, and one for each person after it.

The entry of a person names that of the caseload in `about`. A batch keeps of each person what a single screening keeps.
A file keeps of each person the row that was written: its facts stay in the area's own file, of which the entry of the
caseload holds the digest.

Every run over a file has a random id of its own, which its work folder keeps. Ids of its rows are made from that and
from the place in the file, so that a run that is resumed finds what it has recorded before and records nobody twice.
What is to be written of a client and what was recorded never differ: where they do, since the client objects by now or
the payload was erased, another entry is added that names the one it supersedes.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from features.errors import FactsError, Fault
from features.identity_codes import holds_identity_code
from service.access import Caller
from service.chain import canonical_json
from service.pseudonyms import Pseudonyms
from service.writer import ENTRIES, PAYLOADS, Draft, Recorded, Versions, Writer, draft_by

CASELOAD, FILE_ROW, FILE_FINISHED = "caseload", "caseload_row", "caseload_finished"
IDS_ASKED_AT_ONCE = 500
ROWS_A_COMMIT = 2_000
"""A service on the same ledger waits as long as these take."""
PAUSE_SECONDS = 0.05
"""After each of these commits: SQLite keeps no queue, and who waits looks again every 50 ms at first, 100 ms later."""

_ENTRY = select(ENTRIES.c.id, PAYLOADS.c.content).join_from(ENTRIES, PAYLOADS, isouter=True)
Newest = dict[int, tuple[int, Row[Any, Any]]]
MOST_CLIENTS = 1_000
LONGEST_OCCASION = 200


@dataclass(frozen=True)
class Kept:
    """What the ledger keeps of one screening: the client, the document as it was read, the answer."""

    client_id: str
    document: Mapping[str, Any]
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class FileRun:
    """A run over a file that the ledger knows: the id of its entry, who runs it, with which versions."""

    id: str
    caller: Caller
    versions: Versions


class Caseloads:
    """The caseloads in a ledger."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms, writer: Writer) -> None:
        self._engine = engine
        self._pseudonyms = pseudonyms
        self._writer = writer

    def record_batch(
        self,
        caller: Caller,
        occasion: str,
        counts: Mapping[str, int],
        kept: Sequence[Kept],
        versions: Versions,
    ) -> tuple[Recorded, list[Recorded]]:
        """Return the entry of a batch and those of its screenings, all on disk by one commit.

        Raises
        ------
        LedgerError
            It could not be recorded; then nothing of it is, and none of it may be answered.
        """
        details = canonical_json({"occasion": occasion, **counts})
        head = draft_by(self._pseudonyms, CASELOAD, caller, details=details, **vars(versions))
        # Made before the transaction is begun: others wait while it runs.
        drafts = [head, *(self._screening(caller, head.id, one, versions) for one in kept)]
        with self._writer.transaction() as transaction:
            recorded = transaction.append_all(drafts)
        return recorded[0], recorded[1:]

    def begin_file(self, run: FileRun, told: Mapping[str, Any]) -> None:
        """Record that a run has begun and what it is (`Plan.told_in_ledger`); once."""
        details = canonical_json(told)
        self._append_new(
            draft_by(self._pseudonyms, CASELOAD, run.caller, id=run.id, details=details, **vars(run.versions))
        )

    def record_rows(self, run: FileRun, places: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the id of the entry of each row, all on disk; what was recorded before is left as it is.

        Parameters
        ----------
        places : sequence of int
            Where in the file each row's client begins: what its id is made from.
        rows : sequence of mappings
            What was written of each client, with `client_id`.
        """
        ids: list[str] = []
        for first in range(0, len(rows), ROWS_A_COMMIT):
            some = slice(first, first + ROWS_A_COMMIT)
            ids += self._record_some(run, places[some], rows[some])
            time.sleep(PAUSE_SECONDS)
        return ids

    def finish_file(self, run: FileRun, counts: Mapping[str, int], output_sha256: str) -> None:
        """Record that the output of a run is whole, with its counts and digest; once for each output."""
        details = canonical_json({"counts": dict(counts), "output_sha256": output_sha256})
        name = self._pseudonyms.of_part("finished", f"{run.id} {output_sha256}")
        self._append_new(draft_by(self._pseudonyms, FILE_FINISHED, run.caller, id=name, about=run.id, details=details))

    def _record_some(self, run: FileRun, places: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the ids of a few rows, recorded by one commit; those of which the newest entry says the same stay."""
        # Made before the transaction is begun: others wait while it runs.
        first = [self._row(run, self._row_name(run, place, 0), row) for place, row in zip(places, rows, strict=True)]
        drafts: list[Draft] = []
        ids: list[str] = []
        with self._writer.transaction() as transaction:
            newest = self._newest(transaction.connection, run, places)
            for place, draft in zip(places, first, strict=True):
                if place in newest:
                    number, held = newest[place]
                    if held.content == draft.content:
                        ids.append(held.id)
                        continue
                    name = self._row_name(run, place, number + 1)
                    draft = replace(draft, id=name, details=canonical_json({"supersedes": held.id}))
                ids.append(draft.id)
                drafts.append(draft)
            if drafts:
                transaction.append_all(drafts)
        return ids

    def _newest(
        self, connection: Connection, run: FileRun, places: Sequence[int]
    ) -> dict[int, tuple[int, Row[Any, Any]]]:
        """Return by place the newest entry of a client, if there is one: its number, and its row (`id`, `content`)."""
        newest: Newest = {}
        number, asked = 0, list(places)
        while asked:
            names = {self._row_name(run, place, number): place for place in asked}
            held = _held(connection, list(names))
            newest |= {names[row.id]: (number, row) for row in held}
            number, asked = number + 1, [names[row.id] for row in held]
        return newest

    def _row_name(self, run: FileRun, place: int, number: int) -> str:
        """Return the id of a client's entry of a run: the first has number 0, the one that supersedes it 1."""
        return self._pseudonyms.of_part("row", f"{run.id} {place} {number}")

    def _row(self, run: FileRun, name: str, row: Mapping[str, Any]) -> Draft:
        kept = {key: value for key, value in row.items() if value is not None}
        kept["as_of"] = row["as_of"].isoformat()
        content = canonical_json({"client_id": kept.pop("client_id"), "answer": kept})
        personal = {"subject": self._pseudonyms.of_client(row["client_id"]), "about": run.id, "content": content}
        return draft_by(self._pseudonyms, FILE_ROW, run.caller, id=name, **personal, **vars(run.versions))

    def _append_new(self, draft: Draft) -> None:
        """Append an entry that the ledger does not hold yet."""
        with self._writer.transaction() as transaction:
            if not _held(transaction.connection, [draft.id]):
                transaction.append(draft)

    def _screening(self, caller: Caller, about: str, one: Kept, versions: Versions) -> Draft:
        subject = self._pseudonyms.of_client(one.client_id)
        personal = {"subject": subject, "about": about, "content": canonical_json(vars(one))}
        return draft_by(self._pseudonyms, "screening", caller, **personal, **vars(versions))


def _held(connection: Connection, ids: Sequence[str]) -> list[Row[Any, Any]]:
    """Return `id` and `content` (None where there is none or it was erased) of those entries that there are."""
    held: list[Row[Any, Any]] = []
    for first in range(0, len(ids), IDS_ASKED_AT_ONCE):
        asked = ENTRIES.c.id.in_(ids[first : first + IDS_ASKED_AT_ONCE])
        held += connection.execute(_ENTRY.where(asked)).all()
    return held


def checked_occasion(occasion: Any) -> str:
    """The occasion of a caseload without blanks around it.

    Raises
    ------
    FactsError
        It is no text, empty, too long, or holds something shaped like a personal identity code.
    """
    if not isinstance(occasion, str) or not 0 < len(occasion.strip()) <= LONGEST_OCCASION:
        raise FactsError(
            [Fault("/occasion", f"Must say in 1 to {LONGEST_OCCASION} characters why this caseload is screened now.")]
        )
    if holds_identity_code(occasion):
        raise FactsError(
            [Fault("/occasion", "Holds something shaped like a personal identity code; write it without.")]
        )
    return occasion.strip()
