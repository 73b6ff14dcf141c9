"""What `varhain ledger verify` finds, and the one thing it needs help for: a cut tail."""

from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from features.errors import LedgerError
from service.access import authenticate, list_keys, new_key
from service.chain import canonical_json
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


def with_a_key(home: Path) -> Ledger:
    ledger = empty_ledger(home)
    ledger.issue_key(OPERATOR, "advisor", "kerava", "service_planning")
    return ledger


def test_keys_made_and_revoked_by_command_verify(tmp_path: Path) -> None:
    ledger = with_a_key(tmp_path)
    ledger.revoke_key(OPERATOR, ledger.issue_key(OPERATOR, "operator", "kerava", "service_planning").id)

    assert verified(ledger, tmp_path).fault is None


def test_a_key_put_into_the_table_by_hand_is_found(tmp_path: Path) -> None:
    ledger, forged = with_a_key(tmp_path), new_key()
    tamper(
        ledger,
        f"INSERT INTO api_keys VALUES ('{forged.id}', '{forged.secret_digest}', 'operator', 'kerava', "
        "'service_planning', '2099-01-01T00:00:00.000000Z', NULL)",
    )

    assert authenticate(ledger.engine, forged.text).role == "operator"  # this is why it must be found
    assert verified(ledger, tmp_path).fault == (
        "the key in row 2 of `varhain key list` was put there by hand: no entry made it"
    )


@pytest.mark.parametrize("column", ["role", "unit", "purpose", "created_at", "secret_digest"])
def test_a_key_changed_by_hand_is_found(tmp_path: Path, column: str) -> None:
    ledger = with_a_key(tmp_path)
    tamper(ledger, f"UPDATE api_keys SET {column} = 'operator'")

    assert verified(ledger, tmp_path).fault == f"the key that entry 2 made was changed afterwards: {column}"


def test_a_key_made_usable_again_by_hand_is_found(tmp_path: Path) -> None:
    ledger = with_a_key(tmp_path)
    ledger.revoke_key(OPERATOR, list_keys(ledger.engine)[0].id)
    tamper(ledger, "UPDATE api_keys SET revoked_at = NULL")

    assert verified(ledger, tmp_path).fault == "the key that entry 3 revoked was changed afterwards: revoked_at"


def test_a_key_revoked_by_hand_is_found(tmp_path: Path) -> None:
    ledger = with_a_key(tmp_path)
    tamper(ledger, "UPDATE api_keys SET revoked_at = created_at")

    assert "was revoked by hand" in str(verified(ledger, tmp_path).fault)


def test_a_key_deleted_by_hand_is_found(tmp_path: Path) -> None:
    ledger = with_a_key(tmp_path)
    tamper(ledger, "DELETE FROM api_keys")

    assert "the key that entry 2 made is gone" in str(verified(ledger, tmp_path).fault)


def test_a_key_of_an_older_version_is_compared_without_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_before(value: dict[str, str]) -> str:
        return canonical_json({name: text for name, text in value.items() if name != "secret_digest"})

    with monkeypatch.context() as earlier:
        earlier.setattr("service.ledger.canonical_json", as_before)
        ledger = with_a_key(tmp_path)
    assert verified(ledger, tmp_path).fault is None

    tamper(ledger, "UPDATE api_keys SET unit = 'tuusula'")

    assert verified(ledger, tmp_path).fault == "the key that entry 2 made was changed afterwards: unit"


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
