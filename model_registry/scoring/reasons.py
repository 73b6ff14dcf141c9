"""Reasons: contributions grouped by domain and put into words, strengths first.

Everything is relative to people at the same landmark: a contribution minus the mean contribution there. How long
the unemployment has lasted is the same for all of them, so it is never a reason. A feature that is only a topic is
named without direction, whatever its contribution; a feature whose value is not known is never a reason.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isnan

from features.catalogue import Catalogue
from features.catalogue_parts import Domain, Feature, Input, Words

# Net log-odds under which a domain is not worth a word: at a risk of 20 % it moves 1.6 people in a hundred.
DOMAIN_FLOOR = 0.10
# A single feature under this is noise inside its domain.
FEATURE_FLOOR = 0.03
SENTENCES_PER_DOMAIN = 3
YES_NO = {"fi": ("ei", "kyllä"), "sv": ("nej", "ja"), "en": ("no", "yes")}
CAN_BE_INFLUENCED = "can_be_influenced"
NOT_KNOWN = float("nan")


@dataclass(frozen=True)
class Statement:
    """One sentence about the situation, and the fact it rests on, so that it can be checked and contested.

    `contribution` is relative, on the log-odds scale; positive raises.
    """

    feature: str
    text: Words
    fact: Words
    contribution: float


@dataclass(frozen=True)
class DomainReason:
    """A part of life and what is said of it, the weightiest sentence first; `contribution` is the domain's net."""

    domain: str
    label: Words
    contribution: float
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Topic:
    """Something worth talking about because something is known of it; without direction, weight or cause."""

    domain: str
    text: Words


@dataclass(frozen=True)
class NotKnown:
    """An input nobody has told, and what it would help with."""

    input: str
    label: Words
    why_needed: Words
    source: str
    voluntary: bool


@dataclass(frozen=True)
class Explanation:
    """What is said of one person's situation, in the order in which it is to be shown."""

    strengths: tuple[DomainReason, ...]
    can_be_influenced: tuple[DomainReason, ...]
    situation_now: tuple[DomainReason, ...]
    topics: tuple[Topic, ...]
    not_known: tuple[NotKnown, ...]


def explain(
    catalogue: Catalogue, relative: Mapping[str, float], values: Mapping[str, float], told: Iterable[str]
) -> Explanation:
    """The explanation of one screening.

    Parameters
    ----------
    catalogue : Catalogue
        The package's own, with the wordings of features, domains and inputs.
    relative : mapping of feature name to float
        Contributions of the model that decided, on the calibrated log-odds scale, minus the landmark's mean.
    values : mapping of feature name to float
        The person's feature values; NaN where not known.
    told : iterable of str
        Names of the inputs the request told.
    """
    weights = _weights(catalogue, relative, values)
    raised = sorted((w for w in weights if w.net >= DOMAIN_FLOOR), key=lambda weight: -weight.net)
    said = [(weight.domain, _reason(catalogue, weight, _weightiest(weight.shares, sign=1))) for weight in raised]
    return Explanation(
        strengths=_strengths(catalogue, weights),
        can_be_influenced=tuple(r for d, r in said if r.statements and d.group == CAN_BE_INFLUENCED),
        situation_now=tuple(r for d, r in said if r.statements and d.group != CAN_BE_INFLUENCED),
        topics=_topics(catalogue, values),
        not_known=_not_known(catalogue, frozenset(told)),
    )


@dataclass(frozen=True, slots=True)
class _Share:
    """What one feature of one person weighs, before anything is put into words."""

    feature: Feature
    value: float
    contribution: float


@dataclass(frozen=True, slots=True)
class _Weight:
    """What a domain weighs on the whole, and the features it is made of."""

    domain: Domain
    net: float
    shares: list[_Share]


def _weights(catalogue: Catalogue, relative: Mapping[str, float], values: Mapping[str, float]) -> list[_Weight]:
    """The net of each domain with every feature that could be said, each in its own direction."""
    found: dict[str, list[_Share]] = {domain.name: [] for domain in catalogue.domains}
    for feature in catalogue.features:
        share = relative.get(feature.name)
        value = values.get(feature.name, NOT_KNOWN)
        if feature.shown == "reason" and share is not None and not isnan(value):
            found[feature.domain].append(_Share(feature, value, share))
    return [_Weight(d, sum(share.contribution for share in found[d.name]), found[d.name]) for d in catalogue.domains]


