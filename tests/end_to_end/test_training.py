"""A whole run on a small synthetic area: what is registered, what is logged, and that it repeats bit for bit."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.catalogue import load_catalogue
from features.errors import ConfigError
from features.frame import build_features
from model_registry.home import tracking_uri
from model_registry.package import load_package
from model_registry.store import Store
from tests.exact import assert_package_is_exact
from training.challengers import AGE_RULE
from training.config import checked_config
from training.extract import read_extract
from training.pipeline import train
from training.population.generate import Order, generate

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
FAST = {"fit": {"trees": 40, "threads": 2}, "evaluation": {"draws": 20}, "committee": {"members": 5}}


@pytest.fixture(scope="module")
def extract(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("population") / "population"
    generate(Order(people=9_000, seed=5, until=date(2026, 10, 31)), folder, 1, lambda _: None)
    return folder / "extract"


@pytest.fixture(scope="module")
def runs(extract, tmp_path_factory):
    made = []
    for _ in range(2):
        home = tmp_path_factory.mktemp("home")
        said: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("VARHAIN_HOME", str(home))
            run = train(checked_config({"extract": str(extract), **FAST}), said.append)
        package = Store(tracking_uri(home)).export(run.name, run.version, home / "packages")
        made.append((run, package, "\n".join(said)))
    return made


def test_the_same_data_seed_and_versions_give_the_same_model_bit_for_bit(runs):
    (_, first, _), (_, second, _) = runs
    for file in (
        "register.npz",
        "full.npz",
        "committee.npz",
        "policy.toml",
        "register.txt",
        "full.txt",
        "reference.npz",
        "evidence.json",
    ):
        assert (first / file).read_bytes() == (second / file).read_bytes(), file


def test_the_model_of_synthetic_people_says_so(runs):
    run, package, _ = runs[0]
    assert run.name == "demo-keski-uusimaa"
    assert load_package(package).meta.demonstration


def test_the_champions_explanations_are_exact(runs, extract):
    catalogue = load_catalogue("keski_uusimaa")
    found = read_extract(extract, catalogue)
    people = np.arange(min(len(found.facts), 400))
    day = np.full(len(people), found.delivered_until, np.int32)
    frame = build_features(catalogue, found.facts.take(people), day)

    assert_package_is_exact(runs[0][1], frame.values)


def test_month_0_is_the_headline_and_no_landmark_is_pooled(runs):
    run, _, said = runs[0]
    assert [evaluation.landmark for evaluation in run.evaluations] == [0, 3, 6, 9]
    assert "<- headline" in said
    assert said.index("month 0:") < said.index("<- headline") < said.index("month 3:")


def test_every_challenger_and_the_yardstick_stand_beside_the_candidate(runs):
    models = list(runs[0][0].evaluations[0].models)
    assert models == [
        "served model",
        "register model",
        "unemployment-history rule",
        "logistic regression",
        "depth-4 tree",
        AGE_RULE,
    ]


def test_the_backtest_and_the_refit_are_both_described(runs):
    evidence = load_package(runs[0][1]).evidence
    assert [part["name"] for part in evidence["backtest"]["slices"]] == ["fit", "calibration", "evaluation"]
    assert [part["name"] for part in evidence["refit"]["slices"]] == ["fit", "calibration"]
    assert evidence["refit"]["slices"][0]["to"] > evidence["backtest"]["slices"][0]["to"]


def test_the_rule_for_missing_recording_times_is_named(runs):
    recording = load_package(runs[0][1]).evidence["extract"]["recording"]
    assert "rows had no recording time" in recording["spells"]


def test_no_pseudonym_leaves_the_extract(runs, extract):
    from features.catalogue import load_catalogue

    client_ids = read_extract(extract, load_catalogue("keski_uusimaa")).client_ids
    home = runs[0][1].parents[1]
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert not [client_id for client_id in client_ids[::50] if client_id.encode() in kept]


def test_how_unemployment_ends_is_printed_kept_as_text_and_stands_in_the_evidence(runs):
    run, package, said = runs[0]
    assert "How unemployment ends" in said
    assert "Aalen-Johansen" in said
    texts = (path.read_text("utf-8") for path in package.parents[1].rglob("evaluation.txt"))
    assert any("still unemployed" in text for text in texts)
    exits = load_package(package).evidence["exits"]
    assert [(one["label"], one["landmark"]) for one in exits[:2]] == [("official", 0), ("activation_neutral", 0)]
    at_the_horizon = exits[0]["months"][-1]
    assert at_the_horizon["months"] == 12
    shares = [at_the_horizon["staying"], *at_the_horizon["exits"].values()]
    assert sum(one["value"] for one in shares) == pytest.approx(1.0)
    assert run.seconds["how unemployment ends"] > 0


def test_thresholds_are_set_for_the_model_and_the_load_is_near_the_talks(runs):
    run, package, said = runs[0]
    policy = load_package(package).policy
    assert policy.thresholds_are == "capacity"
    assert list(policy.thresholds) == [0, 3, 6, 9]
    assert "# Set from capacity on" in policy.source_text
    levels = run.evidence["levels"]
    assert [one["talks_a_month"] for one in levels] == pytest.approx([54, 36, 18, 12])
    served = [f"early meeting from {early:.3f}".replace("0.", ".") for early, _ in policy.thresholds.values()]
    after = said[said.index("Thresholds of the model registered") :]
    assert [line.split(": ")[1].split(",")[0] for line in after.splitlines()[1:5]] == served
    first = levels[0]
    # 9,000 people are a tenth of the area, so 54 talks are more than half of those who register in a month
    assert first["people_a_month"] > first["talks_a_month"]
    assert 0.6 * first["talks_a_month"] < first["load"] < 1.4 * first["talks_a_month"]
    assert first["lowest"] <= first["load"] <= first["highest"]
    assert "early talks suggested" in said


def test_what_should_be_doubted_is_told(runs):
    said = " ".join(runs[0][2].split())
    assert "measured on 100,000 people, and this extract has 9,000" in said


def test_levels_and_policy_are_kept_in_mlflow_so_that_policies_can_be_compared(runs):
    import mlflow

    run, package, _ = runs[0]
    client = mlflow.MlflowClient(tracking_uri(package.parents[1]))
    data = client.get_run(run.run).data
    assert data.params["policy.early_talks_a_month"] == "120"
    assert data.metrics["month_0/levels/talks_a_month"] == pytest.approx(run.evidence["levels"][0]["load"])


def test_whom_the_levels_reach_is_told_with_and_without_a_self_assessment(runs):
    reached = {one["who"]: one for one in runs[0][0].evidence["levels"][0]["reached"]}
    assert list(reached) == ["everybody", "with a self-assessment", "without one"]
    assert reached["everybody"]["n"] == reached["with a self-assessment"]["n"] + reached["without one"]["n"]
    met = reached["everybody"]["met"]
    assert met["lower"] < met["value"] < met["upper"]


def test_the_committee_serves_and_of_whom_it_does_not_know_is_told_by_level_and_group(runs):
    run, package, said = runs[0]
    assert len(load_package(package).committee) == 5
    unsure = run.evidence["levels"][0]["unsure"]
    assert {"everybody", "level early_meeting", "level close_support", "sex female"} <= set(unsure)
    (gate,) = run.evidence["gates"]
    assert gate["verdict"] in ("passed", "failed")
    assert gate["sentence"].split(";")[0] in " ".join(said.split())


def test_the_times_are_told(runs):
    assert "fit and calibrate, backtest" in runs[0][2]
    assert set(runs[0][0].seconds) >= {"read the extract", "features", "evaluate", "package"}


def test_a_synthetic_model_cannot_pass_for_a_real_one(extract, tmp_path, monkeypatch):
    monkeypatch.setenv("VARHAIN_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="the extract is synthetic, so the model's name must begin with demo-"):
        train(checked_config({"extract": str(extract), "name": "keski-uusimaa", **FAST}))


def test_the_command_line_names_a_missing_extract_and_exits_with_2():
    done = subprocess.run(
        [sys.executable, "-c", "from service.cli import main; main()", "train", "--extract", "nowhere"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("there is no extract at nowhere")


def test_the_evidence_is_plain_json(runs):
    json.dumps(dict(load_package(runs[0][1]).evidence), allow_nan=False)
