"""Pictures without a window: SVG files that are the same bytes for the same numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure(columns: int, width: float, height: float) -> "tuple[Figure, list[Axes]]":
    """A figure of so many inches, and its axes side by side."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "varhain"
    figure = Figure(figsize=(width, height))
    return figure, list(np.atleast_1d(figure.subplots(1, columns)))


def save_figures(folder: Path, figures: "Mapping[str, Figure]") -> tuple[Path, ...]:
    """The files that the figures were written to, by name, without a date in them."""
    paths = []
    for name, figure in figures.items():
        figure.tight_layout()
        figure.savefig(folder / name, metadata={"Date": None})
        paths.append(folder / name)
    return tuple(paths)
