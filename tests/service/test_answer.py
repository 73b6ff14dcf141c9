"""How sure an answer is, and what the area offers: the same numbers and names kept, in three lines and in full."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from model_registry.scoring.calibration import SigmoidCalibration
from model_registry.scoring.committee import Certainty, Committee
from model_registry.scoring.linear import LinearTables
from model_registry.scoring.reasons import DomainReason, Explanation, Statement, Topic
from model_registry.scoring.refits import CalibratedRefits, calibrated_refits, linear_refits
from service.answer import assessed_record, in_three_lines, render
from service.answer_model import ScreeningAnswer, VersionsPart
from service.readable import readable
from service.texts import LANGUAGES, say
from tests.policies import fixed_policy
from tests.service.served import Served, catalogue, document, package, scorer, served

EARLY, CLOSE = 1, 2
NAMES = {
    "fi": ("peruspalvelu", "varhainen tapaaminen", "tiivis tuki"),
    "sv": ("grundservice", "tidigt möte", "intensivt stöd"),
    "en": ("standard service", "early meeting", "close support"),
}
OFFERED = {
    "fi": ["koulutusneuvonta", "uravalmennus ja työnhakuvalmennus", "työkokeilu tai palkkatuettu työ"],
    "sv": [
        "utbildningsrådgivning",
        "karriärträning och jobbsökarträning",
        "arbetsprövning eller lönesubventionerat arbete",
    ],
    "en": ["training guidance", "career and job search coaching", "work trial or subsidised work"],
}
WORDS = dict.fromkeys(LANGUAGES, "x")
NOTHING_SAID = Explanation((), (), (), (), ())


def certainty(level: int, other: int, same: int) -> Certainty:
    """Of one person, by 25 refits: somewhere between 31 and 58 of 100."""
    return Certainty(
        25,
        np.array([0.31]),
        np.array([0.58]),
        np.array([0.5]),
        np.array([level], np.int8),
        np.array([same]),
        np.array([level != other]),
        np.array([other], np.int8),
    )


UNSURE, SURE = certainty(CLOSE, EARLY, 14), certainty(EARLY, EARLY, 23)


def answer(language: str, sure: Certainty, said: Explanation = NOTHING_SAID) -> dict[str, Any]:
    """The answer about somebody of whose like 43 of 100 stay, and that its form is the one promised."""
    record = assessed_record(catalogue(), fixed_policy(), 0.43, "register", False, 0, 0.1, sure, said)
    place = {"id": "screening-1", "client_id": "client-kielo", "as_of": "2026-10-15", "recorded_at": "2026-10-15T09:00"}
    versions = dict.fromkeys(VersionsPart.model_fields, "1")
    standing = {"a_person_decides": WORDS, "not_for": [WORDS], "demonstration": False, "versions": versions}
    told = render({**record, **place, **standing}, language)
    ScreeningAnswer.model_validate(told)
    return told


def in_terminal(told: Mapping[str, Any]) -> str:
    """The whole answer as text, without its line breaks."""
    return " ".join(readable(told).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_the_tool_does_not_know_both_levels_are_named_and_the_earlier_meeting_is_suggested(language: str) -> None:
    told = answer(language, UNSURE)

    segment, sure = told["segment"], told["segment"]["certainty"]
    _, early, close = NAMES[language]
    assert (segment["level"], segment["name"]) == ("close_support", close)
    assert (sure["known"], sure["other_level"]) == (False, "early_meeting")
    assert (sure["same_level"], sure["refits"]) == (14, 25)
    assert 0 < sure["text"].index(early) < sure["text"].index(close)
    assert f"{segment['heading']}: {close}. {sure['text']}" in in_three_lines(told)
    assert f"{segment['heading']}: {close} {sure['text']}" in in_terminal(told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_range_runs_from_the_lower_number_to_the_higher(language: str) -> None:
    told = answer(language, UNSURE)

    found = told["risk"]["range"]
    assert (found["of_100_stay_low"], told["risk"]["of_100_stay"], found["of_100_stay_high"]) == (31, 43, 58)
    assert (found["probability_low"], found["probability_high"]) == (0.31, 0.58)
    numbers = re.findall(r"\d+", found["text"])
    assert numbers.index("31") < numbers.index("58")
    assert found["text"] in in_three_lines(told)
    assert found["text"] in in_terminal(told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_25_versions_23_give_the_level(language: str) -> None:
    told = answer(language, SURE)

    sure = told["segment"]["certainty"]
    assert (sure["known"], sure["same_level"], sure["refits"], sure["other_level"]) == (True, 23, 25, None)
    assert re.findall(r"\d+", sure["text"]) == ["25", "23"]
    assert f"{told['segment']['name']} {sure['text']}" in in_terminal(told)
    assert sure["text"] not in in_three_lines(told)  # three lines only say where the tool does not know


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_committee_neither_a_range_nor_votes_are_told(language: str) -> None:
    told = answer(language, replace(SURE, members=0))

    assert (told["risk"]["range"], told["segment"]["certainty"]) == (None, None)
    assert not {"31", "58", "23", "25"} & set(re.findall(r"\d+", in_three_lines(told) + readable(told)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_area_offers_stands_beside_the_reason_and_the_topic_it_belongs_to(language: str) -> None:
    reason = DomainReason("work_history", WORDS, 0.5, (Statement("worked_share_12", WORDS, WORDS, 0.5),))
    said = Explanation((), (reason,), (), (Topic("education", WORDS),), ())
    told = answer(language, SURE, said)

    options = told["options"]["items"]
    assert [option["name"] for option in options] == OFFERED[language]
    assert [option["domains"] for option in options] == [["education"], ["work_history"], ["work_history"]]
    assert told["options"]["note"] == say("options.note", language)
    assert all(f"\n  - {name}\n" in readable(told) for name in OFFERED[language])


def test_a_strength_alone_brings_no_option_and_that_is_said() -> None:
    strength = DomainReason("work_history", WORDS, -0.5, (Statement("worked_share_12", WORDS, WORDS, -0.5),))
    told = answer("en", SURE, replace(NOTHING_SAID, strengths=(strength,)))

    assert told["options"]["items"] == []
    assert told["options"]["note"] == say("options.none", "en")


# ------------------------------------------------------------------------------------------------ served


def refits(names: tuple[str, ...]) -> CalibratedRefits:
    """Of 25 refits fifteen are the model itself, and for ten everybody is nearly certain to stay."""
    own = scorer(names).tables
    assert isinstance(own, LinearTables)
    made = [replace(own, base=own.base + 20.0 * (member >= 15)) for member in range(25)]
    return calibrated_refits(linear_refits(made), [SigmoidCalibration(1.0, 0.0)] * 25)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Served:
    home = tmp_path_factory.mktemp("home")
    found = served(home, promoted=False)
    committee = Committee(
        refits(catalogue().register_names),
        refits(catalogue().feature_names),
        dict.fromkeys(catalogue().landmarks, 1.0),
    )
    folder = home / "packages" / "demo"
    found.promote(package(folder, committee=committee), folder)
    return found


@pytest.fixture(scope="module")
def client(service: Served) -> Iterator[TestClient]:
    with service.client() as running:
        yield running


def post(client: TestClient, service: Served, language: str, **headers: str) -> Any:
    told = {**service.headers(), "Accept-Language": language, **headers}
    return client.post("/v1/screenings", json=document(education_level="1"), headers=told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_served_committee_is_told_as_it_voted(client: TestClient, service: Served, language: str) -> None:
    told = post(client, service, language).json()

    segment, risk = told["segment"], told["risk"]
    standard, _, close = NAMES[language]
    assert (segment["level"], segment["name"]) == ("close_support", close)
    assert segment["certainty"] | {"text": ""} == {
        "text": "",
        "known": False,
        "same_level": 15,
        "refits": 25,
        "other_level": "standard_service",
    }
    assert segment["certainty"]["text"].index(standard) < segment["certainty"]["text"].index(close)
    # the 5th percentile of the members is the served risk itself, and the 95th as good as certain
    assert (risk["range"]["of_100_stay_low"], risk["range"]["of_100_stay_high"]) == (risk["of_100_stay"], 99)
    assert risk["of_100_stay"] < 38


def test_three_lines_of_a_served_committee_hold_the_range_and_both_levels(client: TestClient, service: Served) -> None:
    told = post(client, service, "en").json()
    first, second, third = post(client, service, "en", Accept="text/plain").text.splitlines()

    assert told["risk"]["range"]["text"] in second
    assert second.endswith(f"Suggested contact level: close support. {told['segment']['certainty']['text']}")
    assert told["segment"]["certainty"]["text"] not in first + third


def test_a_served_answer_offers_what_belongs_to_its_reasons(client: TestClient, service: Served) -> None:
    told = post(client, service, "en").json()

    reasons = {part["domain"] for group in ("can_be_influenced", "situation_now") for part in told[group]["items"]}
    assert "education" in reasons
    assert "training guidance" in [option["name"] for option in told["options"]["items"]]
    named = reasons | {topic["domain"] for topic in told["topics"]["items"]}
    assert all(set(option["domains"]) <= named for option in told["options"]["items"])
