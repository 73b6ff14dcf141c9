"""What a catalogue may never hold.

Protected attributes, outcome material or unjustified gated facts among its features; words that label people; anything
shaped like an identity code.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from features.catalogue_parts import CatalogueContent, Feature, Input
from features.functions import FUNCTIONS
from features.identity_codes import find_identity_codes, holds_identity_code
from features.wording import find_forbidden_words, forbidden_words

Faults = Iterator[tuple[str, str]]

ALWAYS_PROTECTED = (
    "sex", "gender", "sukupuoli", "kön", "female", "male", "ethnicity", "ethnic_group", "race", "religion", "uskonto",
    "citizenship", "citizenship_group", "nationality", "kansalaisuus", "medborgarskap", "native_language",
    "native_language_group", "mother_tongue", "äidinkieli", "modersmål", "origin_group", "background_country",
    "country_of_birth", "birth_country", "syntyperä", "taustamaa", "immigrant", "municipality", "municipality_code",
    "home_municipality", "kotikunta", "asuinkunta", "hemkommun", "postcode", "postal_code", "zip_code", "postinumero",
    "postnummer", "disability", "disability_or_long_illness_flag", "sexual_orientation", "political_opinion",
)  # fmt: skip
"""Refused among features and inputs whatever a catalogue declares.

Source: Non-discrimination Act 1325/2014, section 8; GDPR, Article 9; YVTltk 216/2017 (sex, language, age, residence).
"""

ALWAYS_GATED = (
    "age", "age_group", "age_years", "ikä", "ålder", "birth_year", "year_of_birth", "date_of_birth", "birth_date",
    "birthday", "syntymävuosi", "syntymäaika", "födelseår", "language_skill", "kielitaito", "språkkunskap",
)  # fmt: skip
"""Allowed only as a gated feature with a written justification."""

STILL_DECLARED = "it is for audits only; take it out"


def forbidden_texts(document: Mapping[str, Any], source_text: str) -> Faults:
    """Yield a fault for each place that holds a forbidden word or anything shaped like an identity code."""
    texts = "\n".join(_every_text(document))
    if forbidden_words(texts):
        for place, words in find_forbidden_words(document):
            yield place, f"holds words that label or blame people ({', '.join(words)}); describe the situation"
    if holds_identity_code(texts) or holds_identity_code(source_text):
        pointers = find_identity_codes(document)
        for pointer in pointers:
            place = pointer.strip("/").replace("/", ".")
            yield place, "holds something shaped like a personal identity code, in a text or a key; take it out"
        if not pointers:
            for number, line in enumerate(source_text.splitlines(), 1):
                if holds_identity_code(line):
                    yield f"line {number}", "holds something shaped like a personal identity code; take it out"


def protected_material(content: CatalogueContent) -> Faults:
    """Yield a fault for each input or feature that is, reads or stands for a protected attribute."""
    declared = [name for item in content.protected for name in (item.name, item.field)]
    protected = _Names([*declared, *ALWAYS_PROTECTED])
    gated_inputs = {item.name for item in content.gated_inputs}
    for item in _ungated(content):
        if any(protected.hold(name) for name in (item.name, item.field)):
            yield _place(item), f"is a protected attribute among the inputs; {STILL_DECLARED}"
        elif item.data_class == "protected":
            yield _place(item), "is of data class protected; only an input under [gated.inputs] may be"
    for feature in content.features:
        if feature.gated:
            continue
        place = f"features.{feature.name}"
        if any(protected.hold(name) for name in _names_read(feature)):
            yield place, f"is or reads a protected attribute; {STILL_DECLARED}"
        if feature.input in gated_inputs:
            yield f"{place}.input", "is a gated input; move the feature under [gated.features], with a justification"


def gated_material(content: CatalogueContent) -> Faults:
    """Yield a fault for each gated fact that is used without its written justification."""
    names = _Names(
        [*ALWAYS_GATED, *(item.name for item in content.gated_inputs), *(item.field for item in content.gated_inputs)],
        whole=True,
    )
    also = _Names([item.name for item in content.gated_features], whole=True)
    gated_inputs = {item.name for item in content.gated_inputs}
    cure = "is gated: put it under [gated.features] with a justification that names its purpose, legal basis, cost"
    for feature in content.features:
        if not feature.gated and any(names.hold(name) or also.hold(name) for name in _names_read(feature)):
            yield f"features.{feature.name}", cure
    for item in _ungated(content):
        if any(names.hold(name) for name in (item.name, item.field)):
            yield _place(item), cure
    for feature in content.gated_features:
        place = f"gated.features.{feature.name}"
        if feature.switched_on and not feature.justification:
            yield f"{place}.justification", "is missing; without it a gated feature stays off (switched_on = false)"
        if feature.input is not None and feature.input not in gated_inputs:
            yield f"{place}.input", "must name an input under [gated.inputs]"


def outcome_material(content: CatalogueContent) -> Faults:
    """Yield a fault for each input or feature that is outcome material, the as-of date or the person."""
    label_column = [content.label.column] if content.label.column else []
    outcome = _Names([*content.forbidden_columns, *label_column], whole=True)
    keys = _Names([content.person_column, content.as_of_column], whole=True)
    for item in (*content.inputs, *content.gated_inputs):
        if any(outcome.hold(name) for name in (item.name, item.field)):
            yield _place(item), "is outcome material: it is known only once the future has been seen; take it out"
        if any(keys.hold(name) for name in (item.name, item.field)):
            yield _place(item), "is the person or as-of column, which is no input; take it out"
    for feature in (*content.features, *content.gated_features):
        if any(outcome.hold(name) for name in _names_read(feature)):
            yield f"features.{feature.name}", "is or reads outcome material, which would leak the future; take it out"


def _ungated(content: CatalogueContent) -> list[Input]:
    return [item for item in content.inputs if not any(item is gated for gated in content.gated_inputs)]


def _names_read(feature: Feature) -> Iterator[str]:
    """Every name through which a feature could be, or read, something it must not."""
    yield feature.name
    if feature.input is not None:
        yield feature.input
    if feature.function is not None:
        yield feature.function
        if feature.function in FUNCTIONS:
            yield from FUNCTIONS[feature.function].reads
    yield from (value for value in feature.parameters.values() if isinstance(value, str))


def _place(item: Input) -> str:
    return f"inputs.{item.name}" if item.fact == "flat" else f"inputs.{item.fact}.{item.name}"


def _every_text(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key).replace("_", " ") if "_" in str(key) else str(key)
            yield from _every_text(inner)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for inner in value:
            yield from _every_text(inner)


class _Names:
    """Names compared without regard to case, underscores, hyphens, accents and camel case.

    Unless `whole`, a name counts when it appears as whole words within another: `sex` within `client_sex`.
    """

    def __init__(self, names: Sequence[str], whole: bool = False) -> None:
        self.joined = {_squeezed(name) for name in names}
        self.words = () if whole else tuple({_words(name) for name in names})

    def hold(self, name: str) -> bool:
        if _squeezed(name) in self.joined:
            return True
        words = f" {_words(name)} "
        return any(f" {wanted} " in words for wanted in self.words)


def _folded(name: str) -> str:
    spread = unicodedata.normalize("NFKD", name)
    return "".join(character for character in spread if unicodedata.category(character) != "Mn")


@lru_cache(maxsize=4096)
def _squeezed(name: str) -> str:
    return re.sub(r"[\W_]+", "", _folded(name).casefold())


@lru_cache(maxsize=4096)
def _words(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", _folded(name))
    return re.sub(r"[\W_]+", " ", spaced).strip().casefold()
