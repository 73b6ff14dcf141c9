"""How entries are chained: the canonical form and the digests. Another program can check the ledger by this page.

An entry's digest is SHA-256 over the canonical JSON of all its other columns together with `FORM`; one of these is
the digest of the entry before. A payload's digest is SHA-256 over 32 random bytes of salt and the stored text: after
erasure of both, nobody can find the text again by guessing.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

FORM = "varhain-entry-1"
GENESIS = "0" * 64
SALT_BYTES = 32
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> str:
    """Return the one way to write a JSON value: keys sorted, no spaces, ASCII only.

    Raises
    ------
    ValueError
        NaN or infinity, which JSON does not have. `TypeError` for what is not JSON at all.

    Examples
    --------
    >>> canonical_json({"b": 1.5, "a": None})
    '{"a":null,"b":1.5}'
    """
    return _ENCODER.encode(value)


def entry_digest(entry: Mapping[str, Any]) -> str:
    """Return the digest of an entry's columns, 64 hexadecimal digits; a column `digest` is left out."""
    sealed = {name: value for name, value in entry.items() if name != "digest"} | {"form": FORM}
    return hashlib.sha256(canonical_json(sealed).encode("ascii")).hexdigest()


def new_salt() -> bytes:
    """Return a fresh salt for one payload."""
    return secrets.token_bytes(SALT_BYTES)


def payload_digest(salt: bytes, content: str) -> str:
    """Return the digest of a payload as it is stored."""
    return hashlib.sha256(salt + content.encode("utf-8", "surrogatepass")).hexdigest()
