"""From a portion of the source to the answers of its clients: the story of `screening` in columns, all at once."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.as_of import known_at
from features.catalogue import Catalogue
from features.checked_rows import CheckedRows
from features.fact_rows import read_people
from features.facts import Days, day_number
from features.flat_columns import flat_days
from features.flat_rows import read_rows
from features.frame import FeatureFrame, features_of
from features.identity_codes import holds_identity_code
from features.intake import CLIENT_ID
from model_registry.package import Scored
from model_registry.scoring.told_domains import Order, TellingRules
from service.answer import FEWEST_OF_100, MOST_OF_100
from service.caseload_file.plan import Plan
from service.caseload_file.source import CLIENT, Portion
from service.champion import Champion
from service.objections import Standing
from service.scope import CLIENT_OBJECTS, OUTSIDE, scope_of
from service.today import earliest_as_of

REJECTS = pa.schema([("row", pa.int64()), ("field", pa.string()), ("reason", pa.string())])


@dataclass(frozen=True)
class Answers:
    """What became of a portion.

    Attributes
    ----------
    table : pyarrow.Table
        One row for each client who is not rejected, in the order of the source; columns as in `columns`.
    first_rows : int64
        Row in the source, from 0, at which each client of the table begins.
    rejects : pyarrow.Table
        Row (from 1), field and reason of each fault; the refused value never.
    counts : mapping of words to number of clients
    """

    table: pa.Table
    first_rows: NDArray[np.int64]
    rejects: pa.Table
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Found:
    """What was found about n people: why they are not assessed (a position in `OUTSIDE`, -1 where they are), the scores
    of those who are, and which parts of life are named for them.
    """

    why: NDArray[np.int8]
    scored: Scored
    told: Mapping[str, Order]


def assess_portion(
    plan: Plan, champion: Champion, rules: TellingRules, objecting: Standing, portion: Portion
) -> Answers:
    """The answers of a portion. What a client who objects has in the file is dropped before anything of it is read."""
    catalogue = champion.package.catalogue
    n = len(portion.client_ids)
    objects = np.array([client in objecting for client in portion.client_ids], np.bool_)
    first = np.searchsorted(portion.owner, np.arange(n))
    rows = np.flatnonzero(~objects[portion.owner])
    kept = np.flatnonzero(~objects)
    owner = (np.cumsum(~objects) - 1)[portion.owner[rows]]
    table = portion.table.take(pa.array(rows)) if objects.any() else portion.table
    file = CheckedRows(plan.source.name, table, numbers_of_rows=portion.first_row + rows)
    _refuse_names(catalogue, file, owner, [portion.client_ids[person] for person in kept])
    as_of = _as_of(plan, catalogue, file, owner, len(kept))
    if catalogue.flat is None:
        found, refused = _from_facts(plan, champion, rules, file, owner, portion, kept, as_of)
    else:
        found, refused = _from_flat(plan, champion, rules, file, as_of)

    place = np.full(n, -1)  # of each client among those assessed or told why not
    place[kept[~refused]] = np.arange(int((~refused).sum()))
    answered = np.flatnonzero(objects | (place >= 0))
    days = np.full(n, day_number(plan.day), np.int32)
    days[kept] = as_of
    answers = _table(plan, champion, rules, portion, answered, days[answered], place[answered], found)
    return Answers(answers, portion.first_row + first[answered], _rejects(file), _counts(answers, int(refused.sum())))


def columns(rules: TellingRules, with_range: bool) -> list[str]:
    """The columns of the output, in order."""
    names = ["client_id", "as_of", "level", "of_100_stay"]
    names += ["of_100_from", "of_100_to", "unsure", "other_level"] if with_range else []
    names += ["decided_by", "landmark", "not_assessed", "strengths", "can_be_influenced", "situation_now"]
    names += ["topics"] if rules.tells_topics else []
    return [*names, "screening_id", "run", "demonstration", "delete_by"]


def has_range(plan: Plan, champion: Champion) -> bool:
    """Whether a range around each risk is told."""
    return champion.package.committee is not None and not plan.without_committee


def _refuse_names(catalogue: Catalogue, file: CheckedRows, owner: NDArray[np.int64], names: list[str]) -> None:
    """A name that no request could carry would never be found again: not by an objection, not by an erasure."""
    column = CLIENT if catalogue.flat is None else catalogue.flat.person
    if column == "row" or not names:
        return
    fits = pc.match_substring_regex(pa.array(names, pa.string()), CLIENT_ID).to_numpy(False)
    coded = (
        np.array([holds_identity_code(name) for name in names]) if not fits.all() else np.zeros(len(names), np.bool_)
    )
    file.fault(column, (~fits & ~coded)[owner], "must be a pseudonym of 3 to 64 letters, digits, _ or -")


def _as_of(plan: Plan, catalogue: Catalogue, file: CheckedRows, owner: NDArray[np.int64], n: int) -> Days:
    """The as-of date of each of n people: the plan's for everybody, where there is one, else the file's, else today."""
    name = "as_of" if catalogue.flat is None else catalogue.flat.as_of
    if plan.as_of is not None or name not in file.table.column_names:
        return np.full(n, day_number(plan.day), np.int32)
    day = flat_days(file, catalogue.flat) if catalogue.flat is not None else file.days(name)
    file.fault(name, day > day_number(plan.today), "lies in the future; a screening looks at today or an earlier day")
    over = day < day_number(earliest_as_of(plan.today))
    file.fault(name, over, "lies over twelve months back; a screening looks at today or a recent day")
    first = day[np.searchsorted(owner, np.arange(n))]
    file.fault(name, day != first[owner], "is not the same in every row of the client; give one day for each")
    return first


def _from_facts(
    plan: Plan,
    champion: Champion,
    rules: TellingRules,
    file: CheckedRows,
    owner: NDArray[np.int64],
    portion: Portion,
    kept: NDArray[np.int64],
    as_of: Days,
) -> tuple[Found, NDArray[np.bool_]]:
    package, catalogue = champion.package, champion.package.catalogue
    names = tuple(portion.client_ids[person] for person in kept)
    people = read_people(catalogue, file, owner, names, as_of, plan.today, champion.labour_market)
    good = np.flatnonzero(~people.refused)
    facts = people.facts if len(good) == len(kept) else people.facts.take(good)
    known = known_at(facts, people.as_of[good], catalogue.statement_inputs, catalogue.label.bridging_days)
    why, _ = scope_of(catalogue, known, people.within_age_range[good])
    frame = features_of(catalogue, known).rows(why < 0)
    scored = package.screen(frame, committee=not plan.without_committee)
    return Found(why, scored, rules.told(scored.relative, frame.values)), people.refused


def _from_flat(
    plan: Plan, champion: Champion, rules: TellingRules, file: CheckedRows, as_of: Days
) -> tuple[Found, NDArray[np.bool_]]:
    read = read_rows(champion.package.catalogue, file, as_of)
    frame: FeatureFrame = read.frame.rows(~read.refused)
    scored = champion.package.screen(frame, committee=not plan.without_committee)
    why = np.full(len(frame), -1, np.int8)
    return Found(why, scored, rules.told(scored.relative, frame.values)), read.refused


def _table(
    plan: Plan,
    champion: Champion,
    rules: TellingRules,
    portion: Portion,
    answered: NDArray[np.int64],
    days: Days,
    place: NDArray[np.int64],
    found: Found,
) -> pa.Table:
    """The answers of those `answered`; `place` is their place in `found`, -1 for who objects."""
    catalogue, scored = champion.package.catalogue, found.scored
    why = np.append(found.why, np.int8(len(OUTSIDE)))[place]  # the last place is that of who objects
    row = (np.cumsum(found.why < 0) - 1)[place] if len(found.why) else place
    row = np.where(why < 0, row, -1)
    levels = [level.key for level in champion.package.policy.levels]
    made: dict[str, Any] = {
        "client_id": pa.array([portion.client_ids[person] for person in answered], pa.string()),
        "as_of": pa.array(days, pa.int32()).cast(pa.date32()),
        "level": _words(levels, np.append(scored.level, -1)[row]),
        "of_100_stay": _whole(of_100_of(scored.risk), row),
        "decided_by": _words(["register", "full"], np.append(scored.decided_by_full.astype(np.int8), -1)[row]),
        "landmark": _whole(scored.landmark, row),
        "not_assessed": _words([*OUTSIDE, CLIENT_OBJECTS], why),
        **{group: _codes(catalogue, order, row) for group, order in found.told.items()},
        "screening_id": pa.nulls(len(row), pa.string()),
        "run": _same("dry run" if plan.is_dry else "official", len(row)),
        "demonstration": _same(champion.package.meta.demonstration, len(row)),
        "delete_by": _same(plan.delete_by, len(row)),
    }
    if has_range(plan, champion):
        made |= _range(scored, levels, row)
    names = columns(rules, has_range(plan, champion))
    return pa.table({name: made[name] for name in names})


def of_100_of(risk: NDArray[np.float64]) -> NDArray[np.int64]:
    """`answer.of_100` of n risks, int64 (n,)."""
    return np.clip(np.rint(100.0 * risk), FEWEST_OF_100, MOST_OF_100).astype(np.int64)


def _range(scored: Scored, levels: list[str], row: NDArray[np.int64]) -> dict[str, Any]:
    """The columns of the committee: the range of the estimate, and both levels where the tool does not know."""
    said, stay = scored.certainty, of_100_of(scored.risk)
    other = np.where(said.unsure, said.other_level, -1)
    return {
        "of_100_from": _whole(np.minimum(stay, of_100_of(said.lower)), row),
        "of_100_to": _whole(np.maximum(stay, of_100_of(said.upper)), row),
        "unsure": pa.array(np.append(said.unsure, False)[row], mask=row < 0),
        "other_level": _words(levels, np.append(other, -1)[row]),
    }


def _codes(catalogue: Catalogue, order: Order, row: NDArray[np.int64]) -> Any:
    """The names of the domains told, the weightiest first, between blanks; null for who is not assessed."""
    chosen = np.vstack([order, np.full((1, order.shape[1]), -1, np.int8)])[row]
    told = chosen >= 0
    offsets = np.concatenate([[0], np.cumsum(told.sum(axis=1))]).astype(np.int32)
    names = pa.array([domain.name for domain in catalogue.domains], pa.string()).take(pa.array(chosen[told]))
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), names), " ")
    return pc.if_else(pa.array(row >= 0), joined, pa.scalar(None, pa.string()))


def _words(names: list[str], position: NDArray[Any]) -> Any:
    """The name at each position, null where it is -1."""
    return pa.array(names, pa.string()).take(pa.array(position.astype(np.int32), mask=position < 0))


def _whole(values: NDArray[np.int64], row: NDArray[np.int64]) -> Any:
    return pa.array(np.append(values, 0)[row], pa.int64(), mask=row < 0)


def _same(value: Any, n: int) -> Any:
    return pa.repeat(pa.scalar(value), n)


def _rejects(file: CheckedRows) -> pa.Table:
    """Every fault of a portion, in the order of the rows."""
    if not file.marks:
        return REJECTS.empty_table()
    row = np.concatenate([mark.rows + 1 for mark in file.marks])
    which = np.repeat(np.arange(len(file.marks)), [len(mark.rows) for mark in file.marks])
    fields = pa.array([mark.column for mark in file.marks], pa.string()).take(pa.array(which))
    reasons = pa.array([mark.sentence for mark in file.marks], pa.string()).take(pa.array(which))
    order = np.lexsort((which, row))
    return pa.table([pa.array(row), fields, reasons], schema=REJECTS).take(pa.array(order))


def _counts(answers: pa.Table, rejected: int) -> dict[str, int]:
    """How many clients got what; no order among them but that of the words."""
    found: Counter[str] = Counter()
    for name, prefix in (("level", "level"), ("not_assessed", "not assessed")):
        for one in pc.value_counts(answers.column(name).combine_chunks()).to_pylist():
            if one["values"] is not None:
                found[f"{prefix}: {one['values']}"] += one["counts"]
    found["rejected"] = rejected
    return dict(found)
