"""Explained scoring and the champion's own path beside LightGBM and shap, on the model that the bench has trained."""

import tempfile
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import shap

from features.frame import FeatureFrame
from model_registry.evidence.measures import auc, rank
from model_registry.scoring.segments import SegmentPolicy
from tests.bench.asked import Row, at_least, at_most
from tests.bench.timing import medians
from tests.bench.trained import Trained
from training.candidates import fit_kind
from training.fit import SMALL_TREES, Table, boosting_parameters, train_trees
from training.pipeline import package_model

ROWS, SLOW_ROWS, SLOWEST_ROWS = 20_000, 2_000, 300
THREADS = 2


def explanation_rows(made: Trained) -> list[Row]:
    """Rows of the table: many rows, one row, its committee, and the path from features to a package."""
    return [*many_rows(made), *one_row(made), *committee_of_one(made), own_path(made)]


def many_rows(made: Trained) -> list[Row]:
    """Explained rows a second of 20,000 rows, against a bare prediction and against other explanations."""
    values, ours = made.rows(ROWS), made.package.register
    booster = lightgbm.Booster(model_str=register_text(made))
    large, aucs = larger_model(made)
    explainer = shap.TreeExplainer(booster)
    frame = FeatureFrame(values, ours.feature_names, made.catalogue.fingerprint)
    took = medians(
        {
            "ours": lambda: ours.score(frame, THREADS),
            "predict": lambda: booster.predict(values, num_threads=THREADS),
            "pred_contrib": lambda: booster.predict(values[:SLOW_ROWS], pred_contrib=True, num_threads=THREADS),
            "shap": lambda: explainer.shap_values(values[:SLOW_ROWS]),
            "large": lambda: large.predict(values[:SLOWEST_ROWS], pred_contrib=True, num_threads=THREADS),
        },
        5,
    )
    a_row = {"ours": ROWS, "predict": ROWS, "pred_contrib": SLOW_ROWS, "shap": SLOW_ROWS, "large": SLOWEST_ROWS}
    a_row_took = {name: seconds / a_row[name] for name, seconds in took.items()}

    def row(other: str, against: str, asked: float) -> Row:
        about = f" ({1e6 * a_row_took['ours']:.2f} against {1e6 * a_row_took[other]:,.2f} microseconds a row)"
        times = a_row_took[other] / a_row_took["ours"]
        return at_least(f"explained rows a second, {ROWS:,} rows", against, asked, times, about=about)

    return [
        row("predict", f"LightGBM's bare predict, same model, {THREADS} threads each", 1.0),
        row("shap", "shap.TreeExplainer, same model", 40),
        row("pred_contrib", f"pred_contrib, same model, {THREADS} threads each", 40),
        row("large", f"pred_contrib of 300 trees of 31 leaves ({aucs})", 200),
    ]


def one_row(made: Trained) -> list[Row]:
    """One explained row in process."""
    values, ours = made.rows(1), made.package.register
    booster = lightgbm.Booster(model_str=register_text(made))
    frame = FeatureFrame(values, ours.feature_names, made.catalogue.fingerprint)
    took = medians(
        {
            "ours": lambda: ours.score(frame),
            "theirs": lambda: booster.predict(values, pred_contrib=True, num_threads=1),
        },
        500,
    )
    what = "one explained row, in process"
    return [
        at_least(what, "pred_contrib of one row", 50, took["theirs"] / took["ours"]),
        at_most(what, "", 50, 1e6 * took["ours"], " microseconds"),
    ]


