"""One chunk of people, from the seed to every table: the same whatever process makes it."""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from training.population.careers import STILL_GOING_ON, simulate_careers
from training.population.days import OPEN, Days
from training.population.helping import Helped, give_help, without_help
from training.population.keyed import Keyed
from training.population.labour_market import LabourMarket
from training.population.parameters import WINDOW_OPENS, Parameters
from training.population.people import People, draw_people
from training.population.recording import DEPARTURE_ID, record_services, record_spells
from training.population.rows import Columns, join, take
from training.population.self_assessments import draw_self_assessments
from training.population.services import RunLayout, lay_out_runs
from training.population.statements import draw_statements
from training.population.truth import true_risks

SPARE_PEOPLE = 1.52
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
    lived: Columns


def simulate_chunk(
    seed: np.random.SeedSequence,
    size: int,
    parameters: Parameters,
    market: LabourMarket,
    until: int,
    helped: Helped | None = None,
) -> Chunk:
    """Exactly `size` people with at least one spell that reaches into the window, and everything known of them."""
    drawn = int(size * SPARE_PEOPLE) + 20
    while True:
        dice = [np.random.default_rng(part) for part in _parts(seed)]
        people = draw_people(dice[0], drawn, parameters, until - 5)
        careers = simulate_careers(dice[0], people, parameters, market, until)
        draw = Keyed(int(seed.generate_state(1, np.uint64)[0]))
        late = people.in_group(parameters.planted.group) & parameters.planted.late_outcomes
        hidden = people.in_group(parameters.planted.group) & parameters.planted.hiding_service
        spells, runs = careers.spells, without_help(careers.runs)
        if helped is not None and len(helped.person):
            before = lay_out_runs(np.random.default_rng(_parts(seed)[3]), people, runs, until, parameters, hidden)
            _, lived = record_spells(draw, _all_spells(spells, before), people.departs_on, until, late)
            clients = np.unique(lived["person"][_is_registration(lived, until)])
            if len(clients) < size:
                drawn = int(drawn * 1.2) + 20
                continue
            chosen = Helped(clients[helped.person], helped.on)
            spells, runs = give_help(draw, people, spells, runs, chosen, parameters, market)
        layout = lay_out_runs(dice[3], people, runs, until, parameters, hidden)
        rows, lived = record_spells(draw, _all_spells(spells, layout), people.departs_on, until, late)
        clients = np.unique(lived["person"][_is_registration(lived, until)])
        if len(clients) >= size:
            break
        drawn = int(drawn * 1.2) + 20
    runs = _with_known(runs, lived)
    asked = draw_self_assessments(dice[1], people, runs, parameters, until)
    tables = {
        "spells": rows,
        "services": record_services(draw, layout.services, until),
        "self_assessments": asked,
        "statements": draw_statements(dice[2], people, runs, parameters, until),
        "departures": _departures(draw, people, until),
        "truth": true_risks(people, runs, parameters, market, until),
        "runs": runs,
        "lived": lived,
    }
    place = np.full(len(people), -1)
    place[clients[:size]] = np.arange(size)
    return Chunk(people=_some(people, clients[:size]), **{name: _moved(table, place) for name, table in tables.items()})


def _parts(seed: np.random.SeedSequence) -> list[np.random.SeedSequence]:
    """Seeds of the parts of a chunk: what one part draws never moves another's numbers."""
    key = tuple(seed.spawn_key)
    return [np.random.SeedSequence(seed.entropy, spawn_key=(*key, 2, part)) for part in range(4)]


def _all_spells(spells: Columns, layout: RunLayout) -> Columns:
    inside = layout.spells
    return join(spells, {**inside, "reported": np.ones(len(inside["person"]), np.bool_), "registered": inside["end"]})


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


def _departures(draw: Keyed, people: People, until: int) -> Columns:
    known_on = people.departs_on + draw.integers(40, np.arange(len(people)), 15)
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
