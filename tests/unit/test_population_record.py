"""The report on the population in mlflow: its text, a figure for each target, and the plots."""

import math
import sqlite3
from datetime import date
from pathlib import Path

import pytest

from training.population.generate import Order, tally_of
from training.population.report import Report, compare
from training.population.targets import TARGETS
from training.population_record import RUN, plain, record_report, report_metrics


@pytest.fixture(scope="module")
def report() -> Report:
    tallies = tuple(tally_of(Order(2_500, seed, date(2026, 10, 31))) for seed in (1, 2))
    return Report(2_500, tallies, compare(tallies))


def test_every_target_has_its_figures_under_a_name_of_its_own(report: Report) -> None:
    names = [plain(target.name) for target in TARGETS]
    metrics = report_metrics(report)
    assert len(set(names)) == len(names)
    assert metrics["s_12_of_entrants_2019_22/wanted"] == 0.17
    assert metrics["s_12_of_entrants_2019_22/mean_of_seeds"] == pytest.approx(0.17, abs=0.05)
    assert metrics["s_12_of_entrants_2025/wanted_at_most"] == 0.29
    assert metrics["targets"] == len(TARGETS)
    assert metrics["targets_that_hold"] == sum(line.holds for line in report.lines)
    assert all(math.isfinite(value) for value in metrics.values())


def test_text_figures_and_plots_are_kept_in_a_run(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VARHAIN_HOME", str(tmp_path))
    run = record_report(report, "Ceilings, as they were found")
    kept = {path.name: path for path in (tmp_path / "mlflow" / "artifacts" / RUN / run).rglob("*") if path.is_file()}
    assert sorted(kept) == [
        "population_hazard.svg",
        "population_stocks.svg",
        "population_survival.svg",
        "population_work_ability.svg",
        "report.txt",
    ]
    text = kept["report.txt"].read_text("utf-8")
    assert "S(12) of entrants 2019-22" in text
    assert text.endswith("Ceilings, as they were found\n")
    with sqlite3.connect(tmp_path / "mlflow" / "mlflow.db") as store:
        metrics = dict(store.execute("select key, value from latest_metrics where run_uuid = ?", [run]))
        params = dict(store.execute("select key, value from params where run_uuid = ?", [run]))
        (status,) = store.execute("select status from runs where run_uuid = ?", [run]).fetchone()
    assert metrics == pytest.approx(report_metrics(report))
    assert params["people"] == "2500"
    assert status == "FINISHED"
