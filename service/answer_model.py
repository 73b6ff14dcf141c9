"""The shape of an answer, for the OpenAPI document; `answer.render` makes it and a test holds the two together."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Statement(_Part):
    """One sentence about the situation, relative to people unemployed for as long."""

    feature: str
    text: str
    fact: str


class DomainPart(_Part):
    """A part of life and what is said of it, the weightiest sentence first."""

    domain: str
    name: str
    statements: list[Statement]


class DomainSection(_Part):
    """Strengths or reasons, the weightiest first; `note` says what they are, or that nothing stands out."""

    heading: str
    note: str | None
    items: list[DomainPart]


class Topic(_Part):
    """Something to talk about, without direction or cause."""

    domain: str
    text: str


class TopicSection(_Part):
    """Topics to talk about."""

    heading: str
    note: str | None
    items: list[Topic]


class NotKnownPart(_Part):
    """Something nobody has told, and what it would help with."""

    input: str
    name: str
    why_needed: str
    source: str
    voluntary: bool


class NotKnownSection(_Part):
    """What is not known and would help."""

    heading: str
    note: str | None
    items: list[NotKnownPart]


class OptionPart(_Part):
    """Something the area offers, and the domains above that it belongs to."""

    name: str
    domains: list[str]


class OptionSection(_Part):
    """What the area offers for the matters named; the level chooses none of them."""

    heading: str
    note: str | None
    items: list[OptionPart]


class RangePart(_Part):
    """Between how many of 100 the estimate itself could lie."""

    text: str
    of_100_stay_low: int = Field(ge=1, le=99, examples=[14])
    of_100_stay_high: int = Field(ge=1, le=99, examples=[41])
    probability_low: float = Field(ge=0, le=1, examples=[0.1391])
    probability_high: float = Field(ge=0, le=1, examples=[0.4129])


class CertaintyPart(_Part):
    """How many refits of the model on other people of the area give the same level."""

    text: str
    known: bool = Field(description="False where fewer than 80 % agree: the tool does not know, the higher applies.")
    same_level: int = Field(description="Refits that give the level of the estimate itself.", examples=[23])
    refits: int = Field(examples=[25])
    other_level: Literal["standard_service", "early_meeting", "close_support"] | None = Field(
        description="The level that the tool cannot tell from the suggested one; null where it can."
    )


class RiskPart(_Part):
    """The estimate both ways, in natural numbers."""

    heading: str
    text: str
    of_100_leave: int = Field(ge=1, le=99, examples=[77])
    of_100_stay: int = Field(ge=1, le=99, examples=[23])
    probability: float = Field(
        ge=0, le=1, description="Of staying; for the record, not for showing.", examples=[0.2312]
    )
    range: RangePart | None = Field(description="Null where the model was made without a committee.")
    landmark: int = Field(description="Months since the spell began, of the people compared with.", examples=[0])
    decided_by: Literal["register", "full"] = Field(description="The model with the higher risk decides.")
    answers_used: bool = Field(description="Whether any voluntary answer was known and scored beside the register.")
    decided_by_text: str


class SegmentPart(_Part):
    """The suggested contact level: how soon and how closely to meet, never which service."""

    heading: str
    level: Literal["standard_service", "early_meeting", "close_support"]
    name: str
    meaning: str
    certainty: CertaintyPart | None = Field(description="Null where the model was made without a committee.")
    note: str


class NotAssessedPart(_Part):
    """Why there is no estimate; it says nothing about need."""

    heading: str
    text: str
    reason: str
    reason_text: str
    next_step: str


class NotForSection(_Part):
    """What the answer must not be used for."""

    heading: str
    items: list[str]


class VersionsPart(_Part):
    """What the answer was made with."""

    model: str
    model_version: str
    package: str
    policy: str
    catalogue: str
    catalogue_fingerprint: str


class ScreeningAnswer(_Part):
    """One screening, strengths first. Without an assessment, only `not_assessed` and what always stands."""

    id: str
    client_id: str
    as_of: str
    recorded_at: str
    assessed: bool
    language: Literal["fi", "sv", "en"]
    demonstration: str | None = Field(description="A warning where the model was trained on invented people.")
    strengths: DomainSection | None = None
    risk: RiskPart | None = None
    segment: SegmentPart | None = None
    can_be_influenced: DomainSection | None = None
    situation_now: DomainSection | None = None
    topics: TopicSection | None = None
    options: OptionSection | None = None
    not_known: NotKnownSection | None = None
    not_assessed: NotAssessedPart | None = None
    a_person_decides: str
    not_for: NotForSection
    versions: VersionsPart


class FileScreening(_Part):
    """A screening that was made from a file of a whole caseload: the row that was written of this client, in codes."""

    id: str
    caseload: str = Field(description="Id of the ledger's entry of the run, which holds the occasion.")
    recorded_at: str
    model: str
    model_version: str
    answer: dict[str, Any]


class ScreeningList(_Part):
    """A client's screenings, newest first; `erased` counts those whose personal part was erased."""

    screenings: list[ScreeningAnswer]
    from_files: list[FileScreening] = []
    erased: int


class FaultPart(_Part):
    """One thing to correct, by its JSON pointer within the client's own document."""

    pointer: str
    detail: str


class ProblemPart(_Part):
    """Why one client of a batch got no answer, in the shape of a refused single screening."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FaultPart] | None = None


class BatchItem(_Part):
    """What one client of a batch got: a screening, or a problem."""

    position: int = Field(description="In the request, from 0; the answers stand in the same order.")
    screening: ScreeningAnswer | None = None
    problem: ProblemPart | None = None


class BatchAnswer(_Part):
    """The answers of a batch in the order of its clients, never in that of risk."""

    caseload: str = Field(description="Id of the ledger's entry of this batch, which holds the occasion.")
    occasion: str
    recorded_at: str
    answers: list[BatchItem]
