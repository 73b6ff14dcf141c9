"""Plots of a training run for people who read no tables: SVG files, the same bytes for the same numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from model_registry.evidence.measures import expected_calibration_error, rank, recall_at_capacity
from model_registry.evidence.survival import effective_n
from training.figures import new_figure, save_figures
from training.worth import EVERYBODY, WHO_GAVE_IT, Worth

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
BINS = 10
FEATURES_SHOWN = 15


def plot_all(
    folder: Path,
    catalogue: Catalogue,
    outcome: Floats,
    landmark: NDArray[np.int8],
    risks: Mapping[str, Floats],
    contributions: Floats,
    contribution_names: tuple[str, ...],
    weight: Floats | None = None,
    worth: Worth | None = None,
) -> tuple[Path, ...]:
    """Write every plot into `folder` and return the files.

    Parameters
    ----------
    outcome, landmark : (n,)
        Of the evaluation slice.
    risks : model name -> float64 (n,)
        The served model first.
    contributions : float64 (n, k)
        Of the served model's register part, to the calibrated log-odds, columns `contribution_names`.
    weight : (n,), optional
        For whom a row stands besides itself (censoring).
    worth : Worth, optional
        Gives the plot of gains by block of inputs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    served = next(iter(risks.values()))
    months = [int(month) for month in np.unique(landmark)]
    first = landmark == months[0]
    standing = np.ones(len(outcome)) if weight is None else weight
    figures = {
        "calibration.svg": _calibration(outcome, landmark, served, standing, months),
        "recall_by_capacity.svg": _recall(
            outcome[first], {name: risk[first] for name, risk in risks.items()}, standing[first], months[0]
        ),
        "contributions.svg": _contributions(catalogue, contributions[first], contribution_names, months[0]),
    }
    if worth is not None:
        figures["gain_by_block.svg"] = _gains(worth)
    return save_figures(folder, figures)


def when(month: int) -> str:
    """Return a landmark in words.

    >>> when(0), when(3)
    ('at the start', 'after 3 months')
    """
    return f"after {month} months" if month else "at the start"


def _calibration(
    outcome: Floats, landmark: NDArray[np.int8], risk: Floats, weight: Floats, months: list[int]
) -> "Figure":
    figure, axes = new_figure(len(months), max(6.4, 3.4 * len(months)), 4.2)
    for axis, month in zip(axes, months, strict=True):
        rows = landmark == month
        own, told, standing = outcome[rows], risk[rows], weight[rows]
        order = np.argsort(told, kind="stable")
        parts = np.array_split(order, min(BINS, len(order)))
        mean = np.array([np.average(told[part], weights=standing[part]) for part in parts])
        share = np.array([np.average(own[part], weights=standing[part]) for part in parts])
        error = 1.96 * np.sqrt(share * (1 - share) / np.array([effective_n(standing[part]) for part in parts]))
        axis.plot([0, 100], [0, 100], color="0.7", linewidth=1)
        axis.errorbar(100 * mean, 100 * share, yerr=100 * error, fmt="o", markersize=4, capsize=2, color="#1f5a7a")
        distance = float(expected_calibration_error(own, told, standing))
        words = (
            f"told on average {np.average(told, weights=standing):.0%}\n"
            f"came true for {np.average(own, weights=standing):.0%}\n"
            f"dots from the line {100 * distance:.1f} points"
        )
        axis.text(4, 97, words.replace("%", " %"), va="top", fontsize=8)
        axis.set(xlim=(0, 100), ylim=(0, 101), title=f"{when(month)}, {len(own):,} people", xlabel="risk told, %")
        axis.set_aspect("equal")
    axes[0].set_ylabel("of them, with the outcome, %")
    figure.suptitle(
        "Does the risk told come true? Each dot is a tenth of the people, its bar the 95 % interval. On the line it "
        "does; above it the risk told was too low.",
        fontsize=10,
        wrap=True,
    )
    return figure


