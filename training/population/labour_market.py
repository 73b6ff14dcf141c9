"""The area's labour market: the calendar path of hiring, and jobseekers per vacancy by occupation and month."""

from dataclasses import dataclass

import numpy as np

from training.population.days import Days, Floats, first_day_of_month, month_index
from training.population.parameters import FIRST_CLIENTS_ON, Parameters

DOWNTURN = 0.8
"""A planted downturn multiplies the hazard by this."""
PUBLISHED_AFTER_DAYS = 25
SERIES_BEGINS = np.datetime64("2018-01", "M").astype(np.int64)
BASE = (4.0, 5.5, 4.5, 5.0, 8.0, 3.2, 6.0, 7.0, 7.5, 9.0)
"""Jobseekers per vacancy by major group 0-9 in a normal year (assumption: care and sales staff are sought most)."""
SENSITIVITY = (0.1, 0.8, 0.9, 0.9, 1.0, 0.6, 0.5, 1.5, 1.2, 1.1)
"""How strongly each group follows the downturn (assumption: building and industry most)."""


@dataclass(frozen=True)
class LabourMarket:
    """Hiring against a normal year, and the tightness series.

    Attributes
    ----------
    seed : int
        Of the whole population.
    macro : float64 (days,)
        Multiplier of the hazard of finding work on each day from `FIRST_CLIENTS_ON` on.
    months : int64 (m,)
        Months since January 1970.
    tightness : float64 (10, m)
        Jobseekers per vacancy.
    """

    seed: int
    macro: Floats
    months: Days
    tightness: Floats

    def hiring(self, days: Days) -> Floats:
        """Multiplier of the hazard on each day."""
        return self.macro[np.clip(days - FIRST_CLIENTS_ON, 0, len(self.macro) - 1)]

    def log_tightness(self, group: Days, days: Days) -> Floats:
        """Log of jobseekers per vacancy in a major group on a day, against the mean over groups in a normal year."""
        column = np.clip(month_index(days) - self.months[0], 0, len(self.months) - 1)
        level: Floats = np.log(self.tightness[group, column]) - float(np.mean(np.log(BASE)))
        return level

    def published_on(self) -> Days:
        """Day on which each month's figures are published."""
        return first_day_of_month(self.months + 1) - 1 + PUBLISHED_AFTER_DAYS


def make_labour_market(parameters: Parameters, seed: int, until: int) -> LabourMarket:
    """The labour market of one seed: the same for every person and any number of processes."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2**31,)))
    knots = np.array(parameters.hazard.macro)
    days = np.arange(FIRST_CLIENTS_ON, until + 20 * 366)
    macro = np.interp(days, knots[:, 0], knots[:, 1]) if parameters.trend else np.ones(len(days))
    if parameters.planted.downturn:
        macro = np.where(days >= parameters.planted.drift_from, DOWNTURN * macro, macro)
    last_month = int(np.datetime64(int(until), "D").astype("datetime64[M]").astype(np.int64))
    months = np.arange(SERIES_BEGINS, last_month + 1)
    middle = np.interp(first_day_of_month(months) + 15, days, macro)
    noise = np.zeros((10, len(months)))
    shocks = rng.normal(0.0, 0.05, noise.shape)
    for column in range(1, len(months)):
        noise[:, column] = 0.85 * noise[:, column - 1] + shocks[:, column]
    season = 0.08 * np.cos((months % 12) * (2 * np.pi / 12))
    downturn = -np.log(middle)
    level = np.log(BASE)[:, None] + 1.4 * np.array(SENSITIVITY)[:, None] * downturn + season + noise
    return LabourMarket(seed, macro, months, np.round(np.exp(level), 2))
