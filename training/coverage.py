"""How wide a committee's range must be: on populations that know each person's true risk.

Refits differ only by whom chance has drawn, so their own range is too narrow. It is drawn out from the median until it
covers, for 80 % of the people, (1) the true risk given everything, also what nobody has told, and (2) the risk given
only the facts a model may use, found by the ceiling's model of the true risk. Members of a larger committee are its own
first ones, so sizes are compared on the same people.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_registry.scoring.calibration import risk_of
from model_registry.scoring.committee import DISSENT, decisive_log_odds, drawn_out, percentiles
from training.candidates import committee_of, fit_kind
from training.committee import WIDENING, member_log_odds
from training.fit import SMALL_TREES
from training.levels import risk_log_odds
from training.seed_backtest import backtest_on
from training.seeds import Ceilings

Floats = NDArray[np.float64]
COVERED = 0.80
SIZES = tuple(WIDENING)
FLAGGED = 0.05
HOW_CHOSEN = (
    "The factors in use are the largest that any of these populations with the trend needed. Without the trend the "
    "range of month 0 needs more, because the risk told is a little high there and the refits agree more: see "
    "*covered, given everything*. What follows from the page: the number told at registration may be wrong by some 15 "
    "points either way for the person at hand, though for the people who are like them taken together it is close."
)
EVERYTHING, ADMITTED = "given everything", "given the admitted facts"


def judge_seed(
    folder: Path, people: int, seed: int, processes: int, trend: bool, ceilings: Ceilings
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the figures of one population by size of the committee and landmark."""
    made = backtest_on(folder, people, seed, processes, trend, {"committee": {"members": max(SIZES)}})
    config, catalogue, material, judged, truth = made.config, made.catalogue, made.material, made.judged, made.truth
    candidate = fit_kind(SMALL_TREES, config, catalogue, material)
    committee = committee_of(config, catalogue, made.cohort, material, candidate)
    assert committee is not None
    served = risk_log_odds(catalogue, candidate, judged.table)
    members = member_log_odds(committee, catalogue, judged.table.frame, judged.table.answered)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for size in SIZES:
        found[str(size)] = {}
        for month in catalogue.landmarks:
            rows = np.flatnonzero((judged.table.landmark == month) & ~np.isnan(truth))
            admitted = ceilings[month](judged.table.frame.values[rows])
            found[str(size)][str(month)] = _figures(
                served[rows], members[rows, :size], {EVERYTHING: truth[rows], ADMITTED: admitted}, WIDENING[size][month]
            )
    return found


def _figures(served: Floats, members: Floats, risks: Mapping[str, Floats], widening: float) -> dict[str, float]:
    ordered = np.sort(members, axis=1)
    lowest, middle, highest = percentiles(ordered)
    lower, upper = _range(ordered, served, widening)
    figures = {"width": float((upper - lower).mean()), "width of the refits alone": _width(ordered, served, 1.0)}
    alone = _range(ordered, served, 1.0)
    for name, risk in risks.items():
        figures[f"covered by the refits alone, {name}"] = float(((risk >= alone[0]) & (risk <= alone[1])).mean())
        figures[f"covered, {name}"] = float(((risk >= lower) & (risk <= upper)).mean())
        needed = _widening_needed(risk, served, lowest, middle, highest)
        figures[f"widening for 80 %, {name}"] = needed
        figures[f"width at that, {name}"] = _width(ordered, served, max(1.0, needed))
    decisive = decisive_log_odds(served, ordered)
    threshold = np.quantile(decisive, 1 - FLAGGED)
    same = ((members >= threshold) == (served >= threshold)[:, None]).sum(axis=1)
    unsure = DISSENT * (members.shape[1] - same) > members.shape[1]
    flagged = decisive >= threshold
    return figures | {
        "does not know, everybody": float(unsure.mean()),
        "does not know, of those suggested": float(unsure[flagged].mean()),
    }


def _widening_needed(risk: Floats, served: Floats, lowest: Floats, middle: Floats, highest: Floats) -> float:
    """The widening at which the range covers the risk of 80 % of the people."""
    with np.errstate(divide="ignore"):
        log_odds = np.log(risk) - np.log1p(-risk)
    up = (log_odds - middle) / np.maximum(highest - middle, 1e-12)
    down = (middle - log_odds) / np.maximum(middle - lowest, 1e-12)
    above = log_odds > middle
    between = np.where(above, log_odds <= served, log_odds >= served)
    return float(np.quantile(np.where(between, 0.0, np.where(above, up, down)), COVERED))


def _range(ordered: Floats, served: Floats, widening: float) -> tuple[Floats, Floats]:
    lower, upper = drawn_out(served, ordered, widening)
    return risk_of(lower), risk_of(upper)


def _width(ordered: Floats, served: Floats, widening: float) -> float:
    lower, upper = _range(ordered, served, widening)
    return float((upper - lower).mean())


def as_markdown(found: Mapping[str, Mapping[int, Any]], people: int, today: date, commit: str) -> str:
    """Return the page: for each landmark and size the median of the seeds, and the seed that is worst."""
    seeds = list(next(iter(found.values())))
    lines = [
        "# How sure an estimate is, on synthetic populations",
        "",
        f"Made by `varhain evidence committee --seeds {len(seeds)} --people {people}` on {today.isoformat()}, commit "
        f"{commit}, seeds {seeds[0]} to {seeds[-1]}.",
        "",
        "Refits of the model on people drawn anew differ little, so their own range, from the 5th to the 95th "
        "percentile, is too narrow. It is drawn out until it covers the **true risk, given everything**, also what "
        "nobody has told, of 80 in 100 people; the factors in use are "
        + "; ".join(
            f"for {size} refits " + ", ".join(f"{factor} at month {month}" for month, factor in widening.items())
            for size, widening in WIDENING.items()
        )
        + ". The risk **given the admitted facts** is the mean of people with the same facts: the number the model "
        "itself is after. Covering that takes less, and the range in use covers it for nearly everybody. On real "
        "people nobody knows a true risk, so there the factor is an assumption.",
        "",
        HOW_CHOSEN,
        "",
        f"*Does not know*: fewer than 80 % of the refits agree whether an early talk is suggested, where "
        f"{100 * FLAGGED:.0f} % of the people at the landmark get one.",
    ]
    for name, by_seed in found.items():
        for size in SIZES:
            lines += ["", f"## {size} refits, populations {name}", ""]
            months = list(next(iter(by_seed.values()))[str(size)])
            lines.append(
                "| figure, median of the seeds (lowest to highest) |" + "".join(f" month {m} |" for m in months)
            )
            lines.append("|---|" + "---|" * len(months))
            for figure in next(iter(by_seed.values()))[str(size)][months[0]]:
                cells = []
                for month in months:
                    values = [one[str(size)][month][figure] for one in by_seed.values()]
                    cells.append(f" {np.median(values):.2f} ({min(values):.2f} to {max(values):.2f}) |")
                lines.append(f"| {figure} |" + "".join(cells))
    return "\n".join(lines) + "\n"
