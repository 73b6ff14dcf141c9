"""Real claimants through their own catalogue and no code of its own: little can be known, and the report says so."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from features.catalogue import load_catalogue
from features.errors import CatalogueError
from model_registry.home import tracking_uri
from model_registry.store import Store
from tests.exact import assert_package_is_exact
from tests.processes import call, serving, varhain
from training.config import checked_config
from training.extract import read_extract
from training.pipeline import TrainingRun, train

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "tests" / "data" / "penn.toml"
README_LOWEST, README_HIGHEST, LEAK = 0.53, 0.60, 0.70


@pytest.fixture(scope="module")
def data() -> Path:
    folder = Path(os.environ.get("VARHAIN_PENN_DATA") or ROOT.parent / "shared" / "data" / "penn_bonus")
    file = folder if folder.is_file() else folder / "penn_jae.dat"
    if not file.is_file():
        reason = "the Penn data are not here; put penn_jae.dat where VARHAIN_PENN_DATA points (see the README)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return file


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A scratch registry, ledger and keys."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def run(data, home) -> TrainingRun:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VARHAIN_HOME", str(home))
        result = train(checked_config({"extract": str(data), "catalogue": str(CATALOGUE), "name": "penn"}))
        assert Store(tracking_uri(home)).model("penn", result.version).digest == result.digest
    return result


@pytest.mark.slow
def test_the_temporal_figures_stand_beside_those_of_the_readme(run, capsys):
    auc = run.evaluations[0].models["served model"].values["auc"]
    with capsys.disabled():
        print(
            f"\nPenn, last 30 % of claims, 182 days' gap: AUC {auc.value:.3f} ({auc.lower:.3f} to {auc.upper:.3f}); "
            f"README: {README_LOWEST:.2f} with plain features, at most {README_HIGHEST:.2f} expected"
        )
    assert auc.value < LEAK
    assert auc.lower <= README_HIGHEST
    assert auc.upper >= README_LOWEST


@pytest.mark.slow
def test_the_gap_of_the_readme_is_kept(run):
    fit, calibration, evaluation = run.evidence["backtest"]["slices"]
    assert run.evidence["backtest"]["gap_days"] == 182
    assert fit["to"] < calibration["from"] <= calibration["to"] < evaluation["from"]
    assert evaluation["person_dates"] == pytest.approx(0.30 * 13_913, rel=0.02)


@pytest.mark.slow
def test_the_report_says_that_little_can_be_known(run):
    assert run.evidence["recommendation"].startswith("Recommended is the ")
    assert "simpler and cannot be told apart" in run.evidence["recommendation"]


@pytest.mark.slow
def test_the_explanations_of_real_claimants_are_exact(data, run, home):
    folder = Store(tracking_uri(home)).export(run.name, run.version, home / "exported")

    assert_package_is_exact(folder, read_extract(data, load_catalogue(CATALOGUE)).flat.frame.values[:1000])


def test_every_claimant_is_read(data):
    extract = read_extract(data, load_catalogue(CATALOGUE))
    assert len(extract.client_ids) == 13_913
    assert extract.flat.outcome.mean() == pytest.approx(0.241, abs=0.0005)
    assert extract.protected["hispanic"].sum() == 506


def test_the_other_duration_is_refused_as_a_feature(tmp_path):
    leaky = tmp_path / "leaky.toml"
    text = CATALOGUE.read_text(encoding="utf-8")
    words = '{fi = "Viikkoja", sv = "Veckor", en = "Weeks"}'
    leaky.write_text(
        f'{text}\n[inputs.inuidur2]\ntype = "number"\nadvisor = {words}\nclient = {words}\nwhy_needed = {words}\n'
        f'at_registration = true\nexample = 5\n\n[features.inuidur2]\ninput = "inuidur2"\ndomain = "work"\n'
        f'shown = "never"\nlabel = {words}\n',
        encoding="utf-8",
    )
    with pytest.raises(CatalogueError, match="inuidur2"):
        load_catalogue(leaky)


@pytest.mark.slow
def test_the_command_line_trains_the_same(data, run, tmp_path):
    command = [sys.executable, "-c", "from service.cli import main; main()", "train"]
    options = ["--extract", str(data), "--catalogue", str(CATALOGUE), "--name", "penn", "--draws", "20"]
    done = subprocess.run(
        [*command, *options],
        env={**os.environ, "VARHAIN_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    auc = run.evaluations[0].models["served model"].values["auc"].value
    assert f"{auc:.3f}".removeprefix("0") in done.stdout
    assert "Registered penn version 1" in done.stdout


@pytest.mark.slow
def test_a_real_claimant_is_screened_over_http_with_reasons(data, run, home):
    for role in ("advisor", "analyst"):
        varhain(home, "key", "create", "--role", role, "--unit", "scratch", "--out", str(home / f"{role}.key"))
    varhain(home, "promote", "penn", run.version, "--reason", "scratch", "--key-file", str(home / "analyst.key"))
    header, *rows = (line.split() for line in data.read_text().splitlines())
    claimant = dict(zip(header, rows[12], strict=True))
    catalogue = load_catalogue(CATALOGUE)
    document = {"client_id": "claimant", "purpose": "service_planning"}
    document |= {item.field: typed(item.type, claimant[item.field]) for item in catalogue.inputs}
    with serving(home) as base:
        status, answer = call(f"{base}/v1/screenings", home / "advisor.key", document)
    said = [answer[part]["items"] for part in ("strengths", "can_be_influenced", "situation_now")]
    assert status == 200
    assert any(item["statements"] for items in said for item in items)
    assert answer["risk"]["of_100_leave"] + answer["risk"]["of_100_stay"] == 100
    assert answer["versions"]["model"] == "penn"
    assert varhain(home, "ledger", "verify").startswith("The ledger verifies")


def typed(kind: str, text: str) -> Any:
    """A column's text as the JSON value of its input."""
    return {"code": str, "boolean": lambda one: one == "1"}.get(kind, int)(text)
