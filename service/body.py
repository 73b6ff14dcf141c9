"""Turns the bytes of a request into a JSON document, and says what is wrong with them without repeating any of them."""

import json
import math
from typing import Any

from features.errors import Fault
from service.pointers import depth_of, hides_identity_code, is_text, safe_pointer, walk
from service.problems import Problem, ProblemError, identity_code_in, invalid

# Integers above this are no longer exact as float64, and no field of ours comes near it.
LARGEST_INTEGER = 2**53
DEEPEST_NESTING = 20


def read_document(raw: bytes) -> Any:
    """The JSON document in `raw`, free of identity codes, of numbers that are not finite and of doubled fields.

    Raises
    ------
    ProblemError
        ``unreadable`` (400) when it is not UTF-8 or not JSON, ``identity_code`` (422) with pointers, or ``invalid``
        (422) with the pointer of every number that is not finite.
    """
    document = parsed(raw)
    if problem := refusal_of(document):
        raise ProblemError(problem)
    return document


def parsed(raw: bytes) -> Any:
    """The JSON document in `raw`, whatever stands in it. Raises ProblemError (400) when it is none."""
    return _parse(_decode(raw))


def refusal_of(document: Any) -> Problem | None:
    """Why a parsed document cannot be taken as it stands, by what `read_document` names; None when it can."""
    if depth_of(document) > DEEPEST_NESTING:
        return _too_deep().problem
    codes: dict[str, None] = {}
    faults = []
    for pointer, node in walk(document):
        if isinstance(node, str):
            if not is_text(node):
                said = "It holds half of a surrogate pair, which is no character; send text as UTF-8."
                return _unreadable(said).problem
            if hides_identity_code(node):
                codes[safe_pointer(pointer)] = None
        elif isinstance(node, float) and not math.isfinite(node):
            faults.append(Fault(safe_pointer(pointer), "Must be a finite number; leave it out when it is not known."))
        elif isinstance(node, int) and abs(node) > LARGEST_INTEGER:
            faults.append(Fault(safe_pointer(pointer), "Is far larger than any number that can stand here."))
    if codes:
        return identity_code_in("request body", codes)
    return invalid(faults) if faults else None


def _decode(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _unreadable("Its encoding is not UTF-8; send JSON as UTF-8.") from None
    if text.startswith("\ufeff"):
        raise _unreadable("It begins with a byte order mark; send JSON as UTF-8 without one.")
    return text


def _parse(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object_of_pairs)
    except json.JSONDecodeError as fault:
        problem = _unreadable(f"It is not JSON: reading stopped at line {fault.lineno}, column {fault.colno}.")
    except RecursionError:
        problem = _too_deep()
    except ValueError:
        problem = _unreadable("It holds an integer of thousands of digits, or a field twice in one object.")
    raise problem  # outside the handlers, so that no traceback carries the text on as its context


def _object_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of `pairs`; the first of two values under one key would vanish unseen, so a doubled key is refused."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field stands twice in one object")
    return found


def _too_deep() -> ProblemError:
    return _unreadable(f"It is nested deeper than {DEEPEST_NESTING} levels; a screening needs three.")


def _unreadable(detail: str) -> ProblemError:
    return ProblemError(Problem("unreadable", detail))
