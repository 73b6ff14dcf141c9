"""`varhain catalogue check`, as typed in a terminal."""

from pathlib import Path

import typer
from typer.testing import CliRunner

from features.cli import register
from features.errors import CatalogueError
from tests.catalogues import FLAT, changed


def command() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return app


def test_a_catalogue_in_order_is_summed_up() -> None:
    ran = CliRunner().invoke(command(), ["catalogue", "check"])
    assert ran.exit_code == 0
    assert "Catalogue keski_uusimaa 2026.1 is in order." in ran.output
    assert "gated, off   age, language_skill" in ran.output


def test_faults_are_raised_for_the_command_line_to_print(tmp_path: Path) -> None:
    file = tmp_path / "area.toml"
    file.write_text(changed(FLAT, 'version = "1"', ""), encoding="utf-8")
    ran = CliRunner().invoke(command(), ["catalogue", "check", str(file)])
    assert isinstance(ran.exception, CatalogueError)
    assert "version: is missing" in ran.exception.message


def test_help_gives_an_example() -> None:
    ran = CliRunner().invoke(command(), ["catalogue", "check", "--help"])
    assert "Example: varhain catalogue check my_area.toml" in ran.output
