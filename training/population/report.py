"""The story of `varhain population --report`: ten seeds, each kept when it is done, against the table of targets."""

import ast
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from training.population.days import Floats
from training.population.generate import Order, tally_of
from training.population.parameters import DEFAULT_UNTIL
from training.population.summary import SUMS, Tally
from training.population.targets import TARGETS, Target

SEEDS = tuple(range(1, 11))
"""The first is the default seed of the command."""
STANDARD_ERRORS = 2.0
NOT_PART_OF_THE_RESULT = ("targets.py", "report.py", "plots.py", "cli.py", "tables.py")


@dataclass(frozen=True)
class Line:
    """One target and what came out: values by seed, float64 (seeds,)."""

    target: Target
    values: Floats

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return float(self.values.mean())

    @property
    def spread(self) -> float:
        """Standard error of one seed: the standard deviation over seeds."""
        return float(self.values.std(ddof=1)) if len(self.values) > 1 else 0.0

    @property
    def error(self) -> float:
        """Monte Carlo error of the mean."""
        return self.spread / float(np.sqrt(len(self.values)))

    @property
    def mean_holds(self) -> bool:
        """Whether the mean lies within the tolerance or the band."""
        return self.target.holds(self.mean)

    @property
    def distance(self) -> float:
        """Distance of the default seed from the mean of all seeds, in standard errors of one seed."""
        return (float(self.values[0]) - self.mean) / self.spread if self.spread else 0.0

    @property
    def default_seed_holds(self) -> bool:
        """Whether the default seed is within two standard errors of what is tolerated."""
        return self.target.holds(float(self.values[0]), STANDARD_ERRORS * self.spread)

    @property
    def holds(self) -> bool:
        """Whether the target holds: the mean of the seeds, and the default seed."""
        return self.mean_holds and self.default_seed_holds


@dataclass(frozen=True)
class Report:
    """What came out of the seeds, against every target."""

    people: int
    tallies: tuple[Tally, ...]
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The table for a terminal and for the docs."""
        return as_text(self.lines, self.people)

    @property
    def holds(self) -> bool:
        """Whether every target holds."""
        return all(line.holds for line in self.lines)


def make_report(people: int, processes: int) -> Report:
    """Return the report; seeds that are finished already are not made again."""
    tallies = tuple(kept_tally(seed, people, processes) for seed in SEEDS)
    return Report(people, tallies, compare(tallies))


def compare(tallies: Sequence[Tally], targets: Sequence[Target] = TARGETS) -> tuple[Line, ...]:
    """Every target with its value in each tally."""
    return tuple(Line(target, np.array([target.measure(tally) for tally in tallies])) for target in targets)


def kept_tally(seed: int, people: int, processes: int) -> Tally:
    """The tally of a seed, from the folder of finished seeds or simulated now."""
    file = report_folder() / f"{program_digest()}-{people}-{seed}.npz"
    if file.is_file():
        with np.load(file) as arrays:
            return Tally(people=int(arrays["people"]), **{name: arrays[name] for name in SUMS})
    from tqdm import tqdm

    order = Order(people, seed, date.fromisoformat(DEFAULT_UNTIL))
    with tqdm(total=order.chunks, desc=f"Seed {seed} of {len(SEEDS)}", mininterval=0.5) as bar:
        tally = tally_of(order, processes, bar.update)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.stem}.partial.npz")
    np.savez_compressed(partial, people=tally.people, **{name: getattr(tally, name) for name in SUMS})
    os.replace(partial, file)
    return tally


def report_folder() -> Path:
    """Where finished seeds are kept; safe to delete."""
    return Path(os.environ.get("VARHAIN_HOME", "var")) / "population-report"


def program_digest() -> str:
    """Sixteen hexadecimal digits that change whenever what the simulation does may have changed."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name not in NOT_PART_OF_THE_RESULT:
            digest.update(path.name.encode() + _what_it_does(path).encode())
    return digest.hexdigest()[:16]


def _what_it_does(path: Path) -> str:
    """A module without comments, layout and docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [
                part for part in node.body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
            ]
    return ast.dump(tree)


def as_text(lines: Sequence[Line], people: int) -> str:
    """The table for a terminal and for the docs."""
    rows = [("target", "wanted", "mean of seeds", "default seed (z)", "deviation", "holds", "source")]
    for line in lines:
        target = line.target
        deviation = "" if target.value is None else f"{line.mean / target.value - 1:+.1%}"
        holds = "yes" if line.holds else "NO"
        if not line.default_seed_holds:
            holds += " (default seed)"
        if target.trade_off and line.mean_holds:
            holds += f", as nearest fit (within {target.tolerance:.0%})"
        seed = f"{_shown(float(line.values[0]))} ({line.distance:+.1f})"
        mean = f"{_shown(line.mean)} ± {_shown(line.error, line.mean)}"
        rows.append((target.name, target.wanted(), mean, seed, deviation, holds, target.source))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    reasons = dict.fromkeys(line.target.trade_off for line in lines if line.target.trade_off)
    failed = sum(not line.holds for line in lines)
    return "\n".join(
        [
            f"{people:,} people, {len(lines[0].values)} seeds. A target holds where the mean of the seeds is within "
            f"5 % (or its band, or the tolerance\nstated) and the default seed is not outside by more than "
            f"{STANDARD_ERRORS:.0f} standard errors. (z): its distance from the mean in standard errors.",
            "",
            *table,
            "",
            *(f"Nearest fit: {reason}." for reason in reasons),
            f"{len(lines) - failed} of {len(lines)} targets hold.",
        ]
    )


def _shown(value: float, scale: float | None = None) -> str:
    size = abs(value if scale is None else scale)
    return f"{value:,.0f}" if size >= 100 else f"{value:.3f}"
