"""Whole caseloads in the ledger: one entry that says why a caseload was screened, and one for each person after it.

The entry of a person names that of the caseload in `about`. A batch keeps of each person what a single screening keeps.
A file keeps of each person the row that was written: its facts stay in the area's own file, of which the entry of the
caseload holds the digest.

Ids of a file's entries are made from what decides its output, so that a run that is resumed, or given once more, finds
what it has recorded before and records nobody twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from features.errors import FactsError, Fault
from features.identity_codes import holds_identity_code
from service.access import Caller
from service.chain import canonical_json
from service.pseudonyms import Pseudonyms
from service.writer import ENTRIES, Draft, Recorded, Versions, Writer, draft_by

CASELOAD, FILE_ROW, FILE_FINISHED = "caseload", "caseload_row", "caseload_finished"
IDS_ASKED_AT_ONCE = 500
ROWS_A_COMMIT = 2_000
"""A service on the same ledger waits as long as these take."""

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

    def begin_file(self, caller: Caller, screenings: Mapping[str, Any], versions: Versions) -> FileRun:
        """Return the run that makes these screenings (`Plan.screenings`); its entry is on disk, and made only once."""
        run = FileRun(self._pseudonyms.of_part("caseload", canonical_json(screenings)), caller, versions)
        details = canonical_json({name: screenings[name] for name in ("occasion", "source", "as_of")})
        self._append_new([draft_by(self._pseudonyms, CASELOAD, caller, id=run.id, details=details, **vars(versions))])
        return run

    def record_rows(self, run: FileRun, places: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the id of the entry of each row, all on disk; what was recorded before is left as it is.

        Parameters
        ----------
        places : sequence of int
            Where in the file each row's client begins: what its id is made from.
        rows : sequence of mappings
            What was written of each client, with `client_id`.
        """
        ids = [self._pseudonyms.of_part("row", f"{run.id} {place}") for place in places]
        drafts = [self._row(run, one, row) for one, row in zip(ids, rows, strict=True)]
        for first in range(0, len(drafts), ROWS_A_COMMIT):
            self._append_new(drafts[first : first + ROWS_A_COMMIT])
        return ids

    def finish_file(self, run: FileRun, counts: Mapping[str, int], output_sha256: str) -> None:
        """Record that the output of a run is whole, with its counts and digest; once."""
        details = canonical_json({"counts": dict(counts), "output_sha256": output_sha256})
        name = self._pseudonyms.of_part("finished", run.id)
        draft = draft_by(self._pseudonyms, FILE_FINISHED, run.caller, id=name, about=run.id, details=details)
        self._append_new([draft])

    def _row(self, run: FileRun, name: str, row: Mapping[str, Any]) -> Draft:
        kept = {key: value for key, value in row.items() if value is not None}
        kept["as_of"] = row["as_of"].isoformat()
        content = canonical_json({"client_id": kept.pop("client_id"), "answer": kept})
        personal = {"subject": self._pseudonyms.of_client(row["client_id"]), "about": run.id, "content": content}
        return draft_by(self._pseudonyms, FILE_ROW, run.caller, id=name, **personal, **vars(run.versions))

    def _append_new(self, drafts: Sequence[Draft]) -> None:
        """Append, in one transaction, what the ledger does not hold yet."""
        with self._writer.transaction() as transaction:
            known: set[str] = set()
            for first in range(0, len(drafts), IDS_ASKED_AT_ONCE):
                asked = [draft.id for draft in drafts[first : first + IDS_ASKED_AT_ONCE]]
                found = transaction.connection.execute(select(ENTRIES.c.id).where(ENTRIES.c.id.in_(asked)))
                known |= set(found.scalars())
            if new := [draft for draft in drafts if draft.id not in known]:
                transaction.append_all(new)

    def _screening(self, caller: Caller, about: str, one: Kept, versions: Versions) -> Draft:
        subject = self._pseudonyms.of_client(one.client_id)
        personal = {"subject": subject, "about": about, "content": canonical_json(vars(one))}
        return draft_by(self._pseudonyms, "screening", caller, **personal, **vars(versions))


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
