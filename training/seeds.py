"""The model on many populations: how far it stays below what its facts allow, over seeds that played no part in it.

Each seed is a backtest of its own against the ceiling of the admitted facts. Results are kept by seed and by the
program that made them, so an interrupted run goes on where it stopped and a changed program starts anew.
"""

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import load_catalogue
from model_registry.evidence import measures
from model_registry.evidence.survival import effective_n
from training.candidates import fit_kind
from training.ceiling import FIT_SEEDS, population_of, true_risk_model
from training.challengers import LOGISTIC
from training.evaluate import REGISTER
from training.fit import SMALL_TREES
from training.seed_backtest import CATALOGUE, backtest_on
from training.seed_calibration import HOW_TO_READ, against_truth, calibration_table, calibration_verdict

Floats = NDArray[np.float64]
Ceilings = Mapping[int, Callable[[Floats], Floats]]
Judge = Callable[[Path, int, int, int, bool, Ceilings], Mapping[str, Any]]
ROOT = Path(__file__).parents[1]
CHANCE_DRAWS = 50
WITH_TREND, WITHOUT_TREND = "with the trend", "without the trend"


@dataclass(frozen=True)
class Goal:
    """What is asked of a figure, and which of two values is the worse."""

    words: str
    low: float = -np.inf
    high: float = np.inf

    def distance(self, value: float) -> float:
        """How far a value is on the wrong side; below 0 it is within, by so much."""
        return max(self.low - value, value - self.high)


GOALS = {
    "AUC below the ceiling": Goal("at most .02", high=0.02),
    "calibration slope": Goal(".9 to 1.1", low=0.9, high=1.1),
    "calibration error": Goal("under .015", high=0.015),
    "recall at 10 %, share of the ceiling's": Goal("at least .95", low=0.95),
    "recall at 25 %, share of the ceiling's": Goal("at least .95", low=0.95),
}
FIGURES = (
    "n",
    "base rate",
    "AUC given everything",
    "AUC of the ceiling",
    "AUC of the model",
    "AUC of the logistic regression",
    "calibration intercept",
    "calibration intercept, register model alone",
    "calibration error, register model alone",
    "calibration error by chance",
    "calibration error beyond chance",
    *GOALS,
)


def run_seeds(
    seeds: Sequence[int],
    people: int,
    processes: int,
    kept: Path,
    say: Callable[[str], object],
    judge: Judge | None = None,
) -> dict[str, dict[int, Any]]:
    """Return the figures by trend and seed; those kept by the same program are not made again.

    `judge` gives the figures of one population; left out, those of the backtest.
    """
    found: dict[str, dict[int, Any]] = {}
    program = program_of_the_model()
    for name, trend in ((WITH_TREND, True), (WITHOUT_TREND, False)):
        found[name] = {}
        ceilings: Ceilings | None = None
        for seed in seeds:
            file = kept / f"{program}-{people}-{'trend' if trend else 'steady'}-{seed}.json"
            if not file.is_file():
                with tempfile.TemporaryDirectory(prefix="varhain-seeds-") as scratch:
                    if ceilings is None:
                        say(f"{name}: the ceiling, from {len(FIT_SEEDS)} populations of {people:,}")
                        ceilings = ceilings_of(Path(scratch), people, processes, trend)
                    say(f"{name}: seed {seed}")
                    figures = (judge or judge_seed)(Path(scratch) / str(seed), people, seed, processes, trend, ceilings)
                kept.mkdir(parents=True, exist_ok=True)
                partial = file.with_suffix(".partial")
                partial.write_text(json.dumps(figures), encoding="utf-8")
                partial.replace(file)
            found[name][seed] = json.loads(file.read_text(encoding="utf-8"))
    return found


