"""The OpenAPI document, made anew from the champion's request model whenever another champion takes the seat."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from features.errors import NotReadyError
from service.caseloads import LONGEST_OCCASION, MOST_CLIENTS
from service.champion import Champion, ChampionSeat
from service.route_access import ANYBODY, ROLES_OF_ROUTE

SCHEMAS = "#/components/schemas/"
PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `errors` names every fault by JSON pointer; a refused value is never repeated.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:varhain:problem:invalid"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


OCCASION = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_OCCASION,
    "description": "Why this caseload is screened now; kept in the ledger for good, so name no person in it.",
    "examples": ["monthly round of the Kerava unit"],
}


class OpenApiDocument:
    """The document of an app; replaces FastAPI's own `openapi` method."""

    def __init__(self, app: FastAPI, seat: ChampionSeat) -> None:
        self._app = app
        self._seat = seat
        self._made_for: Champion | None = None
        self._document: dict[str, Any] | None = None

    def __call__(self) -> dict[str, Any]:
        """The document that fits the champion now serving; without one, the request is any object and says why."""
        try:
            champion = self._seat.current()
        except NotReadyError as error:
            return self._make({"type": "object", "description": error.message}, {})
        if self._document is None or self._made_for is not champion:
            schema = champion.request_model.model_json_schema(ref_template=SCHEMAS + "{model}")
            definitions = schema.pop("$defs", {})
            schema["examples"] = [example_document(schema, definitions)]
            self._document = self._make(schema, definitions)
            self._made_for = champion
        return self._document

    def _make(self, request: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
        app = self._app
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        components = document.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        # FastAPI adds the shape of its own 422, which is never sent here.
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas |= {"ScreeningRequest": request, "Problem": PROBLEM, **definitions}
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        content = {"application/json": {"schema": {"$ref": SCHEMAS + "ScreeningRequest"}}}
        document["paths"]["/v1/screenings"]["post"]["requestBody"] = {"required": True, "content": content}
        many = {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_CLIENTS,
            "items": {"$ref": SCHEMAS + "ScreeningRequest"},
        }
        batch = {
            "type": "object",
            "required": ["occasion", "clients"],
            "additionalProperties": False,
            "properties": {"occasion": OCCASION, "clients": many},
        }
        document["paths"]["/v1/screenings/batch"]["post"]["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": batch}},
        }
        for template, operations in document["paths"].items():
            for method, operation in operations.items():
                _complete(operation, ROLES_OF_ROUTE.get((method.upper(), template), frozenset()))
        return document


def example_document(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """An example of a whole document, made of the examples of its fields; a spell in it still goes on."""
    example: dict[str, Any] = {}
    for name, field in schema.get("properties", {}).items():
        if name in ("end", "known_on") and name not in schema.get("required", []):
            continue
        if field.get("examples"):
            example[name] = field["examples"][0]
        elif (inner := _definition_in(field, definitions)) is not None:
            made = example_document(inner, definitions)
            example[name] = [made] if _is_list(field) else made
    return example


def _is_list(field: dict[str, Any]) -> bool:
    return any(part.get("type") == "array" for part in [field, *field.get("anyOf", [])])


def _definition_in(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any] | None:
    for part in [field, *field.get("anyOf", [])]:
        reference = part.get("$ref") or part.get("items", {}).get("$ref")
        if reference:
            found: dict[str, Any] = definitions[reference.removeprefix(SCHEMAS)]
            return found
    return None


def _complete(operation: dict[str, Any], roles: frozenset[str]) -> None:
    """Adds to an operation what holds for every route: problems, and the key with the roles that may call."""
    responses = operation["responses"]
    responses.pop("422", None)
    responses["default"] = {
        "description": "A problem",
        "content": {"application/problem+json": {"schema": {"$ref": SCHEMAS + "Problem"}}},
    }
    if roles != ANYBODY:
        operation["security"] = [{"key": []}]
        operation["x-roles"] = sorted(roles)
