"""Who may call: API keys, and the caller that a key stands for.

A key reads `varhain_<id>_<secret>`, lower-case letters only. The secret has more than 256 random bits, so a plain
SHA-256 of it is kept: the slow hashes made for passwords would cost every request 70 to 250 ms and add nothing.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from sqlalchemy import Engine, Table, bindparam, select

from features.errors import AccessError
from features.identity_codes import holds_identity_code
from service.database import read_transaction, single_row
from service.pseudonyms import is_letters, random_letters
from service.tables import ApiKey

Role = Literal["advisor", "analyst", "steering", "operator"]
ROLES: Final[tuple[str, ...]] = get_args(Role)
# Help only: another purpose would need a legal basis of its own, and a decision about it, before a key.
PURPOSES: Final = ("service_planning",)
ID_LETTERS: Final = 12
SECRET_LETTERS: Final = 55  # 26 ** 55 > 2 ** 256
MAX_UNIT_LENGTH: Final = 64

API_KEYS: Table = ApiKey.__table__  # type: ignore[attr-defined]
_KEPT = [API_KEYS.c[name] for name in ("secret_digest", "id", "role", "unit", "purpose", "revoked_at")]
_KEY = select(*_KEPT).where(API_KEYS.c.id == bindparam("key_id"))
_NO_KEY = "0" * 64
_UNKNOWN = "the key is not known: send one made by `varhain key create`, as `Authorization: Bearer varhain_...`"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts: the key (or console user) behind a request, its role, unit and purpose."""

    key_id: str
    role: str
    unit: str
    purpose: str


@dataclass(frozen=True)
class IssuedKey:
    """A key as it is shown once; `secret_digest` is what stays."""

    id: str
    text: str = field(repr=False)
    secret_digest: str


@dataclass(frozen=True)
class KeyInfo:
    """What is kept of a key, without its secret. Times are UTC; `revoked_at` is None while it may be used."""

    id: str
    role: str
    unit: str
    purpose: str
    created_at: str
    revoked_at: str | None


def console_caller() -> Caller:
    """Return the operator at the command line, who needs no key: whoever may read the database file is one."""
    return Caller(f"console user {os.getuid()}", "operator", "console", "service_planning")


def new_key() -> IssuedKey:
    """Return a fresh key; nothing is stored."""
    key_id, secret = random_letters(ID_LETTERS), random_letters(SECRET_LETTERS)
    return IssuedKey(id=key_id, text=f"varhain_{key_id}_{secret}", secret_digest=_digest(secret))


def check_grant(role: str, unit: str, purpose: str) -> None:
    """Raise AccessError (status 422) unless a key may be made for this role, unit and purpose."""
    if role not in ROLES:
        raise AccessError(f"role: one of {', '.join(ROLES)} is needed", 422)
    if purpose not in PURPOSES:
        raise AccessError(f"purpose: only {', '.join(PURPOSES)} is served", 422)
    if not unit.strip() or len(unit) > MAX_UNIT_LENGTH or not unit.isprintable() or holds_identity_code(unit):
        raise AccessError(
            f"unit: the name of a unit, 1 to {MAX_UNIT_LENGTH} signs, is needed, as in --unit kerava", 422
        )


def key_in(authorization: str | None) -> str | None:
    """Return the key of an Authorization header of the form `Bearer KEY`; None without one."""
    scheme, _, key = (authorization or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def authenticate(engine: Engine, text: str | None) -> Caller:
    """Return the caller whose key this is.

    Raises
    ------
    AccessError
        Status 401: no key, an unknown or a revoked one; the message is the same for unknown and wrong.
    """
    if not text:
        raise AccessError("a key is needed: send one as `Authorization: Bearer varhain_...`", 401)
    prefix, key_id, secret = [*text.split("_", 2), "", ""][:3]
    if prefix != "varhain" or not is_letters(key_id):
        raise AccessError(_UNKNOWN, 401)
    # Asked anew at every request: a key that was revoked a moment ago, by whatever process, opens nothing.
    row = single_row(engine, _KEY, key_id=key_id)
    # Compared even without a row, so that time does not tell which ids exist.
    matches = hmac.compare_digest(_digest(secret), row[0] if row else _NO_KEY)
    if row is None or not matches:
        raise AccessError(_UNKNOWN, 401)
    _, found_id, role, unit, purpose, revoked_at = row
    if revoked_at is not None:
        raise AccessError("the key was revoked: ask for a new one", 401)
    return Caller(found_id, role, unit, purpose)


def list_keys(engine: Engine) -> list[KeyInfo]:
    """Return every key ever made, oldest first."""
    with read_transaction(engine) as connection:
        rows = connection.execute(select(API_KEYS).order_by(API_KEYS.c.created_at, API_KEYS.c.id)).all()
    return [KeyInfo(row.id, row.role, row.unit, row.purpose, row.created_at, row.revoked_at) for row in rows]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
