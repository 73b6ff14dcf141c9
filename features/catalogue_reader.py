"""Turn a parsed catalogue document into its content: one function a section, every fault noted on the way."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from features.catalogue_parts import (
    BadPeriod,
    CatalogueContent,
    Domain,
    Feature,
    FlatSource,
    Input,
    Label,
    Protected,
    RecordingRule,
    Words,
)
from features.catalogue_toml import Table, read_values

FACT_LISTS = ("spells", "services", "self_assessments")
FACTS = ("statement", "scope", *FACT_LISTS)
JUSTIFICATION = ("purpose", "legal_basis", "benefit_and_cost_by_group", "alternatives_considered", "approved_by")
DAYS_PER_MONTH = 30.4375  # 365.25 / 12


def read_content(document: Mapping[str, Any], faults: list[tuple[str, str]]) -> CatalogueContent:
    """Return the content of a parsed catalogue; faults of form are appended to `faults` as (place, cure)."""
    top = Table("", document, faults)
    source_kind = top.choice("source", ("facts", "flat"))
    units = dict(top.each("units", lambda name, unit: (name, unit.own_words())))
    forbidden = top.texts("forbidden_columns")
    flat = _read_flat(top.table("flat"), forbidden) if source_kind == "flat" else None
    gated = top.table("gated", required=False)
    inputs = _read_inputs(top.table("inputs"), units, flat is not None)
    gated_inputs = _read_inputs(gated.table("inputs", required=False), units, flat is not None)
    features = top.each("features", lambda name, table: _read_feature(name, table, units, gated=False), required=True)
    gated_features = gated.each("features", lambda name, table: _read_feature(name, table, units, gated=True))
    gated.close()
    switched_on = tuple(feature for feature in gated_features if feature.switched_on and feature.justification)
    wanted = {feature.input for feature in switched_on}
    content = CatalogueContent(
        name=top.text("name"),
        version=top.text("version"),
        area=top.words("area"),
        source_kind=source_kind,
        person_column=flat.person if flat else top.text("person_column"),
        as_of_column=flat.as_of if flat else top.text("as_of_column"),
        flat=flat,
        inputs=inputs + tuple(item for item in gated_inputs if item.name in wanted),
        gated_inputs=gated_inputs,
        domains=top.each("domains", _read_domain, required=True),
        features=features + switched_on,
        gated_features=gated_features,
        protected=top.each("protected", _read_protected),
        label=_read_label(top.table("label"), source_kind),
        landmarks=(0,) if flat else top.integers("landmarks"),
        recording_rules=top.each("recording_rules", _read_recording_rule),
        bad_periods=top.each("bad_periods", _read_bad_period),
        forbidden_columns=forbidden,
    )
    top.close()
    return content


def _read_flat(table: Table, forbidden: tuple[str, ...]) -> FlatSource:
    separator = table.text("separator", ",") if table.content.get("separator") != "\t" else "\t"
    table.asked.add("separator")
    flat = FlatSource(
        separator=separator,
        person=table.text("person"),
        as_of=table.text("as_of"),
        as_of_type=table.choice("as_of_type", ("date", "day_number")),
        as_of_origin=table.maybe_day("as_of_origin") or date(1970, 1, 1),
        forbidden=forbidden,
    )
    if flat.separator != "whitespace" and len(flat.separator) != 1:
        table.fault("separator", 'must be one character, or "whitespace" for any run of blanks')
    table.close()
    return flat


def _read_inputs(table: Table, units: Mapping[str, Words], flat: bool) -> tuple[Input, ...]:
    """Inputs are written under their kind of fact, [inputs.spells.employment_code]; in a flat catalogue directly."""
    if flat:
        return table_each(table, "flat", units)
    inputs: list[Input] = []
    for fact in FACTS:
        inputs.extend(table_each(table.table(fact, required=False), fact, units))
    table.close()
    return tuple(inputs)


def table_each(table: Table, fact: str, units: Mapping[str, Words]) -> tuple[Input, ...]:
    """Return the inputs of one kind of fact, in the order in which they are written."""
    inputs = []
    for name in table.content:
        inner = table.table(name)
        inputs.append(_read_input(name, fact, inner, units))
        inner.close()
    return tuple(inputs)


def _read_input(name: str, fact: str, table: Table, units: Mapping[str, Words]) -> Input:
    minimum, maximum = table.maybe_number("minimum"), table.maybe_number("maximum")
    return Input(
        name=name,
        fact=fact,
        field=table.text("column" if fact == "flat" else "field", name),
        type=table.choice("type", ("code", "date", "integer", "number", "boolean")),
        unit=_unit(table, units),
        minimum=minimum,
        maximum=maximum,
        values=read_values(table),
        advisor=table.words("advisor"),
        client=table.words("client"),
        why_needed=table.words("why_needed"),
        source=table.choice("source", ("case_system", "client", "advisor"), "case_system"),
        at_registration=table.flag("at_registration"),
        data_class=table.choice("data_class", ("ordinary", "health", "social_care", "protected"), "ordinary"),
        voluntary=table.flag("voluntary"),
        minimal=table.flag("minimal"),
        required=table.flag("required"),
        example=table.anything("example"),
        coding=table.choice("coding", ("exact", "leading_digit"), "exact"),
        carries_own_range=table.flag("carries_own_range"),
        of_present_spell=table.flag("of_present_spell"),
    )


def _unit(table: Table, units: Mapping[str, Words]) -> Words | None:
    name = table.maybe_text("unit")
    if name is not None and name not in units:
        table.fault("unit", f"must name a unit written under [units]: {', '.join(units) or 'none is written yet'}")
        return None
    return None if name is None else units[name]


def _read_domain(name: str, table: Table) -> Domain:
    return Domain(
        name=name,
        group=table.choice("group", ("can_be_influenced", "situation_now")),
        label=table.words("label"),
        topic=table.maybe_words("topic"),
    )


def _read_feature(name: str, table: Table, units: Mapping[str, Words], gated: bool) -> Feature:
    shown = table.choice("shown", ("reason", "topic", "never"))
    reason = shown == "reason"
    parameters = table.table("parameters", required=False)
    monotone = table.integer("monotone", 0)
    if monotone not in (-1, 0, 1):
        table.fault("monotone", "must be -1, 0 or 1: the direction in which a higher value may move the risk")
    return Feature(
        name=name,
        input=table.maybe_text("input"),
        function=table.maybe_text("function"),
        parameters=dict(parameters.content),
        kind=table.choice("kind", ("number", "category"), "number"),
        monotone=monotone,
        domain=table.text("domain"),
        shown=shown,
        voluntary=table.flag("voluntary"),
        gated=gated,
        switched_on=table.flag("switched_on") if gated else True,
        justification=_justification(table) if gated else None,
        justification_must_contain=table.words("justification_must_contain") if gated else None,
        label=table.words("label"),
        raises=table.words("raises") if reason else None,
        lowers=table.words("lowers") if reason else None,
        strength=table.maybe_words("strength"),
        unit=_unit(table, units),
    )


def _justification(table: Table) -> str | None:
    """A written justification names each of the parts a reader must be able to check."""
    if "justification" not in table.content:
        table.asked.add("justification")
        return None
    inner = table.table("justification")
    parts = [f"{key}: {inner.text(key)}" for key in JUSTIFICATION]
    days = [f"{key}: {inner.day(key).isoformat()}" for key in ("approved_on", "review_by")]
    inner.close()
    return "\n".join(parts + days)


def _read_protected(name: str, table: Table) -> Protected:
    return Protected(
        name=name,
        field=table.text("column", name),
        type=table.choice("type", ("code", "integer", "boolean")),
        used_for=table.choice("used_for", ("audit", "audit_and_legal_age_range", "data_quality"), "audit"),
        values=read_values(table),
        label=table.words("label"),
    )


def _read_label(table: Table, source_kind: str) -> Label:
    if source_kind == "flat":
        days = table.integer("horizon_days")
        label = Label(
            name="flat",
            horizon_months=round(days / DAYS_PER_MONTH),
            bridging_days=0,
            label=table.words("label"),
            column=table.text("column"),
            at_least=table.maybe_number("at_least"),
            horizon_days=days,
        )
        if label.at_least is None:
            table.fault("at_least", "is missing; write the number from which on the outcome counts as reached")
    else:
        label = Label(
            name=table.choice("name", ("activation_neutral", "official")),
            horizon_months=table.integer("horizon_months"),
            bridging_days=table.integer("bridging_days"),
            label=table.words("label"),
        )
    table.close()
    return label


def _read_recording_rule(name: str, table: Table) -> RecordingRule:
    return RecordingRule(
        fact=name,
        rule=table.choice("rule", ("first_delivery", "assumed_lag")),
        days=table.integer("days"),
        wording=table.words("wording"),
    )


def _read_bad_period(name: str, table: Table) -> BadPeriod:
    return BadPeriod(
        name=name,
        starts=table.day("starts"),
        ends=table.day("ends"),
        facts=table.texts("facts"),
        rule=table.choice("rule", ("exclude", "flag")),
        wording=table.words("wording"),
    )
