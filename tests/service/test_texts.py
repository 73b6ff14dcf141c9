"""Every text the service can produce stands in three languages and holds none of the words that label people."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from features.errors import ConfigError
from model_registry.scoring.segments import SegmentPolicy
from service.answer import NOT_ASSESSED_REASONS
from service.problems import STATUS_OF_KIND
from service.texts import LANGUAGES, check_wordings, preferred_language, say, wordings
from tests.service.served import catalogue, document, served

FORBIDDEN = (
    "vaikeasti työllisty",
    "svårsysselsatt",
    "svårplacera",
    "ongelma",
    "riskiasiak",
    "riskihenkil",
    "riskiryhm",
    "riskklient",
    "riskkund",
    "riskgrupp",
    "problemklient",
    "problemkund",
    "problem client",
    "problem-client",
    "risk client",
    "risk-client",
    "risk group",
    "at-risk",
    "because you",
    "koska sinä",
    "koska olet",
    "eftersom du",
    "hard to employ",
    "hard-to-employ",
    "difficult to employ",
    "unemployable",
    "hopeless",
    "syrjäytyn",
)


def words(node: Any) -> Iterator[Mapping[str, str]]:
    """Every wording (a mapping of our languages) anywhere in a tree of dataclasses, mappings and sequences."""
    if isinstance(node, Mapping):
        if set(node) == set(LANGUAGES):
            yield node
        else:
            for value in node.values():
                yield from words(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from words(value)
    elif hasattr(node, "__dataclass_fields__"):
        for name in node.__dataclass_fields__:
            yield from words(getattr(node, name))


def everything() -> list[Mapping[str, str]]:
    return [*wordings().values(), *words(catalogue()), *words(SegmentPolicy.load())]


def test_no_text_holds_a_forbidden_word() -> None:
    said = [text.casefold() for wording in everything() for text in wording.values()]

    assert len(said) > 600
    assert [(word, text) for text in said for word in FORBIDDEN if word in text] == []


def test_no_answer_holds_a_forbidden_word(tmp_path: Path) -> None:
    service = served(tmp_path)
    with service.client() as client:
        for language in LANGUAGES:
            for changes in ({}, {"within_legal_age_range": False}, {"education_level": "x"}):
                headers = {**service.headers(), "Accept-Language": language}
                text = client.post("/v1/screenings", json=document(**changes), headers=headers).text.casefold()
                text += client.get("/v1/model", headers=headers).text.casefold()
                assert [word for word in FORBIDDEN if word in text] == []


def test_every_text_stands_in_every_language() -> None:
    for wording in everything():
        assert all(wording[language].strip() for language in LANGUAGES)


def test_every_problem_and_every_reason_not_to_assess_has_its_words() -> None:
    keys = wordings()
    for kind in (*STATUS_OF_KIND, "refused"):
        assert f"problem.{kind}" in keys
    for reason in NOT_ASSESSED_REASONS:
        assert {f"not_assessed.{reason}.reason", f"not_assessed.{reason}.next_step"} <= set(keys)


def test_a_wording_without_a_language_is_a_fault_that_names_it() -> None:
    with pytest.raises(ConfigError, match=r"risk\.sentence has no wording in sv"):
        check_wordings({"risk.sentence": {"fi": "a", "sv": "", "en": "c"}})


def test_a_placeholder_missing_in_one_language_is_a_fault() -> None:
    with pytest.raises(ConfigError, match=r"risk\.sentence has different placeholders"):
        check_wordings({"risk.sentence": {"fi": "{n}", "sv": "{n}", "en": "n"}})


def test_contact_levels_are_called_what_the_area_calls_them() -> None:
    names = [[level.name[language] for level in SegmentPolicy.load().levels] for language in LANGUAGES]

    assert names == [
        ["peruspalvelu", "varhainen tapaaminen", "tiivis tuki"],
        ["grundservice", "tidigt möte", "intensivt stöd"],
        ["standard service", "early meeting", "close support"],
    ]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "fi"),
        ("", "fi"),
        ("de", "fi"),
        ("sv", "sv"),
        ("sv-FI", "sv"),
        ("EN", "en"),
        ("en;q=0.2, sv;q=0.8", "sv"),
        ("de, en;q=0.9", "en"),
        ("sv;q=0, en;q=0.1", "en"),
        ("sv;q=x", "fi"),
    ],
)
def test_the_language_is_the_one_liked_best(header: str | None, language: str) -> None:
    assert preferred_language(header) == language


def test_a_sentence_is_filled_in() -> None:
    assert say("horizon.months", "sv", months=18) == "inom 18 månader"
