"""Whole caseloads in the ledger: one entry that says why a caseload was screened, and one for each person after it.

The entry of a person names that of the caseload in `about`. A batch keeps of each person what a single screening keeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.errors import FactsError, Fault
from features.identity_codes import holds_identity_code
from service.access import Caller
from service.chain import canonical_json
from service.pseudonyms import Pseudonyms
from service.writer import Draft, Recorded, Versions, Writer, draft_by

CASELOAD = "caseload"
MOST_CLIENTS = 1_000
LONGEST_OCCASION = 200


@dataclass(frozen=True)
class Kept:
    """What the ledger keeps of one screening: the client, the document as it was read, the answer."""

    client_id: str
    document: Mapping[str, Any]
    answer: Mapping[str, Any]


class Caseloads:
    """The caseloads in a ledger."""

    def __init__(self, pseudonyms: Pseudonyms, writer: Writer) -> None:
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
