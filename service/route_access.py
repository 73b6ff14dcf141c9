"""The table of routes: who may call each of them. A route that stands nowhere here lets nobody in."""

from collections.abc import Mapping
from typing import Final

ANYBODY: Final = frozenset({"anybody"})

# No route about a person for steering or analysts: they see figures, never people.
ROLES_OF_ROUTE: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("POST", "/v1/screenings"): frozenset({"advisor"}),
    # Whole caseloads go past any one advisor's unit; reading is the operator's too, on a client's own request.
    ("POST", "/v1/screenings/batch"): frozenset({"operator"}),
    ("GET", "/v1/screenings/{screening_id}"): frozenset({"advisor", "operator"}),
    ("GET", "/v1/clients/{client_id}/screenings"): frozenset({"advisor", "operator"}),
    ("GET", "/v1/model"): frozenset({"advisor", "analyst", "steering", "operator"}),
    ("GET", "/v1/promotions"): frozenset({"analyst"}),
    # Probes of a platform carry no key; these two tell of no person.
    ("GET", "/health/live"): ANYBODY,
    ("GET", "/health/ready"): ANYBODY,
    # The request model is no secret: an integrator reads it before asking for a key.
    ("GET", "/v1/openapi.json"): ANYBODY,
    ("GET", "/docs"): ANYBODY,
}


def roles_of(method: str, template: str) -> frozenset[str]:
    """The roles that may call a route; empty when it stands in no row of the table."""
    return ROLES_OF_ROUTE.get((method, template), frozenset())