def judge_seed(
    folder: Path, people: int, seed: int, processes: int, trend: bool, ceilings: Ceilings
) -> dict[str, dict[str, Any]]:
    """Return the figures of the backtest on one population, by landmark."""
    made = backtest_on(folder, people, seed, processes, trend)
    config, catalogue, material, judged, truth = made.config, made.catalogue, made.material, made.judged, made.truth
    models = {kind: fit_kind(kind, config, catalogue, material) for kind in (SMALL_TREES, LOGISTIC)}
    risks = {kind: model.risk(judged.table.frame, judged.table.answered, catalogue) for kind, model in models.items()}
    risks[REGISTER] = models[SMALL_TREES].register.risk(judged.table.frame)
    found: dict[str, dict[str, Any]] = {}
    for month in catalogue.landmarks:
        rows = np.flatnonzero((judged.table.landmark == month) & ~np.isnan(truth))
        weight = np.ones(len(rows)) if judged.table.weight is None else judged.table.weight[rows]
        told = {kind: risk[rows] for kind, risk in risks.items()}
        admitted = ceilings[month](judged.table.frame.values[rows])
        found[str(month)] = {
            **_figures(judged.table.outcome[rows], weight, told, truth[rows], admitted),
            "against the true risk": against_truth(
                truth[rows],
                told[SMALL_TREES],
                told[REGISTER],
                judged.table.answered[rows],
                made.cohort.as_of[judged.rows][rows],
                made.split.known_on + 1,
                weight,
            ),
        }
    return found


def _figures(
    outcome: Floats, weight: Floats, told: Mapping[str, Floats], truth: Floats, admitted: Floats
) -> dict[str, float]:
    def order(risk: Floats) -> dict[str, float]:
        ranking = measures.rank(outcome, risk, weight)
        return {
            "auc": float(measures.auc(ranking)),
            "recall_10": float(measures.recall_at_capacity(ranking, 0.10)),
            "recall_25": float(measures.recall_at_capacity(ranking, 0.25)),
        }

    model, ceiling = order(told[SMALL_TREES]), order(admitted)
    risk = told[SMALL_TREES]
    return {
        "n": round(effective_n(weight), 1),
        "base rate": float(measures.base_rate(outcome, weight)),
        "AUC given everything": order(truth)["auc"],
        "AUC of the ceiling": ceiling["auc"],
        "AUC of the model": model["auc"],
        "AUC of the logistic regression": order(told[LOGISTIC])["auc"],
        "calibration intercept": float(measures.calibration_intercept(outcome, risk, weight)),
        "calibration intercept, register model alone": float(
            measures.calibration_intercept(outcome, told[REGISTER], weight)
        ),
        "calibration error, register model alone": float(
            measures.expected_calibration_error(outcome, told[REGISTER], weight)
        ),
        "calibration error by chance": _error_by_chance(risk, weight),
        "calibration error beyond chance": measures.calibration_error_beyond_chance(outcome, risk, weight),
        "AUC below the ceiling": ceiling["auc"] - model["auc"],
        "calibration slope": float(measures.calibration_slope(outcome, risk, weight)),
        "calibration error": float(measures.expected_calibration_error(outcome, risk, weight)),
        "recall at 10 %, share of the ceiling's": model["recall_10"] / ceiling["recall_10"],
        "recall at 25 %, share of the ceiling's": model["recall_25"] / ceiling["recall_25"],
    }


def _error_by_chance(risk: Floats, weight: Floats) -> float:
    """The mean calibration error where every outcome is drawn by the very risk that was told."""
    random = np.random.default_rng(1)
    drawn = [(random.random(len(risk)) < risk).astype(np.float64) for _ in range(CHANCE_DRAWS)]
    return float(np.mean([measures.expected_calibration_error(one, risk, weight) for one in drawn]))


def ceilings_of(folder: Path, people: int, processes: int, trend: bool) -> Ceilings:
    """Return for each landmark the model of the true risk from the admitted facts, learnt on other populations."""
    catalogue = load_catalogue(CATALOGUE)
    parts = [population_of(folder / str(seed), people, seed, processes, catalogue, trend) for seed in FIT_SEEDS]
    return {month: true_risk_model(parts, month) for month in catalogue.landmarks}


