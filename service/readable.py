"""An answer as a person reads it in the terminal: the same words in the same order, strengths first."""

from collections.abc import Iterator, Mapping
from textwrap import fill
from typing import Any

from service.texts import say

WIDTH = 100
INDENT = "  "


def readable(answer: Mapping[str, Any]) -> str:
    """The whole answer as text, at most `WIDTH` characters wide."""
    return "\n".join(_lines(answer)) + "\n"


def _lines(answer: Mapping[str, Any]) -> Iterator[str]:
    language = answer["language"]
    if answer["demonstration"]:
        yield _wrapped(f"*** {answer['demonstration']} ***", "")
    if answer["assessed"]:
        yield from _assessed(answer, language)
    else:
        told = answer["not_assessed"]
        yield from _titled(told["heading"], [told["text"], told["reason_text"], told["next_step"]])
    yield ""
    yield _wrapped(answer["a_person_decides"], "")
    yield from _titled(answer["not_for"]["heading"], answer["not_for"]["items"], mark="- ")
    versions = answer["versions"]
    yield from _titled(
        say("heading.versions", language),
        [
            f"{versions['model']} {versions['model_version']}, {versions['policy']}, {versions['catalogue']}",
            f"{answer['id']}, {answer['recorded_at']}",
        ],
    )


def _assessed(answer: Mapping[str, Any], language: str) -> Iterator[str]:
    yield from _domains(answer["strengths"])
    risk, segment = answer["risk"], answer["segment"]
    estimate = [risk["text"], *([risk["range"]["text"]] if risk["range"] else []), risk["decided_by_text"]]
    yield from _titled(risk["heading"], estimate)
    sure = [segment["certainty"]["text"]] if segment["certainty"] else []
    yield from _titled(f"{segment['heading']}: {segment['name']}", [*sure, segment["meaning"], segment["note"]])
    yield from _domains(answer["can_be_influenced"])
    yield from _domains(answer["situation_now"])
    topics = answer["topics"]
    yield from _titled(topics["heading"], [topics["note"]])
    for topic in topics["items"]:
        yield _wrapped(f"- {topic['text']}", INDENT)
    options = answer["options"]
    yield from _titled(options["heading"], [options["note"]])
    for option in options["items"]:
        yield _wrapped(f"- {option['name']}", INDENT)
    not_known = answer["not_known"]
    yield from _titled(not_known["heading"], [not_known["note"]] if not_known["note"] else [])
    for item in not_known["items"]:
        source = say(f"source.{item['source']}", language)
        yield _wrapped(f"- {item['name']} ({source}): {item['why_needed']}", INDENT)


def _domains(section: Mapping[str, Any]) -> Iterator[str]:
    yield from _titled(section["heading"], [section["note"]] if section["note"] else [])
    for domain in section["items"]:
        said = " ".join(f"{statement['text']} ({statement['fact']})" for statement in domain["statements"])
        yield _wrapped(f"- {domain['name']}: {said}", INDENT)


def _titled(heading: str, lines: list[str], mark: str = "") -> Iterator[str]:
    yield ""
    yield heading
    for line in lines:
        yield _wrapped(mark + line, INDENT)


def _wrapped(text: str, indent: str) -> str:
    further = indent + ("  " if text.startswith("- ") else "")
    return fill(text, WIDTH, initial_indent=indent, subsequent_indent=further)
