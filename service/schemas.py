"""The request model, made from the champion's catalogue: units, allowed codes and examples come from there.

Faults are told by kind, with our own words: pydantic's own messages repeat the refused value.
"""

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from re import fullmatch
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    create_model,
)
from pydantic_core import PydanticCustomError

from features.catalogue import Catalogue
from features.catalogue_parts import Input, Words
from features.errors import Fault
from features.intake import CLIENT_ID
from service.pointers import escape_pointer, hides_identity_code
from service.purpose import SERVED_PURPOSE

LISTS = ("spells", "services", "self_assessments")
MOST_ITEMS = 500
# A field's name is repeated in a pointer only when it looks like one; anything else may be a person's data.
_NAME = r"[a-z][a-z0-9_]{0,39}"
_MOST_FAULTS = 100
_LONGEST_CODE = 40


class RangedScore(BaseModel):
    """A section score with the range of its own form version: without the range a score cannot be read."""

    model_config = ConfigDict(extra="forbid")
    score: Annotated[StrictFloat, Field(description="The person's score in this section.", examples=[30])]
    minimum: Annotated[StrictFloat, Field(description="Lowest score this form version can give.", examples=[12])]
    maximum: Annotated[StrictFloat, Field(description="Highest score this form version can give.", examples=[48])]


def request_model(catalogue: Catalogue) -> type[BaseModel]:
    """The model of a screening request: exactly the inputs of `catalogue`, any other field refused."""
    fields: dict[str, Any] = {
        "client_id": (
            Annotated[StrictStr, Field(pattern=CLIENT_ID)],
            Field(
                description="The client's pseudonym in the calling system: 3 to 64 letters, digits, _ or -. "
                "Never a personal identity code.",
                examples=["aJx-k_pseudonym"],
            ),
        ),
        "purpose": (
            Literal[SERVED_PURPOSE],
            Field(
                description="What the answer is for. Only the planning of services is served.",
                examples=[SERVED_PURPOSE],
            ),
        ),
        "as_of": (
            Annotated[date, BeforeValidator(_iso_date)] | None,
            Field(
                default=None,
                description="The day on which the situation is looked at; today when left out, at most twelve months "
                "back.",
                examples=["2026-10-15"],
            ),
        ),
    }
    for item in catalogue.inputs:
        if item.fact not in LISTS:
            fields[item.field] = _field(item)
    for fact in LISTS:
        if items := catalogue.inputs_of(fact):
            kind: Any = Annotated[list[_item_model(fact, items)], Field(max_length=MOST_ITEMS)]  # type: ignore[misc]
            about = f"All {fact.replace('_', ' ')} that are known, in any order."
            # A list of which the minimal set holds something must be there, be it with one item.
            needed = any(item.minimal for item in items)
            fields[fact] = (
                (kind, Field(description=about)) if needed else (kind | None, Field(default=None, description=about))
            )
    return create_model("ScreeningRequest", __config__=_config(), __doc__=_story_of(catalogue), **fields)


def faults_in(model: type[BaseModel], document: Any) -> list[Fault]:
    """Every fault of `document` against `model`, each with its JSON pointer; empty when there is none."""
    try:
        model.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return [_fault(model, fault) for fault in found[:_MOST_FAULTS]]
    return []


def _config() -> ConfigDict:
    return ConfigDict(extra="forbid", hide_input_in_errors=True)


def _item_model(fact: str, items: tuple[Input, ...]) -> type[BaseModel]:
    fields: dict[str, Any] = {item.field: _field(item) for item in items}
    name = "".join(part.capitalize() for part in fact.removesuffix("s").split("_"))
    return create_model(name, __config__=_config(), **fields)


def _field(item: Input) -> tuple[Any, Any]:
    """The annotation and the description of one input."""
    optional: Any = {} if item.required else {"default": None}
    about = Field(
        title=item.advisor["en"],
        description=_describe(item),
        json_schema_extra={
            **({"unit": item.unit["en"]} if item.unit else {}),
            "x-advisor": dict(item.advisor),
            "x-client": dict(item.client),
            "x-why-needed": dict(item.why_needed),
            "x-source": item.source,
            "x-data-class": item.data_class,
            "x-voluntary": item.voluntary,
        },
        examples=[] if item.example is None else [_plain(item.example)],
        **optional,
    )
    kind = _annotation(item)
    return (kind if item.required else kind | None), about


