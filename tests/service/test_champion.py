"""The model that serves: the latest promotion, swapped by a reload; without a usable package the service says why."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.catalogue import catalogue_from_text
from features.frame import FeatureFrame
from service import champion
from service.dependencies import Parts
from tests.service import served as made
from tests.service.served import Served, document, served


def seat_of(client: TestClient) -> Any:
    parts: Parts = client.app.state.parts  # type: ignore[attr-defined]
    return parts.seat


def post(client: TestClient, service: Served) -> Any:
    return client.post("/v1/screenings", json=document(), headers=service.headers())


def other_package(folder: Path) -> Any:
    """A package whose catalogue asks for the level of education as a required field and has another version."""
    text = made.catalogue().source_text
    changed = text.replace('version = "2026.1"', 'version = "2026.2"', 1)
    assert changed != text
    catalogue = catalogue_from_text(changed)
    reference = {
        month: FeatureFrame(frame.values, frame.names, catalogue.fingerprint)
        for month, frame in made.reference().items()
    }
    return made.package(folder, catalogue=catalogue, reference=reference)


def test_without_a_promotion_it_starts_and_says_why_it_is_not_ready(tmp_path: Path) -> None:
    service = served(tmp_path, promoted=False)
    with service.client() as client:
        ready, answer = client.get("/health/ready"), post(client, service)

        assert client.get("/health/live").status_code == 200
        assert (ready.status_code, answer.status_code) == (503, 503)
        assert "No model has been promoted yet" in ready.json()["detail"]
        assert ready.json()["detail"] == answer.json()["detail"]
        assert "continue as usual without the tool" in answer.json()["title"]
        assert client.get("/v1/openapi.json").status_code == 200


@pytest.mark.parametrize("fault", ["missing", "changed", "file gone"])
def test_an_unusable_package_is_named_and_the_service_starts(tmp_path: Path, fault: str) -> None:
    service = served(tmp_path)
    folder = tmp_path / "packages" / "demo"
    if fault == "missing":
        folder.rename(tmp_path / "elsewhere")
    elif fault == "changed":
        (folder / "policy.toml").write_text((folder / "policy.toml").read_text() + "\n")
    else:
        (folder / "register.npz").unlink()
    with service.client() as client:
        ready = client.get("/health/ready")

        assert (ready.status_code, post(client, service).status_code) == (503, 503)
        named = {"missing": "demo", "changed": "policy.toml", "file gone": "register.npz"}[fault]
        assert named in ready.json()["detail"]


def test_another_package_in_the_place_of_the_promoted_one_is_refused(tmp_path: Path) -> None:
    service = served(tmp_path)
    folder = tmp_path / "packages" / "demo"
    folder.rename(tmp_path / "elsewhere")
    made.package(folder, trained_on={"rows": 1})
    with service.client() as client:
        detail = client.get("/health/ready").json()["detail"]

        assert detail.startswith("The package of demo-weights version 1 is not the one that was promoted")
        assert str(tmp_path) not in detail


def test_a_reload_swaps_model_request_model_and_openapi_document(tmp_path: Path) -> None:
    service = served(tmp_path)
    with service.client() as client:
        first = client.get("/v1/openapi.json").json()
        folder = tmp_path / "packages" / "next"
        service.promote(other_package(folder), folder, version="2")
        waits = client.get("/health/ready").json()
        before = post(client, service).json()["versions"]

        seat_of(client).load()

        after = post(client, service).json()["versions"]
        assert waits["note"] == "A newer promotion waits for `varhain reload`."
        assert (before["model_version"], after["model_version"]) == ("1", "2")
        assert (before["catalogue"], after["catalogue"]) == ("keski_uusimaa 2026.1", "keski_uusimaa 2026.2")
        now = client.get("/v1/openapi.json").json()
        told = [d["components"]["schemas"]["ScreeningRequest"]["description"] for d in (first, now)]
        assert ("2026.1" in told[0], "2026.2" in told[1]) == (True, True)
        assert client.get("/health/ready").json()["note"] is None


def test_a_reload_that_fails_keeps_the_earlier_model_and_says_so(tmp_path: Path) -> None:
    service = served(tmp_path)
    with service.client() as client:
        folder = tmp_path / "packages" / "next"
        service.promote(other_package(folder), folder, version="2")
        (folder / "evidence.json").unlink()

        seat_of(client).load()

        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()["version"]) == (200, "1")
        assert "evidence.json" in ready.json()["note"]
        assert post(client, service).json()["versions"]["model_version"] == "1"


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "[]", "null", "9" * 5000, "\ud800"])
def test_a_package_description_of_any_shape_leaves_the_service_alive(tmp_path: Path, text: str) -> None:
    service = served(tmp_path)
    (tmp_path / "packages" / "demo" / "package.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with service.client() as client:
        ready = client.get("/health/ready")

        assert (ready.status_code, client.get("/health/live").status_code) == (503, 200)
        assert "package.json is not a package description" in ready.json()["detail"]


def test_what_nobody_foresaw_keeps_the_earlier_model_and_is_logged_by_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Path) -> Any:
        raise RuntimeError("what it says may name anything")

    service = served(tmp_path)
    with service.client() as client:
        monkeypatch.setattr(champion, "load_package", fails)

        seat_of(client).load()

        ready = client.get("/health/ready").json()
        assert (ready["status"], ready["version"]) == ("ready", "1")
        assert "for a reason nobody foresaw" in ready["note"]
        assert "unforeseen RuntimeError" in caplog.text
        assert "may name anything" not in caplog.text + ready["note"]


def test_newer_labour_market_figures_replace_the_packages(tmp_path: Path) -> None:
    service = served(tmp_path)
    figures = tmp_path / "figures.csv"
    figures.write_text("occupation,month,jobseekers_per_vacancy,published_on\n5,2026-09-01,4.5,2026-10-20\n")
    service.settings = service.settings.model_copy(update={"labour_market_file": figures})
    with service.client() as client:
        market = seat_of(client).current().labour_market

        assert market.value.tolist() == [4.5]
