"""Whether the parts of a catalogue fit together: one generator a section, each fault with its place and cure."""

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from features.catalogue_parts import CatalogueContent, Feature, Input, Value
from features.catalogue_refusals import gated_material, outcome_material, protected_material
from features.functions import FeatureFunction, load_functions

Faults = Iterator[tuple[str, str]]

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
FACT_LISTS = ("spells", "services", "self_assessments")
RECORDED = (*FACT_LISTS, "statements", "departures")
NEVER_A_REASON = {"services": "service history", "self_assessments": "a self-assessment"}


def content_faults(content: CatalogueContent) -> list[tuple[str, str]]:
    """Return every fault of a catalogue's content as (place, cure)."""
    functions = load_functions()
    checks = (
        _names(content),
        *(_input(item, _input_place(content, item)) for item in _all(content.inputs, content.gated_inputs)),
        *(_values(f"protected.{item.name}", item.type, item.values, "exact") for item in content.protected),
        *(_feature(content, item, functions) for item in _all(content.features, content.gated_features)),
        _use(content, functions),
        _times(content),
        protected_material(content),
        gated_material(content),
        outcome_material(content),
    )
    return [fault for check in checks for fault in check]


def _all(active: Iterable[Any], gated: Iterable[Any]) -> list[Any]:
    """Active and gated parts, each once: a gated one that is switched on stands in both."""
    return list({id(part): part for part in (*active, *gated)}.values())


def _input_place(content: CatalogueContent, item: Input) -> str:
    top = "gated.inputs" if item in content.gated_inputs else "inputs"
    return f"{top}.{item.name}" if item.fact == "flat" else f"{top}.{item.fact}.{item.name}"


def _names(content: CatalogueContent) -> Faults:
    kinds: dict[str, list[str]] = {
        "inputs": [item.name for item in _all(content.inputs, content.gated_inputs)],
        "features": [item.name for item in _all(content.features, content.gated_features)],
        "domains": [item.name for item in content.domains],
        "protected": [item.name for item in content.protected],
        "bad_periods": [item.name for item in content.bad_periods],
    }
    for kind, names in kinds.items():
        for name, count in Counter(names).items():
            if count > 1:
                yield f"{kind}.{name}", "stands twice; every name is used once"
            if not NAME.fullmatch(name):
                yield f"{kind}.{name}", "must be a name of small letters a-z, digits and underscores, letter first"
    if not NAME.fullmatch(content.name):
        yield "name", "must be a name of small letters a-z, digits and underscores, letter first"
    fields = Counter((item.fact, item.field) for item in content.inputs)
    for item in content.inputs:
        if fields[item.fact, item.field] > 1:
            yield _input_place(content, item), "shares its field with another input of the same fact; use one of them"


def _input(item: Input, place: str) -> Faults:
    numeric = item.type in ("integer", "number")
    if not numeric and (item.minimum is not None or item.maximum is not None or item.carries_own_range):
        yield place, "has a range although it is no number; take out minimum, maximum and carries_own_range"
    if item.of_present_spell and item.fact != "statement":
        yield place, "is about the present spell although it is no statement; take out of_present_spell"
    if item.carries_own_range and (item.minimum is not None or item.maximum is not None):
        yield place, "carries its own range; take out minimum and maximum"
    if item.minimum is not None and item.maximum is not None and item.minimum >= item.maximum:
        yield f"{place}.minimum", "must be below maximum"
    if item.minimal and (item.voluntary or not item.at_registration):
        yield f"{place}.minimal", "must not be set for what is voluntary or not at hand at registration"
    yield from _values(place, item.type, item.values, item.coding)
    if item.coding == "leading_digit" and any(len(value.code) != 1 for value in item.values):
        yield f"{place}.coding", "needs values of one character each: the major groups"
    if not _example_fits(item):
        yield f"{place}.example", f"must be a value that would be accepted here, of type {item.type}"


