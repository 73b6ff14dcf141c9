"""Plots of a training run for people who read no tables: SVG files, the same bytes for the same numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from model_registry.evidence.measures import rank, recall_at_capacity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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
    """
    folder.mkdir(parents=True, exist_ok=True)
    served = next(iter(risks.values()))
    months = [int(month) for month in np.unique(landmark)]
    first = landmark == months[0]
    figures = {
        "calibration.svg": _calibration(outcome, landmark, served, months),
        "recall_by_capacity.svg": _recall(
            outcome[first], {name: risk[first] for name, risk in risks.items()}, months[0]
        ),
        "contributions.svg": _contributions(catalogue, contributions[first], contribution_names, months[0]),
    }
    paths = []
    for name, figure in figures.items():
        figure.tight_layout()
        figure.savefig(folder / name, metadata={"Date": None})
        paths.append(folder / name)
    return tuple(paths)


def _figure(columns: int, width: float, height: float) -> "tuple[Figure, list[Axes]]":
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "varhain"
    figure = Figure(figsize=(width, height))
    return figure, list(np.atleast_1d(figure.subplots(1, columns)))


def _calibration(outcome: Floats, landmark: NDArray[np.int8], risk: Floats, months: list[int]) -> "Figure":
    figure, axes = _figure(len(months), 3.4 * len(months), 3.6)
    for axis, month in zip(axes, months, strict=True):
        own, told = outcome[landmark == month], risk[landmark == month]
        order = np.argsort(told, kind="stable")
        parts = np.array_split(order, min(BINS, len(order)))
        mean = np.array([told[part].mean() for part in parts])
        share = np.array([own[part].mean() for part in parts])
        error = 1.96 * np.sqrt(share * (1 - share) / np.array([len(part) for part in parts]))
        axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        axis.errorbar(mean, share, yerr=error, fmt="o", markersize=4, capsize=2, color="#1f5a7a")
        top = min(1.0, 1.1 * max(mean.max(), (share + error).max(), 0.05))
        axis.set(xlim=(0, top), ylim=(0, top), title=f"month {month}, n = {len(own):,}", xlabel="risk told")
    axes[0].set_ylabel("share with the outcome")
    return figure


def _recall(outcome: Floats, risks: Mapping[str, Floats], month: int) -> "Figure":
    figure, (axis,) = _figure(1, 6.4, 4.4)
    capacities = np.linspace(0.01, 1.0, 100)
    for position, (name, risk) in enumerate(risks.items()):
        ranking = rank(outcome, risk)
        recall = [float(recall_at_capacity(ranking, float(capacity))) for capacity in capacities]
        axis.plot(100 * capacities, 100 * np.array(recall), label=name, linewidth=2.2 if position == 0 else 1.2)
    axis.plot([0, 100], [0, 100], color="0.7", linewidth=1, label="lottery")
    axis.set(
        title=f"Who is reached, month {month}",
        xlabel="share of clients met early, %",
        ylabel="of those with the outcome, share met early, %",
        xlim=(0, 100),
        ylim=(0, 100),
    )
    axis.legend(fontsize=8, loc="lower right")
    return figure


def _contributions(catalogue: Catalogue, contributions: Floats, names: tuple[str, ...], month: int) -> "Figure":
    size = np.abs(contributions - contributions.mean(axis=0)).mean(axis=0)
    order = np.argsort(size)[-FEATURES_SHOWN:]
    figure, (axis,) = _figure(1, 7.2, 0.8 + 0.3 * len(order))
    axis.barh([catalogue.feature(names[i]).label["en"] for i in order], size[order], color="#1f5a7a")
    axis.set(
        title=f"What tells people apart, month {month}",
        xlabel="mean distance from the average, log-odds",
    )
    return figure
