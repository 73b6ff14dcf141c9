"""Turns the bytes of a request into a JSON document, and says what is wrong with them without repeating any of them."""

import json
import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from features.errors import Fault
from features.identity_codes import holds_identity_code
from service.problems import Problem, ProblemError, identity_code_in, invalid

# Integers above this are no longer exact as float64, and no field of ours comes near it.
LARGEST_INTEGER = 2**53
DEEPEST_NESTING = 20
# How often a text may be percent-encoded on top of itself before we stop undoing it.
ENCODING_LAYERS = 3


def read_document(raw: bytes) -> Any:
    """The JSON document in `raw`, free of identity codes, of numbers that are not finite and of doubled fields.

    Raises
    ------
    ProblemError
        ``unreadable`` (400) when it is not UTF-8 or not JSON, ``identity_code`` (422) with pointers, or ``invalid``
        (422) with the pointer of every number that is not finite.
    """
    document = _parse(_decode(raw))
    places_of_codes: dict[str, None] = {}
    faults = []
    for pointer, node in walk(document):
        if isinstance(node, str):
            if hides_identity_code(node):
                places_of_codes[safe_pointer(pointer)] = None
            if not _is_text(node):
                raise _unreadable("It holds half of a surrogate pair, which is no character; send text as UTF-8.")
        elif isinstance(node, float) and not math.isfinite(node):
            faults.append(Fault(pointer, "Must be a finite number; leave the field out when it is not known."))
        elif isinstance(node, int) and abs(node) > LARGEST_INTEGER:
            faults.append(Fault(pointer, "Is far larger than any number that can stand here."))
    if places_of_codes:
        raise ProblemError(identity_code_in("request body", places_of_codes))
    if faults:
        raise ProblemError(invalid(faults))
    return document


def walk(node: Any, pointer: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every scalar in a document with its JSON pointer, and every key with the pointer of its field.

    Raises
    ------
    ProblemError
        ``unreadable`` (400) when the document is nested deeper than `DEEPEST_NESTING`.
    """
    if depth > DEEPEST_NESTING:
        raise _too_deep()
    if isinstance(node, dict):
        for key, value in node.items():
            inner = f"{pointer}/{escape_pointer(key)}"
            yield inner, key
            yield from walk(value, inner, depth + 1)
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from walk(value, f"{pointer}/{position}", depth + 1)
    else:
        yield pointer, node


def hides_identity_code(text: str) -> bool:
    """Whether `text`, as it stands or with its percent-encoding undone, holds something shaped like an identity code."""
    for _ in range(ENCODING_LAYERS + 1):
        if holds_identity_code(text):
            return True
        if "%" not in text:
            return False
        text = unquote(text)
    return False


def safe_pointer(pointer: str) -> str:
    """The same JSON pointer, cut before the first part that itself holds an identity code."""
    kept: list[str] = []
    for part in pointer.split("/"):
        if hides_identity_code(part) or not _is_text(part):
            break
        kept.append(part)
    return "/".join(kept)


def escape_pointer(key: str) -> str:
    """The key as one part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


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


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _too_deep() -> ProblemError:
    return _unreadable(f"It is nested deeper than {DEEPEST_NESTING} levels; a screening needs three.")


def _unreadable(detail: str) -> ProblemError:
    return ProblemError(Problem("unreadable", detail))