def _values(place: str, type_: str, values: tuple[Value, ...], coding: str) -> Faults:
    if (type_ == "code") != bool(values):
        yield f"{place}.values", "must list the allowed codes, and only where the type is code"
    codes = [value.code for value in values]
    for number, value in enumerate(values):
        where = f"{place}.values[{number}]"
        if codes.count(value.code) > 1:
            yield f"{where}.code", "stands twice; every code is used once"
        if value.valid_from and value.valid_to and value.valid_from > value.valid_to:
            yield f"{where}.valid_to", "lies before valid_from"
        if value.successor is not None and (value.successor not in codes or value.successor == value.code):
            yield f"{where}.successor", "must be another code of the same list"
        if value.successor is not None and value.valid_to is None:
            yield f"{where}.valid_to", "is missing; a code with a successor has a last valid day"


def _example_fits(item: Input) -> bool:
    example = item.example
    if item.type == "code":
        codes = [value.code for value in item.values]
        known = isinstance(example, str) and (example[:1] if item.coding == "leading_digit" else example) in codes
        return known or not item.values
    if item.type == "boolean":
        return isinstance(example, bool)
    if item.type == "date":
        return isinstance(example, date)
    if item.carries_own_range:
        return isinstance(example, dict) and set(example) == {"score", "minimum", "maximum"}
    if isinstance(example, bool) or not isinstance(example, int if item.type == "integer" else int | float):
        return False
    low = example if item.minimum is None else item.minimum
    high = example if item.maximum is None else item.maximum
    return bool(low <= example <= high)


def _feature(content: CatalogueContent, feature: Feature, functions: dict[str, FeatureFunction]) -> Faults:
    place = f"{'gated.' if feature.gated else ''}features.{feature.name}"
    if (feature.input is None) == (feature.function is None):
        yield place, "must name either an input or a function, not both and not neither"
    domain = next((item for item in content.domains if item.name == feature.domain), None)
    if domain is None:
        yield f"{place}.domain", f"must be one of {', '.join(item.name for item in content.domains)}"
    elif feature.shown == "topic" and domain.topic is None:
        yield f"domains.{domain.name}.topic", f"is missing; feature {feature.name} is shown as a topic of this domain"
    if feature.kind == "category" and feature.monotone != 0:
        yield f"{place}.monotone", "must be 0: a category has no order"
    if feature.shown != "reason" and feature.strength is not None:
        yield f"{place}.strength", "belongs to a feature shown as a reason only"
    if feature.input is not None:
        yield from _input_of(content, feature, place)
    if feature.function is not None:
        if content.source_kind == "flat":
            yield f"{place}.function", "cannot be used: a flat extract has no dated facts; name an input"
        elif feature.function not in functions:
            yield f"{place}.function", f"must be one of {', '.join(sorted(functions))}"
        else:
            yield from _function_of(content, feature, functions[feature.function], place)


def _input_of(content: CatalogueContent, feature: Feature, place: str) -> Faults:
    item = next((i for i in _all(content.inputs, content.gated_inputs) if i.name == feature.input), None)
    if item is None or item.fact in (*FACT_LISTS, "scope"):
        yield f"{place}.input", "must name a statement, or a column of a flat extract; lists need a function"
        return
    if item.type == "date":
        yield f"{place}.input", "is a date; a date is no feature, a function of it may be one"
    if feature.kind == "category" and item.type != "code":
        yield f"{place}.kind", "must be number: only an input with codes can be a category"
    if item.voluntary != feature.voluntary:
        yield f"{place}.voluntary", f"must be {str(item.voluntary).lower()}, as at its input"
    if item.data_class in ("health", "social_care") and feature.shown == "reason":
        yield f"{place}.shown", f"must be topic or never: data of class {item.data_class} is no cause"


