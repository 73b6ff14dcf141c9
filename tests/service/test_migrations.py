"""The migrations make exactly the tables of the code, from anywhere, once, and whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlmodel import SQLModel

import service.tables  # noqa: F401  (the import fills SQLModel.metadata)
from features.errors import ConfigError, LedgerError
from service.database import create_database_engine, migrate
from service.settings import Settings, load_settings
from tests.service.ledger_home import empty_ledger, installation, screen, verified

ROOT = Path(__file__).parents[2]


def test_the_migrations_match_the_tables(tmp_path: Path) -> None:
    engine = create_database_engine(installation(tmp_path))

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_migrations_write_postgresql_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    from alembic import command
    from alembic.config import Config

    command.upgrade(Config(ROOT / "service" / "alembic.ini"), "head", sql=True)

    statements = capsys.readouterr().out
    assert "CREATE FUNCTION ledger_refuses() RETURNS trigger" in statements
    assert "seq BIGINT NOT NULL" in statements


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    ledger = empty_ledger(tmp_path)
    screen(ledger)

    migrate(load_settings(home=tmp_path))

    assert verified(ledger, tmp_path).entries == 2


def test_migrating_does_not_depend_on_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    installation(tmp_path / "home")

    assert (tmp_path / "home" / "varhain.sqlite").exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    code = "import sys; from service.database import *; from service.settings import *; migrate(load_settings())"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env={"VARHAIN_HOME": str(tmp_path)}, stderr=-1)
        for _ in range(4)
    ]

    assert [process.communicate(timeout=60)[1].decode() for process in processes] == ["", "", "", ""]
    assert inspect(create_engine(f"sqlite:///{tmp_path}/varhain.sqlite")).has_table("entries")


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    engine = create_database_engine(settings)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE api_keys (x INTEGER)"))  # in the way of the last table

    with pytest.raises(LedgerError):
        migrate(settings)

    assert inspect(engine).get_table_names() == ["api_keys"]


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    with create_database_engine(settings).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(LedgerError, match="migrated by a newer version"):
        migrate(settings)


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:", "nosuch://host/secretword"])
def test_an_address_that_cannot_be_used_is_one_sentence(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="VARHAIN_DATABASE_URL") as refusal:
        create_database_engine(load_settings(home=tmp_path, database_url=url))

    assert "secretword" not in refusal.value.message


def test_a_setting_that_cannot_be_used_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VARHAIN_PORT", "secretword")

    with pytest.raises(ConfigError, match="VARHAIN_PORT") as refusal:
        load_settings()

    assert "secretword" not in refusal.value.message


def test_everything_lies_in_home_unless_said_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    settings: Settings = load_settings(home="here")

    assert settings.database_url == f"sqlite:///{tmp_path}/here/varhain.sqlite"
    assert settings.secret_file == tmp_path / "here" / "pseudonyms.secret"
    assert settings.witness_file == tmp_path / "here" / "ledger.witness"
