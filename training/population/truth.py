"""The true risk: the probability that a run still goes on twelve months after its start, given facts and latent state.

Given a path of hiring it is exact, for the hazard of each run is known; over the path after the as-of date, which
nobody knows on that day, it is the mean of 200 continuations. Old-age pension within the horizon makes it 0; moving
away is censoring and does not enter. Help given later does not count on the as-of date; help given before does."""

from itertools import pairwise

import numpy as np

from training.population.days import Days, Floats
from training.population.hazard import continuations, hazard_ahead, survival_to_horizon
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
    start = runs["start"]
    parts = []
    for months, next_months in pairwise((*LANDMARK_MONTHS, 12)):
        next_landmark = round(next_months * DAYS_A_MONTH)
        as_of = start + round(months * DAYS_A_MONTH) if months else runs["known"]
        reached = (as_of <= until) & (as_of <= runs["end"]) & (as_of >= runs["known"]) & (as_of - start < next_landmark)
        here, on = take(runs, reached), as_of[reached]
        risk = risk_on(people, here, on, parameters, market, months)
        columns = {"person": here["person"], "spell_start": here["start"], "as_of": on, "true_risk": risk}
        parts.append({**columns, "landmark": np.full(len(on), months)})
    table = join(*parts)
    return take(table, np.lexsort((table["as_of"], table["person"])))


def risk_on(
    people: People, runs: Columns, as_of: Days, parameters: Parameters, market: LabourMarket, months: float
) -> Floats:
    """True risk of runs on their as-of dates, about `months` after the start, float64 (n,)."""
    gone_by = (as_of - runs["start"]).astype(np.float64)
    ahead = hazard_ahead(parameters.hazard, gone_by)
    other = (runs["other_daily"] + parameters.hazard.death_daily) * np.maximum(HORIZON_DAYS - gone_by, 0.0)
    paths = continuations(parameters, market.seed, months)
    risk = survival_to_horizon(ahead, market.hiring(as_of), runs["eta"], other, paths)
    helped_day = np.minimum(runs["helped_on"] - runs["start"], HORIZON_DAYS).astype(np.float64)
    when_helped = hazard_ahead(parameters.hazard, helped_day).sum(axis=1)
    left = np.divide(ahead.sum(axis=1), when_helped, out=np.zeros(len(as_of)), where=when_helped > 0)
    risk = risk * np.exp(-runs["help_hazard"] * np.where(runs["helped_on"] < as_of, left, 0.0))
    pension = people.born_on[runs["person"]] + int(parameters.pension_age * DAYS_A_YEAR)
    possible: Floats = risk * (pension > runs["start"] + HORIZON_DAYS)
    return possible
