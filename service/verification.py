"""Checks the whole ledger: the chain, the keys, every payload present, and that each missing one was erased on record.

What it cannot see: a ledger rewritten as a whole, together with its witness file, by someone with access to both. A
head digest kept elsewhere (`varhain ledger verify --expect`) shows that too.
"""

import json
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from service.chain import GENESIS, entry_digest, payload_digest
from service.database import read_transaction
from service.key_check import key_fault
from service.witness import Witness
from service.writer import ENTRIES, PAYLOADS

ROWS_AT_ONCE = 500

_LATER = ENTRIES.alias("later")
_ERASED_BY = (
    select(func.max(_LATER.c.seq))
    .where(_LATER.c.kind == "erasure", _LATER.c.subject == ENTRIES.c.subject, ENTRIES.c.subject != "")
    .scalar_subquery()
)
_EVERYTHING = (
    select(ENTRIES, PAYLOADS.c.salt, PAYLOADS.c.content, _ERASED_BY.label("erased_by"))
    .join_from(ENTRIES, PAYLOADS, isouter=True)
    .order_by(ENTRIES.c.seq)
)
_EXPIRIES = select(ENTRIES.c.seq, ENTRIES.c.details).where(ENTRIES.c.kind == "expiry")


@dataclass(frozen=True)
class Verification:
    """What verifying found. `fault` is one sentence about the first fault, None if there is none.

    The counts and `head_digest` are those of the entries checked, up to the fault.
    """

    entries: int
    payloads: int
    erased: int
    head_digest: str
    fault: str | None


def verify(engine: Engine, witness: Witness, expected_head: str | None = None) -> Verification:
    """Return whether the ledger is whole; writers go on meanwhile, and memory does not grow with the ledger.

    `expected_head` is the digest of an entry noted earlier, which must still be in the chain.
    """
    # Before the database's state is fixed: later heads may be of entries this reader does not see.
    size = witness.size()
    with read_transaction(engine) as connection:
        walk = _Walk(connection, expected_head)
        fault = walk.first_fault() or key_fault(connection) or _witness_fault(connection, witness, size)
    return Verification(walk.entries, walk.payloads, walk.erased, walk.head, fault)


class _Walk:
    """One pass over all entries, from the first to the head."""

    def __init__(self, connection: Connection, expected_head: str | None) -> None:
        self._connection = connection
        self._expected = expected_head
        self._expired_before = [(row.seq, _before(row.details)) for row in connection.execute(_EXPIRIES)]
        self.entries = self.payloads = self.erased = 0
        self.head = GENESIS

    def first_fault(self) -> str | None:
        rows = self._connection.execution_options(yield_per=ROWS_AT_ONCE).execute(_EVERYTHING)
        met = self._expected is None
        for row in rows:
            fault = self._fault_of(row)
            if fault:
                return fault
            self.entries += 1
            self.head = row.digest
            met = met or row.digest == self._expected
        if not met:
            return "the expected digest is of no entry: entries were cut off the end, or the chain was made anew"
        return None

    def _fault_of(self, row: Row[Any]) -> str | None:
        place = f"entry {self.entries + 1}"
        if row.seq != self.entries + 1:
            return f"{place} is missing: the next one found is entry {row.seq}"
        if row.previous_digest != self.head:
            return f"{place} does not join the entry before it: one of the two was replaced"
        entry = {column.name: getattr(row, column.name) for column in ENTRIES.columns}
        if entry_digest(entry) != row.digest:
            return f"{place} was changed after it was recorded: its digest does not fit its content"
        if row.salt is not None:
            if payload_digest(bytes(row.salt), row.content) != row.payload_digest:
                return f"the payload of {place} was changed after it was recorded"
            self.payloads += 1
        elif row.payload_digest:
            if not self._was_forgotten(row):
                return f"the payload of {place} is missing, and no erasure or expiry on record covers it"
            self.erased += 1
        return None

    def _was_forgotten(self, row: Row[Any]) -> bool:
        if row.erased_by is not None and row.erased_by > row.seq:
            return True
        return any(seq > row.seq and row.recorded_at < before for seq, before in self._expired_before)


def _before(details: str) -> str:
    found = json.loads(details).get("before", "")
    return found if isinstance(found, str) else ""


def _witness_fault(connection: Connection, witness: Witness, size: int) -> str | None:
    all_heads = witness.heads(size)
    while heads := list(islice(all_heads, ROWS_AT_ONCE)):
        known = _digests(connection, [seq for seq, _ in heads])
        for seq, digest in heads:
            if seq not in known:
                return (
                    f"entry {seq} stood in the ledger and is gone: entries were cut off the end, or an older copy was "
                    f"restored; if that can be accounted for, keep {witness.file.name} with the papers and move it away"
                )
            if known[seq] != digest:
                return f"entry {seq} is not the one that was recorded: the chain was made anew from there or before"
    return None


def _digests(connection: Connection, seqs: list[int]) -> dict[int, str]:
    rows = connection.execute(select(ENTRIES.c.seq, ENTRIES.c.digest).where(ENTRIES.c.seq.in_(seqs)))
    return {row.seq: row.digest for row in rows}
