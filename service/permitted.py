"""Answers whose use the person has not permitted: they are put away before anything reads or keeps them."""

from collections.abc import Mapping
from typing import Any

from features.catalogue import Catalogue

ANSWERS = "self_assessments"
PERMISSION = "use_permitted"


def without_answers_not_permitted(catalogue: Catalogue, document: Any) -> Any:
    """The document with each self-assessment that may not be used cut down to what says that there is one.

    What stays are the fields the catalogue requires: the version of the form, the day and `use_permitted` itself. Where
    `use_permitted` is anything but false the self-assessment stays as it is, to be checked like everything else.
    """
    items = document.get(ANSWERS) if isinstance(document, Mapping) else None
    if not isinstance(items, list):
        return document
    kept = {item.field for item in catalogue.inputs_of(ANSWERS) if item.required}
    return {**document, ANSWERS: [_cut(item, kept) if _is_forbidden(item) else item for item in items]}


def _is_forbidden(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get(PERMISSION) is False


def _cut(item: Mapping[str, Any], kept: set[str]) -> dict[str, Any]:
    return {field: value for field, value in item.items() if field in kept}
