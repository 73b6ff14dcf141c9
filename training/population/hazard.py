"""How a run of unemployment ends: a hazard that falls with time, follows the calendar, and is known in closed form.

Work on the open market ends a run with the hazard

    h(d) = exp(eta) * m(start + d) * (k / theta) * (d / theta) ** (k - 1)

for day d of the run, where eta holds the facts and the latent state, m the calendar path, k and theta shape and scale.
The calendar path is taken as constant between the edges of a grid, so that the cumulative hazard is a sum and both the
drawing of an end and the true risk use the very same numbers. Services do not change the hazard in this version: they
are given by need and by time unemployed, so a service marks a need without causing anything.
"""

import numpy as np

from training.population.days import Days, Floats
from training.population.labour_market import LabourMarket
from training.population.parameters import HORIZON_DAYS, HazardParameters

EDGES = np.array(
    [
        0,
        3,
        7,
        14,
        30,
        61,
        91,
        122,
        152,
        183,
        213,
        244,
        274,
        304,
        335,
        365,
        *range(426, 1096, 61),
        *range(1200, 5200, 200),
    ],
    dtype=np.float64,
)
"""Days of a run; every landmark and the horizon are edges."""
HORIZON_EDGES = int(np.searchsorted(EDGES, HORIZON_DAYS)) + 1


def cumulative_hazard(
    parameters: HazardParameters, market: LabourMarket, start: Days, eta: Floats, edges: int = len(EDGES)
) -> Floats:
    """Cumulative hazard of finding work at the first `edges` edges of the grid, float64 (n, edges)."""
    grid = EDGES[:edges]
    step = np.diff((grid / parameters.scale_days) ** parameters.shape)
    middle = ((grid[:-1] + grid[1:]) / 2).astype(np.int64)
    hiring = market.hiring(start[:, None] + middle[None, :])
    total = np.zeros((len(start), edges))
    np.cumsum(hiring * step, axis=1, out=total[:, 1:])
    return total * np.exp(eta)[:, None]


def time_to_work(rng: np.random.Generator, cumulative: Floats) -> Floats:
    """Days from the start of each run to work on the open market, float64 (n,), by inversion; `inf` beyond the grid."""
    wanted = rng.exponential(1.0, len(cumulative))
    cell = np.sum(cumulative <= wanted[:, None], axis=1)
    inside = cell < cumulative.shape[1]
    right = np.where(inside, cell, 1)
    rows = np.arange(len(cumulative))
    low, high = cumulative[rows, right - 1], cumulative[rows, right]
    days = EDGES[right - 1] + (EDGES[right] - EDGES[right - 1]) * (wanted - low) / (high - low)
    return np.where(inside, days, np.inf)


def survival_to_horizon(cumulative: Floats, other_daily: Floats, day_of_run: Floats) -> Floats:
    """Probability that a run still going on at `day_of_run` reaches the horizon, float64 (n,)."""
    rows = np.arange(len(cumulative))
    right = np.clip(np.searchsorted(EDGES[:HORIZON_EDGES], day_of_run, side="right"), 1, HORIZON_EDGES - 1)
    low, high = cumulative[rows, right - 1], cumulative[rows, right]
    share = (day_of_run - EDGES[right - 1]) / (EDGES[right] - EDGES[right - 1])
    so_far = low + (high - low) * share
    ahead = cumulative[:, HORIZON_EDGES - 1] - so_far + other_daily * (HORIZON_DAYS - day_of_run)
    return np.exp(-ahead)
