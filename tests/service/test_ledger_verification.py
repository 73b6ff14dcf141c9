"""What `varhain ledger verify` finds, and the one thing it needs help for: a cut tail."""

from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from features.errors import LedgerError
from service.ledger import Ledger
from service.pseudonyms import load_pseudonyms
from service.witness import Witness
from tests.service.ledger_home import OPERATOR, VERSIONS, empty_ledger, screen, verified


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = empty_ledger(tmp_path)
    for number in range(5):
        screen(ledger, f"client-{number}")
    return ledger


def tamper(ledger: Ledger, statement: str, trigger: str | None = None) -> None:
    """Change the database as somebody with access to the file could."""
    with ledger.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        if trigger:
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql(statement)


def test_an_untouched_ledger_verifies(ledger: Ledger, tmp_path: Path) -> None:
    result = verified(ledger, tmp_path)

    assert result.fault is None
    assert (result.entries, result.payloads, result.erased) == (6, 5, 0)  # one is the foundation


def test_an_empty_ledger_verifies(tmp_path: Path) -> None:
    assert verified(empty_ledger(tmp_path), tmp_path).entries == 0


def test_a_changed_entry_is_found(ledger: Ledger, tmp_path: Path) -> None:
    tamper(ledger, "UPDATE entries SET unit = 'keravb' WHERE seq = 3", "entries_are_not_changed")

    assert verified(ledger, tmp_path).fault == (
        "entry 3 was changed after it was recorded: its digest does not fit its content"
    )


def test_a_changed_payload_is_found(ledger: Ledger, tmp_path: Path) -> None:
    tamper(
        ledger,
        "UPDATE payloads SET content = replace(content, '0.25', '0.26') WHERE entry_seq = 4",
        "payloads_are_not_changed",
    )

    assert verified(ledger, tmp_path).fault == "the payload of entry 4 was changed after it was recorded"


def test_a_payload_deleted_without_a_record_is_found(ledger: Ledger, tmp_path: Path) -> None:
    tamper(ledger, "DELETE FROM payloads WHERE entry_seq = 4")

    assert "the payload of entry 4 is missing" in str(verified(ledger, tmp_path).fault)


def test_an_erasure_covers_only_what_came_before_it(ledger: Ledger, tmp_path: Path) -> None:
    ledger.erase("client-2", OPERATOR)
    screen(ledger, "client-2")
    tamper(ledger, "DELETE FROM payloads WHERE entry_seq = 8")

    assert "the payload of entry 8 is missing" in str(verified(ledger, tmp_path).fault)


def test_a_deleted_entry_is_found(ledger: Ledger, tmp_path: Path) -> None:
    tamper(ledger, "DELETE FROM payloads WHERE entry_seq = 3")
    tamper(ledger, "DELETE FROM entries WHERE seq = 3", "entries_are_not_deleted")

    assert verified(ledger, tmp_path).fault == "entry 3 is missing: the next one found is entry 4"


def cut_the_last_entry(ledger: Ledger) -> None:
    tamper(ledger, "DELETE FROM payloads WHERE entry_seq = 6")
    tamper(ledger, "DELETE FROM entries WHERE seq = 6", "entries_are_not_deleted")


def test_a_cut_tail_is_found_by_the_witness_file(ledger: Ledger, tmp_path: Path) -> None:
    cut_the_last_entry(ledger)

    assert "entry 6 stood in the ledger and is gone" in str(verified(ledger, tmp_path).fault)


def test_a_tail_cut_and_written_anew_is_found_by_the_witness_file(ledger: Ledger, tmp_path: Path) -> None:
    cut_the_last_entry(ledger)
    screen(ledger, "another-client")

    assert "entry 6 is not the one that was recorded" in str(verified(ledger, tmp_path).fault)


def test_a_cut_tail_without_witness_is_found_only_by_a_digest_kept_elsewhere(ledger: Ledger, tmp_path: Path) -> None:
    noted = verified(ledger, tmp_path).head_digest
    cut_the_last_entry(ledger)
    (tmp_path / "ledger.witness").unlink()

    assert verified(ledger, tmp_path).fault is None  # a chain alone cannot tell: this is why the witness exists
    assert "the expected digest is of no entry" in str(verified(ledger, tmp_path, noted).fault)


def test_a_digest_noted_earlier_is_still_found_later(ledger: Ledger, tmp_path: Path) -> None:
    noted = verified(ledger, tmp_path).head_digest
    screen(ledger)

    assert verified(ledger, tmp_path, noted).fault is None


def test_a_torn_line_of_the_witness_file_is_passed_over(ledger: Ledger, tmp_path: Path) -> None:
    with (tmp_path / "ledger.witness").open("ab") as file:
        file.write(b"7 00ab\0\0\xff")

    assert verified(ledger, tmp_path).fault is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET unit = 'x' WHERE seq = 1",
        "DELETE FROM entries WHERE seq = 6",
        "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE seq = 6",
        "UPDATE payloads SET content = '{}'",
        "INSERT OR REPLACE INTO payloads SELECT * FROM payloads WHERE entry_seq = 6",
    ],
)
def test_the_database_refuses_to_change_what_is_recorded(ledger: Ledger, statement: str) -> None:
    with (
        ledger.engine.connect() as connection,
        connection.begin(),
        pytest.raises(IntegrityError, match="of the ledger"),
    ):
        connection.exec_driver_sql(statement)


def test_another_secret_is_noticed_before_anything_is_written(ledger: Ledger, tmp_path: Path) -> None:
    other = load_pseudonyms(tmp_path / "another.secret")
    stranger = Ledger(ledger.engine, other, Witness(tmp_path / "ledger.witness"))

    with pytest.raises(LedgerError, match="not the one this ledger was begun with"):
        stranger.record_screening(OPERATOR, "x", {}, {}, VERSIONS)
    with pytest.raises(LedgerError, match="not the one this ledger was begun with"):
        stranger.erase("client-1", OPERATOR)
    assert verified(ledger, tmp_path).entries == 6