def _annotation(item: Input) -> Any:
    if item.carries_own_range:
        return RangedScore
    match item.type:
        case "code" if item.coding == "leading_digit":
            return Annotated[StrictStr, Field(pattern=r"^[0-9]{1,4}$|^[A-Z]$")]
        case "code" if item.values:
            return Literal[tuple(value.code for value in item.values)]
        case "code":
            return Annotated[StrictStr, Field(min_length=1, max_length=_LONGEST_CODE)]
        case "date":
            return Annotated[date, BeforeValidator(_iso_date)]
        case "boolean":
            return StrictBool
        case "integer":
            return Annotated[StrictInt, Field(ge=_whole(item.minimum), le=_whole(item.maximum))]
        case _:
            return Annotated[StrictFloat, Field(ge=item.minimum, le=item.maximum, allow_inf_nan=False)]


def _describe(item: Input) -> str:
    lines = [f"{item.advisor['en']} ({item.advisor['fi']})."]
    if item.unit:
        lines.append(f"Unit: {item.unit['en']}.")
    if item.coding == "leading_digit":
        lines.append("One to four digits; the first decides.")
    if item.values:
        lines.append(
            "Codes: "
            + "; ".join(
                _describe_value(value.code, value.label, value.valid_from, value.valid_to) for value in item.values
            )
            + "."
        )
    lines.append(f"Why: {item.why_needed['en']}")
    if item.voluntary:
        lines.append("Voluntary: an answer can only bring a meeting forward.")
    return " ".join(lines)


def _describe_value(code: str, label: Words, valid_from: date | None, valid_to: date | None) -> str:
    span = f", from {valid_from}" if valid_from else ""
    span += f", last valid day {valid_to}" if valid_to else ""
    return f"{code} = {label['en']}{span}"


def _story_of(catalogue: Catalogue) -> str:
    return (
        f"What is known about one client, as catalogue {catalogue.name} {catalogue.version} asks for it. "
        "Leave out what is not known: a missing answer is never held against anyone."
    )


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


def _plain(example: Any) -> Any:
    return example.isoformat() if isinstance(example, date) else example


def _iso_date(value: Any) -> date:
    """The date in an ISO text; anything else, numbers of seconds included, is refused."""
    if isinstance(value, str) and fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass  # a day that no calendar has is refused below, with the same words
    raise PydanticCustomError("iso_date", "not an ISO date")


def _fault(model: type[BaseModel], fault: Mapping[str, Any]) -> Fault:
    location = fault["loc"]
    if fault["type"] == "extra_forbidden":
        return _unknown_field(model, location)
    return Fault(_pointer(location), _cure(fault))


def _cure(fault: Mapping[str, Any]) -> str:
    context = fault.get("ctx", {})
    match fault["type"]:
        case "missing":
            return "Is missing, and a screening needs it."
        case "literal_error":
            return f"Must be one of {context['expected']}."
        case "iso_date":
            return "Must be a day of the calendar written as YYYY-MM-DD."
        case "string_pattern_mismatch":
            return f"Must be text of the form {context['pattern']}."
        case "string_type":
            return "Must be text, in quotation marks."
        case "string_too_short" | "string_too_long":
            return f"Must be text of 1 to {_LONGEST_CODE} characters."
        case "bool_type":
            return "Must be true or false."
        case "int_type" | "int_from_float":
            return "Must be a whole number."
        case "float_type" | "finite_number":
            return "Must be a finite number."
        case "greater_than_equal":
            return f"Must be at least {context['ge']:g}."
        case "less_than_equal":
            return f"Must be at most {context['le']:g}."
        case "list_type":
            return "Must be a list."
        case "too_long":
            return f"May hold at most {context['max_length']} items."
        case "model_type" | "model_attributes_type" | "dict_type":
            return "Must be an object with fields."
        case _:
            return "Cannot be read as what this field holds; see the OpenAPI document."


def _unknown_field(model: type[BaseModel], location: tuple[Any, ...]) -> Fault:
    """The fault of a field nobody asked for; it names the nearest one that exists."""
    name, known = str(location[-1]), _known_fields(model, location[:-1])
    pointer = (
        _pointer(location) if fullmatch(_NAME, name) and not hides_identity_code(name) else _pointer(location[:-1])
    )
    near = get_close_matches(name, known, n=1)
    cure = f"Did you mean {near[0]}?" if near else f"Known here are {', '.join(sorted(known))}."
    return Fault(pointer, f"Is not a field of this catalogue. {cure}")


def _known_fields(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    current: type[BaseModel] = model
    for part in location:
        if isinstance(part, str) and part in current.model_fields:
            current = _model_in(current.model_fields[part].annotation) or current
    return list(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model somewhere inside an annotation such as ``Annotated[list[Spell], ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner)) is not None), None)


def _pointer(location: tuple[Any, ...]) -> str:
    return "".join(f"/{escape_pointer(str(part))}" for part in location)
