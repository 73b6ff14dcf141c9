"""The command line: found through entry points, quick to help, one sentence for every error."""

import json
from pathlib import Path

import pytest

from service import cli
from tests.service.served import Served, document, served

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Served:
    found = served(tmp_path_factory.mktemp("home"))
    keys = Path(found.settings.home) / "keys"
    keys.mkdir()
    for role in ("advisor", "analyst"):
        (keys / f"demo-{role}.key").write_text(found.keys[role] + "\n")
    return found


@pytest.fixture
def home(service: Served, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VARHAIN_HOME", str(service.settings.home))
    return Path(service.settings.home)


def file_of(folder: Path, content: object) -> str:
    file = folder / "client.json"
    file.write_text(json.dumps(content))
    return str(file)


@pytest.mark.parametrize(
    ("language", "first", "level"),
    [
        ("fi", "Vahvuudet", "Ehdotettu yhteydenpidon taso: peruspalvelu"),
        ("sv", "Styrkor", "Föreslagen kontaktnivå: grundservice"),
        ("en", "Strengths", "Suggested contact level: standard service"),
    ],
)
def test_a_file_is_screened_and_answered_readably(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, first: str, level: str
) -> None:
    code = cli.run(["screen", file_of(tmp_path, document()), "--language", language])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[0].startswith("***")
    assert first in lines[1:4]
    assert level in lines
    assert max(len(line) for line in lines) <= 100


def test_somebody_not_assessed_is_told_the_next_step(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["screen", file_of(tmp_path, document(within_legal_age_range=False)), "--language", "en"]) == 0
    assert "says nothing about need" in " ".join(capsys.readouterr().out.split())


def test_every_fault_of_a_file_is_told_and_none_repeated(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.run(["screen", file_of(tmp_path, document(education_level="Kielo", client_id="Kielo K"))])

    said = capsys.readouterr().err
    assert code == 2
    assert "/education_level: " in said
    assert "/client_id: " in said
    assert "Kielo" not in said


def test_an_identity_code_in_a_file_is_refused(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["screen", file_of(tmp_path, document(client_id="010190-123T"))]) == 2

    said = capsys.readouterr().err
    assert "/client_id" in said
    assert "010190" not in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["screen", "/nowhere/client.json"], "cannot be read"),
        (["screen", "FILE", "--language", "de"], "--language must be one of fi, sv, en"),
        (["screen", "FILE", "--key-file", "/nowhere/key"], "varhain key create --role advisor"),
        (["promote", "demo"], "needs --reason"),
        (["promote", "demo", "--reason", " "], "needs --reason"),
        (["promote", "demo", "--reason", "x", "--key-file", "ADVISOR"], "this needs the role analyst"),
        (["nothing"], "No such command"),
        (["serve", "--port", "x"], "--port"),
    ],
)
def test_an_error_is_said_and_ends_with_2(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    places = {"FILE": file_of(tmp_path, document()), "ADVISOR": str(home / "keys" / "demo-advisor.key")}

    code = cli.run([places.get(argument, argument) for argument in arguments])

    said = capsys.readouterr().err
    assert (code, "Traceback" in said) == (2, False)
    assert sentence in " ".join(said.split())


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ("CODE", "Argument 1 holds"),
        ("screen CODE", "Argument 2 holds"),
        ("screen folder/CODE.json --language en", "Argument 2 holds"),
        ("key create --role advisor --unit kerava --out x/CODE.key", "Argument 8 (--out) holds"),
        ("key create --role advisor --unit=CODE", "Argument 5 (--unit) holds"),
        ("key revoke CODE", "Argument 3 holds"),
        ("population --out x/CODE", "Argument 3 (--out) holds"),
        ("train --name CODE", "Argument 3 (--name) holds"),
        ("promote demo --reason CODE", "Argument 4 (--reason) holds"),
        ("promote CODE --reason x", "Argument 2 holds"),
        ("history CODE", "Argument 2 holds"),
        ("CODE --CODE=CODE", "Argument 1 holds"),
        ("screen --CODE x", "Argument 2 holds"),
        ("screen --CODE=x", "Argument 2 holds"),
        ("erase somebody CODE", "Argument 3 holds"),
    ],
)
@pytest.mark.parametrize("code", ["010190-123T", "131052a308t", "010190 + 123T", "010190\u2212123T"])
def test_an_identity_code_on_the_command_line_is_refused_by_its_place(
    home: Path, capfd: pytest.CaptureFixture[str], arguments: str, place: str, code: str
) -> None:
    exit_code = cli.run([argument.replace("CODE", code) for argument in arguments.split(" ")])

    captured = capfd.readouterr()
    assert exit_code == 2
    assert captured.err.startswith(place)
    assert len(captured.err.splitlines()) == 1
    assert captured.out == ""
    assert not [part for part in ("010190", "131052", "123T", "308t") if part in captured.err]


def test_a_client_to_erase_may_be_named_by_anything(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["erase", "010190-123T"]) == 2

    said = capsys.readouterr().err
    assert "nothing is recorded about this client" in said
    assert "010190" not in said


def test_a_digest_that_holds_the_shape_by_chance_is_no_identity_code(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["ledger", "verify", "--expect", "010190a123b".ljust(64, "0")]) == 1
    assert "expected digest is of no entry" in capsys.readouterr().err


def test_history_tells_what_serves_and_why(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["history"]) == 0

    said = capsys.readouterr().out
    assert "serves" in said
    assert "demo-weights 1" in said
    assert "for the test" in said


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "build", stopped)
    assert cli.run([]) == 130


@pytest.mark.parametrize("command", ["serve", "reload", "screen", "promote", "history"])
def test_every_command_gives_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert cli.run([command, "--help"]) == 0
    assert f"Example: varhain {command}" in " ".join(capsys.readouterr().out.split())
