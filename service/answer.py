"""The answer of a screening: what is kept of it, language-neutral, and how it reads in one language.

Strengths come first, then the estimate both ways, then reasons. The kept form carries its wordings in every language,
so an old answer can be read again in another one after the model that gave it has been replaced.
"""

from collections.abc import Mapping
from typing import Any

from features.catalogue import Catalogue
from model_registry.scoring.committee import Certainty
from model_registry.scoring.reasons import DomainReason, Explanation
from model_registry.scoring.segments import SegmentPolicy
from service.texts import LANGUAGES, say

NOT_ASSESSED_REASONS = (
    "no_present_unemployment",
    "unemployed_over_a_year",
    "temporary_layoff_only",
    "outside_legal_age_range",
    "client_objects",
)
# Nobody is certain to leave or to stay, so neither number is ever 0 or 100.
FEWEST_OF_100, MOST_OF_100 = 1, 99
# Under half a month into a spell the horizon is simply a year.
JUST_BEGUN_MONTHS = 0.5

Record = dict[str, Any]


def assessed_record(
    catalogue: Catalogue,
    policy: SegmentPolicy,
    risk: float,
    decided_by: str,
    answers_used: bool,
    landmark: int,
    months: float,
    certainty: Certainty,
    said: Explanation,
) -> Record:
    """What is kept of an assessed person: numbers, names and wordings in every language.

    Parameters
    ----------
    risk : float
        Of the model that decided.
    decided_by : str
        "register" or "full".
    answers_used : bool
        Whether any voluntary answer was known, so that both models scored.
    landmark : int
        Months since the spell began, of the people compared with.
    months : float
        Months since this spell began; NaN where a flat extract does not tell.
    certainty : Certainty of one row
        The range, the level that applies and how sure it is.
    """
    stay = of_100(risk)
    return {
        "assessed": True,
        "strengths": [_domain(reason) for reason in said.strengths],
        "risk": {
            "of_100_leave": 100 - stay,
            "of_100_stay": stay,
            "probability": round(risk, 4),
            "range": _range(certainty, stay),
            "landmark": landmark,
            "decided_by": decided_by,
            "answers_used": answers_used,
            "horizon": _horizon(catalogue, months),
        },
        "segment": _segment(policy, certainty),
        "can_be_influenced": [_domain(reason) for reason in said.can_be_influenced],
        "situation_now": [_domain(reason) for reason in said.situation_now],
        "topics": [{"domain": topic.domain, "text": dict(topic.text)} for topic in said.topics],
        "options": _options(policy, said),
        "not_known": [
            {
                "input": item.input,
                "name": dict(item.label),
                "why_needed": dict(item.why_needed),
                "source": item.source,
                "voluntary": item.voluntary,
            }
            for item in said.not_known
        ],
    }


def _range(certainty: Certainty, stay: int) -> dict[str, Any] | None:
    """Between how many of 100 the estimate could lie; None where the model has no committee."""
    if not certainty.members:
        return None
    lower, upper = float(certainty.lower[0]), float(certainty.upper[0])
    return {
        "of_100_stay_low": min(stay, of_100(lower)),
        "of_100_stay_high": max(stay, of_100(upper)),
        "probability_low": round(lower, 4),
        "probability_high": round(upper, 4),
    }


def _segment(policy: SegmentPolicy, certainty: Certainty) -> dict[str, Any]:
    """The level that applies and, where there is a committee, how many of its members agree on the level."""
    level = policy.levels[int(certainty.level[0])]
    kept: dict[str, Any] = {"level": level.key, "name": dict(level.name), "meaning": dict(level.meaning)}
    kept["certainty"] = None
    if certainty.members:
        other = policy.levels[int(certainty.other_level[0])]
        unsure = bool(certainty.unsure[0])
        kept["certainty"] = {
            "known": not unsure,
            "same_level": int(certainty.same_level[0]),
            "refits": certainty.members,
            "other_level": other.key if unsure else None,
            "other_name": dict(other.name) if unsure else None,
        }
    return kept


