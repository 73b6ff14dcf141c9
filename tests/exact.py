"""The proof of a package's explanations: against LightGBM, against shap, and against the raw score of the kept text."""

from pathlib import Path

import lightgbm
import numpy as np
import shap
from numpy.typing import NDArray

from features.frame import FeatureFrame
from model_registry.package import load_package


def assert_package_is_exact(folder: Path, values: NDArray[np.float64]) -> None:
    """Every model of the package explains the rows of `values` (n, k features of the catalogue) exactly.

    Contributions are the slope times LightGBM's and shap's own, within 1e-6; with the base they sum to slope times the
    raw score of the model loaded from its kept text, plus the intercept, within 1e-9.
    """
    package = load_package(folder)
    frame = FeatureFrame(values, package.catalogue.feature_names, package.catalogue.fingerprint)
    for key, model in {"register": package.register, "full": package.full}.items():
        if model is None:
            continue
        booster = lightgbm.Booster(model_str=(folder / f"{key}.txt").read_text(encoding="utf-8"))
        own = frame.select(model.feature_names).values
        slope, intercept = model.calibration.slope, model.calibration.intercept

        log_odds, contributions = model.score(frame)

        theirs = np.asarray(booster.predict(own, pred_contrib=True, num_threads=1))
        np.testing.assert_allclose(contributions, slope * theirs[:, :-1], atol=1e-6, rtol=0)
        np.testing.assert_allclose(model.base, slope * theirs[0, -1] + intercept, atol=1e-6, rtol=0)
        shaps = np.asarray(shap.TreeExplainer(booster).shap_values(own))
        np.testing.assert_allclose(contributions, slope * shaps.reshape(contributions.shape), atol=1e-6, rtol=0)
        raw = np.asarray(booster.predict(own, raw_score=True, num_threads=1))
        np.testing.assert_allclose(log_odds, slope * raw + intercept, atol=1e-9, rtol=0)
        again = load_package(folder)
        served = again.register if key == "register" else again.full
        assert served is not None
        assert (served.contributions(frame) == contributions).all()
