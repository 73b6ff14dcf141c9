"""A small trained package: a flat catalogue of four features, two tree models and a reference of made-up rows."""

from functools import cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from features.catalogue import Catalogue, catalogue_from_text
from features.frame import FeatureFrame
from model_registry.package import Package, write_package
from model_registry.scoring.calibration import SigmoidCalibration
from model_registry.scoring.committee import Committee
from model_registry.scoring.refits import CalibratedRefits, calibrated_refits, tree_refits
from model_registry.scoring.scorer import Scorer
from model_registry.scoring.trees import compile_trees
from tests.policies import fixed_policy

WORDS = "{ fi = 'suomeksi', sv = 'på svenska', en = 'in English' }"
CODES = ("a", "b", "c", "d")


def _input(name: str, extra: str) -> str:
    return f"""
[inputs.{name}]
advisor = {WORDS}
client = {WORDS}
why_needed = {WORDS}
at_registration = true
minimal = true
{extra}
"""


def _feature(name: str, extra: str = "") -> str:
    return f"""
[features.{name}]
input = "{name}"
domain = "work"
shown = "reason"
label = {WORDS}
raises = {WORDS}
lowers = {WORDS}
{extra}
"""


NUMBER = "type = 'number'\nminimum = -100\nmaximum = 100\nexample = 1.0"
CATALOGUE_TEXT = (
    f"""
name = "small"
version = "1"
area = {WORDS}
source = "flat"
forbidden_columns = ["weeks"]

[flat]
person = "row"
as_of = "day"
as_of_type = "day_number"

[label]
label = {WORDS}
column = "weeks"
at_least = 20
horizon_days = 365

[domains.work]
group = "can_be_influenced"
label = {WORDS}
"""
    + _input("months_worked", NUMBER)
    + _input("months_out", NUMBER)
    + _input(
        "trade",
        "type = 'code'\nexample = 'a'\nvalues = ["
        + ", ".join(f"{{ code = '{code}', {WORDS[1:]}" for code in CODES)
        + "]",
    )
    + _input("own_view", NUMBER + "\nvoluntary = true").replace("minimal = true", "minimal = false")
    + _feature("months_worked")
    + _feature("months_out")
    + _feature("trade", 'kind = "category"')
    + _feature("own_view", "voluntary = true")
)


@cache
def catalogue() -> Catalogue:
    return catalogue_from_text(CATALOGUE_TEXT)


def frame(n: int = 400, seed: int = 1) -> FeatureFrame:
    """Rows with a fifth of the numbers missing; two in three have given no view of their own."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 4)).round(2)
    values[:, 2] = rng.integers(0, len(CODES), n)
    values[rng.random(values.shape) < 0.2] = np.nan
    values[rng.random(n) < 0.6, 3] = np.nan
    return FeatureFrame(values, catalogue().feature_names, catalogue().fingerprint)


def outcome(rows: FeatureFrame, seed: int = 2) -> Any:
    x = np.nan_to_num(rows.values)
    noise = np.random.default_rng(seed).normal(size=len(rows))
    return (x[:, 1] - x[:, 0] + (x[:, 2] == 1) + 0.8 * x[:, 3] + noise > 0.5).astype(float)


def boosted_text(rows: FeatureFrame, names: tuple[str, ...], trees: int = 12, seed: int = 2) -> str:
    """LightGBM's text of a small model on the features named."""
    data = lightgbm.Dataset(
        rows.select(names).values,
        outcome(rows, seed),
        feature_name=list(names),
        categorical_feature=[names.index("trade")] if "trade" in names else [],
    )
    parameters = {"objective": "binary", "num_leaves": 8, "verbosity": -1, "num_threads": 1, "min_data_per_group": 5}
    return str(lightgbm.train(parameters, data, trees).model_to_string())


@cache
def texts() -> tuple[str, str]:
    return tuple(  # type: ignore[return-value]
        boosted_text(frame(), names) for names in (catalogue().register_names, catalogue().feature_names)
    )


@cache
def committee(members: int = 5) -> Committee:
    """Refits on outcomes drawn anew."""

    def refits(names: tuple[str, ...]) -> CalibratedRefits:
        made = [boosted_text(frame(), names, seed=10 + member) for member in range(members)]
        return calibrated_refits(tree_refits(made, names, max_leaves=8), [SigmoidCalibration(0.9, -0.1)] * members)

    return Committee(refits(catalogue().register_names), refits(catalogue().feature_names), widening={0: 2.0})


def parts() -> dict[str, Any]:
    """The arguments of `write_package` beside the folder."""
    register_text, full_text = texts()
    return {
        "name": "demo-small",
        "catalogue": catalogue(),
        "register": Scorer(compile_trees(register_text, catalogue().register_names), SigmoidCalibration(0.9, -0.1)),
        "full": Scorer(compile_trees(full_text, catalogue().feature_names), SigmoidCalibration(1.1, 0.05)),
        "committee": committee(),
        "policy": fixed_policy(),
        "reference": {0: frame()},
        "evidence": {"auc": {"0": 0.7}},
        "trained_on": {"rows": 400},
        "demonstration": True,
        "register_text": register_text,
        "full_text": full_text,
    }


def small_package(folder: Path, **changes: Any) -> Package:
    """A package written to `folder`; other models than its own come without a committee."""
    if {"register", "full"} & changes.keys():
        changes = {"committee": None, **changes}
    return write_package(folder, **{**parts(), **changes})
