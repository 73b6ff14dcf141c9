"""Calibration against the true risk, which a synthetic population knows: no luck of outcomes is in it.

An area sees outcomes only, and on a few thousand of them risks without any fault show a calibration error of .02 and
more. Here the mean risk told is held against the mean true risk of the same people, tenth by tenth of the risk told.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_registry.evidence import measures

Floats = NDArray[np.float64]
EVERYBODY = "everybody"
ANSWERED, SILENT = "who answered something", "who answered nothing"
FIRST_QUARTER = "everybody, first three months"
REGISTER_ALONE = "everybody, register model alone"
GROUPS = (EVERYBODY, ANSWERED, SILENT, FIRST_QUARTER, REGISTER_ALONE)
QUARTER_DAYS = 91
HIGHEST_ERROR, SLOPES = 0.015, (0.9, 1.1)
HOW_TO_READ = (
    "**Error** is the mean distance between the mean risk told and the mean true risk over tenths of the risk told: "
    "no luck of outcomes is in it, only that of which people a tenth holds.",
    "**By chance** is how much of the error that luck alone would give.",
    "**Slope** is that of the true risk on the log-odds of the risk told: below 1 the risks told are too extreme.",
    "**Told less true** is the difference of the two means: above 0 people are told too much.",
    "The true risk of a day counts hiring up to that day and no later fall of it, which nobody could have known; so "
    "with the trend a figure below 0 is the fall between the months calibrated on and the day of the screening; the "
    "first three months after the fit show what is left of it where the model is made anew every quarter.",
    "Who answered something is told the highest of several risks, so that no answer takes support away; its price "
    "stands in told less true, against who answered nothing.",
)


def against_truth(
    truth: Floats,
    told: Floats,
    register: Floats,
    answered: NDArray[np.bool_],
    as_of: NDArray[np.int32],
    first_day: int,
    weight: Floats,
) -> dict[str, dict[str, float]]:
    """Return the figures of each group at one landmark.

    Parameters
    ----------
    truth, told, register, weight : float64 (n,)
        True risk, the served risk, the register model's alone, and for whom each person-date stands.
    answered : bool (n,)
    as_of : int32 (n,)
        Day numbers; `first_day` is the first of the evaluation.
    """
    everybody = np.ones(len(truth), np.bool_)
    chosen = {
        EVERYBODY: (everybody, told),
        ANSWERED: (answered, told),
        SILENT: (~answered, told),
        FIRST_QUARTER: (as_of < first_day + QUARTER_DAYS, told),
        REGISTER_ALONE: (everybody, register),
    }
    return {group: _figures(truth[rows], risk[rows], weight[rows]) for group, (rows, risk) in chosen.items()}


def _figures(truth: Floats, told: Floats, weight: Floats) -> dict[str, float]:
    if len(truth) < 2:
        return {"n": float(len(truth)), **dict.fromkeys(("error", "chance", "slope", "less"), float("nan"))}
    return {
        "n": float(len(truth)),
        "error": float(measures.expected_calibration_error(truth, told, weight)),
        "chance": float(measures.calibration_error_by_chance(truth, told, weight)),
        "slope": float(measures.calibration_slope(truth, told, weight)),
        "less": float(np.average(told - truth, weights=weight)),
    }


def calibration_table(by_seed: Mapping[int, Any]) -> list[str]:
    """Return the table of one kind of population: medians over seeds, and how many seeds meet both goals."""
    lines = [
        "| month | people | n | error, under .015 | worst | by chance | slope, .9 to 1.1 | told less true | "
        "seeds that meet both |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    seeds = list(by_seed.values())
    for month in seeds[0]:
        for group in GROUPS:
            found = [one[month]["against the true risk"][group] for one in seeds]
            lines.append(f"| {month} | {group} | {_cells(found)} |")
    return lines


def calibration_verdict(by_seed: Mapping[int, Any]) -> str:
    """Return in one sentence where the median meets both goals, for everybody and by whether people answered."""
    seeds = list(by_seed.values())
    told = []
    for group in (EVERYBODY, ANSWERED, SILENT):
        met = []
        for month in seeds[0]:
            found = [one[month]["against the true risk"][group] for one in seeds]
            if _meets(*(float(np.median([one[figure] for one in found])) for figure in ("error", "slope"))):
                met.append(month)
        months = f"at month {', '.join(met)} of {', '.join(seeds[0])}" if met else "at no month"
        told.append(f"{group} {months}")
    return f"The median meets both goals for {'; for '.join(told)}."


def _meets(error: float, slope: float) -> bool:
    return error < HIGHEST_ERROR and SLOPES[0] <= slope <= SLOPES[1]


def _cells(found: Sequence[Mapping[str, float]]) -> str:
    def median(figure: str) -> float:
        return float(np.median([one[figure] for one in found]))

    error, slope = median("error"), median("slope")
    met = sum(_meets(one["error"], one["slope"]) for one in found)
    return " | ".join(
        (
            f"{median('n'):,.0f}",
            _marked(error, error < HIGHEST_ERROR),
            _shown(max(one["error"] for one in found)),
            _shown(median("chance")),
            _marked(slope, SLOPES[0] <= slope <= SLOPES[1]),
            _shown(median("less"), "+"),
            f"{met} of {len(found)}",
        )
    )


def _marked(value: float, met: bool) -> str:
    return _shown(value) + ("" if met or np.isnan(value) else " **not met**")


def _shown(value: float, sign: str = "") -> str:
    return "not assessable" if np.isnan(value) else f"{value:{sign}.3f}"
