"""The command `varhain population`."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from training.population.cli import register

RUNNER = CliRunner()


@pytest.fixture
def app() -> typer.Typer:
    root = typer.Typer()
    root.callback()(lambda: None)
    register(root)
    return root


def test_it_writes_facts_and_truth_apart_and_prints_what_it_made(app: typer.Typer, tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["population", "--out", str(tmp_path / "area"), "--people", "60", "--processes", "1"])
    assert result.exit_code == 0
    assert "60 people" in result.stdout
    assert "inflow/month" in result.stdout
    assert sorted(path.name for path in (tmp_path / "area").iterdir()) == ["extract", "truth"]
    assert sorted(path.name for path in (tmp_path / "area/extract").iterdir()) == [
        "departures.parquet",
        "labour_market.parquet",
        "meta.json",
        "protected.parquet",
        "self_assessments.parquet",
        "services.parquet",
        "spells.parquet",
        "statements.parquet",
    ]


def test_help_gives_an_example(app: typer.Typer) -> None:
    result = RUNNER.invoke(app, ["population", "--help"])
    assert "varhain population --out" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["--people", "0"], "--people"), (["--until", "2019-01-01"], "--until"), (["--until", "soon"], "--until")],
)
def test_a_wrong_option_is_named(app: typer.Typer, tmp_path: Path, arguments: list[str], named: str) -> None:
    result = RUNNER.invoke(app, ["population", "--out", str(tmp_path / "area"), *arguments])
    assert result.exit_code == 2
    assert named in result.stderr
    assert not (tmp_path / "area").exists()


def test_a_place_that_cannot_be_written_is_one_sentence(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    result = RUNNER.invoke(app, ["population", "--out", str(tmp_path / "file/area"), "--people", "5"])
    assert result.exit_code == 2
    assert "--out" in result.stderr


def test_the_command_is_cheap_to_register() -> None:
    import ast

    source = Path(register.__code__.co_filename).read_text("utf-8")
    at_module_level = {
        name.name if isinstance(node, ast.Import) else node.module
        for node in ast.parse(source).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert at_module_level == {"os", "datetime", "enum", "pathlib", "typing", "typer"}
