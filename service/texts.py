"""The sentences the service itself says, in Finnish, Swedish and English, checked as a whole when they are loaded."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from features.errors import ConfigError

LANGUAGES = ("fi", "sv", "en")
DEFAULT_LANGUAGE = "fi"
_FILE = Path(__file__).with_name("texts.toml")

Wording = Mapping[str, str]


@cache
def wordings() -> Mapping[str, Wording]:
    """All wordings by dotted key, such as ``risk.sentence``.

    Raises
    ------
    ConfigError
        When a wording lacks a language or its placeholders differ between languages; names the key.
    """
    return check_wordings(_flatten(tomllib.loads(_FILE.read_text(encoding="utf-8"))))


def say(key: str, language: str, **values: object) -> str:
    """The sentence under `key` in `language`, with its placeholders filled."""
    return wordings()[key][language].format(**values) if values else wordings()[key][language]


def check_wordings(found: Mapping[str, Wording]) -> Mapping[str, Wording]:
    """The same wordings, once each is known to stand in every language with the same placeholders.

    Raises
    ------
    ConfigError
        Names every faulty key.
    """
    faults = []
    for key, wording in found.items():
        missing = [language for language in LANGUAGES if not wording.get(language)]
        if missing:
            faults.append(f"{key} has no wording in {', '.join(missing)}")
        elif len({_placeholders(wording[language]) for language in LANGUAGES}) > 1:
            faults.append(f"{key} has different placeholders in its languages")
    if faults:
        raise ConfigError(f"texts.toml: {'; '.join(faults)}")
    return found


def preferred_language(accept_language: str | None) -> str:
    """The language of ours that an Accept-Language header likes best; Finnish when it names none of them.

    >>> preferred_language("en-GB;q=0.5, sv;q=0.9")
    'sv'
    """
    best, best_quality = DEFAULT_LANGUAGE, 0.0
    for part in (accept_language or "").split(","):
        tag, _, parameters = part.strip().partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES and (quality := _quality(parameters)) > best_quality:
            best, best_quality = language, quality
    return best


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _placeholders(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Wording]:
    found: dict[str, Wording] = {}
    for key, value in tree.items():
        if "fi" in value or not all(isinstance(inner, Mapping) for inner in value.values()):
            found[prefix + key] = value
        else:
            found.update(_flatten(value, f"{prefix}{key}."))
    return found
