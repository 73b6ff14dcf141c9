"""How a run of unemployment ends: a hazard that falls with time, follows the calendar, and is known in closed form.

Work on the open market ends a run with the hazard

    h(d) = exp(eta) * m(start + d) * (k / theta) * (d / theta) ** (k - 1)

for day d of the run, where eta holds the facts and the latent state, m the calendar path, k and theta shape and scale.
The calendar path is taken as constant between the edges of a grid, so that the cumulative hazard is a sum and both the
drawing of an end and the true risk use the very same numbers. The path after an as-of date is not known on that day:
the true risk is the mean over continuations of it. Services do not change the hazard: they are given by need and by
time unemployed, so a service marks a need without causing anything. Help that is asked for does (`helping.py`).
"""

import numpy as np

from training.population.days import Days, Floats
from training.population.labour_market import LabourMarket
from training.population.parameters import DAYS_A_MONTH, HORIZON_DAYS, HazardParameters, Parameters

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
        *range(1200, 6600, 200),
    ],
    dtype=np.float64,
)
"""Days of a run; every landmark and the horizon are edges."""
BLOCK = 4096
HORIZON_EDGES = int(np.searchsorted(EDGES, HORIZON_DAYS)) + 1


def cumulative_hazard(
    parameters: HazardParameters, market: LabourMarket, start: Days, eta: Floats, edges: int = len(EDGES)
) -> Floats:
    """Cumulative hazard of finding work at the first `edges` edges of the grid, float64 (n, edges)."""
    grid = EDGES[:edges]
    step = np.diff((grid / parameters.scale_days) ** parameters.shape)
    middle = ((grid[:-1] + grid[1:]) / 2).astype(np.int64)
    late = grid[1:] > HORIZON_DAYS
    step = np.where(late, parameters.after_a_year, 1.0) * step
    hiring = market.hiring(start[:, None] + middle[None, :])
    hiring[:, late] **= parameters.after_a_year_sensitivity
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


def hazard_ahead(parameters: HazardParameters, day_of_run: Floats) -> Floats:
    """Weibull hazard left in each cell up to the horizon from `day_of_run` on, float64 (n, cells): no eta, no path."""
    grid = EDGES[:HORIZON_EDGES]
    step = np.diff((grid / parameters.scale_days) ** parameters.shape)
    left = np.clip((grid[1:] - day_of_run[:, None]) / np.diff(grid), 0.0, 1.0)
    weighted: Floats = left * step
    return weighted


def survival_to_horizon(ahead: Floats, level: Floats, eta: Floats, other: Floats, paths: Floats) -> Floats:
    """Probability of reaching the horizon, float64 (n,): exact given a path of hiring, averaged over the paths.

    Parameters
    ----------
    ahead : float64 (n, cells)
        From `hazard_ahead`.
    level : float64 (n,)
        Hiring on the as-of date.
    other : float64 (n,)
        Cumulative hazard of all other ends up to the horizon.
    paths : float64 (cells, continuations)
        Hiring in each cell against the as-of date.
    """
    scale = level * np.exp(eta)
    mean = np.empty(len(level))
    for block in range(0, len(level), BLOCK):
        rows = slice(block, block + BLOCK)
        mean[rows] = np.exp(-(ahead[rows] @ paths) * scale[rows, None]).mean(axis=1)
    risk: Floats = mean * np.exp(-other)
    return risk


def continuations(parameters: Parameters, seed: int, months: float) -> Floats:
    """Paths of hiring in each cell of the grid against the level `months` after the start, (cells, continuations).

    A random walk in the logarithm from that day on, in antithetic pairs, its mean held at 1: the past path is known and
    the future one is not.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2**31, 1)))
    grid = EDGES[:HORIZON_EDGES]
    ahead = np.maximum((grid[:-1] + grid[1:]) / 2 - months * DAYS_A_MONTH, 0.0) / DAYS_A_MONTH
    steps = np.diff(ahead, prepend=0.0)
    sd = parameters.macro_monthly_sd * parameters.trend
    shocks = rng.standard_normal((len(steps), -(-parameters.continuations // 2)))
    walk = np.cumsum(shocks * np.sqrt(steps)[:, None], axis=0)
    paths: Floats = np.exp(sd * np.concatenate((walk, -walk), axis=1) - 0.5 * sd**2 * ahead[:, None])
    return paths