def as_markdown(found: Mapping[str, Mapping[int, Any]], people: int, today: date, commit: str) -> str:
    """Return the page: for each landmark the median and the worst seed of every figure, beside its goal."""
    seeds = list(next(iter(found.values())))
    lines = [
        "# The model on synthetic populations",
        "",
        f"Made by `varhain evidence seeds --first {seeds[0]} --seeds {len(seeds)} --people {people}` on {today}, "
        f"commit {commit}, seeds {seeds[0]} to {seeds[-1]}.",
        "",
        "Each seed is a population of its own and a backtest of its own: fitted and calibrated on what was known on "
        "the day before the evaluation, judged on the twelve months after it. The ceiling is a model of the true risk "
        "itself from the admitted facts, learnt on other populations (`training/ceiling.py`). The worst is the seed "
        "farthest on the wrong side of the goal; where there is none, the lowest, and of calibration the farthest from "
        "0.",
        "",
        "How to read the calibration against outcomes. The error by chance is what risks without any fault would show "
        "on so few people: no model can be asked for less, and its goal of .015 is out of reach here. The error beyond "
        "chance takes the luck of outcomes out again (root mean square over tenths, debiased). The register model "
        "alone is what the people would be told had nobody answered anything.",
        "",
        "How to read the calibration against the true risk, which is where the goals can be met or missed:",
        "",
        *(f"- {sentence}" for sentence in HOW_TO_READ),
    ]
    for name, by_seed in found.items():
        lines += ["", f"## Populations {name}", ""]
        lines += [_verdict(name, by_seed), ""] if by_seed else []
        lines += ["| month | figure | goal | median | worst | seeds that meet it |", "|---|---|---|---|---|---|"]
        for month in next(iter(by_seed.values())):
            for figure in FIGURES:
                lines.append(_line(month, figure, [figures[month][figure] for figures in by_seed.values()]))
        lines += ["", f"### Calibration against the true risk, {name}", ""]
        lines += [calibration_verdict(by_seed), "", *calibration_table(by_seed)]
    return "\n".join(lines) + "\n"


def _line(month: str, figure: str, values: Sequence[float]) -> str:
    median = float(np.median(values))
    goal = GOALS.get(figure)
    if goal is None:
        worst = max(values, key=abs) if figure.startswith("calibration") else min(values)
        return f"| {month} | {figure} | | {_shown(median)} | {_shown(worst)} | |"
    worst = max(values, key=goal.distance)
    met = sum(goal.distance(value) <= 0 for value in values)
    mark = "" if goal.distance(median) <= 0 else " **not met**"
    return f"| {month} | {figure} | {goal.words} | {_shown(median)}{mark} | {_shown(worst)} | {met} of {len(values)} |"


def _verdict(name: str, by_seed: Mapping[int, Any]) -> str:
    missed = []
    for month in next(iter(by_seed.values())):
        for figure, goal in GOALS.items():
            if goal.distance(float(np.median([one[month][figure] for one in by_seed.values()]))) > 0:
                missed.append(f"{figure} at month {month}")
    return f"The median misses its goal here: {'; '.join(missed)}." if missed else "Every median meets its goal."


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3f}"


def program_of_the_model() -> str:
    """Sixteen hexadecimal digits that change with any file of the program that a figure may depend on."""
    digest = hashlib.sha256()
    for package in ("features", "model_registry", "training"):
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in (".py", ".toml"):
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def commit_of_the_program() -> str:
    """The commit the program stands at, "not known" outside a checkout; "and changes" where files differ from it."""
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--", "features", "model_registry", "training")
    except (OSError, subprocess.CalledProcessError):
        return "not known"
    return f"{commit} and changes" if changed else commit


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
