"""One chunk of people, from the seed to every table: the same whatever process makes it."""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from training.population.careers import STILL_GOING_ON, simulate_careers
from training.population.days import OPEN, Days
from training.population.labour_market import LabourMarket
from training.population.parameters import WINDOW_OPENS, Parameters
from training.population.people import People, draw_people
from training.population.recording import DEPARTURE_ID, record_services, record_spells
from training.population.rows import Columns, join, take
from training.population.self_assessments import draw_self_assessments
from training.population.services import lay_out_runs, recorded_share
from training.population.statements import draw_statements
from training.population.truth import true_risks

SPARE_PEOPLE = 1.22
"""Some drawn people have no registration after 2019 began; the register has forgotten them, so more are drawn."""


@dataclass(frozen=True)
class Chunk:
    """Tables of one chunk; `person` counts from 0 within it."""

    people: People
    spells: Columns
    services: Columns
    self_assessments: Columns
    statements: Columns
    departures: Columns
    truth: Columns
    runs: Columns


def simulate_chunk(
    seed: np.random.SeedSequence, size: int, parameters: Parameters, market: LabourMarket, until: int
) -> Chunk:
    """Exactly `size` people with at least one spell that reaches into the window, and everything known of them."""
    drawn = int(size * SPARE_PEOPLE) + 20
    while True:
        rng = np.random.default_rng(seed)
        people = draw_people(rng, drawn, parameters, until - 5)
        careers = simulate_careers(rng, people, parameters, market, until)
        layout = lay_out_runs(rng, people, careers.runs, until)
        spells = join(careers.spells, {**layout.spells, "reported": np.ones(len(layout.spells["person"]), np.bool_)})
        rows, lived = record_spells(rng, spells, people.departs_on, until)
        clients = np.unique(lived["person"][_is_registration(lived, until)])
        if len(clients) >= size:
            break
        drawn = int(drawn * 1.2) + 20
    runs = _with_known(careers.runs, lived)
    recorded = rng.random(len(layout.services["person"])) < recorded_share(layout.services["start"])
    services = record_services(rng, layout.services, recorded, until)
    tables = {
        "spells": rows,
        "services": services,
        "self_assessments": draw_self_assessments(rng, people, runs, parameters, until),
        "statements": draw_statements(rng, people, runs, parameters, until),
        "departures": _departures(rng, people, until),
        "truth": true_risks(people, runs, parameters, market, until),
        "runs": runs,
    }
    place = np.full(len(people), -1)
    place[clients[:size]] = np.arange(size)
    return Chunk(people=_some(people, clients[:size]), **{name: _moved(table, place) for name, table in tables.items()})


def _is_registration(lived: Columns, until: int) -> NDArray[np.bool_]:
    return (lived["end"] >= WINDOW_OPENS) & (lived["known"] <= until) & np.isin(lived["code"], (2, 3))


def _with_known(runs: Columns, lived: Columns) -> Columns:
    """Runs sorted by person and start, each with the day its first spell became known (`OPEN`: not by any date)."""
    in_run = lived["run"] >= 0
    first_known = np.full(len(runs["run"]), OPEN)
    np.minimum.at(first_known, lived["run"][in_run], lived["known"][in_run])
    ordered = take({**runs, "known": first_known}, np.lexsort((runs["start"], runs["person"])))
    ordered["end"] = np.where(ordered["ended_by"] == STILL_GOING_ON, OPEN, ordered["end"])
    return ordered


def _departures(rng: np.random.Generator, people: People, until: int) -> Columns:
    known_on = people.departs_on + rng.integers(0, 15, len(people))
    seen = np.flatnonzero((known_on <= until) & (people.departs_on >= WINDOW_OPENS))
    return {
        "person": seen,
        "fact": np.full(len(seen), DEPARTURE_ID),
        "date": people.departs_on[seen],
        "known_on": known_on[seen],
        "why": people.departs_why[seen],
    }


def _some(people: People, who: Days) -> People:
    return replace(people, **{f.name: getattr(people, f.name)[who] for f in fields(people)})


def _moved(table: Columns, place: Days) -> Columns:
    """Rows of the people kept, under their new numbers."""
    kept = take(table, place[table["person"]] >= 0)
    kept["person"] = place[kept["person"]]
    return kept
