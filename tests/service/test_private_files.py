"""Only the owner may read what is kept about people."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.errors import LedgerError
from service import private_files
from service.database import create_database_engine
from service.ledger import open_ledger
from service.settings import load_settings
from tests.service.ledger_home import empty_ledger, installation, screen


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_everything_of_a_new_installation_is_its_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"

    ledger = empty_ledger(home)
    screen(ledger)

    found = {file.name: mode(file) for file in home.iterdir()}
    names = ("varhain.sqlite", "varhain.sqlite-wal", "varhain.sqlite-shm", "pseudonyms.secret", "ledger.witness")
    assert mode(home) == 0o700
    assert found == dict.fromkeys(names, 0o600)


def test_a_folder_that_is_there_already_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)

    installation(tmp_path)

    assert mode(tmp_path) == 0o750


def test_a_database_of_an_older_version_is_closed_to_everybody(tmp_path: Path) -> None:
    ledger = empty_ledger(tmp_path)
    screen(ledger)
    files = [tmp_path / f"varhain.sqlite{ending}" for ending in ("", "-wal", "-shm")]
    for file in files:
        file.chmod(0o644)

    open_ledger(load_settings(home=tmp_path))

    assert [mode(file) for file in files] == [0o600] * 3


def test_a_database_opened_to_a_group_on_purpose_stays_so(tmp_path: Path) -> None:
    file = tmp_path / "varhain.sqlite"
    installation(tmp_path)
    file.chmod(0o660)

    open_ledger(load_settings(home=tmp_path))

    assert mode(file) == 0o660


def test_an_open_database_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = installation(tmp_path)
    (tmp_path / "varhain.sqlite").chmod(0o644)

    def not_ours(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(private_files.Path, "chmod", not_ours)  # another user's file cannot be made without root
    with pytest.raises(LedgerError, match="its owner must chmod 600 it"):
        create_database_engine(settings)
