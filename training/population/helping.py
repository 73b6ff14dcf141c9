"""Help that is given on a day: it opens one more way to work, and changes nothing for anybody else.

A person helped on a day reaches twelve months with a probability lower by `help_effect` than without (never by more
than half). The extra hazard has the shape of the hazard of finding work. Who finds work earlier this way keeps that
job until the day on which the run would have ended, and lives on as without help; so the same seed with and without
help tells exactly what the help did. Help leaves no trace of its own in the extract."""

from dataclasses import dataclass

import numpy as np

from training.population.careers import TO_WORK, WORK
from training.population.days import OPEN, Days
from training.population.hazard import EDGES, HORIZON_EDGES, hazard_ahead
from training.population.keyed import Keyed, key_of
from training.population.labour_market import LabourMarket
from training.population.parameters import DAYS_A_MONTH, HORIZON_DAYS, Parameters
from training.population.people import People
from training.population.rows import Columns, join, take
from training.population.truth import risk_on

PURPOSE = 90
MOST_OF_THE_RISK = 0.5


@dataclass(frozen=True)
class Helped:
    """Who is helped and when: place of the person among the clients of a chunk, and day, one element each."""

    person: Days
    on: Days


def without_help(runs: Columns) -> Columns:
    """Runs of people whom nobody helped: `helped_on` is `OPEN`, `help_hazard` 0."""
    n = len(runs["person"])
    return {**runs, "helped_on": np.full(n, OPEN), "help_hazard": np.zeros(n)}


def give_help(
    draw: Keyed,
    people: People,
    spells: Columns,
    runs: Columns,
    helped: Helped,
    parameters: Parameters,
    market: LabourMarket,
) -> tuple[Columns, Columns]:
    """Spells and runs as they go on after the help; help on a day on which a person is in no run changes nothing."""
    runs = {name: column.copy() for name, column in runs.items()}
    row, on = _runs_helped(runs, helped)
    day_of_run = (on - runs["start"][row]).astype(np.float64)
    chosen = take(runs, row)
    months = float(np.median(day_of_run)) / DAYS_A_MONTH if len(row) else 0.0
    risk = np.maximum(risk_on(people, chosen, on, parameters, market, months), 1e-9)
    lowered = np.maximum(risk - parameters.help_effect, MOST_OF_THE_RISK * risk)
    extra = np.log(risk / lowered)
    runs["helped_on"][row], runs["help_hazard"][row] = on, extra

    wanted = -np.log(draw.uniform(PURPOSE, key_of(chosen["person"], chosen["start"])))
    shape = np.cumsum(hazard_ahead(parameters.hazard, day_of_run), axis=1)
    target = np.divide(wanted, extra, out=np.full(len(row), np.inf), where=extra > 0) * shape[:, -1]
    cell = np.sum(shape <= target[:, None], axis=1)
    found = cell < HORIZON_EDGES - 1
    row, on, target, cell, shape, day_of_run = (x[found] for x in (row, on, target, cell, shape, day_of_run))
    rows = np.arange(len(row))
    low = np.where(cell > 0, shape[rows, np.maximum(cell - 1, 0)], 0.0)
    begin = np.maximum(EDGES[cell], day_of_run)
    days = begin + (EDGES[cell + 1] - begin) * (target - low) / (shape[rows, cell] - low)
    end = np.maximum(runs["start"][row] + days.astype(np.int64), on)
    earlier = end < runs["end"][row]
    row, end = row[earlier], end[earlier]
    job = {
        "person": runs["person"][row],
        "code": np.full(len(row), WORK),
        "start": end + 1,
        "end": runs["end"][row].copy(),
        "run": np.full(len(row), -1),
        "reported": np.ones(len(row), np.bool_),
        "registered": np.zeros(len(row), np.int64),
    }
    runs["end"][row], runs["ended_by"][row] = end, TO_WORK
    return join(spells, job), runs


def _runs_helped(runs: Columns, helped: Helped) -> tuple[Days, Days]:
    """The run that goes on in its first year on each day of help, and that day."""
    order = np.lexsort((runs["start"], runs["person"]))
    keys = key_of(runs["person"][order], runs["start"][order])
    place = np.searchsorted(keys, key_of(helped.person, helped.on), side="right") - 1
    row = order[np.maximum(place, 0)]
    inside = (place >= 0) & (runs["person"][row] == helped.person) & (helped.on < runs["end"][row])
    inside &= helped.on - runs["start"][row] < HORIZON_DAYS
    _, first = np.unique(row[inside], return_index=True)
    return row[inside][first], helped.on[inside][first]
