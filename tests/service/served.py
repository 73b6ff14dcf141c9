"""What the service's tests share: a package of the area's catalogue with weights one can read, promoted and served."""

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient

from features.catalogue import Catalogue, load_catalogue
from features.frame import FeatureFrame
from model_registry.package import Package, write_package
from model_registry.scoring.calibration import SigmoidCalibration
from model_registry.scoring.linear import LinearTables
from model_registry.scoring.scorer import Scorer
from service.app import create_app
from service.ledger import open_ledger
from service.settings import Settings
from service.today import today_in_finland
from tests.policies import fixed_policy
from tests.service.ledger_home import ADVISOR, ANALYST, installation

# Weight on the log-odds for one unit, and the mean it is measured from.
WEIGHTS = {
    "present_spell_months": (0.30, 2.0),
    "worked_share_12": (-2.0, 0.5),
    "worked_share_36": (-1.5, 0.5),
    "unemployed_share_36": (1.5, 0.3),
    "education_level": (-0.15, 4.0),
    "service_share_36": (1.0, 0.1),
    "own_expectation": (0.5, 1.0),
    "work_ability_score": (-0.2, 7.0),
}
MODEL = "demo-weights"


@cache
def catalogue() -> Catalogue:
    return load_catalogue("keski_uusimaa")


def scorer(names: tuple[str, ...]) -> Scorer:
    """A linear model of `WEIGHTS`; categories weigh nothing."""
    codes = {f.name: len(catalogue().input(f.input).values) for f in catalogue().features if f.kind == "category"}
    widths = [codes.get(name, 0) for name in names]
    tables = LinearTables(
        names,
        -1.0,
        np.array([WEIGHTS.get(name, (0.0, 0.0))[0] for name in names]),
        np.array([WEIGHTS.get(name, (0.0, 0.0))[1] for name in names]),
        np.concatenate([[0], np.cumsum(widths)]).astype(np.int64),
        np.zeros(sum(widths)),
    )
    return Scorer(tables, SigmoidCalibration(1.0, 0.0))


def reference() -> dict[int, FeatureFrame]:
    """Forty people of the mean at each landmark: the baseline is then what the landmark's months alone contribute."""
    names = catalogue().feature_names
    frames = {}
    for landmark in catalogue().landmarks:
        row = [WEIGHTS.get(name, (0.0, 0.0))[1] for name in names]
        row[names.index("present_spell_months")] = float(landmark)
        frames[landmark] = FeatureFrame(np.tile(row, (40, 1)), names, catalogue().fingerprint)
    return frames


def package(folder: Path, **changes: Any) -> Package:
    arguments: dict[str, Any] = {
        "name": MODEL,
        "catalogue": catalogue(),
        "register": scorer(catalogue().register_names),
        "full": scorer(catalogue().feature_names),
        "policy": fixed_policy(),
        "reference": reference(),
        "evidence": {"auc": {"0": 0.7}},
        "trained_on": {"rows": 160},
        "demonstration": True,
    }
    return write_package(folder, **{**arguments, **changes})


@dataclass
class Served:
    """A running service in an empty folder, with a key of each role."""

    settings: Settings
    keys: dict[str, str]

    def client(self) -> TestClient:
        return TestClient(create_app(self.settings), raise_server_exceptions=False)

    def headers(self, role: str = "advisor", **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[role]}", "Accept-Language": "en", **more}

    def promote(self, made: Package, folder: Path, version: str = "1") -> None:
        ledger = open_ledger(self.settings)
        ledger.record_promotion(ANALYST, MODEL, version, made.meta.digest, str(folder), "for the test")


def served(home: Path, promoted: bool = True) -> Served:
    settings = installation(home)
    ledger = open_ledger(settings)
    keys = {}
    for role in ("advisor", "analyst", "steering", "operator"):
        keys[role] = ledger.issue_key(ANALYST, role, "kerava", "service_planning").text
    keys["elsewhere"] = ledger.issue_key(ANALYST, "advisor", "tuusula", "service_planning").text
    found = Served(settings, keys)
    if promoted:
        folder = home / "packages" / "demo"
        found.promote(package(folder), folder)
    return found


def document(**changes: Any) -> dict[str, Any]:
    """An ordinary new client: three years of work, two days unemployed, no self-assessment."""
    today = today_in_finland()

    def ago(days: int) -> str:
        return (today - timedelta(days=days)).isoformat()

    base = {
        "client_id": "client-kielo",
        "purpose": "service_planning",
        "as_of": today.isoformat(),
        "within_legal_age_range": True,
        "education_level": "3",
        "occupation_isco": "52",
        "history_from": ago(2500),
        "spells": [
            {"employment_code": "01", "start": ago(1000), "end": ago(3)},
            {"employment_code": "02", "start": ago(2), "end": None},
        ],
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not ...}


def as_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


__all__ = ["ADVISOR", "MODEL", "Served", "as_bytes", "catalogue", "document", "package", "scorer", "served"]
