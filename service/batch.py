"""The story of a batch: many documents to as many answers, in their order, recorded together before any of them leaves.

What is computed is computed for everybody at once, by the functions that a single screening uses. No web here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from features.as_of import known_at
from features.errors import FactsError, Fault, VarhainError
from features.facts import Facts, day_number, join_facts
from features.frame import FeatureFrame, features_of
from service.access import Caller
from service.answer import Record, not_assessed_record
from service.batch_body import Batch
from service.caseloads import Kept
from service.champion import Champion
from service.ledger import Ledger
from service.objections import Standing
from service.problems import Problem, problem_of, unexpected
from service.scope import OUTSIDE, scope_of
from service.screening import (
    Read,
    answer_of,
    assess,
    client_named_in,
    objection_honoured,
    read_document,
    with_place,
    worded,
)
from service.writer import Recorded


@dataclass(frozen=True)
class Answered:
    """A batch on disk: its entry, and for each client, in the order asked, a record to render or a problem."""

    entry: Recorded
    answers: tuple[Record | Problem, ...]


def screen_batch(champion: Champion, ledger: Ledger, caller: Caller, batch: Batch, today: date) -> Answered:
    """The answers of a batch, each as the same document alone would have got it.

    A client that stands in the batch twice is answered at the first place that can be; the later ones are told so.

    Raises
    ------
    LedgerError
        When it could not be recorded; then there is no screening of anybody.
    """
    objecting = ledger.objections.standing()
    found: list[Read | Kept | Problem] = []
    places: dict[str, int] = {}
    for place, document in enumerate(batch.clients):
        found.append(batch.refused.get(place) or _read(champion, caller, document, today, objecting, places))
        if not isinstance(found[-1], Problem):
            places[client_named_in(document)] = place
    done = _done(champion, found)
    problems = {place: one for place, one in enumerate(done) if isinstance(one, Problem)}
    kept = {place: one for place, one in enumerate(done) if isinstance(one, Kept)}
    counts = {"clients": len(found), "refused": len(problems)}
    entry, entries = ledger.caseloads.record_batch(
        caller, batch.occasion, counts, list(kept.values()), champion.versions
    )
    answers: dict[int, Record | Problem] = dict(problems)
    for (place, one), own in zip(kept.items(), entries, strict=True):
        answers[place] = with_place(one.answer, own.id, own.recorded_at, one.client_id)
    return Answered(entry, tuple(answers[place] for place in range(len(found))))


def assess_all(champion: Champion, reads: Sequence[Read]) -> list[Record]:
    """What is found about each person, in order: `screening.assess` of everybody at once."""
    if not reads:
        return []
    catalogue = champion.package.catalogue
    if catalogue.source_kind == "flat":
        return _worded(champion, reads, _stacked(reads), np.full(len(reads), np.nan))
    facts = join_facts([read.material for read in reads if isinstance(read.material, Facts)])
    days = np.array([day_number(read.as_of) for read in reads], np.int32)
    known = known_at(facts, days, catalogue.statement_inputs, catalogue.label.bridging_days)
    within = np.array([read.document.get("within_legal_age_range") is not False for read in reads])
    why, months = scope_of(catalogue, known, within)
    inside = np.flatnonzero(why < 0)
    frame = features_of(catalogue, known).rows(inside)
    assessed = iter(_worded(champion, [reads[int(place)] for place in inside], frame, months[inside]))
    return [next(assessed) if code < 0 else not_assessed_record(OUTSIDE[code]) for code in why]


def _read(
    champion: Champion, caller: Caller, document: Any, today: date, objecting: Standing, places: dict[str, int]
) -> Read | Kept | Problem:
    """One client's document as it is read, or the problem of it; who objects is answered here, unread."""
    client_id = client_named_in(document)
    try:
        if client_id in places and client_id:
            first = places[client_id]
            fault = f"Stands in this batch before, at position {first}; send each client once."
            raise FactsError([Fault("/client_id", fault)])
        if client_id in objecting:
            return Kept(client_id, *objection_honoured(champion, caller, document, today))
        return read_document(champion, caller, document, today)
    except VarhainError as error:
        return problem_of(error)


def _done(champion: Champion, found: Sequence[Read | Kept | Problem]) -> list[Kept | Problem]:
    """What is recorded of each client, or the problem of it, in order."""
    records = iter(_assessed(champion, [one for one in found if isinstance(one, Read)]))
    return [_kept(champion, one, next(records)) if isinstance(one, Read) else one for one in found]


def _assessed(champion: Champion, reads: Sequence[Read]) -> list[Record | Problem]:
    """What is found about each person; where all at once fails, one by one, so that one at fault harms no other."""
    try:
        return [*assess_all(champion, reads)]
    except Exception:  # noqa: BLE001 - whoever it was about hears of it below, and nobody else
        return [_alone(champion, read) for read in reads]


def _alone(champion: Champion, read: Read) -> Record | Problem:
    try:
        return assess(champion, read)
    except VarhainError as error:
        return problem_of(error)
    except Exception as error:  # noqa: BLE001 - logged there, and told to the one it is about
        return unexpected(error)


def _kept(champion: Champion, read: Read, found: Record | Problem) -> Kept | Problem:
    if isinstance(found, Problem):
        return found
    return Kept(str(read.document["client_id"]), read.document, answer_of(champion, read.as_of, found))


def _worded(champion: Champion, reads: Sequence[Read], frame: FeatureFrame, months: Any) -> list[Record]:
    if not reads:
        return []
    scored = champion.package.screen(frame)
    return [
        worded(champion, read.document, frame.rows(np.array([row])), scored.one(row), float(months[row]))
        for row, read in enumerate(reads)
    ]


def _stacked(reads: Sequence[Read]) -> FeatureFrame:
    frames = [read.material for read in reads if isinstance(read.material, FeatureFrame)]
    return FeatureFrame(np.concatenate([f.values for f in frames]), frames[0].names, frames[0].fingerprint)
