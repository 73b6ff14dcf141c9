"""Words that no text of Varhain may hold, in any language: they label people, or make a person the cause.

Whatever is shown describes a situation. It names no kind of person, blames nobody and calls nobody a case.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    "fi": (
        r"vaikeasti\s+(?:työllisty|työllistett)\w*",
        r"vaikeasti\s+autettav\w*",
        r"…ongelm[ai]\w*",
        r"riski(?:asiak|henkilö|ryhmä|ihmi|työttöm|tapau)\w*",
        r"syrjäytyn\w*",
        r"työhalut\w*",
        r"työtävieroksu\w*",
        r"koska\s+(?:sinä|sinu\w*|sinä\w*|olet|teidän|te)\b",
        r"sinun\s+(?:oma\s+)?syy\w*",
        r"oma\s+syysi\w*",
    ),
    "sv": (
        r"svårsysselsatt\w*",
        r"svår(?:a|t)?\s+att\s+(?:sysselsätta|anställa|placera)",
        r"svår(?:anställ|placer)\w*",
        r"…problem\w*",
        r"risk(?:klient|kund|person|grupp|fall)\w*",
        r"utslagen\w*",
        r"utslagna\b",
        r"arbetsovillig\w*",
        r"eftersom\s+(?:du|ni)\b",
        r"därför\s+att\s+(?:du|ni)\b",
        r"på\s+grund\s+av\s+(?:dig|er|att\s+du|att\s+ni)\b",
        r"ditt\s+(?:eget\s+)?fel\b",
    ),
    "en": (
        r"hard[\s-]+to[\s-]+(?:employ|place|help)\w*",
        r"difficult[\s-]+to[\s-]+(?:employ|place|help)\w*",
        r"unemployable",
        r"risk(?:y)?[\s-]+(?:client|customer|person|people|group|case)s?\b",
        r"work[\s-]?shy",
        r"because[\s,]+(?:you|of\s+you)\w*",
        r"due\s+to\s+your",
        r"your\s+(?:own\s+)?fault",
        r"welfare\s+depend\w*",
    ),
}
"""Patterns by the language they belong to; every text is held against all of them, whatever its own language.

A pattern begins with plain letters; "…" in front means that compounds which end in the word count too.
"""

_HIDDEN = re.compile("[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]")
_BLANKS = re.compile(r"\s+")
# The media type and the name of RFC 9457 are not words about a person.
_TERM_OF_ART = re.compile(r"problem(?:\+json| details)")


def _folded(text: str) -> str:
    """Lower case, without accents, invisible characters and runs of blanks, so that spelling hides nothing."""
    lower = text.casefold()
    if not lower.isascii():
        lower = _HIDDEN.sub("", unicodedata.normalize("NFKD", lower))
    return _BLANKS.sub(" ", lower)


def _compiled(pattern: str) -> tuple[str, re.Pattern[str]]:
    """The plain letters a pattern begins with (a quick first look), and the pattern itself."""
    folded = _folded(pattern.removeprefix("…"))
    stem = re.match("[a-z]+", folded)
    if stem is None:
        raise ValueError("a forbidden pattern must begin with plain letters")
    return stem.group(), re.compile(folded if pattern.startswith("…") else rf"\b{folded}")


_PATTERNS = tuple(_compiled(pattern) for patterns in FORBIDDEN.values() for pattern in patterns)


def forbidden_words(text: str) -> tuple[str, ...]:
    """Return the forbidden words that `text` holds, as found (lower case, without accents).

    >>> forbidden_words("Tämä on riskiasiakas."), forbidden_words("Työkokemus on tuoretta.")
    (('riskiasiakas',), ())
    """
    folded = _folded(text)
    if "problem" in folded:
        folded = _TERM_OF_ART.sub("", folded)
    return tuple(found.group() for stem, pattern in _PATTERNS if stem in folded for found in pattern.finditer(folded))


def find_forbidden_words(value: Any, place: str = "") -> list[tuple[str, tuple[str, ...]]]:
    """Return (place, words) for every text of a nested document that holds a forbidden word; keys count as texts."""
    return [(where, words) for where, text in _texts(value, place) if (words := forbidden_words(text))]


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            where = f"{place}.{key}" if place else str(key)
            yield where, str(key).replace("_", " ")
            yield from _texts(inner, where)
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        for position, inner in enumerate(value):
            yield from _texts(inner, f"{place}[{position}]")
