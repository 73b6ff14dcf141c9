"""The ledger: entries that only grow, payloads that can only vanish, and the keys of callers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SEQUENCE_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# SQLite's INSERT OR REPLACE deletes the old row without asking the DELETE trigger: hence the guards on INSERT.
SQLITE_TRIGGERS = (
    """CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries of the ledger are never changed'); END""",
    """CREATE TRIGGER entries_are_not_deleted BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries of the ledger are never deleted'); END""",
    """CREATE TRIGGER entries_join_the_head BEFORE INSERT ON entries
    WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM entries)
      OR NEW.previous_digest <> COALESCE((SELECT digest FROM entries ORDER BY seq DESC LIMIT 1), printf('%064d', 0))
      OR EXISTS (SELECT 1 FROM entries WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'an entry of the ledger joins its head'); END""",
    """CREATE TRIGGER payloads_are_not_changed BEFORE UPDATE ON payloads
    BEGIN SELECT RAISE(ABORT, 'payloads of the ledger are deleted, never changed'); END""",
    """CREATE TRIGGER payloads_are_not_replaced BEFORE INSERT ON payloads
    WHEN EXISTS (SELECT 1 FROM payloads WHERE entry_seq = NEW.entry_seq)
    BEGIN SELECT RAISE(ABORT, 'payloads of the ledger are deleted, never changed'); END""",
)

POSTGRESQL_TRIGGERS = (
    """CREATE FUNCTION ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '% of the ledger are never changed', TG_TABLE_NAME; END $$""",
    """CREATE FUNCTION ledger_joins_the_head() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM entries)
        OR NEW.previous_digest <> COALESCE((SELECT digest FROM entries ORDER BY seq DESC LIMIT 1), repeat('0', 64))
      THEN RAISE EXCEPTION 'an entry of the ledger joins its head'; END IF;
      RETURN NEW;
    END $$""",
    """CREATE TRIGGER entries_are_not_changed BEFORE UPDATE OR DELETE ON entries
    FOR EACH ROW EXECUTE FUNCTION ledger_refuses()""",
    """CREATE TRIGGER entries_are_not_emptied BEFORE TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses()""",
    """CREATE TRIGGER entries_join_the_head BEFORE INSERT ON entries
    FOR EACH ROW EXECUTE FUNCTION ledger_joins_the_head()""",
    """CREATE TRIGGER payloads_are_not_changed BEFORE UPDATE ON payloads
    FOR EACH ROW EXECUTE FUNCTION ledger_refuses()""",
)


def upgrade() -> None:
    op.create_table(
        "entries",
        sa.Column("seq", SEQUENCE_NUMBER, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(20), nullable=False, unique=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("recorded_at", sa.String(27), nullable=False),
        sa.Column("caller", sa.String(32), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("unit", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("about", sa.String(20), nullable=False),
        sa.Column("model", sa.String(120), nullable=False),
        sa.Column("model_version", sa.String(40), nullable=False),
        sa.Column("package_digest", sa.String(64), nullable=False),
        sa.Column("policy_version", sa.String(40), nullable=False),
        sa.Column("catalogue_fingerprint", sa.String(64), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("payload_digest", sa.String(64), nullable=False),
        sa.Column("previous_digest", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_index("ix_entries_subject", "entries", ["subject"])
    op.create_index("ix_entries_kind_recorded_at", "entries", ["kind", "recorded_at"])
    op.create_table(
        "payloads",
        sa.Column("entry_seq", SEQUENCE_NUMBER, sa.ForeignKey("entries.seq"), primary_key=True, autoincrement=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(20), primary_key=True),
        sa.Column("secret_digest", sa.String(64), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("unit", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("revoked_at", sa.String(27)),
    )
    sqlite = op.get_context().dialect.name == "sqlite"
    for trigger in SQLITE_TRIGGERS if sqlite else POSTGRESQL_TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    raise NotImplementedError("the ledger is not unmade: restore the database from the backup instead")