def committee_of_one(made: Trained) -> list[Row]:
    """What the committee adds to one screening: of somebody who answered nothing, and who answered everything asked."""
    answered = made.table.answered & ~np.isnan(made.table.frame.column("work_ability_score"))
    answered &= ~np.isnan(made.table.frame.column("own_expectation"))
    rows = []
    for who, chosen in (("who answered nothing", ~made.table.answered), ("who answered everything", answered)):
        frame = made.table.frame.rows(np.flatnonzero(chosen)[:1])
        took = medians(
            {
                "with": lambda frame=frame: made.package.screen(frame),
                "without": lambda frame=frame: made.package.screen(frame, committee=False),
            },
            500,
        )
        members = 0 if made.package.committee is None else len(made.package.committee)
        added = 1e3 * (took["with"] - took["without"])
        rows.append(at_most(f"committee of {members} for one screening, {who}", "", 0.4, added, " ms"))
    return rows


def own_path(made: Trained) -> Row:
    """Fit, calibrate and package, against `lightgbm.train` alone on the same matrices; no committee in either."""
    material = made.material(made.refit)
    fit = made.fit_table(made.refit)

    def path() -> None:
        served = fit_kind(SMALL_TREES, made.config, made.catalogue, material)
        with tempfile.TemporaryDirectory() as scratch:
            package_model(
                Path(scratch) / "package",
                "demo-bench",
                made.config,
                made.catalogue,
                SegmentPolicy.parse(made.package.policy.source_text),
                made.extract,
                made.table,
                made.refit,
                served,
                None,
                {},
            )

    def alone() -> None:
        for names in (made.catalogue.register_names, made.catalogue.feature_names):
            train_alone(made, fit, names)

    took = medians({"path": path, "alone": alone}, 3)
    about = f" ({took['path']:.2f} against {took['alone']:.2f} s)"
    what = "fit, calibrate and package the champion"
    return at_most(what, "lightgbm.train alone, same matrices", 1.5, took["path"] / took["alone"], about=about)


def train_alone(made: Trained, fit: Table, names: tuple[str, ...]) -> Any:
    """Exactly what the champion's trees are, by LightGBM's own call and nothing around it."""
    features = [made.catalogue.feature(name) for name in names]
    parameters = {
        **boosting_parameters(made.config.fit, made.config.seed),
        "objective": "binary",
        "monotone_constraints": [feature.monotone for feature in features],
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    categories = [place for place, feature in enumerate(features) if feature.kind == "category"]
    data = lightgbm.Dataset(
        fit.frame.select(names).values,
        fit.outcome,
        weight=fit.weight,
        categorical_feature=categories,
        params={"verbosity": -1, "force_row_wise": True, "num_threads": made.config.fit.threads},
    )
    return lightgbm.train(parameters, data, made.config.fit.trees)


def larger_model(made: Trained) -> tuple[Any, str]:
    """300 trees of 31 leaves on the champion's data, and its AUC beside that of the champion's recipe.

    Both are fitted on the fit slice of the backtest and judged on its evaluation slice at the first landmark.
    """
    fit, names = made.fit_table(made.backtest), made.catalogue.register_names
    own = boosting_parameters(made.config.fit, made.config.seed)
    texts = {
        "8 leaves": train_trees(made.catalogue, fit, names, own, made.config.fit.trees),
        "31 leaves": train_trees(made.catalogue, fit, names, {**own, "num_leaves": 31}, 300),
    }
    rows = made.backtest.evaluated().rows
    rows = rows[(made.table.landmark[rows] == min(made.catalogue.landmarks)) & np.isfinite(made.table.outcome[rows])]
    people = made.table.take(rows)
    values = people.frame.select(names).values
    boosters = {name: lightgbm.Booster(model_str=text) for name, text in texts.items()}
    found = {name: auc(rank(people.outcome, np.asarray(one.predict(values)))) for name, one in boosters.items()}
    return boosters["31 leaves"], "AUC " + ", ".join(f"{value:.3f} with {name}" for name, value in found.items())


def register_text(made: Trained) -> str:
    """LightGBM's text of the register model, as the package keeps it for proof."""
    (folder,) = (made.config.extract.parents[1] / "packages").iterdir()
    return (folder / "register.txt").read_text(encoding="utf-8")
