"""The commands of keys and ledger, as they are typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.ledger_home import empty_ledger, screen

ROOT = Path(__file__).parents[2]
COMMAND_LINE = """
import sys, typer
from features.errors import VarhainError
from service.cli_ledger import register
app = typer.Typer()
register(app)
try:
    app()
except VarhainError as error:
    sys.exit(error.message)
finally:
    heavy = {"sqlalchemy", "sqlmodel", "numpy", "alembic"} & set(sys.modules)
    if "--help" in sys.argv and heavy:
        raise AssertionError(heavy)
"""


def varhain(home: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"VARHAIN_HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-c", COMMAND_LINE, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, input=given, capture_output=True, text=True, timeout=60)


def test_a_first_key_needs_nothing_but_the_command(tmp_path: Path) -> None:
    made = varhain(tmp_path, "key", "create", "--role", "advisor", "--unit", "kerava")

    key_id = made.stdout.split("_")[1]
    assert made.stdout.startswith("varhain_")
    assert f"{key_id}  advisor  kerava" in varhain(tmp_path, "key", "list").stdout


def test_a_key_written_to_a_file_is_for_its_owner_only_and_overwrites_nothing(tmp_path: Path) -> None:
    arguments = ("key", "create", "--role", "advisor", "--unit", "kerava", "--out", str(tmp_path / "a.key"))

    first, again = varhain(tmp_path, *arguments), varhain(tmp_path, *arguments)

    assert first.stdout == ""
    assert (tmp_path / "a.key").read_text().startswith("varhain_")
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600
    assert "exists already" in again.stderr
    assert varhain(tmp_path, "key", "list").stdout.count("\n") == 1


def test_a_refused_key_leaves_no_file(tmp_path: Path) -> None:
    varhain(tmp_path, "key", "create", "--role", "boss", "--unit", "kerava", "--out", str(tmp_path / "a.key"))

    assert not (tmp_path / "a.key").exists()


def test_a_ledger_that_verifies_shows_its_head_and_exits_with_0(tmp_path: Path) -> None:
    screen(empty_ledger(tmp_path))

    found = varhain(tmp_path, "ledger", "verify")

    assert found.returncode == 0
    assert found.stdout.startswith("The ledger verifies: 2 entries, 1 payloads, 0 erased.\nHead: ")


def test_a_ledger_that_does_not_verify_exits_with_1(tmp_path: Path) -> None:
    screen(empty_ledger(tmp_path))

    found = varhain(tmp_path, "ledger", "verify", "--expect", "0" * 64)

    assert found.returncode == 1
    assert found.stderr.startswith("The ledger does not verify: the expected digest")


@pytest.mark.parametrize("way", [("client-of-the-test", ""), ("-", "client-of-the-test\n")])
def test_a_client_is_erased_with_a_receipt(tmp_path: Path, way: tuple[str, str]) -> None:
    screen(empty_ledger(tmp_path))

    erased = varhain(tmp_path, "erase", way[0], given=way[1])

    assert erased.stdout.startswith("1 payloads erased; receipt: entry 3, ")
    assert erased.stderr == ""
    assert "1 erased" in varhain(tmp_path, "ledger", "verify").stdout


def test_payloads_expire_after_the_retention_time(tmp_path: Path) -> None:
    screen(empty_ledger(tmp_path))

    assert varhain(tmp_path, "ledger", "expire").stdout == "0 payloads deleted\n"


@pytest.mark.parametrize(
    "command",
    ["key create", "key list", "key revoke", "ledger verify", "ledger expire", "ledger compact", "erase"],
)
def test_every_help_has_an_example_and_imports_nothing_heavy(tmp_path: Path, command: str) -> None:
    shown = varhain(tmp_path, *command.split(), "--help")

    assert f"Example: varhain {command}" in shown.stdout
    assert shown.stderr == ""


@pytest.mark.parametrize("command", [("ledger", "verify"), ("erase", "somebody"), ("key", "list"), ("history",)])
def test_a_command_in_the_wrong_folder_makes_no_empty_installation(tmp_path: Path, command: tuple[str, ...]) -> None:
    nowhere = tmp_path / "nowhere"
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", *command],
        env={**os.environ, "VARHAIN_HOME": str(nowhere)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no installation in" in done.stderr
    assert not nowhere.exists()
