"""What a run leaves behind about itself: the evidence in the package, and parameters and figures for mlflow."""

import importlib.metadata
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from features.catalogue import Catalogue
from features.facts import to_date
from model_registry.scoring.segments import SegmentPolicy
from training.cohort import LEGAL_AGES, Cohort
from training.config import TrainingConfig
from training.evaluate import Comparison, LandmarkEvaluation, recommendation
from training.extract import Extract
from training.levels import LevelFigures
from training.split import Split

LIBRARIES = ("varhain", "lightgbm", "numpy", "scikit-learn", "pyarrow")


def run_evidence(
    config: TrainingConfig,
    catalogue: Catalogue,
    extract: Extract,
    cohort: Cohort,
    backtest: Split,
    refit: Split,
    evaluations: Sequence[LandmarkEvaluation],
    comparisons: Sequence[Comparison],
    warnings: Sequence[str],
) -> dict[str, Any]:
    """Return everything a card needs about this run, as plain JSON; counts and figures only, no row of a person."""
    return {
        "label": {**asdict(catalogue.label), "horizon_days": catalogue.horizon_days},
        "extract": {
            "fingerprint": extract.fingerprint(),
            "files": dict(extract.fingerprints),
            "delivered_until": to_date(extract.delivered_until).isoformat(),
            "people": len(extract.client_ids),
            "synthetic": extract.synthetic,
            "recording": dict(extract.recording),
        },
        "cohort": {
            "person_dates_with_known_outcome": len(cohort),
            "landmarks": list(catalogue.landmarks),
            "legal_ages": list(LEGAL_AGES),
            "left_out_or_flagged": dict(cohort.counts),
        },
        "backtest": {
            **backtest.described(),
            "meaning": "people by a salted hash, times by date, a gap of the horizon before the evaluation; this model "
            "is the one that was judged",
        },
        "refit": {
            **refit.described(),
            "meaning": "all data with known outcomes, calibration people apart; this model is the one in the package",
        },
        "evaluation": {
            "headline": evaluations[0].landmark,
            "draws": config.evaluation.draws,
            "interval": "95 %, bootstrap by person, the same draws for all models",
            "landmarks": [evaluation.described() for evaluation in evaluations],
        },
        "challengers": [asdict(one) for one in comparisons],
        "recommendation": recommendation(comparisons),
        "warnings": list(warnings),
        "settings": config.model_dump(mode="json", exclude={"extract", "policy", "catalogue"}),
        "versions": versions(),
    }


def logged_parameters(config: TrainingConfig, catalogue: Catalogue, extract: Extract) -> dict[str, Any]:
    """Return the run's parameters for mlflow, flat: settings, fingerprints and versions."""
    settings = config.model_dump(mode="json", exclude={"extract", "policy"})
    parameters: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            parameters |= {f"{key}.{inner}": each for inner, each in value.items()}
        else:
            parameters[key] = value
    parameters["catalogue"] = catalogue.name
    fingerprints = {f"data.{name}": digest for name, digest in extract.fingerprints.items()}
    return {
        **parameters,
        **fingerprints,
        "data.fingerprint": extract.fingerprint(),
        "data.delivered_until": to_date(extract.delivered_until).isoformat(),
        "catalogue.fingerprint": catalogue.fingerprint,
        **{f"version.{name}": version for name, version in versions().items()},
    }


def logged_metrics(evaluations: Sequence[LandmarkEvaluation]) -> dict[str, float]:
    """Return the figures for mlflow by "month_0/<model>/<measure>"; what is not assessable is left out."""
    metrics: dict[str, float] = {}
    for evaluation in evaluations:
        for name, model in evaluation.models.items():
            plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
            for key, estimate in model.values.items():
                for part in ("value", "lower", "upper"):
                    figure = getattr(estimate, part)
                    if figure is not None:
                        suffix = "" if part == "value" else f"_{part}"
                        metrics[f"month_{evaluation.landmark}/{plain}/{key}{suffix}"] = figure
    return metrics


def level_metrics(levels: Sequence[LevelFigures]) -> dict[str, float]:
    """Return the figures of the levels for mlflow by "month_0/levels/<figure>"; what is not told is left out."""
    metrics: dict[str, float] = {}
    for one in levels:
        everybody = one.reached[0]
        told = {"suggested": everybody.suggested, "met": everybody.met, "precision": everybody.precision}
        told |= {"unsure": one.unsure["everybody"]} if one.unsure else {}
        metrics |= {
            f"month_{one.landmark}/levels/{name}": each.value for name, each in told.items() if each.value is not None
        }
        metrics[f"month_{one.landmark}/levels/talks_a_month"] = one.load
    return metrics


def policy_parameters(policy: SegmentPolicy) -> dict[str, Any]:
    """Return what the policy says, for mlflow."""
    found: dict[str, Any] = {"policy.version": policy.version, "policy.thresholds_are": policy.thresholds_are}
    if policy.capacity is not None:
        found["policy.early_talks_a_month"] = policy.capacity.early_talks_a_month
    for month, (early, close) in policy.thresholds.items():
        found |= {f"policy.early_meeting_{month}": early, f"policy.close_support_{month}": close}
    return found


def versions() -> dict[str, str]:
    """Return the versions that the model's bits depend on."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed as a distribution"
    return found
