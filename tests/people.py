"""Small worlds for tests: facts of a few people written as tables one can read."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from features.facts import COLUMNS, DEPARTURES, OPEN_END, SCORES, Facts, LabourMarket, day_number, fact_table

Spell = tuple[str, str, str | None]


def day(text: str | None) -> int:
    """The day number of an ISO date; an end that is not there is open."""
    return OPEN_END if text is None else day_number(date.fromisoformat(text))


def days(*texts: str) -> np.ndarray:
    return np.array([day(text) for text in texts], np.int32)


def facts_of(
    *people: Mapping[str, Sequence[Any]],
    statement_inputs: Sequence[str] = ("history_from", "occupation_isco"),
    labour_market: LabourMarket | None = None,
) -> Facts:
    """Facts of people, each a mapping of table to rows.

    spells, services: (code, start, end[, known_on[, fact_id]]); statements: (input, value, happened_on[, known_on]);
    self_assessments: (date, permitted, {score: value}); departures: (reason, date).
    """
    rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in COLUMNS}
    owner: dict[str, list[int]] = {kind: [] for kind in COLUMNS}

    def add(kind: str, person: int, **columns: Any) -> None:
        columns.setdefault("fact_id", len(owner[kind]))
        owner[kind].append(person)
        rows[kind].append(columns)

    for i, tables in enumerate(people):
        for kind in ("spells", "services"):
            for code, start, end, *more in tables.get(kind, ()):
                known_on = day(more[0]) if more else day(start)
                identity = {"fact_id": 1_000_000 + more[1]} if len(more) > 1 else {}
                add(kind, i, happened_on=day(start), end=day(end), known_on=known_on, code=int(code), **identity)
        for name, value, on, *more in tables.get("statements", ()):
            number = float(day(value)) if isinstance(value, str) else float(value)
            add(
                "statements",
                i,
                happened_on=day(on),
                known_on=day(more[0]) if more else day(on),
                input=statement_inputs.index(name),
                value=number,
            )
        for on, permitted, scores in tables.get("self_assessments", ()):
            values = {score: scores.get(score, np.nan) for score in SCORES}
            known = {"happened_on": day(on), "known_on": day(on), "use_permitted": permitted}
            add("self_assessments", i, instrument_version=0.0, **known, **values)
        for reason, on in tables.get("departures", ()):
            add("departures", i, happened_on=day(on), known_on=day(on), code=DEPARTURES.index(reason))

    tables = {}
    for kind, columns in COLUMNS.items():
        names = ("fact_id", "happened_on", "known_on", *columns)
        tables[kind] = fact_table(
            kind,
            len(people),
            np.array(owner[kind], np.int64),
            {name: [row[name] for row in rows[kind]] for name in names},
        )
    return Facts(tuple(f"person{i}" for i in range(len(people))), tables, labour_market)
