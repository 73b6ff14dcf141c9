"""The evidence over many seeds: medians, the worst, and that a kept seed is not made again."""

import json
from datetime import date

import numpy as np
import pytest

from model_registry.evidence import measures
from training import seed_calibration, seeds


def figures(auc_gap: float, slope: float) -> dict:
    values = dict.fromkeys(seeds.FIGURES, 1.0)
    values |= {"AUC below the ceiling": auc_gap, "calibration slope": slope, "calibration error": 0.01}
    truth = {group: dict.fromkeys(("n", "error", "chance", "slope", "less"), 1.0) for group in seed_calibration.GROUPS}
    truth["everybody"] |= {"error": auc_gap, "slope": slope}
    return {"0": {**values, "against the true risk": truth}}


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


def test_calibration_is_held_against_the_true_risk_by_whether_people_answered():
    text = page()
    assert "### Calibration against the true risk, with the trend" in text
    assert "| 0 | everybody | 1 | 0.015 **not met** | 0.030 | 1.000 | 0.950 | +1.000 | 1 of 3 |" in text
    assert "The median meets both goals for everybody at no month; for who answered something at no month" in text


def test_the_months_that_meet_both_goals_are_named():
    met = {"error": 0.01, "slope": 1.0, "n": 9.0, "chance": 0.0, "less": 0.0}
    seed = {month: {"against the true risk": dict.fromkeys(seed_calibration.GROUPS, met)} for month in ("0", "3")}
    assert "for everybody at month 0, 3 of 0, 3; for" in seed_calibration.calibration_verdict({1: seed})


def test_risks_that_are_the_true_ones_have_no_error_and_an_answer_that_raises_them_shows():
    random = np.random.default_rng(4)
    n = 6_000
    truth = random.beta(2, 5, n)
    answered, as_of = random.random(n) < 0.6, random.integers(100, 465, n).astype(np.int32)
    told = np.where(answered, truth + 0.04 * random.random(n), truth)
    found = seed_calibration.against_truth(truth, told, truth, answered, as_of, 100, np.ones(n))
    assert list(found) == list(seed_calibration.GROUPS)
    assert found["everybody, register model alone"]["error"] == 0.0
    assert found["everybody, register model alone"]["slope"] == pytest.approx(1.0)
    assert found["who answered something"]["less"] == pytest.approx(0.02, abs=0.001)
    assert found["who answered nothing"]["error"] == 0.0
    assert found["everybody, first three months"]["n"] == (as_of < 191).sum()


def test_a_group_of_nobody_is_not_assessable():
    truth = np.linspace(0.1, 0.4, 50)
    days = np.full(50, 100, np.int32)
    found = seed_calibration.against_truth(truth, truth, truth, np.ones(50, bool), days, 100, np.ones(50))
    assert np.isnan(found["who answered nothing"]["error"])
    rows = seed_calibration.calibration_table({1: {"0": {"against the true risk": found}}})
    assert "| 0 | who answered nothing | 0 | not assessable |" in rows[4]


def test_beyond_chance_only_what_is_wrong_is_left():
    random = np.random.default_rng(8)
    risk = random.beta(2, 5, 4_000)
    outcome = (random.random(4_000) < risk).astype(float)
    plain = measures.expected_calibration_error(outcome, risk)
    assert plain > 0.01
    assert measures.calibration_error_by_chance(outcome, risk) == pytest.approx(plain, abs=0.008)
    beyond = [
        measures.calibration_error_beyond_chance((random.random(4_000) < risk).astype(float), risk) for _ in range(30)
    ]
    assert np.median(beyond) < 0.009
    wrong = [
        measures.calibration_error_beyond_chance((random.random(4_000) < risk).astype(float), risk + 0.05)
        for _ in range(30)
    ]
    assert np.median(wrong) == pytest.approx(0.05, abs=0.005)