def _reason(catalogue: Catalogue, weight: _Weight, shares: Iterable[_Share]) -> DomainReason:
    """A domain in words, with a sentence for each of `shares`."""
    statements = tuple(
        Statement(
            share.feature.name,
            _sentence(share.feature, share.contribution),
            _fact(catalogue, share.feature, share.value),
            share.contribution,
        )
        for share in shares
    )
    return DomainReason(weight.domain.name, weight.domain.label, weight.net, statements)


def _sentence(feature: Feature, share: float) -> Words:
    wording = feature.raises if share > 0 else (feature.strength or feature.lowers)
    return wording or feature.label


def _fact(catalogue: Catalogue, feature: Feature, value: float) -> Words:
    """What is known, in words: the feature's name with the code's label, or with its number and unit."""
    told = catalogue.input(feature.input) if feature.input else None
    if told and told.type == "code":
        label = told.values[int(value)].label
        return {language: f"{name}: {label[language]}" for language, name in feature.label.items()}
    if told and told.type == "boolean":
        return {language: f"{name}: {YES_NO[language][int(value)]}" for language, name in feature.label.items()}
    unit = feature.unit or dict.fromkeys(feature.label, "")
    # A unit that begins with % tells a share in hundredths.
    number = {language: f"{100 * value if text.startswith('%') else value:.3g}" for language, text in unit.items()}
    decimal_comma = {"fi": ",", "sv": ",", "en": "."}
    return {
        language: f"{name}: {number[language].replace('.', decimal_comma[language])} {unit[language]}".rstrip()
        for language, name in feature.label.items()
    }


def _weightiest(shares: Iterable[_Share], sign: int) -> list[_Share]:
    """The weightiest features that point the way `sign` does.

    One for each function: the same thing over one year, three and five is said once.
    """
    pointing = [share for share in shares if share.contribution * sign >= FEATURE_FLOOR]
    pointing.sort(key=lambda share: abs(share.contribution))
    said_by = {share.feature.function or share.feature.name: share for share in pointing}  # the weightiest comes last
    return sorted(said_by.values(), key=lambda share: -abs(share.contribution))[:SENTENCES_PER_DOMAIN]


def _strengths(catalogue: Catalogue, weights: list[_Weight]) -> tuple[DomainReason, ...]:
    """What a person can build on: features with a wording as a strength that lower the risk, the strongest first.

    A domain that weighs on the whole has none, unless there is no other strength: nobody is a list of risks.
    """
    found = []
    for weight in weights:
        kept = [share for share in _weightiest(weight.shares, sign=-1) if share.feature.strength]
        if kept:
            found.append((weight, kept))
    clear = [(weight, kept) for weight, kept in found if weight.net < DOMAIN_FLOOR] or found
    clear.sort(key=lambda pair: sum(share.contribution for share in pair[1]))
    return tuple(_reason(catalogue, weight, kept) for weight, kept in clear)


def _topics(catalogue: Catalogue, values: Mapping[str, float]) -> tuple[Topic, ...]:
    """One topic for each domain of which something is known through a feature that may only be a topic."""
    known = {feature.domain for feature in catalogue.features if _is_topic_of(feature, values)}
    return tuple(Topic(d.name, d.topic or d.label) for d in catalogue.domains if d.name in known)


def _is_topic_of(feature: Feature, values: Mapping[str, float]) -> bool:
    """Whether something is known of a topic: for a voluntary answer any value, else more than "there was none"."""
    value = values.get(feature.name, NOT_KNOWN)
    return feature.shown == "topic" and not isnan(value) and (feature.voluntary or value != 0)


def _not_known(catalogue: Catalogue, told: frozenset[str]) -> tuple[NotKnown, ...]:
    """What was not told, what the service itself has first, voluntary things last."""
    missing = [item for item in catalogue.inputs if item.name not in told and _would_help(item)]
    missing.sort(key=lambda item: (item.voluntary, item.source != "case_system"))
    return tuple(NotKnown(i.name, i.advisor, i.why_needed, i.source, i.voluntary) for i in missing)


def _would_help(item: Input) -> bool:
    return item.fact != "scope" and item.data_class != "protected"
