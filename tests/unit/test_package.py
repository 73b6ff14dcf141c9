"""A package comes back as it was written, is refused when anything about it has changed, and screens by two models."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from features.catalogue import catalogue_from_text
from features.errors import FrameError, PackageError
from features.frame import FeatureFrame
from model_registry.package import Package, load_package, write_package
from model_registry.package_files import digest_of, npz_bytes
from model_registry.scoring.scorer import Scorer
from tests.small_package import CATALOGUE_TEXT, catalogue, frame, parts, small_package, texts


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Package]:
    folder = tmp_path_factory.mktemp("packages") / "demo-small"
    return folder, small_package(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    small_package(tmp_path / "one")
    return tmp_path / "one"


def reseal(folder: Path) -> None:
    """Make the checksums fit whatever now lies in the folder, as a careless maker of packages might."""
    import hashlib

    path = folder / "package.json"
    meta = json.loads(path.read_text(encoding="utf-8"))
    meta["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in meta["files"]}
    meta["digest"] = digest_of(meta)
    path.write_text(json.dumps(meta), encoding="utf-8")


class TestFiles:
    def test_a_package_comes_back_as_it_was_written(self, made: tuple[Path, Package]) -> None:
        folder, written = made

        loaded = load_package(folder)

        assert loaded.meta == written.meta
        assert (loaded.meta.name, loaded.meta.version, loaded.meta.demonstration) == ("demo-small", "", True)
        assert loaded.catalogue == catalogue()
        assert loaded.evidence == {"auc": {"0": 0.7}}

    def test_the_same_parts_give_the_same_digest(self, tmp_path: Path) -> None:
        from datetime import UTC, datetime

        day = datetime(2026, 1, 1, tzinfo=UTC)

        one, two = (small_package(tmp_path / name, created_at=day) for name in ("one", "two"))

        assert one.meta.digest == two.meta.digest

    def test_nothing_is_left_beside_the_folder(self, made: tuple[Path, Package]) -> None:
        folder, _ = made

        assert [path.name for path in folder.parent.iterdir()] == [folder.name]

    def test_no_row_of_the_reference_is_a_person(self, made: tuple[Path, Package]) -> None:
        people = {row.tobytes() for row in frame().values[~np.isnan(frame().values).any(axis=1)]}
        sample = made[1].reference.samples[0]

        assert people
        assert not any(row.tobytes() in people for row in sample)
        for column in range(4):
            np.testing.assert_array_equal(np.sort(sample[:, column]), np.sort(frame().values[:, column]))

    def test_an_existing_folder_is_never_overwritten(self, folder: Path) -> None:
        with pytest.raises(PackageError, match="already a package folder"):
            small_package(folder)

    @pytest.mark.parametrize(
        "name",
        ["catalogue.toml", "policy.toml", "register.npz", "full.npz", "full.txt", "reference.npz", "evidence.json"],
    )
    def test_a_flipped_byte_is_found_and_the_file_named(self, folder: Path, name: str) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(bytes(content))

        with pytest.raises(PackageError, match=f"{name} is not the file"):
            load_package(folder)

    def test_a_changed_description_is_found(self, folder: Path) -> None:
        path = folder / "package.json"
        path.write_text(path.read_text(encoding="utf-8").replace('"demonstration": true', '"demonstration": false'))

        with pytest.raises(PackageError, match=r"package\.json has been changed"):
            load_package(folder)

    @pytest.mark.parametrize("name", ["package.json", "register.npz", "reference.npz"])
    def test_a_missing_file_is_named(self, folder: Path, name: str) -> None:
        (folder / name).unlink()

        with pytest.raises(PackageError, match=f"{name} is missing"):
            load_package(folder)

    def test_a_missing_folder_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(PackageError, match="no package folder nowhere"):
            load_package(tmp_path / "nowhere")

    def test_a_file_that_does_not_belong_is_named(self, folder: Path) -> None:
        (folder / "setup.py").write_text("")

        with pytest.raises(PackageError, match=r"setup\.py is not part"):
            load_package(folder)

    @pytest.mark.parametrize("keep", [0, 100, 2000])
    def test_a_truncated_npz_is_named_even_where_the_checksum_fits(self, folder: Path, keep: int) -> None:
        (folder / "full.npz").write_bytes((folder / "full.npz").read_bytes()[:keep])
        reseal(folder)

        with pytest.raises(PackageError, match=r"full\.npz cannot be used: it is not a whole npz"):
            load_package(folder)

    def test_a_table_of_the_wrong_shape_is_named(self, folder: Path) -> None:
        arrays = dict(np.load(folder / "register.npz"))
        (folder / "register.npz").write_bytes(npz_bytes({**arrays, "table": arrays["table"][1:]}))
        reseal(folder)

        with pytest.raises(PackageError, match=r"register\.npz cannot be used: the tables do not fit"):
            load_package(folder)

    def test_a_pickled_array_is_refused_unread(self, folder: Path) -> None:
        arrays = dict(np.load(folder / "register.npz"))
        with (folder / "register.npz").open("wb") as file:
            np.savez(file, **{**arrays, "words": np.array([print], dtype=object)})  # type: ignore[arg-type]
        reseal(folder)

        with pytest.raises(PackageError, match=r"register\.npz cannot be used"):
            load_package(folder)

    def test_a_catalogue_that_is_not_the_models_is_named(self, folder: Path) -> None:
        text = CATALOGUE_TEXT.replace('version = "1"', 'version = "2"')
        (folder / "catalogue.toml").write_text(text, encoding="utf-8")
        reseal(folder)

        with pytest.raises(PackageError, match=r"catalogue\.toml is not the catalogue"):
            load_package(folder)

    def test_nan_in_the_evidence_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(PackageError, match="without NaN"):
            small_package(tmp_path / "one", evidence={"auc": float("nan")})
        assert not list(tmp_path.iterdir())

    def test_a_register_model_that_uses_a_voluntary_answer_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(PackageError, match="own_view"):
            small_package(tmp_path / "one", register=parts()["full"])

    def test_too_few_people_at_a_landmark_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(PackageError, match="at least 30"):
            small_package(tmp_path / "one", reference={0: frame(29)})

    def test_loading_imports_nothing_of_training(self, folder: Path) -> None:
        code = (
            "import sys; from pathlib import Path; from model_registry.package import load_package;"
            "load_package(Path(sys.argv[1]));"
            "print([m for m in ('lightgbm', 'mlflow', 'pandas', 'sklearn', 'shap', 'pyarrow') if m in sys.modules])"
        )

        done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)

        assert done.stdout.strip() == "[]"


class TestScreening:
    def test_log_odds_are_slope_times_lightgbms_raw_score_plus_intercept(self, made: tuple[Path, Package]) -> None:
        rows, package = frame(), made[1]
        names = catalogue().register_names

        scored = package.screen(rows, 0)

        raw = lightgbm.Booster(model_str=texts()[0]).predict(rows.select(names).values, raw_score=True, num_threads=1)
        alone = ~scored.decided_by_full
        np.testing.assert_allclose(scored.log_odds[alone], (0.9 * np.asarray(raw) - 0.1)[alone], atol=1e-9, rtol=0)

    def test_base_and_contributions_sum_to_the_log_odds(self, made: tuple[Path, Package]) -> None:
        scored = made[1].screen(frame(), 0)

        np.testing.assert_allclose(scored.base + scored.contributions.sum(axis=1), scored.log_odds, atol=1e-12)
        np.testing.assert_allclose(1 / (1 + np.exp(-scored.log_odds)), scored.risk, atol=1e-12)

    def test_the_higher_risk_decides_so_an_answer_can_only_help(self, made: tuple[Path, Package]) -> None:
        rows, package = frame(), made[1]
        silent = FeatureFrame(np.column_stack([rows.values[:, :3], np.full(400, np.nan)]), rows.names, rows.fingerprint)

        with_answers, without = package.screen(rows, 0), package.screen(silent, 0)

        assert (with_answers.risk >= without.risk).all()
        assert (with_answers.risk > without.risk).any()
        assert (with_answers.level >= without.level).all()
        assert (with_answers.risk == np.fmax(with_answers.register_risk, with_answers.full_risk)).all()

    def test_the_full_model_is_used_only_where_an_answer_is_known(self, made: tuple[Path, Package]) -> None:
        rows = frame()

        scored = made[1].screen(rows, 0)

        assert (np.isnan(scored.full_risk) == np.isnan(rows.column("own_view"))).all()
        assert not scored.decided_by_full[np.isnan(rows.column("own_view"))].any()
        assert {scored.decided_by(row) for row in range(400)} == {"register", "full"}

    def test_the_baseline_is_the_mean_over_people_at_the_landmark(self, made: tuple[Path, Package]) -> None:
        package = made[1]

        register = package.register.contributions(frame()).mean(axis=0)

        np.testing.assert_allclose(package.reference.baseline("register", 0)[:3], register, atol=1e-12)
        assert package.reference.baseline("register", 0)[3] == 0.0

    def test_relative_contributions_are_less_the_baseline_of_the_model_that_decided(
        self, made: tuple[Path, Package]
    ) -> None:
        package = made[1]

        scored = package.screen(frame(), 0)

        for row in range(20):
            baseline = package.reference.baseline(scored.decided_by(row), 0)
            np.testing.assert_allclose(scored.relative[row], scored.contributions[row] - baseline)

    def test_one_row_alone_gets_what_it_gets_among_many(self, made: tuple[Path, Package]) -> None:
        rows, package = frame(), made[1]
        together = package.screen(rows, 0)

        for row in range(0, 400, 37):
            one = package.screen(FeatureFrame(rows.values[row : row + 1], rows.names, rows.fingerprint), 0)
            assert one.risk[0] == together.risk[row]
            assert (one.contributions[0] == together.contributions[row]).all()

    def test_features_of_another_catalogue_are_refused(self, made: tuple[Path, Package]) -> None:
        rows = frame()

        with pytest.raises(FrameError, match="another catalogue"):
            made[1].screen(FeatureFrame(rows.values, rows.names, "other"), 0)

    def test_a_landmark_the_model_does_not_have_is_refused(self, made: tuple[Path, Package]) -> None:
        with pytest.raises(FrameError, match="landmark"):
            made[1].screen(frame(), 3)

    def test_a_package_of_one_model_screens_by_it(self, tmp_path: Path) -> None:
        package = small_package(tmp_path / "one", full=None, full_text=None)

        scored = package.screen(frame())

        assert package.full is None
        assert np.isnan(scored.full_risk).all()
        assert not scored.decided_by_full.any()

    def test_a_linear_challenger_can_be_packaged_and_is_exact(self, tmp_path: Path) -> None:
        from model_registry.scoring.calibration import SigmoidCalibration
        from model_registry.scoring.linear import fit_design

        names: Any = catalogue().register_names
        design = fit_design(frame().select(names).values, names, {"trade": 4})
        linear = Scorer(design.tables(np.arange(6.0), -1.0), SigmoidCalibration(1.0, 0.0))

        package = small_package(tmp_path / "one", register=linear, full=None, register_text=None, full_text=None)

        expected = design.matrix(frame().select(names).values) @ np.arange(6.0) - 1.0
        np.testing.assert_allclose(package.screen(frame(), 0).log_odds, expected, atol=1e-12)


def test_a_labour_market_is_carried_and_comes_back() -> None:
    from features.facts import LabourMarket
    from model_registry.labour_market_csv import labour_market_from_text, labour_market_text

    days = [np.array([20_000, 20_031, 20_031], dtype=np.int32), np.array([19_950, 19_980, 19_980], dtype=np.int32)]
    market = LabourMarket(np.array([0, 2, 2, 3]), *days, np.array([1.5, 2.25, 0.1]))

    again = labour_market_from_text(labour_market_text(market, ("1", "2", "3")), ("1", "2", "3"))

    for name in ("offsets", "published_on", "month", "value"):
        assert getattr(again, name).tolist() == getattr(market, name).tolist()


def test_the_catalogue_of_these_tests_is_whole() -> None:
    assert catalogue_from_text(CATALOGUE_TEXT).register_names == ("months_worked", "months_out", "trade")
    assert write_package.__doc__
