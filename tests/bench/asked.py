"""What was asked for, what was measured, and whether that is enough: the rows of `make bench` and their picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.figures import new_figure, save_figures


@dataclass(frozen=True)
class Row:
    """One figure beside what was asked of it.

    `attained` is how many times over the figure does what was asked: 1 is just enough, below 1 it is missed.
    """

    what: str
    against: str
    asked: str
    measured: str
    attained: float

    @property
    def verdict(self) -> str:
        """Said as it is: a figure that is missed is printed as missed."""
        return "met" if self.attained >= 1 else "MISSED"

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        return self.what, self.against, self.asked, self.measured, self.verdict


COLUMNS = ("what", "against", "asked", "measured", "verdict")


def at_least(what: str, against: str, asked: float, measured: float, unit: str = " times", about: str = "") -> Row:
    """A figure that should be high; `about` is said behind it."""
    return Row(what, against, f"at least {asked:,g}{unit}", f"{_figure(measured)}{unit}{about}", measured / asked)


def at_most(what: str, against: str, asked: float, measured: float, unit: str = " times", about: str = "") -> Row:
    """A figure that should be low."""
    return Row(what, against, f"at most {asked:,g}{unit}", f"{_figure(measured)}{unit}{about}", asked / measured)


def _figure(number: float) -> str:
    """Three significant digits, whole numbers in full.

    >>> _figure(0.2164), _figure(1.3671), _figure(183456.2)
    ('0.216', '1.37', '183,456')
    """
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _short(text: str) -> str:
    """Without what is said in brackets: the table has it."""
    return text.partition(" (")[0]


def draw(rows: Sequence[Row], file: Path) -> None:
    """Write the picture: how many times over each figure does what was asked, on a scale of tenfolds."""
    figure, (axes,) = new_figure(1, 11.0, 1.2 + 0.42 * len(rows))
    places = range(len(rows), 0, -1)
    colours = ["#2a6f97" if row.attained >= 1 else "#c1440e" for row in rows]
    lowest = min(0.5, *(row.attained for row in rows)) / 1.3
    highest = max(2.0, *(row.attained for row in rows))
    axes.barh(places, [row.attained - lowest for row in rows], left=lowest, color=colours, height=0.62)
    axes.set_xscale("log")
    axes.set_xlim(lowest, highest * 9)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(places, [f"{row.what}\nagainst {_short(row.against)}" if row.against else row.what for row in rows])
    axes.tick_params(axis="y", labelsize=7)
    for place, row in zip(places, rows, strict=True):
        said = f" {_short(row.measured)} ({row.asked}){'' if row.attained >= 1 else ': MISSED'}"
        axes.text(max(row.attained, lowest), place, said, va="center", fontsize=7)
    axes.set_xlabel("times over what was asked (the line: just enough)")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    save_figures(file.parent, {file.name: figure})
