"""What the ledger keeps, shows and forgets."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from features.errors import AccessError, LedgerError, NotFoundError
from service.database import empty_write_ahead_file, read_transaction
from service.ledger import Ledger, open_ledger
from service.settings import load_settings
from tests.service.ledger_home import (
    ADVISOR,
    ADVISOR_ELSEWHERE,
    ANALYST,
    ANSWER,
    DOCUMENT,
    OPERATOR,
    VERSIONS,
    empty_ledger,
    installation,
    screen,
    verified,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return empty_ledger(tmp_path)


def kinds(ledger: Ledger) -> list[str]:
    with ledger.engine.connect() as connection:
        return list(connection.execute(text("SELECT kind FROM entries ORDER BY seq")).scalars())


def test_a_screening_comes_back_as_it_was_recorded(ledger: Ledger) -> None:
    found = ledger.screening(screen(ledger), ADVISOR)

    assert found is not None
    assert (found.document, found.answer, found.versions) == (DOCUMENT, ANSWER, VERSIONS)
    assert (found.client_id, found.unit, found.is_erased) == ("client-of-the-test", "kerava", False)


def test_an_id_is_twenty_lower_case_letters(ledger: Ledger) -> None:
    screening_id = screen(ledger)

    assert len(screening_id) == 20
    assert screening_id.isalpha()
    assert screening_id.islower()


def test_a_screening_can_be_given_its_id_beforehand(ledger: Ledger) -> None:
    entry = ledger.record_screening(ADVISOR, "x", DOCUMENT, ANSWER, VERSIONS, screening_id="abcdefghijklmnopqrst")

    assert entry.id == "abcdefghijklmnopqrst"
    assert ledger.screening(entry.id, ADVISOR) is not None


def test_the_same_id_twice_is_refused_and_the_first_stays(ledger: Ledger, tmp_path: Path) -> None:
    given = "abcdefghijklmnopqrst"
    ledger.record_screening(ADVISOR, "first", DOCUMENT, ANSWER, VERSIONS, screening_id=given)

    with pytest.raises(LedgerError, match="refused the change"):
        ledger.record_screening(ADVISOR, "second", DOCUMENT, ANSWER, VERSIONS, screening_id=given)

    found = ledger.screening(given, ADVISOR)
    assert found is not None
    assert found.client_id == "first"
    assert verified(ledger, tmp_path).fault is None


def test_every_reading_is_recorded(ledger: Ledger) -> None:
    screening_id = screen(ledger)

    ledger.screening(screening_id, ADVISOR)
    ledger.screenings_of("client-of-the-test", ADVISOR)

    assert kinds(ledger) == ["foundation", "screening", "read", "read"]


def test_looking_for_a_client_of_whom_there_is_nothing_is_recorded_too(ledger: Ledger) -> None:
    screen(ledger)

    assert ledger.screenings_of("somebody-else", ADVISOR) == []
    assert kinds(ledger)[2:] == ["read"]


def test_a_client_who_was_only_looked_for_is_unknown_when_erased(ledger: Ledger) -> None:
    ledger.screenings_of("misspelt", ADVISOR)

    with pytest.raises(NotFoundError, match="check the spelling"):
        ledger.erase("misspelt", OPERATOR)


def test_an_advisor_of_another_unit_sees_nothing_and_the_attempt_is_recorded(ledger: Ledger) -> None:
    screening_id = screen(ledger)

    assert ledger.screening(screening_id, ADVISOR_ELSEWHERE) is None
    assert ledger.screenings_of("client-of-the-test", ADVISOR_ELSEWHERE) == []
    assert kinds(ledger)[2:] == ["read_refused", "read_refused"]


def test_an_analyst_reads_no_screening(ledger: Ledger) -> None:
    screening_id = screen(ledger)

    with pytest.raises(AccessError, match="advisors of their unit"):
        ledger.screening(screening_id, ANALYST)


@pytest.mark.parametrize("screening_id", ["nosuchscreening", "", "131052-308T", "\ud800", "a\0b", "x" * 5000])
def test_an_unknown_id_is_nothing(ledger: Ledger, screening_id: str) -> None:
    assert ledger.screening(screening_id, ADVISOR) is None


def test_screenings_of_a_client_come_newest_first(ledger: Ledger) -> None:
    first, _, third = screen(ledger, "one"), screen(ledger, "two"), screen(ledger, "one")

    assert [found.id for found in ledger.screenings_of("one", ADVISOR)] == [third, first]


def test_neither_client_nor_caller_stands_in_an_entry(ledger: Ledger) -> None:
    screen(ledger)

    with ledger.engine.connect() as connection:
        entry = str(connection.execute(text("SELECT * FROM entries WHERE kind = 'screening'")).one())
    assert "client-of-the-test" not in entry
    assert ADVISOR.key_id not in entry


def test_the_latest_promotion_is_the_champion(ledger: Ledger) -> None:
    assert ledger.champion() is None

    ledger.record_promotion(ANALYST, "demo", "1", "a" * 64, "/packages/1", "first")
    ledger.record_promotion(ANALYST, "demo", "2", "b" * 64, "/packages/2", "better at month 0")

    champion = ledger.champion()
    assert champion is not None
    assert (champion.version, champion.package_folder, champion.reason) == ("2", "/packages/2", "better at month 0")
    assert [promotion.version for promotion in ledger.promotions()] == ["2", "1"]


def test_a_promotion_without_a_reason_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="needs a reason"):
        ledger.record_promotion(ANALYST, "demo", "1", "a" * 64, "/packages/1", "  ")


def test_a_reason_that_names_a_person_is_refused_since_it_is_kept_for_good(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="shaped like a personal identity code") as refusal:
        ledger.record_promotion(ANALYST, "demo", "1", "a" * 64, "/packages/1", "asked by 131052-308T")

    assert "131052" not in refusal.value.message
    assert ledger.champion() is None


def test_an_erased_screening_stays_without_its_person(ledger: Ledger, tmp_path: Path) -> None:
    screening_id, other = screen(ledger), screen(ledger, "somebody-else")

    erasure = ledger.erase("client-of-the-test", OPERATOR)

    found, untouched = ledger.screening(screening_id, ADVISOR), ledger.screening(other, ADVISOR)
    assert erasure.payloads == 1
    assert erasure.traces_gone
    assert found is not None
    assert untouched is not None
    assert (found.is_erased, found.client_id, found.document, found.answer) == (True, None, None, None)
    assert found.versions == VERSIONS
    assert not untouched.is_erased
    result = verified(ledger, tmp_path)
    assert (result.fault, result.payloads, result.erased) == (None, 1, 1)


def test_erasing_an_unknown_client_says_so_and_does_not_repeat_the_name(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError) as refusal:
        ledger.erase("never-heard-of", OPERATOR)

    assert "never-heard-of" not in refusal.value.message


def test_no_byte_of_an_erased_client_is_left_in_any_file(ledger: Ledger, tmp_path: Path) -> None:
    sizes = (10, 300, 900, 3_000, 9_000)  # within one page, beside others, and over several pages
    for turn in range(40):
        for client in ("keep-this-client", "erase-this-client"):
            note = f"note-on-{client}-" * (sizes[turn % 5] // 25 + 1)
            ledger.record_screening(ADVISOR, client, {"client_id": client, "note": note}, ANSWER, VERSIONS)

    ledger.erase("erase-this-client", OPERATOR)

    ledger.engine.dispose()
    left = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert any(b"keep-this-client" in content for content in left.values())
    assert [name for name, content in left.items() if b"erase-this-client" in content] == []


def test_an_erasure_says_when_a_reader_keeps_old_pages(tmp_path: Path) -> None:
    installation(tmp_path)
    ledger = open_ledger(load_settings(home=tmp_path, database_wait_seconds=0.1))
    screen(ledger)

    with read_transaction(ledger.engine) as reader:
        reader.execute(text("SELECT count(*) FROM payloads"))
        assert not ledger.erase("client-of-the-test", OPERATOR).traces_gone

    assert empty_write_ahead_file(ledger.engine)


def test_expiry_deletes_what_is_older_and_the_ledger_verifies(ledger: Ledger, tmp_path: Path) -> None:
    screening_id = screen(ledger)

    assert ledger.expire(timedelta(days=1), OPERATOR) is None
    expiry = ledger.expire(timedelta(0), OPERATOR)

    assert expiry is not None
    assert expiry.payloads == 1
    found = ledger.screening(screening_id, ADVISOR)
    assert found is not None
    assert found.is_erased
    assert verified(ledger, tmp_path).fault is None


def test_not_a_number_is_not_recorded(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        ledger.record_screening(ADVISOR, "x", DOCUMENT, {"risk": float("nan")}, VERSIONS)

    assert kinds(ledger) == []
