"""Problems over HTTP as RFC 9457 has them: a kind, a title in the reader's language, what was wrong and where.

Nothing here ever repeats a value that was refused; pointers name fields, details name fields and cures.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse

from features.errors import (
    AccessError,
    FactsError,
    Fault,
    LedgerError,
    NotFoundError,
    NotReadyError,
    PackageError,
    VarhainError,
)
from service.purpose import PurposeError
from service.texts import say
from service.unforeseen import type_and_place

log = logging.getLogger("varhain.requests")
MEDIA_TYPE = "application/problem+json"
STATUS_OF_KIND: Mapping[str, int] = {
    "unreadable": 400,
    "key_needed": 401,
    "not_allowed": 403,
    "purpose": 403,
    "not_found": 404,
    "method": 405,
    "too_large": 413,
    "invalid": 422,
    "identity_code": 422,
    "unexpected": 500,
    "not_ready": 503,
    "ledger": 503,
}
_KIND_OF_ERROR: tuple[tuple[type[VarhainError], str], ...] = (
    (FactsError, "invalid"),
    (NotFoundError, "not_found"),
    (LedgerError, "ledger"),
    (NotReadyError, "not_ready"),
    (PackageError, "not_ready"),
)


@dataclass(frozen=True)
class Problem:
    """One refused request: its kind (a key of `STATUS_OF_KIND`), a sentence, and every fault with its JSON pointer."""

    kind: str
    detail: str
    errors: tuple[Fault, ...] = ()
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_response(self, language: str) -> JSONResponse:
        """The problem as a response in `language`."""
        body = self.as_body(language)
        headers = {"Content-Language": language, "Cache-Control": "no-store", **self.headers}
        return JSONResponse(body, body["status"], headers, MEDIA_TYPE)

    def as_body(self, language: str) -> dict[str, Any]:
        """The problem as an object in `language`; `status` overrides the kind's own."""
        status = self.status or STATUS_OF_KIND[self.kind]
        body: dict[str, Any] = {
            "type": f"urn:varhain:problem:{self.kind}",
            "title": say(f"problem.{self.kind}", language),
            "status": status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = [{"pointer": fault.pointer, "detail": fault.message} for fault in self.errors]
        return body


class ProblemError(VarhainError):
    """Carries a problem from wherever it was found to the one handler that answers with it."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        lines = [problem.detail, *(f"{fault.pointer}: {fault.message}" for fault in problem.errors)]
        super().__init__("\n".join(lines), problem.status or STATUS_OF_KIND[problem.kind])


def invalid(faults: Iterable[Fault]) -> Problem:
    """The problem of a document with faults, sorted by where they are."""
    errors = tuple(sorted(faults, key=lambda fault: fault.pointer))
    return Problem("invalid", f"{len(errors)} thing(s) to correct; see errors.", errors)


def identity_code_in(place: str, pointers: Iterable[str] = ()) -> Problem:
    """The problem of something shaped like a personal identity code; says where, never what."""
    cure = "Send the client's pseudonym as client_id, and no personal identity code anywhere."
    errors = tuple(
        Fault(pointer, f"Holds something shaped like a personal identity code. {cure}") for pointer in pointers
    )
    return Problem("identity_code", f"The {place} holds something shaped like a personal identity code. {cure}", errors)


def problem_of(error: VarhainError) -> Problem:
    """The problem that tells of one of our own errors."""
    if isinstance(error, ProblemError):
        return error.problem
    if isinstance(error, FactsError):
        return invalid(error.faults)
    if isinstance(error, PurposeError):
        return Problem("purpose", error.message)
    if isinstance(error, AccessError):
        if error.status_code == STATUS_OF_KIND["key_needed"]:
            return Problem("key_needed", error.message, headers={"WWW-Authenticate": "Bearer"})
        return Problem("not_allowed", error.message, status=error.status_code)
    for family, kind in _KIND_OF_ERROR:
        if isinstance(error, family):
            return Problem(kind, error.message)
    return Problem("refused", error.message, status=error.status_code)


def unexpected(error: Exception) -> Problem:
    """The problem of an error nobody foresaw; its type and place are logged, its message is not: it may hold data."""
    log.error("unexpected %s", type_and_place(error))
    return Problem("unexpected", "The service failed on this request; its operator finds the place in the log.")
