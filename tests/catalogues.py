"""Catalogue texts for tests: the real one and the smallest flat one, each with a stretch of it changed."""

from pathlib import Path

import pytest

from features.catalogue import CATALOGUES, catalogue_from_text
from features.errors import CatalogueError

REAL = (CATALOGUES / "keski_uusimaa.toml").read_text(encoding="utf-8")
FLAT = (Path(__file__).parent / "data" / "small_flat.toml").read_text(encoding="utf-8")

DEPENDANTS = "[features.dependants]\n"
UNDER_35 = "[gated.features.under_35]\n"


def changed(text: str, old: str, new: str) -> str:
    """`text` with the first `old` replaced; a test that changes nothing proves nothing."""
    assert old in text
    return text.replace(old, new, 1)


def within(text: str, heading: str, old: str, new: str) -> str:
    """`text` with the first `old` after `heading` replaced."""
    before, found, after = text.partition(heading)
    assert found
    return before + found + changed(after, old, new)


def refusal(text: str) -> str:
    """The message with which a catalogue text is refused."""
    with pytest.raises(CatalogueError) as caught:
        catalogue_from_text(text, "area.toml")
    return caught.value.message
