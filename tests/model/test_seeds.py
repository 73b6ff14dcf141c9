"""The evidence over many seeds: medians, the worst, and that a kept seed is not made again."""

import json
from datetime import date

import numpy as np
import pytest

from training import seeds


def figures(auc_gap: float, slope: float) -> dict:
    values = dict.fromkeys(seeds.FIGURES, 1.0)
    values |= {"AUC below the ceiling": auc_gap, "calibration slope": slope, "calibration error": 0.01}
    return {"0": values}


def page() -> str:
    found = {seeds.WITH_TREND: {11: figures(0.01, 0.95), 12: figures(0.03, 1.2), 13: figures(0.015, 0.7)}}
    return seeds.as_markdown(found, 1_000, date(2026, 11, 22), "abc1234")


def test_the_page_names_date_commit_and_seeds():
    assert "on 2026-11-22, commit abc1234, seeds 11 to 13" in page()


def test_the_worst_is_the_seed_farthest_on_the_wrong_side():
    assert "| 0 | AUC below the ceiling | at most .02 | 0.015 | 0.030 | 2 of 3 |" in page()
    assert "| 0 | calibration slope | .9 to 1.1 | 0.950 | 0.700 | 1 of 3 |" in page()


def test_a_goal_that_the_median_misses_is_said():
    found = {seeds.WITH_TREND: {11: figures(0.05, 1.0)}}
    text = seeds.as_markdown(found, 1_000, date(2026, 11, 22), "abc1234")
    assert "The median misses its goal here: AUC below the ceiling at month 0." in text
    assert "0.050 **not met**" in text


def test_a_seed_made_by_the_same_program_is_not_made_again(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(seeds, "ceilings_of", lambda *_: {})
    monkeypatch.setattr(seeds, "judge_seed", lambda folder, people, seed, *_: made.append(seed) or figures(0.01, 1.0))
    seeds.run_seeds([11], 5_000, 1, tmp_path, lambda _: None)
    found = seeds.run_seeds([11, 12], 5_000, 1, tmp_path, lambda _: None)
    assert made == [11, 11, 12, 12]
    assert list(found[seeds.WITH_TREND]) == [11, 12]
    assert len([json.loads(file.read_text()) for file in tmp_path.glob("*.json")]) == 4


def test_risks_without_fault_show_a_calibration_error_by_chance():
    few, many = (seeds._error_by_chance(np.linspace(0.1, 0.4, n), np.ones(n)) for n in (300, 30_000))
    assert few > 0.02
    assert many == pytest.approx(0, abs=0.008)
