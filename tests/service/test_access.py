"""Keys open what they were made for, and nothing can be learnt from what is kept of them."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from features.errors import AccessError, LedgerError, NotFoundError
from service.access import Caller, authenticate, list_keys
from service.ledger import Ledger
from service.pseudonyms import Pseudonyms, load_pseudonyms, random_letters
from tests.service.ledger_home import OPERATOR, empty_ledger

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return empty_ledger(tmp_path)


def issue(ledger: Ledger, role: str = "advisor", unit: str = "kerava", purpose: str = "service_planning") -> str:
    return ledger.issue_key(OPERATOR, role, unit, purpose).text


def test_a_key_stands_for_its_caller(ledger: Ledger) -> None:
    key = issue(ledger)

    assert authenticate(ledger.engine, key) == Caller(key.split("_")[1], "advisor", "kerava", "service_planning")


def test_a_key_has_256_bits_of_letters(ledger: Ledger) -> None:
    prefix, key_id, secret = issue(ledger).split("_")

    assert prefix == "varhain"
    assert (key_id + secret).isalpha()
    assert 26 ** len(secret) >= 2**256


def test_only_the_digest_of_a_key_is_kept(ledger: Ledger, tmp_path: Path) -> None:
    secret = issue(ledger).split("_")[2]

    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert secret.encode() not in kept
    assert hashlib.sha256(secret.encode()).hexdigest().encode() in kept


@pytest.mark.parametrize("change", [lambda key: key[:-1], lambda key: key + "a", lambda key: "Varhain" + key[7:]])
def test_a_key_that_is_not_quite_right_is_not_known(ledger: Ledger, change) -> None:
    key = change(issue(ledger))

    with pytest.raises(AccessError, match="the key is not known") as refusal:
        authenticate(ledger.engine, key)

    assert refusal.value.status_code == 401
    assert key not in refusal.value.message


@pytest.mark.parametrize("key", ["", "x", "varhain__", "varhain_a_b_c", "varhain_\ud800_x", "varhain_' OR 1=1 --_x"])
def test_what_is_no_key_opens_nothing(ledger: Ledger, key: str) -> None:
    with pytest.raises(AccessError) as refusal:
        authenticate(ledger.engine, key)

    assert refusal.value.status_code == 401


def test_a_revoked_key_opens_nothing_at_once(ledger: Ledger) -> None:
    key = issue(ledger)
    authenticate(ledger.engine, key)

    ledger.revoke_key(OPERATOR, key.split("_")[1])

    with pytest.raises(AccessError, match="revoked"):
        authenticate(ledger.engine, key)


def test_a_key_is_revoked_once(ledger: Ledger) -> None:
    key_id = issue(ledger).split("_")[1]
    ledger.revoke_key(OPERATOR, key_id)

    with pytest.raises(NotFoundError, match="no usable key"):
        ledger.revoke_key(OPERATOR, key_id)


def test_keys_are_listed_without_their_secret(ledger: Ledger) -> None:
    _, key_id, secret = issue(ledger).split("_")

    (listed,) = list_keys(ledger.engine)

    assert (listed.id, listed.role, listed.unit, listed.revoked_at) == (key_id, "advisor", "kerava", None)
    assert secret not in repr(listed)


@pytest.mark.parametrize(
    ("grant", "message"),
    [
        ({"role": "boss"}, "role: one of advisor"),
        ({"purpose": "control"}, "purpose: only service_planning"),
        ({"unit": " "}, "unit: the name of a unit"),
        ({"unit": "x" * 65}, "unit: the name of a unit"),
        ({"unit": "131052-308T"}, "unit: the name of a unit"),
        ({"unit": "two\nlines"}, "unit: the name of a unit"),
    ],
)
def test_a_key_is_only_made_for_what_is_served(ledger: Ledger, grant: dict[str, str], message: str) -> None:
    with pytest.raises(AccessError, match=message) as refusal:
        issue(ledger, **grant)

    assert "131052" not in refusal.value.message
    assert list_keys(ledger.engine) == []


# -- pseudonyms ---------------------------------------------------------------------------------------------------


def test_a_pseudonym_depends_on_secret_use_and_name() -> None:
    one, other = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)

    assert one.of_client("x") == one.of_client("x")
    assert len({one.of_client("x"), one.of_client("y"), one.of_caller("x"), other.of_client("x")}) == 4
    assert one.of_client("x").isalpha()
    assert len(one.of_client("x")) == 32


def test_random_letters_use_the_whole_alphabet_evenly() -> None:
    letters = random_letters(26_000)

    counts = [letters.count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"]
    assert sum(counts) == len(letters) == 26_000
    assert min(counts) > 800  # 1000 expected, standard deviation 31
    assert max(counts) < 1200


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    secret_file = tmp_path / "home" / "pseudonyms.secret"

    first = load_pseudonyms(secret_file)

    assert secret_file.stat().st_mode & 0o777 == 0o600
    assert load_pseudonyms(secret_file).fingerprint == first.fingerprint
    assert [file.name for file in secret_file.parent.iterdir()] == ["pseudonyms.secret"]


def test_processes_that_start_at_once_agree_on_the_secret(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib; from service.pseudonyms import load_pseudonyms\n"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "print(load_pseudonyms(pathlib.Path(sys.argv[1])).fingerprint)"
    )
    import time

    command = [sys.executable, "-c", code, str(tmp_path / "new" / "pseudonyms.secret"), str(time.time() + 1)]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)]

    fingerprints = {process.communicate(timeout=60)[0] for process in processes}

    assert len(fingerprints) == 1
    assert "" not in fingerprints


def test_a_damaged_secret_is_refused_and_not_repeated(tmp_path: Path) -> None:
    secret_file = tmp_path / "secret"
    secret_file.touch(0o600)
    secret_file.write_text("abcdef0123")

    with pytest.raises(LedgerError, match="is damaged") as refusal:
        load_pseudonyms(secret_file)
    assert "abcdef0123" not in refusal.value.message


def test_a_secret_open_to_everybody_is_refused(tmp_path: Path) -> None:
    secret_file = tmp_path / "secret"
    load_pseudonyms(secret_file)
    os.chmod(secret_file, 0o644)

    with pytest.raises(LedgerError, match="chmod 600"):
        load_pseudonyms(secret_file)
