"""The body of a batch: read as a whole, refused client by client."""

from collections.abc import Mapping
from dataclasses import dataclass
from re import fullmatch
from typing import Any

from features.errors import FactsError, Fault
from service.body import parsed, refusal_of
from service.caseloads import MOST_CLIENTS, checked_occasion
from service.problems import Problem, ProblemError

FIELDS = ("occasion", "clients")


@dataclass(frozen=True)
class Batch:
    """A batch; `refused` holds, by position, the problem of each client whose document cannot be read."""

    occasion: str
    clients: tuple[Any, ...]
    refused: Mapping[int, Problem]


def batch_in(raw: bytes) -> Batch:
    """The batch in the bytes of a request.

    Raises
    ------
    ProblemError
        It is not JSON, or no object, or an identity code stands outside of the clients.
    FactsError
        Without a usable occasion, without clients or with more than `MOST_CLIENTS`, or with another field.
    """
    document = parsed(raw)
    if not isinstance(document, dict):
        raise FactsError([Fault("", f"Must be an object with the fields {' and '.join(FIELDS)}.")])
    clients, faults = _clients_in(document)
    if problem := refusal_of({key: value for key, value in document.items() if key != "clients" or not clients}):
        raise ProblemError(problem)
    faults += [_unknown(key) for key in document if key not in FIELDS]
    try:
        occasion = checked_occasion(document.get("occasion"))
    except FactsError as error:
        faults += error.faults
    if faults:
        raise FactsError(faults)
    refused = {place: problem for place, client in enumerate(clients) if (problem := refusal_of(client))}
    return Batch(occasion, tuple(clients), refused)


def _clients_in(document: Mapping[str, Any]) -> tuple[list[Any], list[Fault]]:
    """The clients' documents; none, and a fault, where their number is not right."""
    clients = document.get("clients")
    if isinstance(clients, list) and 0 < len(clients) <= MOST_CLIENTS:
        return clients, []
    held = f"; this one holds {len(clients):,}" if isinstance(clients, list) else ""
    return [], [Fault("/clients", f"Must be a list of 1 to {MOST_CLIENTS:,} clients' documents{held}.")]


def _unknown(key: str) -> Fault:
    place = f"/{key}" if fullmatch(r"[a-z][a-z0-9_]{0,39}", key) else ""
    return Fault(place, f"Is not a field of a batch; it has {' and '.join(FIELDS)}.")
