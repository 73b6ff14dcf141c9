"""Four plots of the report for people who read no tables: SVG files, the same bytes for the same numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.figures import new_figure, save_figures
from training.population.parameters import LANDMARK_MONTHS
from training.population.stocks import GROUPS, MEASURES, month_place
from training.population.summary import FIRST_YEAR, Tally, curve
from training.population.targets import (
    AREA_PEOPLE,
    FEBRUARIES,
    JOBSEEKERS,
    LONG_TERM,
    WORDS,
    hazard_by_landmark,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN = "#1f5a7a", "#c8641e", "#4c8a4c"
FLOWS_2017 = ((1, 0.68), (2, 0.56), (3, 0.47), (6, 0.32), (9, 0.23), (12, 0.17))
PERIODS = (("began in 2019-22", (2019, 2020, 2021, 2022), BLUE), ("began in 2025", (2025,), ORANGE))
PUBLISHED_SCORES = (197, 200, 366, 523, 539, 894, 808, 1166, 1286, 770, 533)
"""Work Ability Scores 0-10 of 7,282 respondents, 12.3.2019 (worklifedata.fi)."""


def plot_report(folder: Path, tallies: Sequence[Tally]) -> tuple[Path, ...]:
    """Write the four plots into `folder` and return the files; sums over all seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    total = Tally()
    for tally in tallies:
        total.add(tally)
    figures = {
        "population_survival.svg": _survival(total),
        "population_stocks.svg": _stocks(total),
        "population_hazard.svg": _hazard(total),
        "population_work_ability.svg": _work_ability(total),
    }
    return save_figures(folder, figures)


def _survival(tally: Tally) -> "Figure":
    figure, (axis,) = new_figure(1, 7.2, 4.6)
    months = np.arange(0, 366) / 30.4375
    for name, years, colour in PERIODS:
        rows = [year - FIRST_YEAR for year in years]
        left = curve(tally.ended[rows].sum(axis=0), tally.censored[rows].sum(axis=0))
        counted = curve(tally.official_ended[rows].sum(axis=0), tally.official_censored[rows].sum(axis=0))
        axis.plot(months, 100 * left[:366], color=colour, linewidth=2, label=f"{name}, services do not stop the clock")
        axis.plot(months, 100 * counted[:366], color=colour, linewidth=1, linestyle="--",
                  label=f"{name}, as counted officially")  # fmt: skip
    axis.plot(*np.array([(m, 100 * s) for m, s in FLOWS_2017]).T, "o", color="black", markersize=5,
              label="wanted for 2019-22: the flows of 2017")  # fmt: skip
    axis.errorbar([12], [27.5], yerr=[1.5], color=ORANGE, capsize=4, linewidth=3, label="wanted for 2025: 26-29 %")
    axis.set(title="How long unemployment lasts (synthetic people)", xlabel="months since it began",
             ylabel="still unemployed, %", xlim=(0, 12.3), ylim=(0, 102), xticks=range(0, 13, 3))  # fmt: skip
    axis.legend(fontsize=8)
    return figure


def _stocks(tally: Tally) -> "Figure":
    figure, axes = new_figure(4, 15.0, 4.2)
    last = int(np.flatnonzero(tally.stocks[0, 0])[-1])
    year = FIRST_YEAR + (np.arange(last + 1) + 1) / 12
    for axis, (row, group) in zip(axes, enumerate(GROUPS), strict=True):
        for name, measure, targets, colour in (
            ("jobseekers", "jobseekers", JOBSEEKERS, BLUE),
            ("long-term unemployed", "long_term", LONG_TERM, ORANGE),
        ):
            stock = tally.stocks[row, MEASURES.index(measure), : last + 1] * AREA_PEOPLE / tally.people
            axis.plot(year, stock, color=colour, label=name)
            places = [month_place(february, 2) for february in FEBRUARIES]
            axis.plot(year[places], targets[group], "o", color=colour, markersize=6, markeredgecolor="black")
        axis.set(title=WORDS[group], ylim=(0, None), xticks=range(2020, int(year[-1]) + 1, 2))
        axis.yaxis.set_major_formatter("{x:,.0f}")
    axes[0].set_ylabel("people at the end of each month")
    axes[0].legend(fontsize=8, loc="center left")
    figure.suptitle(
        "Jobseekers and long-term unemployed (synthetic people; the scales differ). Dots: the area's own figures of "
        "February. The peak of 2020: temporary lay-offs.",
        fontsize=10,
    )
    return figure


def _hazard(tally: Tally) -> "Figure":
    figure, (axis,) = new_figure(1, 6.4, 4.2)
    places = np.arange(len(LANDMARK_MONTHS))
    for shift, (name, years, colour) in zip((-0.2, 0.2), PERIODS, strict=True):
        hazards = np.array(hazard_by_landmark(tally, years))
        bars = axis.bar(places + shift, 100 * hazards, width=0.38, color=colour, label=name)
        axis.bar_label(bars, fmt="%.1f", fontsize=8)
    stretches = (*LANDMARK_MONTHS, 12)
    axis.set_xticks(places, [f"{stretches[i]}-{stretches[i + 1]}" for i in places])
    axis.set(title="The longer it lasts, the fewer leave (synthetic people)", xlabel="months since unemployment began",
             ylabel="of those still unemployed, leave in a month, %")  # fmt: skip
    axis.legend(fontsize=8)
    return figure


def _work_ability(tally: Tally) -> "Figure":
    figure, axes = new_figure(2, 10.5, 4.2)
    scores = np.arange(11)
    shares = 100 * tally.was / tally.was.sum(axis=1, keepdims=True)
    axes[0].bar(scores - 0.2, shares[0], width=0.4, color=BLUE, label="everybody (what they would say)")
    axes[0].bar(scores + 0.2, shares[1], width=0.4, color=GREEN, label="those who do answer")
    published = 100 * np.array(PUBLISHED_SCORES) / sum(PUBLISHED_SCORES)
    axes[1].bar(scores, shares[2], width=0.6, color=ORANGE, label="synthetic people")
    axes[1].plot(scores, published, "o", color="black", label="published: 7,282 answers of 2019")
    for axis, whose in zip(axes, ("at registration", "unemployed for a year or more"), strict=True):
        axis.set(title=f"Work Ability Score, {whose}", xlabel="score (10 is best)", xticks=scores,
                 ylabel="share of people, %")  # fmt: skip
        axis.legend(fontsize=8)
    axes[1].set_ylim(axes[0].get_ylim())
    return figure
