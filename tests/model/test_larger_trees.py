"""Trees too large for tables are packaged only when asked for, exactly explained, and named wherever they are used."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from features.errors import PackageError
from model_registry.package import load_package
from model_registry.package_files import npz_bytes
from model_registry.scoring.calibration import SigmoidCalibration
from model_registry.scoring.larger_trees import LargerTrees, larger_trees
from model_registry.scoring.scorer import Scorer, tables_of_arrays
from tests.service import served as made
from tests.service.served import document, served
from tests.small_package import boosted_text, catalogue, frame, outcome, parts, small_package, texts


def large_text(names: tuple[str, ...]) -> str:
    rows = frame(3000)
    data = lightgbm.Dataset(rows.select(names).values, outcome(rows), feature_name=list(names))
    parameters = {"objective": "binary", "num_leaves": 31, "verbosity": -1, "num_threads": 1, "seed": 1}
    return str(lightgbm.train(parameters, data, 5).model_to_string())


def large_register() -> Scorer:
    names = catalogue().register_names
    return Scorer(larger_trees(large_text(names), names), SigmoidCalibration(0.9, -0.1))


def package_with(folder: Path, **changes: Any) -> Any:
    return small_package(folder, register=large_register(), full=None, register_text=None, full_text=None, **changes)


def test_contributions_are_lightgbms_own_and_sum_to_its_raw_score() -> None:
    names = catalogue().register_names
    text = large_text(names)
    values = frame(200, seed=9).select(names).values
    model = larger_trees(text, names)

    found = model.contributions(values)

    booster = lightgbm.Booster(model_str=text)
    theirs = np.asarray(booster.predict(values, pred_contrib=True, num_threads=1))
    np.testing.assert_allclose(found, theirs[:, :-1], atol=1e-6, rtol=0)
    np.testing.assert_allclose(model.base, theirs[0, -1], atol=1e-6, rtol=0)
    raw = np.asarray(booster.predict(values, raw_score=True, num_threads=1))
    np.testing.assert_allclose(model.base + found.sum(axis=1), raw, atol=1e-9, rtol=0)
    wide = model.widened(catalogue().feature_names).contributions(frame(200, seed=9).values)
    assert (wide[:, :3] == found).all()
    assert not wide[:, 3].any()


def test_small_trees_read_this_way_have_the_contributions_of_their_tables() -> None:
    names, values = catalogue().register_names, frame().select(catalogue().register_names).values

    found = larger_trees(texts()[0], names).contributions(values)

    np.testing.assert_allclose(found, parts()["register"].tables.contributions(values), atol=1e-6, rtol=0)


def test_the_saved_form_is_text_and_comes_back() -> None:
    model = large_register().tables

    again = tables_of_arrays(model.to_arrays())

    assert isinstance(again, LargerTrees)
    assert again == model


@pytest.mark.parametrize("text", [b"", b"no model", b"\xff\xfe"])
def test_a_text_that_is_no_model_is_refused(text: bytes) -> None:
    saved = {**large_register().tables.to_arrays(), "text": np.frombuffer(text, np.uint8)}

    with pytest.raises((PackageError, UnicodeDecodeError)):
        LargerTrees.from_arrays(saved)


def test_a_package_of_them_is_refused_unless_asked_for(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="too large for tables"):
        package_with(tmp_path / "one")

    assert not list(tmp_path.iterdir())


def test_a_package_of_them_names_how_it_explains(tmp_path: Path) -> None:
    package = package_with(tmp_path / "one", larger_trees=True)

    described = json.loads((tmp_path / "one" / "package.json").read_text())
    assert package.explains_by == "pred_contrib"
    assert described["models"]["register"]["explains_by"] == "pred_contrib"
    assert small_package(tmp_path / "two").explains_by == "tables"


def test_a_package_that_says_otherwise_is_refused(tmp_path: Path) -> None:
    from tests.unit.test_package import reseal

    small_package(tmp_path / "one", full=None, full_text=None)
    (tmp_path / "one" / "register.npz").write_bytes(npz_bytes(large_register().tables.to_arrays()))
    reseal(tmp_path / "one")

    with pytest.raises(PackageError, match="another way"):
        load_package(tmp_path / "one")


def test_lightgbm_is_imported_only_when_a_row_is_scored() -> None:
    code = (
        "import sys; from model_registry.scoring.larger_trees import larger_trees\n"
        "import numpy as np\n"
        "model = larger_trees(sys.stdin.read(), ['months_worked', 'months_out', 'trade'])\n"
        "before = 'lightgbm' in sys.modules\n"
        "model.contributions(np.zeros((1, 3)))\n"
        "print(before, 'lightgbm' in sys.modules)"
    )
    text = boosted_text(frame(), catalogue().register_names)

    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "True"]


def test_the_service_names_it_in_its_answers_its_model_and_every_log_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = served(tmp_path, promoted=False)
    names = made.catalogue().register_names
    rng = np.random.default_rng(3)
    values = np.concatenate([rows.select(names).values for rows in made.reference().values()] * 20)
    values = values + rng.normal(size=values.shape)
    data = lightgbm.Dataset(values, (values.sum(axis=1) > values.sum(axis=1).mean()) * 1.0, feature_name=list(names))
    text = lightgbm.train({"objective": "binary", "num_leaves": 31, "verbosity": -1}, data, 3).model_to_string()
    large = Scorer(larger_trees(text, names), SigmoidCalibration(1.0, 0.0))
    folder = tmp_path / "packages" / "large"
    service.promote(made.package(folder, register=large, full=None, larger_trees=True), folder)

    with caplog.at_level(logging.INFO), service.client() as client:
        answer = client.post("/v1/screenings", json=document(), headers=service.headers()).json()
        batch = {"occasion": "for the test", "clients": [document(client_id="client-vuokko")]}
        several = client.post("/v1/screenings/batch", json=batch, headers=service.headers("operator"))
        model = client.get("/v1/model", headers=service.headers()).json()

    assert several.status_code == 200, several.text
    assert several.json()["answers"][0]["screening"]["versions"]["explains_by"] == "pred_contrib"
    assert answer["versions"]["explains_by"] == "pred_contrib"
    assert model["explains_by"] == "pred_contrib"
    lines = [line for line in caplog.messages if "champion " in line or "POST /v1/screenings" in line]
    assert len(lines) == 3
    assert all("pred_contrib" in line for line in lines)
