"""Words that label people or blame them are found in every language and spelling; the real texts hold none."""

import tomllib

import pytest

from features.catalogue import load_catalogue
from features.catalogue_parts import LANGUAGES
from features.wording import find_forbidden_words, forbidden_words
from tests.catalogues import REAL


@pytest.mark.parametrize(
    "text",
    [
        "Asiakas on vaikeasti työllistyvä.",
        "VAIKEASTI  TYÖLLISTYVIÄ",
        "vaikeasti tyollistyva",
        "vaikeasti työllistettävä",
        "työllistymisen ongelma",
        "mielenterveysongelmia",
        "riskiasiakas",
        "riskiryhmään kuuluva",
        "syrjäytynyt",
        "koska sinä olet työtön",
        "Koska olet ollut pitkään työtön",
        "koska sinulla ei ole koulutusta",
        "svårsysselsatta personer",
        "svar\u030asysselsatt",
        "ett socialt problem",
        "riskklient",
        "en riskgrupp",
        "eftersom du saknar utbildning",
        "på grund av att du är arbetslös",
        "a hard-to-employ client",
        "difficult to employ",
        "a problem client",
        "a risk client",
        "risky customers",
        "Because you lack education",
        "because, you see",
        "it is your own fault",
        "unem\u00adployable",
    ],
)
def test_a_label_or_a_blame_is_found(text: str) -> None:
    assert forbidden_words(text)


@pytest.mark.parametrize(
    "text",
    [
        "Työkokemus on tuoretta.",
        "pitkäaikaistyöttömyyden riski",
        "Arvio perustuu tietoihin, koska päätöksen tekee ihminen.",
        "risk för långtidsarbetslöshet",
        "the risk of long-term unemployment",
        "of 100 people in a similar situation",
        "application/problem+json",
        "because a person decides",
    ],
)
def test_plain_words_pass(text: str) -> None:
    assert not forbidden_words(text)


def test_a_nested_document_tells_the_place_of_each() -> None:
    document = {"a": {"fi": "ongelma", "sv": "läge"}, "risk_client": ["fine", "unemployable"]}
    assert find_forbidden_words(document) == [
        ("a.fi", ("ongelma",)),
        ("risk_client", ("risk client",)),
        ("risk_client[1]", ("unemployable",)),
    ]


def test_the_real_catalogue_holds_none() -> None:
    assert find_forbidden_words(tomllib.loads(REAL)) == []


def test_every_string_of_the_real_catalogue_exists_in_three_languages() -> None:
    document = tomllib.loads(REAL)
    worded = list(_wordings(document))
    assert len(worded) > 300
    for place, wording in worded:
        assert all(wording.get(language, "").strip() for language in LANGUAGES), place


def test_the_real_catalogue_speaks_finnish_first_and_no_sentence_stands_untranslated() -> None:
    catalogue = load_catalogue("keski_uusimaa")
    for feature in catalogue.features:
        for wording in (feature.raises, feature.lowers, feature.strength):
            if wording is not None:
                assert len({wording[language] for language in LANGUAGES}) == 3, feature.name
                assert all(wording[language].endswith(".") for language in LANGUAGES), feature.name


def _wordings(value, place=""):  # type: ignore[no-untyped-def]
    if isinstance(value, dict):
        if set(LANGUAGES) & set(value):
            yield place, value
        for key, inner in value.items():
            yield from _wordings(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _wordings(inner, f"{place}[{position}]")
