"""The house: four packages, imports one way, and heavy libraries only in the rooms that need them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("features", "model_registry", "training", "service")
MAY_IMPORT = {
    "features": {"features"},
    "model_registry": {"features", "model_registry"},
    "training": {"features", "model_registry", "training"},
    "service": {"features", "model_registry", "service"},
}
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """Every module a file imports, at whatever depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
    return names


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    assert tops(path) & set(PACKAGES) <= MAY_IMPORT[package]


def test_there_is_no_other_package_at_the_top() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders == set(PACKAGES)


def test_no_room_is_called_utils() -> None:
    names = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not names & {"utils", "util", "helpers", "common", "base", "misc"}


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("mlflow", {"model_registry/store.py"}),
        ("evidently", set()),
    ],
)
def test_heavy_libraries_have_one_importer(library: str, rooms: set[str]) -> None:
    importers = {str(path.relative_to(ROOT)) for path in MODULES if library in tops(path)}
    assert importers <= rooms


def test_the_population_shares_no_code_with_features() -> None:
    for path in (ROOT / "training" / "population").glob("*.py"):
        assert not tops(path) & {"features", "model_registry", "service"} or path.name == "cli.py", path.name


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from service.cli import main; sys.argv = ['varhain', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'numba', 'lightgbm', 'mlflow', 'sklearn', 'fastapi', 'sqlalchemy', 'pydantic'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert finished.returncode == 0, finished.stderr
    assert "Usage" in finished.stdout
