"""The OpenAPI document: made from the champion's catalogue, with an example that works, and no page from outside."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.service.served import Served, catalogue, served


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return served(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(service: Served) -> Iterator[TestClient]:
    with service.client() as running:
        yield running


@pytest.fixture(scope="module")
def schemas(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/openapi.json").json()["components"]["schemas"]
    return found


def test_every_input_of_the_catalogue_is_a_field(schemas: dict[str, Any]) -> None:
    models = {
        "spells": schemas["Spell"],
        "services": schemas["Service"],
        "self_assessments": schemas["SelfAssessment"],
    }
    for item in catalogue().inputs:
        field = models.get(item.fact, schemas["ScreeningRequest"])["properties"][item.field]

        assert item.why_needed["en"] in field["description"]
        assert (field.get("unit") == item.unit["en"]) if item.unit else True
        assert all(f"{value.code} = {value.label['en']}" in field["description"] for value in item.values)


def test_every_input_has_an_example(schemas: dict[str, Any]) -> None:
    assert schemas["ScreeningRequest"]["properties"]["education_level"]["examples"] == ["3"]
    assert schemas["SelfAssessment"]["properties"]["work_ability_score"]["examples"] == [7]


def test_the_example_of_a_whole_document_is_served(
    client: TestClient, service: Served, schemas: dict[str, Any]
) -> None:
    (example,) = schemas["ScreeningRequest"]["examples"]

    response = client.post("/v1/screenings", json=example, headers=service.headers())

    assert response.status_code == 200, response.text
    assert response.json()["assessed"] is True


def test_fields_nobody_asked_for_are_refused_by_the_document_too(schemas: dict[str, Any]) -> None:
    for name in ("ScreeningRequest", "Spell", "Service", "SelfAssessment"):
        assert schemas[name]["additionalProperties"] is False


def test_every_operation_names_its_roles_and_its_problems(client: TestClient) -> None:
    document = client.get("/v1/openapi.json").json()
    for template, operations in document["paths"].items():
        for operation in operations.values():
            assert "default" in operation["responses"]
            assert "422" not in operation["responses"]
            assert template.startswith("/health") or operation["x-roles"]


def test_no_shape_of_fastapis_own_refusals_is_left(schemas: dict[str, Any]) -> None:
    assert not {"HTTPValidationError", "ValidationError"} & set(schemas)


def test_the_page_loads_nothing_from_outside(client: TestClient) -> None:
    page = client.get("/docs")

    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
        assert f"/docs/assets/{asset}" in page.text
        assert client.get(f"/docs/assets/{asset}").status_code == 200
