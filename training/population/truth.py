"""The true risk: the probability that a run still goes on twelve months after its start, given facts and latent state.

It is exact, not drawn: the hazard of each run is known, with the calendar path to come counted as known. Old-age
pension within the horizon makes it 0; moving away is censoring and does not enter.
"""

from itertools import pairwise

import numpy as np

from training.population.hazard import HORIZON_EDGES, cumulative_hazard, survival_to_horizon
from training.population.labour_market import LabourMarket
from training.population.parameters import (
    DAYS_A_MONTH,
    DAYS_A_YEAR,
    HORIZON_DAYS,
    LANDMARK_MONTHS,
    WINDOW_OPENS,
    Parameters,
)
from training.population.people import People
from training.population.rows import Columns, join, take


def true_risks(people: People, runs: Columns, parameters: Parameters, market: LabourMarket, until: int) -> Columns:
    """The true risk of every run at every landmark it reached in the window.

    Columns person, spell_start, as_of, landmark, true_risk; sorted by person and as_of. At landmark 0 the as-of date
    is the day on which the run became known, later ones are 91, 183 and 274 days after its start.
    """
    runs = take(runs, (runs["end"] >= WINDOW_OPENS) & (runs["known"] <= until))
    person, start = runs["person"], runs["start"]
    cumulative = cumulative_hazard(parameters.hazard, market, start, runs["eta"], HORIZON_EDGES)
    other = runs["other_daily"] + parameters.hazard.death_daily
    pension = people.born_on[person] + int(parameters.pension_age * DAYS_A_YEAR)
    before_pension = pension > start + HORIZON_DAYS
    parts = []
    for months, next_months in pairwise((*LANDMARK_MONTHS, 12)):
        next_landmark = round(next_months * DAYS_A_MONTH)
        as_of = start + round(months * DAYS_A_MONTH) if months else runs["known"]
        reached = (as_of <= until) & (as_of <= runs["end"]) & (as_of >= runs["known"]) & (as_of - start < next_landmark)
        risk = survival_to_horizon(cumulative, other, (as_of - start).astype(np.float64)) * before_pension
        columns = {"person": person, "spell_start": start, "as_of": as_of, "true_risk": risk}
        parts.append({**take(columns, reached), "landmark": np.full(int(reached.sum()), months)})
    table = join(*parts)
    return take(table, np.lexsort((table["as_of"], table["person"])))
