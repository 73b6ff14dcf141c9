"""The curve of scaling: costs and plans by hand, and the page that is written from them."""

import subprocess
from datetime import date
from pathlib import Path

import pytest

from features.errors import TrainingError
from tests.processes import ROOT, command, environment
from training.scaling import Measured, costs_of
from training.scaling_page import as_markdown, written_by_hand
from training.scaling_paper import plan
from training.scaling_run import STAGES

DAY = date(2026, 11, 24)


def run(
    people: int, workers: int, seconds: float, peaks: tuple[float, ...], coordinator: float | None = None
) -> Measured:
    return Measured(
        people=people,
        workers=workers,
        person_dates=2 * people,
        partition_seconds=0.0 if workers == 1 else 4.0,
        partition_peak_mib=0.0,
        seconds=dict.fromkeys(STAGES, seconds),
        worker_peak_mib=peaks,
        coordinator_peak_mib=coordinator,
    )


RUNS = (
    run(1_000, 1, 1.0, (300.0,)),
    run(1_000, 2, 1.0, (200.0, 200.0), 300.0),
    run(11_000, 1, 9.0, (900.0,)),
    run(11_000, 2, 5.0, (300.0, 320.0), 400.0),
)


def test_costs_are_of_the_largest_run_and_memory_is_a_line_through_two():
    costs = costs_of(RUNS)
    assert costs.person_dates == 22_000
    assert costs.worker_seconds == pytest.approx(dict.fromkeys(("read and features", "fit", "score"), 10 / 22_000))
    assert costs.coordinator_seconds == pytest.approx(4 * 5 / 22_000)
    assert costs.partition_seconds == pytest.approx(4 / 22_000)
    assert costs.worker_bytes == pytest.approx(220 * 2**20 / 20_000)
    assert costs.worker_fixed_mib == pytest.approx((400 - 22) / 2)
    assert costs.coordinator_bytes == pytest.approx(100 * 2**20 / 20_000)
    assert costs.coordinator_fixed_mib == pytest.approx(290)


def test_ten_finlands_need_ten_times_the_work_and_more_machines():
    one, ten = (plan("Finland", times, costs_of(RUNS)) for times in (1, 10))
    assert one.person_dates == 60_000_000
    assert ten.core_hours == pytest.approx(10 * one.core_hours)
    assert ten.machines > one.machines >= 1
    assert one.of_one["time of the coordinator"] == pytest.approx(60e6 * 20 / 22_000 / 3600 / 8)
    assert one.of_one["memory of the coordinator"] == pytest.approx((60e6 * 100 / 20_000 + 290) / 1024 / (64 * 0.7))
    assert one.bottleneck == "memory of the coordinator"


def test_one_size_tells_no_line():
    with pytest.raises(TrainingError, match="give at least two sizes"):
        costs_of(RUNS[:2])


def test_the_page_tells_ratios_and_what_was_not_measured():
    page = as_markdown((*RUNS, run(50_000, 2, 20.0, (900.0, 900.0), 600.0)), DAY, "abc")
    assert "| 11,000 | 22,000 | two workers | 5.0 | 5.0 | 5.0 | 5.0 | 320 | 400 | 4.0 | 1.80 | 1.80 |" in page
    assert "One process was not measured for 50,000 people" in page
    assert "`varhain evidence scaling --people 1000 --people 11000 --people 50000`" in page


def test_the_command_asks_for_two_sizes(tmp_path: Path):
    done = subprocess.run(
        command("evidence", "scaling", "--people", "10000", "--out", str(tmp_path / "page.md")),
        env=environment(tmp_path),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "two sizes" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_by_hand_above_the_curve_stays():
    runs = (*RUNS, run(50_000, 2, 20.0, (900.0, 900.0), 600.0))
    first = as_markdown(runs, DAY, "abc", "# Scaling\n\nHow to run it: with care.")
    again = as_markdown(runs, DAY, "def", written_by_hand(first))
    assert again == first.replace("commit abc", "commit def")
    assert again.startswith("# Scaling\n\nHow to run it: with care.\n\n## The curve")
