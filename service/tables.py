"""The tables of the service. Only `ledger.py` builds rows of them: a SQLModel table does not check what it is given.

`entries` is append-only (triggers refuse UPDATE and DELETE). Whatever can name or describe a person lies in
`payloads`, which can be erased while the chain of entries still verifies. Later kinds of entries need no new column:
what they refer to stands in `about`, what they state in `details`.
"""

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Text
from sqlmodel import Field, SQLModel

# SQLite makes a key the row's own number only if it is called INTEGER; PostgreSQL needs the wider type.
SEQUENCE_NUMBER = BigInteger().with_variant(Integer(), "sqlite")


class Entry(SQLModel, table=True):
    """One act, recorded for good: who (as a pseudonym), when, why, on whom (as a pseudonym), with which versions."""

    __tablename__ = "entries"
    __table_args__ = (Index("ix_entries_kind_recorded_at", "kind", "recorded_at"),)

    seq: int = Field(primary_key=True, sa_type=SEQUENCE_NUMBER, sa_column_kwargs={"autoincrement": False})
    id: str = Field(sa_type=String(20), unique=True)
    kind: str = Field(sa_type=String(40))
    # Text, not a database's own timestamp: it is part of the digest and must come back to the byte everywhere.
    recorded_at: str = Field(sa_type=String(27))
    caller: str = Field(sa_type=String(32))
    role: str = Field(sa_type=String(20))
    unit: str = Field(sa_type=String(64))
    purpose: str = Field(sa_type=String(40))
    subject: str = Field(sa_type=String(32), index=True)
    about: str = Field(sa_type=String(20))
    model: str = Field(sa_type=String(120))
    model_version: str = Field(sa_type=String(40))
    package_digest: str = Field(sa_type=String(64))
    policy_version: str = Field(sa_type=String(40))
    catalogue_fingerprint: str = Field(sa_type=String(64))
    details: str = Field(sa_type=Text)
    payload_digest: str = Field(sa_type=String(64))
    previous_digest: str = Field(sa_type=String(64))
    digest: str = Field(sa_type=String(64))


class Payload(SQLModel, table=True):
    """The personal part of one entry, with the salt that keeps its digest from being guessed once it is erased."""

    __tablename__ = "payloads"

    entry_seq: int = Field(
        primary_key=True,
        foreign_key="entries.seq",
        sa_type=SEQUENCE_NUMBER,
        sa_column_kwargs={"autoincrement": False},
    )
    salt: bytes = Field(sa_type=LargeBinary)
    content: str = Field(sa_type=Text)


class ApiKey(SQLModel, table=True):
    """One key of a caller: only the SHA-256 of its secret is kept. Its making and revoking stand in `entries`."""

    __tablename__ = "api_keys"

    id: str = Field(primary_key=True, sa_type=String(20))
    secret_digest: str = Field(sa_type=String(64))
    role: str = Field(sa_type=String(20))
    unit: str = Field(sa_type=String(64))
    purpose: str = Field(sa_type=String(40))
    created_at: str = Field(sa_type=String(27))
    revoked_at: str | None = Field(default=None, sa_type=String(27))