def _function_of(content: CatalogueContent, feature: Feature, function: FeatureFunction, place: str) -> Faults:
    if feature.kind == "category":
        yield f"{place}.kind", "must be number: a function returns numbers"
    wanted = list(inspect.signature(function.compute).parameters.values())[1:]
    for parameter in wanted:
        if parameter.name not in feature.parameters:
            if parameter.default is inspect.Parameter.empty:
                yield f"{place}.parameters.{parameter.name}", "is missing; the function needs it"
            continue
        value = feature.parameters[parameter.name]
        where = f"{place}.parameters.{parameter.name}"
        if isinstance(value, str):
            read = {item.field for item in content.inputs if item.fact in function.reads}
            if value not in read:
                yield where, f"must be one of {', '.join(sorted(read))}"
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1000:
            yield where, "must be a number above 0"
        elif parameter.annotation is str:
            yield where, "must be a text"
    for name in feature.parameters:
        if name not in [parameter.name for parameter in wanted]:
            known = ", ".join(parameter.name for parameter in wanted) or "none"
            yield f"{place}.parameters.{name}", f"is not known to the function; it takes {known}"
    inputs = {item.name: item for item in content.inputs}
    facts = {item.fact for item in content.inputs}
    for source in function.reads:
        if source not in facts and source not in inputs:
            yield f"{place}.function", f"reads {source}, which is not among the inputs; add it"
        if feature.shown == "reason" and source in NEVER_A_REASON:
            yield f"{place}.shown", f"must be topic or never: {NEVER_A_REASON[source]} is a topic, never a cause"
    told = [item for item in content.inputs if item.fact in function.reads or item.name in function.reads]
    voluntary = any(item.voluntary for item in told)
    if voluntary != feature.voluntary:
        yield f"{place}.voluntary", f"must be {str(voluntary).lower()}, as at what the function reads"


def _use(content: CatalogueContent, functions: dict[str, FeatureFunction]) -> Faults:
    """What is declared is used: nothing is asked of a person in vain (GDPR, Article 5(1)(c))."""
    read = {feature.input for feature in content.features}
    for feature in content.features:
        if feature.function in functions:
            read.update(functions[feature.function].reads)
    for item in content.inputs:
        if item.fact in ("statement", "flat") and item.name not in read:
            yield _input_place(content, item), "is asked for but no feature uses it; take it out or use it"
    domains = {feature.domain for feature in (*content.features, *content.gated_features)}
    for domain in content.domains:
        if domain.name not in domains:
            yield f"domains.{domain.name}", "has no feature; take it out"
    if not any(not feature.voluntary for feature in content.features):
        yield "features", "must hold at least one feature that needs no voluntary answer"
    if content.source_kind == "facts" and not any(item.minimal for item in content.inputs):
        yield "inputs", "must mark the minimal set (minimal = true) that suffices for a screening"


def _times(content: CatalogueContent) -> Faults:
    label = content.label
    if label.horizon_months < 1:
        yield "label.horizon_days" if label.name == "flat" else "label.horizon_months", "must be at least one month"
    if label.bridging_days < 0:
        yield "label.bridging_days", "must not be negative"
    months = content.landmarks
    rising = bool(months) and list(months) == sorted(set(months))
    if not rising or months[0] != 0 or months[-1] >= max(label.horizon_months, 1):
        yield "landmarks", "must begin with 0, rise, and stay below the horizon"
    rules = {rule.fact for rule in content.recording_rules}
    if content.source_kind == "facts":
        for fact in RECORDED:
            if fact not in rules:
                yield f"recording_rules.{fact}", "is missing; say when a fact without a recording time counts as known"
    for rule in content.recording_rules:
        if rule.fact not in RECORDED:
            yield f"recording_rules.{rule.fact}", f"must be one of {', '.join(RECORDED)}"
        if rule.days < 0:
            yield f"recording_rules.{rule.fact}.days", "must not be negative"
    for period in content.bad_periods:
        if period.starts > period.ends:
            yield f"bad_periods.{period.name}.ends", "lies before starts"
        if not period.facts or not set(period.facts) <= set(RECORDED):
            yield f"bad_periods.{period.name}.facts", f"must list one or more of {', '.join(RECORDED)}"
