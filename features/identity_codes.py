"""Find anything shaped like a Finnish personal identity code, wherever it hides, without ever repeating it.

The shape: six digits, a century sign (+, -, A-F, U-Y in either case), three digits and a check character. Neither the
checksum nor, for a code that stands alone, the date is asked: a mistyped code is somebody's code all the same.
Source: Digital and Population Data Services Agency, personal identity code; new century signs since 2023.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

REDACTED = "(removed)"
"""What stands in a message in place of a text that holds an identity code."""

# Every position is tried (lookahead), so that a code inside a longer run of digits is found too.
_CANDIDATE = re.compile(r"(?=(\d{6}\s*[-+A-FU-Ya-fu-y]\s*\d{3}\s*([0-9A-Za-z])))")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_SOFT_HYPHEN = "\u00ad"
_MINUS_SIGNS = frozenset("\u2212\u02d7\u2796\u2043\u30fc" + _SOFT_HYPHEN)


def holds_identity_code(text: str) -> bool:
    """Return whether `text` holds anything shaped like a Finnish personal identity code.

    A candidate counts when nothing alphanumeric touches it, or when it is embedded in a longer word and its first four
    digits are a plausible day and month.

    >>> holds_identity_code("Soita 131052-308T"), holds_identity_code("2026-10-15")
    (True, False)
    """
    return _in_any_reading(text, bare_only=False)


def holds_bare_identity_code(text: str) -> bool:
    """Return whether `text` holds such a code that nothing alphanumeric touches.

    For random tokens that are neither kept nor logged (trace headers, digests): they hold the shape inside by chance.

    >>> holds_bare_identity_code("trace-131052-308T"), holds_bare_identity_code("00131052a3080000")
    (True, False)
    """
    return _in_any_reading(text, bare_only=True)


def may_hold_identity_code(text: str) -> bool:
    """Return whether some part of `text` could hold such a code; False is certain, True is only a reason to look.

    One look at many texts put together costs less than a look at each, and nearly always it is enough.

    >>> may_hold_identity_code("education_level 3, 2026-10-15"), may_hold_identity_code("a 131052-308T b")
    (False, True)
    """
    return not text.isascii() or "%" in text or _CANDIDATE.search(text) is not None


def find_identity_codes(value: Any) -> list[str]:
    """Return RFC 6901 pointers to the places of a JSON document that hold an identity code, in order, each once.

    A key that holds one is told by the pointer of the object it stands in, so that no pointer repeats a code.
    """
    return list(dict.fromkeys(_walk(value, "")))


def redacted(text: str) -> str:
    """Return `text`, or `REDACTED` in its place where it holds an identity code."""
    return REDACTED if holds_identity_code(text) else text


def _walk(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, str):
        if holds_identity_code(value):
            yield pointer
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if holds_identity_code(str(key)):
                yield pointer
                yield from (pointer for _ in _walk(inner, pointer))
            else:
                yield from _walk(inner, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        for position, inner in enumerate(value):
            yield from _walk(inner, f"{pointer}/{position}")


def _plain(text: str) -> str:
    """NFKC, every dash a hyphen, every digit an ASCII digit, nothing invisible."""
    if text.isascii():
        return text
    return _NOT_ASCII.sub(lambda found: _plain_character(found.group()), unicodedata.normalize("NFKC", text))


@lru_cache(maxsize=4096)
def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Pd" or character in _MINUS_SIGNS:
        return "-"
    if category == "Nd":
        return str(unicodedata.digit(character))
    return "" if category == "Cf" else character


def _in_any_reading(text: str, bare_only: bool) -> bool:
    return _found(_plain(text), bare_only) or ("%" in text and _found(_plain(unquote(text)), bare_only))


def _found(text: str, bare_only: bool) -> bool:
    return any(_counts(text, candidate, bare_only) for candidate in _CANDIDATE.finditer(text))


def _counts(text: str, candidate: re.Match[str], bare_only: bool) -> bool:
    start, end = candidate.start(1), candidate.end(1)
    bare = not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum()
    day, month = int(text[start : start + 2]), int(text[start + 2 : start + 4])
    return bare or (not bare_only and 1 <= day <= 31 and 1 <= month <= 12)
