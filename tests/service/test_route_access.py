"""Every route stands in the table of roles, and the table is kept."""

from collections.abc import Iterator

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from service.app import create_app, routes_of
from service.ledger import open_ledger
from service.route_access import ANYBODY, ROLES_OF_ROUTE
from tests.service.ledger_home import OPERATOR
from tests.service.served import Served, document, served

ROLES = ("advisor", "analyst", "steering", "operator")
KEYED = [(method, path) for (method, path), roles in ROLES_OF_ROUTE.items() if roles != ANYBODY]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return served(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(service: Served) -> Iterator[TestClient]:
    with service.client() as running:
        yield running


def test_the_table_has_a_row_for_every_route_and_no_other(service: Served) -> None:
    assert routes_of(create_app(service.settings)) == set(ROLES_OF_ROUTE)


def test_a_new_route_is_seen_however_it_comes_in(service: Served) -> None:
    app, router = create_app(service.settings), APIRouter(prefix="/v1")
    app.get("/v1/forgotten")(lambda: {})
    router.delete("/hidden", include_in_schema=False)(lambda: {})
    app.include_router(router)

    assert routes_of(app) - set(ROLES_OF_ROUTE) == {("GET", "/v1/forgotten"), ("DELETE", "/v1/hidden")}


@pytest.mark.parametrize(("method", "path"), KEYED)
def test_without_a_key_nothing_is_told(client: TestClient, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer varhain_wrong_key"}, {"Authorization": "Basic eA=="}):
        response = client.request(method, path, json=document(), headers=headers)

        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path"), KEYED)
def test_a_role_gets_in_exactly_where_the_table_says(
    client: TestClient, service: Served, method: str, path: str, role: str
) -> None:
    response = client.request(method, path, json=document(), headers=service.headers(role))

    assert (response.status_code == 403) == (role not in ROLES_OF_ROUTE[method, path])


def test_steering_and_analysts_see_no_person() -> None:
    for (_, path), roles in ROLES_OF_ROUTE.items():
        if "screenings" in path:
            assert roles <= {"advisor", "operator"}


def test_a_revoked_key_opens_nothing(client: TestClient, service: Served) -> None:
    key = open_ledger(service.settings).issue_key(OPERATOR, "advisor", "kerava", "service_planning")
    headers = {"Authorization": f"Bearer {key.text}"}
    before = client.get("/v1/model", headers=headers).status_code
    open_ledger(service.settings).revoke_key(OPERATOR, key.id)

    assert (before, client.get("/v1/model", headers=headers).status_code) == (200, 401)
