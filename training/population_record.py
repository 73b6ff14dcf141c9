"""The report on the synthetic population, kept in mlflow: its text, every target's figures, and the plots."""

import re
import tempfile
from pathlib import Path

import numpy as np

from model_registry.home import home, tracking_uri
from model_registry.store import Store
from training.population.parameters import GENERATOR_VERSION
from training.population.plots import plot_report
from training.population.report import SEEDS, Line, Report, program_digest

RUN = "population-report"
"""The experiment in mlflow."""


def record_report(report: Report, ceilings: str = "") -> str:
    """Return the id of the mlflow run that the report is kept in.

    Parameters
    ----------
    ceilings : str
        The table of what any model could reach, where it was made.

    Raises
    ------
    RegistryError
        If the store cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="varhain-report-") as scratch:
        folder = Path(scratch)
        plot_report(folder, report.tallies)
        text = "\n\n".join(part for part in (report.text, ceilings) if part)
        (folder / "report.txt").write_text(text + "\n", encoding="utf-8")
        return Store(tracking_uri(home())).log_run(
            RUN,
            params={
                "people": report.people,
                "seeds": f"{SEEDS[0]} to {SEEDS[-1]}",
                "generator_version": GENERATOR_VERSION,
                "program": program_digest(),
            },
            metrics=report_metrics(report),
            tags={"demonstration": "true"},
            artifacts=folder,
        )


def report_metrics(report: Report) -> dict[str, float]:
    """Return the figures of every target by "<target>/<figure>", and how many targets hold."""
    metrics = {"targets": float(len(report.lines)), "targets_that_hold": float(sum(one.holds for one in report.lines))}
    for line in report.lines:
        for figure, value in _figures(line).items():
            if np.isfinite(value):  # of very few people some targets cannot be told
                metrics[f"{plain(line.target.name)}/{figure}"] = value
    return metrics


def plain(name: str) -> str:
    """Return a target's name in the letters that mlflow takes.

    >>> plain("S(12) of entrants 2019-22")
    's_12_of_entrants_2019_22'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _figures(line: Line) -> dict[str, float]:
    target = line.target
    wanted = {"wanted": target.value, "wanted_at_least": target.low, "wanted_at_most": target.high}
    return {
        "mean_of_seeds": line.mean,
        "monte_carlo_error": line.error,
        "default_seed": float(line.values[0]),
        "holds": float(line.holds),
        **{figure: value for figure, value in wanted.items() if value is not None},
    }