def _options(policy: SegmentPolicy, said: Explanation) -> list[dict[str, Any]]:
    """What the area offers beside the domains of the reasons and topics."""
    reasons = (*said.can_be_influenced, *said.situation_now)
    domains = [reason.domain for reason in reasons] + [topic.domain for topic in said.topics]
    return [
        {"name": dict(option.name), "domains": [name for name in option.domains if name in domains]}
        for option in policy.options_for(domains)
    ]


def not_assessed_record(reason: str) -> Record:
    """What is kept of a person outside the trained population; `reason` is one of `NOT_ASSESSED_REASONS`."""
    return {"assessed": False, "reason": reason}


def of_100(risk: float) -> int:
    """How many of 100 people in a similar situation do not leave unemployment within the horizon, 1 to 99.

    >>> of_100(0.2312), of_100(0.0004), of_100(0.999)
    (23, 1, 99)
    """
    return min(MOST_OF_100, max(FEWEST_OF_100, round(100 * risk)))


def render(record: Mapping[str, Any], language: str) -> dict[str, Any]:
    """The answer in one language, made from what is kept: `record` with ``id``, ``versions`` and the rest beside it."""
    worded: dict[str, Any] = in_language(record, language)
    answer = {key: worded[key] for key in ("id", "client_id", "as_of", "recorded_at", "assessed")}
    answer["language"] = language
    answer["demonstration"] = say("demonstration.mark", language) if worded["demonstration"] else None
    answer |= _assessed(worded, language) if worded["assessed"] else _not_assessed(worded["reason"], language)
    answer["a_person_decides"] = worded["a_person_decides"]
    answer["not_for"] = {"heading": say("heading.not_for", language), "items": worded["not_for"]}
    answer["versions"] = worded["versions"]
    return answer