def _gains(worth: Worth) -> "Figure":
    """Gain in AUC by block and landmark; a voluntary block on those who gave it."""
    first = next(iter(worth.blocks))
    shown = [one for one in worth.gains if one.block != first]
    blocks = list(dict.fromkeys(one.block for one in shown))
    months = sorted({one.landmark for one in shown})
    voluntary = {one.block for one in shown if one.measured_on == WHO_GAVE_IT}
    figure, axes = new_figure(len(months), 2.6 * len(months) + 1.6, 1.8 + 0.5 * len(blocks))
    ends = [end for one in shown for end in (one.gains["auc"].lower, one.gains["auc"].upper) if end is not None]
    edges = (min([*ends, 0.0]) - 0.005, max([*ends, 0.01]) + 0.005)
    for axis, month in zip(axes, months, strict=True):
        for place, block in enumerate(reversed(blocks)):
            on = WHO_GAVE_IT if block in voluntary else EVERYBODY
            gain = next(
                one.gains["auc"] for one in shown if (one.block, one.landmark, one.measured_on) == (block, month, on)
            )
            if gain.value is None or gain.lower is None or gain.upper is None:
                axis.text(0, place, "not assessable", fontsize=8, va="center")
                continue
            beyond = gain.lower > 0
            axis.plot([gain.lower, gain.upper], [place, place], color="#1f5a7a" if beyond else "0.6", linewidth=2)
            axis.plot(gain.value, place, "o", color="#1f5a7a" if beyond else "0.6")
        axis.axvline(0, color="0.7", linewidth=1)
        axis.set(xlim=edges, ylim=(-0.5, len(blocks) - 0.5), title=when(month), xlabel="gain in AUC")
        axis.locator_params(axis="x", nbins=4)
        axis.set_yticks(range(len(blocks)), [""] * len(blocks))
    axes[0].set_yticklabels([f"{block}{' *' if block in voluntary else ''}" for block in reversed(blocks)])
    figure.suptitle(
        f"How much better people can be told apart with each group of inputs, over the {first} and those above it.\n"
        "AUC: of two people of whom one has the outcome, how often that one gets the higher risk. Bars: 95 % interval, "
        "grey where it could be no gain. * among those who gave it.",
        fontsize=9,
    )
    return figure


def _recall(outcome: Floats, risks: Mapping[str, Floats], weight: Floats, month: int) -> "Figure":
    figure, (axis,) = new_figure(1, 6.4, 4.4)
    capacities = np.linspace(0.01, 1.0, 100)
    for position, (name, risk) in enumerate(risks.items()):
        ranking = rank(outcome, risk, weight)
        recall = [float(recall_at_capacity(ranking, float(capacity))) for capacity in capacities]
        axis.plot(100 * capacities, 100 * np.array(recall), label=name, linewidth=2.2 if position == 0 else 1.2)
    axis.plot([0, 100], [0, 100], color="0.7", linewidth=1, label="lottery")
    axis.set(
        title=f"Who is reached when the highest risks are met first, {when(month)}",
        xlabel="share of all people met early, %",
        ylabel="of those with the outcome, met early, %",
        xlim=(0, 100),
        ylim=(0, 100),
    )
    axis.legend(fontsize=8, loc="lower right")
    return figure


def _contributions(catalogue: Catalogue, contributions: Floats, names: tuple[str, ...], month: int) -> "Figure":
    told = [catalogue.feature(name).label["en"].split(" (")[0] for name in names]
    words = list(dict.fromkeys(told))
    # features that differ in brackets only are one thing to a reader, such as the two waves of the season
    summed = np.stack([contributions[:, [one == word for one in told]].sum(axis=1) for word in words], axis=1)
    size = np.abs(summed - summed.mean(axis=0)).mean(axis=0)
    order = np.argsort(size)[-FEATURES_SHOWN:]
    figure, (axis,) = new_figure(1, 8.2, 1.0 + 0.3 * len(order))
    axis.barh([words[i] for i in order], size[order], color="#1f5a7a")
    axis.set(
        title=f"What tells people apart, {when(month)}",
        xlabel="moves the risk up or down by so much (log-odds)",
    )
    return figure
