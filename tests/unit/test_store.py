"""The embedded model store: register, list, export, name the champion; and the model that mlflow itself serves."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from features.errors import PackageError, RegistryError
from model_registry.home import home, packages, tracking_uri
from model_registry.package import Package, load_package
from model_registry.store import Store
from tests.small_package import frame, small_package

NAME = "demo-small"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def package(base: Path) -> Package:
    return small_package(base / "made")


@pytest.fixture(scope="module")
def store(base: Path, package: Package) -> Store:
    """With two versions of one model, both of the same package."""
    store = Store(tracking_uri(base))
    run = store.log_run(NAME, params={"trees": 12}, metrics={"auc.0": 0.7}, tags={"data": "abc"})
    assert [store.register(base / "made", run) for _ in range(2)] == ["1", "2"]
    return store


def test_versions_are_listed_in_order_with_their_digest(store: Store, package: Package) -> None:
    versions = store.versions(NAME)

    assert [found.version for found in versions] == ["1", "2"]
    assert {found.digest for found in versions} == {package.meta.digest}
    assert all(found.demonstration for found in versions)
    assert store.latest(NAME) == versions[-1]


def test_an_exported_package_is_the_registered_one_with_its_version(
    store: Store, package: Package, tmp_path: Path
) -> None:
    folder = store.export(NAME, "2", tmp_path)

    exported = load_package(folder)
    assert folder.name == "demo-small-2"
    assert exported.meta.version == "2"
    assert exported.meta.digest == package.meta.digest
    assert (exported.screen(frame()).risk == package.screen(frame()).risk).all()
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_exporting_again_keeps_what_is_there(store: Store, tmp_path: Path) -> None:
    first = store.export(NAME, "1", tmp_path)
    before = first.stat().st_mtime_ns

    assert store.export(NAME, "1", tmp_path) == first
    assert first.stat().st_mtime_ns == before


def test_another_package_in_the_way_is_refused(store: Store, tmp_path: Path) -> None:
    small_package(tmp_path / "demo-small-1", evidence={"auc": {"0": 0.5}})

    with pytest.raises(PackageError, match="in the way"):
        store.export(NAME, "1", tmp_path)


def test_the_champion_is_one_version(store: Store) -> None:
    store.set_champion(NAME, "2")
    store.set_champion(NAME, "1")

    assert [found.is_champion for found in store.versions(NAME)] == [True, False]


@pytest.mark.parametrize("version", ["3", "latest", "../1", "-1"])
def test_a_version_that_does_not_exist_is_refused(store: Store, tmp_path: Path, version: str) -> None:
    with pytest.raises(RegistryError, match="no such version"):
        store.export(NAME, version, tmp_path)


def test_a_model_that_does_not_exist_is_refused(store: Store) -> None:
    for ask in (store.versions, store.latest):
        with pytest.raises(RegistryError, match="no model"):
            ask("nobody")


def test_a_run_that_does_not_exist_is_refused(store: Store, base: Path) -> None:
    with pytest.raises(RegistryError):
        store.register(base / "made", "no-run")


def test_a_metric_that_is_not_a_number_is_refused(store: Store) -> None:
    with pytest.raises(RegistryError, match="auc is not a finite number"):
        store.log_run(NAME, params={}, metrics={"auc": float("nan")})


@pytest.mark.slow
def test_a_server_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(RegistryError, match="cannot be reached"):
        Store("http://127.0.0.1:9").versions(NAME)


def test_the_home_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VARHAIN_HOME", str(tmp_path))

    assert home() == tmp_path
    assert packages(home()) == tmp_path / "packages"
    assert tracking_uri(home()) == f"sqlite:///{tmp_path}/mlflow/mlflow.db"


REGISTER = """
import sys
from pathlib import Path
from model_registry.store import Store
store = Store(sys.argv[1])
run = store.log_run("demo-small", params={f"p{i}": i for i in range(150)}, metrics={"auc": 0.7})
print(store.register(Path(sys.argv[2]), run))
"""


@pytest.mark.slow
def test_two_registrations_at_the_same_time_both_succeed_and_say_nothing_else(tmp_path: Path) -> None:
    small_package(tmp_path / "made")
    command = [sys.executable, "-c", REGISTER, tracking_uri(tmp_path), str(tmp_path / "made")]
    pipe = subprocess.PIPE

    both = [subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True) for _ in range(2)]

    said = [process.communicate(timeout=120) for process in both]
    assert sorted(out.strip() for out, _ in said) == ["1", "2"], said
    assert [err for _, err in said] == ["", ""]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "mlflow"]


@pytest.fixture
def served(store: Store, base: Path) -> Iterator[str]:
    """The address of `mlflow models serve` with version 1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{NAME}/1", "--env-manager", "local"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": store.uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    log = (base / "serve.log").open("w")
    process = subprocess.Popen(
        [*command, "-p", str(port)], env=environment, stdout=log, stderr=log, cwd=base, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            assert process.poll() is None, (base / "serve.log").read_text()
            try:
                urllib.request.urlopen(f"{address}/ping", timeout=1)
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        yield address
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=30)
        log.close()


@pytest.mark.slow
def test_mlflow_serves_the_same_risks(served: str, package: Package) -> None:
    rows = frame(20)
    data = [[None if np.isnan(value) else value for value in row] for row in rows.values.tolist()]
    body = json.dumps({"dataframe_split": {"columns": list(rows.names), "data": data}}).encode()
    request = urllib.request.Request(f"{served}/invocations", body, {"Content-Type": "application/json"})

    answer = json.load(urllib.request.urlopen(request, timeout=30))

    risks = [row["risk"] for row in answer["predictions"]]
    np.testing.assert_allclose(risks, package.screen(rows).risk, atol=1e-12)
    with urllib.request.urlopen(
        urllib.request.Request(
            f"{served}/invocations",
            json.dumps({"dataframe_records": [{"months_worked": None, "months_out": 1.0}]}).encode(),
            {"Content-Type": "application/json"},
        ),
        timeout=30,
    ) as few:
        assert 0 < json.load(few)["predictions"][0]["risk"] < 1