def in_language(node: Any, language: str) -> Any:
    """The same tree with every wording (a mapping of exactly our languages) replaced by its text."""
    if isinstance(node, Mapping):
        if node.keys() == set(LANGUAGES):
            return node[language]
        return {key: in_language(value, language) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [in_language(value, language) for value in node]
    return node


def _assessed(worded: Mapping[str, Any], language: str) -> dict[str, Any]:
    risk = dict(worded["risk"])
    sentence = _both_ways(risk, risk.pop("horizon"), language)
    risk["range"] = _told_range(risk, language)
    segment = dict(worded["segment"])
    segment["certainty"] = _told_certainty(segment, language)
    return {
        "strengths": _section("strengths", worded["strengths"], language, none="strengths.none"),
        "risk": {
            "heading": say("heading.risk", language),
            "text": sentence,
            **risk,
            "decided_by_text": say(f"risk.{_basis(risk)}", language),
        },
        "segment": {
            "heading": say("heading.segment", language),
            **segment,
            "note": say("segment.meaning", language),
        },
        "can_be_influenced": _reasons("can_be_influenced", worded, language),
        "situation_now": _reasons("situation_now", worded, language),
        "topics": _section("topics", worded["topics"], language, none="topics.none", note="topics.note"),
        "options": _section("options", worded.get("options", []), language, none="options.none", note="options.note"),
        "not_known": _section("not_known", worded["not_known"], language, none="not_known.nothing"),
    }


def _basis(risk: Mapping[str, Any]) -> str:
    """Which sentence says what the estimate rests on."""
    return (
        "register_beside_answers" if risk["answers_used"] and risk["decided_by"] == "register" else risk["decided_by"]
    )


def _both_ways(risk: Mapping[str, Any], horizon: Mapping[str, Any], language: str) -> str:
    """The estimate as one sentence that says how many leave and how many do not."""
    numbers = {"leave": risk["of_100_leave"], "stay": risk["of_100_stay"]}
    if horizon["kind"] == "outcome":
        return say("risk.outcome", language, **numbers, outcome=horizon["outcome"])
    phrase = say(f"horizon.{horizon['kind']}", language, **horizon["values"])
    return say("risk.sentence", language, **numbers, horizon=phrase)


def _told_range(risk: Mapping[str, Any], language: str) -> dict[str, Any] | None:
    kept = risk.get("range")
    if kept is None:
        return None
    text = say(
        "risk.range", language, stay=risk["of_100_stay"], low=kept["of_100_stay_low"], high=kept["of_100_stay_high"]
    )
    return {"text": text, **kept}


def _told_certainty(segment: Mapping[str, Any], language: str) -> dict[str, Any] | None:
    """How sure the level is, in one sentence; where the tool does not know, both levels are named."""
    kept = segment.get("certainty")
    if kept is None:
        return None
    if kept["known"]:
        text = say("certainty.known", language, same=kept["same_level"], all=kept["refits"])
    else:
        text = say("certainty.unknown", language, level=segment["name"], other=kept["other_name"])
    return {"text": text, **{key: kept[key] for key in ("known", "same_level", "refits", "other_level")}}


def _not_assessed(reason: str, language: str) -> dict[str, Any]:
    return {
        "not_assessed": {
            "heading": say("heading.not_assessed", language),
            "text": say("not_assessed.meaning", language),
            "reason": reason,
            "reason_text": say(f"not_assessed.{reason}.reason", language),
            "next_step": say(f"not_assessed.{reason}.next_step", language),
        }
    }


def _reasons(group: str, worded: Mapping[str, Any], language: str) -> dict[str, Any]:
    return _section(group, worded[group], language, none="reasons.none", note="reasons.relative")


def _section(name: str, items: list[Any], language: str, none: str, note: str | None = None) -> dict[str, Any]:
    """A section of the answer: its heading, a note (what is said where there is nothing, else what the items are)."""
    about = none if not items else note
    return {
        "heading": say(f"heading.{name}", language),
        "note": say(about, language) if about else None,
        "items": items,
    }


def _domain(reason: DomainReason) -> dict[str, Any]:
    return {
        "domain": reason.domain,
        "name": dict(reason.label),
        "statements": [
            {"feature": said.feature, "text": dict(said.text), "fact": dict(said.fact)} for said in reason.statements
        ],
    }


def _horizon(catalogue: Catalogue, months: float) -> dict[str, Any]:
    """How far the estimate looks: a kind of phrase (`horizon.*` in the texts) and its numbers."""
    label = catalogue.label
    if label.column is not None:
        # A flat extract's outcome is whatever its column says; only the catalogue's own words tell it rightly.
        return {"kind": "outcome", "outcome": dict(label.label)}
    total = label.horizon_months
    begun = months >= JUST_BEGUN_MONTHS
    left = max(1, round(total - months)) if begun else total
    if total == 12:
        return {"kind": "before_year", "values": {"months": left}} if begun else {"kind": "year", "values": {}}
    values = {"total": total, "months": left} if begun else {"months": left}
    return {"kind": "before_months" if begun else "months", "values": values}


def in_three_lines(answer: Mapping[str, Any]) -> str:
    """The answer in three lines: strengths, the estimate both ways with the level, and what weighs in the situation.

    For somebody not assessed: that, why, and the next step.
    """
    language, mark = answer["language"], f"[{answer['demonstration']}] " if answer["demonstration"] else ""
    if not answer["assessed"]:
        told = answer["not_assessed"]
        return "\n".join((mark + told["text"], told["reason_text"], told["next_step"]))
    strengths, risk, segment = answer["strengths"], answer["risk"], answer["segment"]
    said = [text for group in ("can_be_influenced", "situation_now") for text in _texts(answer[group])]
    first = say("plain.line", language, heading=strengths["heading"], content=_joined(strengths))
    estimate = " ".join(part["text"] for part in (risk, risk["range"]) if part)
    second = f"{estimate} {segment['heading']}: {segment['name']}."
    if segment["certainty"] and not segment["certainty"]["known"]:
        second += f" {segment['certainty']['text']}"
    content = " ".join(said) or say("reasons.none", language)
    return "\n".join((mark + first, second, say("plain.talk", language, content=content)))


def _joined(section: Mapping[str, Any]) -> str:
    return " ".join(_texts(section)) or str(section["note"])


def _texts(section: Mapping[str, Any]) -> list[str]:
    return [said["text"] for item in section["items"] for said in item["statements"]]
