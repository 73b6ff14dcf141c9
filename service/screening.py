"""The story of a screening: from a document to an answer that is in the ledger before anybody sees it.

No web here: the service, the terminal and the tests tell the same story.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from features.as_of import known_at
from features.catalogue import Catalogue
from features.errors import FactsError, Fault
from features.facts import Facts, day_number
from features.frame import FeatureFrame, features_of
from features.intake import LISTS, facts_of_document, frame_of_document
from model_registry.package import Scored
from model_registry.scoring.reasons import Explanation, explain
from service.access import Caller
from service.answer import Record, assessed_record, not_assessed_record
from service.champion import Champion
from service.ledger import Ledger, Screening
from service.permitted import without_answers_not_permitted
from service.purpose import SERVED_PURPOSE, refuse_other_purposes
from service.schemas import faults_in
from service.scope import CLIENT_OBJECTS, outside_of_scope
from service.today import earliest_as_of


def screen(champion: Champion, ledger: Ledger, caller: Caller, document: Any, today: date) -> Record:
    """The record of one screening, in the ledger and ready to be rendered in any language.

    Raises
    ------
    PurposeError
        When the purpose is another than the one served.
    FactsError
        With every fault of the document and its pointer.
    LedgerError
        When it could not be recorded; then there is no screening.
    """
    if (objecting := client_named_in(document)) and ledger.objections.stands(objecting):
        kept, answer = objection_honoured(champion, caller, document, today)
        recorded = ledger.record_screening(caller, objecting, kept, answer, champion.versions)
        return with_place(answer, recorded.id, recorded.recorded_at, objecting)
    read = read_document(champion, caller, document, today)
    answer = answer_of(champion, read.as_of, assess(champion, read))
    client_id = read.document["client_id"]
    recorded = ledger.record_screening(caller, client_id, read.document, answer, champion.versions)
    return with_place(answer, recorded.id, recorded.recorded_at, client_id)


def client_named_in(document: Any) -> str:
    """The client a document is about; empty where it names none."""
    client_id = document.get("client_id") if isinstance(document, Mapping) else None
    return client_id if isinstance(client_id, str) else ""


def objection_honoured(champion: Champion, caller: Caller, document: Any, today: date) -> tuple[Record, Record]:
    """What is kept of a document about somebody who objects, which is no fact of it, and the answer.

    Its facts are not looked at, not even for faults; only its purpose is. Raises PurposeError.
    """
    purpose = document.get("purpose")
    refuse_other_purposes(caller.purpose, purpose if isinstance(purpose, str) else SERVED_PURPOSE)
    asked = _as_of(document, today)
    as_of = asked if earliest_as_of(today) <= asked <= today else today
    kept = {"client_id": document["client_id"], "purpose": SERVED_PURPOSE, "as_of": as_of.isoformat()}
    return kept, answer_of(champion, as_of, not_assessed_record(CLIENT_OBJECTS))


def answer_of(champion: Champion, as_of: date, found: Record) -> Record:
    """What is found about one person, with what every answer says."""
    return {"as_of": as_of.isoformat(), **found, **_standing_parts(champion)}


def record_of(screening: Screening) -> Record:
    """The record of a screening that was kept, ready to be rendered in any language; it must not have been erased."""
    assert screening.answer is not None
    return with_place(screening.answer, screening.id, screening.recorded_at, str(screening.client_id))


@dataclass(frozen=True)
class Read:
    """A document without faults: its as-of date, and what it tells as facts (from a flat catalogue: as features)."""

    document: Mapping[str, Any]
    as_of: date
    material: Facts | FeatureFrame


def read_document(champion: Champion, caller: Caller, document: Any, today: date) -> Read:
    """The document as the champion's catalogue reads it, without answers whose use is not permitted.

    Raises PurposeError and FactsError as `screen` does.
    """
    catalogue = champion.package.catalogue
    document = without_answers_not_permitted(catalogue, document)
    purpose = document.get("purpose") if isinstance(document, Mapping) else None
    if isinstance(purpose, str):
        refuse_other_purposes(purpose, caller.purpose)
    faults = faults_in(champion.request_model, document)
    as_of = _as_of(document, today)
    if as_of > today:
        faults.append(Fault("/as_of", "Lies in the future; a screening looks at today or at an earlier day."))
    elif as_of < earliest_as_of(today):
        faults.append(Fault("/as_of", "Lies over twelve months back; a screening looks at today or a recent day."))
    if not isinstance(document, Mapping):
        raise FactsError(faults)
    try:
        if catalogue.source_kind == "flat":
            material: Facts | FeatureFrame = frame_of_document(catalogue, document, as_of, today)
        else:
            material = facts_of_document(catalogue, document, as_of, today, champion.labour_market)
    except FactsError as error:
        found = {fault.pointer for fault in faults}
        faults += [f for f in error.faults if f.pointer not in found and _names_a_field(f.pointer)]
    if faults:
        raise FactsError(faults)
    return Read(document, as_of, material)


def assess(champion: Champion, read: Read) -> Record:
    """What is found about one person: an assessment, or why there is none."""
    catalogue = champion.package.catalogue
    if isinstance(read.material, FeatureFrame):
        return _assessed(champion, read.document, read.material, float("nan"))
    days = np.array([day_number(read.as_of)], np.int32)
    known = known_at(read.material, days, catalogue.statement_inputs, catalogue.label.bridging_days)
    reason, months = outside_of_scope(catalogue, read.document, known)
    if reason is not None:
        return not_assessed_record(reason)
    return _assessed(champion, read.document, features_of(catalogue, known), months)


def explain_scored(catalogue: Catalogue, frame: FeatureFrame, scored: Scored, told: list[str]) -> Explanation:
    """The first row of a scored frame in words."""
    relative = dict(zip(scored.names, scored.relative[0].tolist(), strict=True))
    values = dict(zip(frame.names, frame.values[0].tolist(), strict=True))
    return explain(catalogue, relative, values, told)


def told_inputs(catalogue: Catalogue, document: Mapping[str, Any]) -> list[str]:
    """Names of the inputs that `document` tells, for saying what is not known.

    A code that means "not known" tells nothing. A list of facts that was sent counts as told as a whole; of one that
    was not sent, only the first voluntary answer (else its first input) counts as missing: one line, not twenty.
    """
    told = []
    for item in catalogue.inputs:
        if item.fact not in LISTS:
            value = document.get(item.field)
            code = catalogue.value(item.name, value) if item.type == "code" and isinstance(value, str) else None
            if value is not None and not (code and code.missing):
                told.append(item.name)
    for fact in LISTS:
        items = catalogue.inputs_of(fact)
        if document.get(fact) is not None:
            told += [item.name for item in items]
        else:
            missing = next((item for item in items if item.voluntary and item.type in ("integer", "number")), None)
            told += [item.name for item in items if item is not missing]
    return told


def _assessed(champion: Champion, document: Mapping[str, Any], frame: FeatureFrame, months: float) -> Record:
    return worded(champion, document, frame, champion.package.screen(frame), months)


def worded(
    champion: Champion, document: Mapping[str, Any], frame: FeatureFrame, scored: Scored, months: float
) -> Record:
    """The assessment of one person in words, from the one row of features and the one of scores."""
    package = champion.package
    said = explain_scored(package.catalogue, frame, scored, told_inputs(package.catalogue, document))
    return assessed_record(
        package.catalogue,
        package.policy,
        risk=float(scored.risk[0]),
        decided_by=scored.decided_by(),
        answers_used=not np.isnan(scored.full_risk[0]),
        landmark=int(scored.landmark[0]),
        months=months,
        certainty=scored.certainty,
        said=said,
    )


def _names_a_field(pointer: str) -> bool:
    """Whether a fault's pointer names a field: an unknown one that cannot be named was told by the request model."""
    return "(field number" not in pointer


def _as_of(document: Any, today: date) -> date:
    """The as-of date a document asks for; today where it asks for none or for something that is no date."""
    asked = document.get("as_of") if isinstance(document, Mapping) else None
    try:
        return date.fromisoformat(asked) if isinstance(asked, str) else today
    except ValueError:
        return today  # the request model has already found the fault


def _standing_parts(champion: Champion) -> Record:
    """What every answer of this champion says, whoever is screened."""
    package = champion.package
    return {
        "a_person_decides": dict(package.policy.a_person_decides),
        "not_for": [dict(words) for words in package.policy.not_for],
        "demonstration": package.meta.demonstration,
        "versions": {
            "model": champion.name,
            "model_version": champion.version,
            "package": package.meta.digest,
            "policy": package.policy.version,
            "catalogue": f"{package.catalogue.name} {package.catalogue.version}",
            "catalogue_fingerprint": package.meta.catalogue_fingerprint,
        },
    }


def with_place(answer: Mapping[str, Any], screening_id: str, recorded_at: str, client_id: str) -> Record:
    """The answer with where it stands in the ledger: what `answer.render` takes."""
    return {**answer, "id": screening_id, "recorded_at": recorded_at, "client_id": client_id}
