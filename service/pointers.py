"""JSON pointers into a document from outside, and the places in it where something like an identity code stands."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from features.identity_codes import holds_identity_code

# How often a text may be percent-encoded on top of itself before we stop undoing it.
ENCODING_LAYERS = 3


def walk(node: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar in a document with its JSON pointer, and every key with the pointer of its field."""
    if isinstance(node, dict):
        for key, value in node.items():
            inner = f"{pointer}/{escape_pointer(key)}"
            yield inner, key
            yield from walk(value, inner)
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from walk(value, f"{pointer}/{position}")
    else:
        yield pointer, node


def depth_of(document: Any) -> int:
    """How many objects and lists stand around the innermost value, counted without recursion."""
    deepest, level = 0, [document]
    while level:
        deepest += 1
        level = [
            inner
            for node in level
            if isinstance(node, dict | list)
            for inner in (node.values() if isinstance(node, dict) else node)
        ]
    return deepest - 1


def hides_identity_code(text: str) -> bool:
    """Whether `text`, as it stands or percent-decoded, holds something shaped like an identity code."""
    for _ in range(ENCODING_LAYERS + 1):
        if holds_identity_code(text):
            return True
        if "%" not in text:
            return False
        text = unquote(text)
    return False


def is_text(text: str) -> bool:
    """Whether every character can be written as UTF-8: half of a surrogate pair cannot."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def safe_pointer(pointer: str) -> str:
    """The same JSON pointer, cut before the first part that itself holds an identity code or is no text."""
    kept: list[str] = []
    for part in pointer.split("/"):
        if hides_identity_code(part) or not is_text(part):
            break
        kept.append(part)
    return "/".join(kept)


def escape_pointer(key: str) -> str:
    """The key as one part of a JSON pointer (RFC 6901).

    >>> escape_pointer("a/b~c")
    'a~1b~0c'
    """
    return key.replace("~", "~0").replace("/", "~1")
