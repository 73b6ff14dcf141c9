"""Compares the table of keys with the entries that made and revoked them: the table alone opens doors, unchained."""

import json
from typing import Any

from sqlalchemy import Connection, Row, select

from service.access import API_KEYS
from service.writer import ENTRIES

_MADE_OR_REVOKED = (
    select(ENTRIES.c.seq, ENTRIES.c.kind, ENTRIES.c.about, ENTRIES.c.recorded_at, ENTRIES.c.details)
    .where(ENTRIES.c.kind.in_(("key_created", "key_revoked")))
    .order_by(ENTRIES.c.seq)
)
_KEYS = select(API_KEYS).order_by(API_KEYS.c.created_at, API_KEYS.c.id)


def key_fault(connection: Connection) -> str | None:
    """One sentence about the first key that is not as the chained entries have it, None if all are.

    Entries made before the chain held the digests of secrets say nothing of them: a secret put in place of such a
    key's own is not found.
    """
    made: dict[str, Any] = {}
    revoked: dict[str, Any] = {}
    for entry in connection.execute(_MADE_OR_REVOKED):
        (made if entry.kind == "key_created" else revoked)[entry.about] = entry
    keys = connection.execute(_KEYS).all()
    for place, key in enumerate(keys, start=1):
        if key.id not in made:
            # Not by its id: a row that nobody issued may hold anything.
            return f"the key in row {place} of `varhain key list` was put there by hand: no entry made it"
        if fault := _fault_of(key, made[key.id], revoked.get(key.id)):
            return fault
    gone = sorted(set(made) - {key.id for key in keys})
    return f"the key that entry {made[gone[0]].seq} made is gone: its row was deleted" if gone else None


def _fault_of(key: Row[Any], made: Row[Any], revoked: Row[Any] | None) -> str | None:
    recorded = {**json.loads(made.details), "created_at": made.recorded_at}
    changed = sorted(name for name, value in recorded.items() if getattr(key, name, None) != value)
    if changed:
        return f"the key that entry {made.seq} made was changed afterwards: {', '.join(changed)}"
    if revoked is None and key.revoked_at is not None:
        return f"the key that entry {made.seq} made was revoked by hand: no entry revoked it"
    if revoked is not None and key.revoked_at != revoked.recorded_at:
        return f"the key that entry {revoked.seq} revoked was changed afterwards: revoked_at"
    return None
