"""The measured part of docs/scaling.md, written from the runs: the curve, and Finland on paper."""

import os
import platform
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial

from training.scaling import CURVE, Costs, Measured, costs_of
from training.scaling_paper import (
    CORES,
    FEATURE_BYTES,
    GATHERED_BYTES,
    JOBSEEKERS,
    LANDMARKS_A_YEAR,
    MEMORY_GIB,
    NETWORK_GIGABIT,
    NIGHT_HOURS,
    USABLE,
    YEARS,
    Plan,
    plan,
)
from training.scaling_run import CALIBRATE, FIT, READ, SCORE

CURVE_HEADING = "## The curve"


def written_by_hand(page: str) -> str:
    """Return what stands above the curve on a page: how to run it, which no measurement changes."""
    return page.partition(CURVE_HEADING)[0].rstrip()


def as_markdown(runs: Sequence[Measured], today: date, commit: str, above: str = "# Scaling") -> str:
    """Return the page: what stands `above` the curve, the curve, and Finland on paper.

    Raises
    ------
    TrainingError
        Where fewer than two sizes were measured.
    """
    costs = costs_of(runs)
    plans = [plan("Finland", 1, costs), plan("ten Finlands", 10, costs)]
    sizes = " ".join(f"--people {people}" for people in sorted({run.people for run in runs}))
    head = (
        f"{CURVE_HEADING}\n\nMade by `varhain evidence scaling {sizes}` on {today.isoformat()}, commit {commit}: "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, synthetic populations of seed 1. One process has "
        "one thread and no cluster; two workers have one thread each, and the coordinator and the scheduler share "
        "their cores. Seconds of both fits (backtest and served model) and of both models in each; scoring is of every "
        "person-date, from features to Parquet. The ratio is of reading, fitting, calibrating and scoring together. "
        "The small sizes show what is fixed: each worker compiles, loads the package and opens its connections once."
    )
    return "\n".join([above, "", head, "", *_curve(runs), "", *_paper(plans, costs)]) + "\n"


def _curve(runs: Sequence[Measured]) -> list[str]:
    titles = (
        *("people", "person-dates", "run on", "read and features, s", "fit, s", "calibrate, s", "score, s"),
        *("peak memory of a worker, MiB", "of the coordinator, MiB", "partition, s", "one process / two workers"),
        "the same, scoring alone",
    )
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    one = {run.people: run for run in runs if run.workers == 1}
    for run in runs:
        alone = one.get(run.people) if run.workers > 1 else None
        score = f"{alone.seconds[SCORE] / run.seconds[SCORE]:.2f}" if alone else ""
        cells = (
            f"{run.people:,}",
            f"{run.person_dates:,}",
            "one process" if run.workers == 1 else "two workers",
            *(f"{run.seconds[stage]:.1f}" for stage in CURVE),
            f"{max(run.worker_peak_mib):,.0f}",
            "" if run.coordinator_peak_mib is None else f"{run.coordinator_peak_mib:,.0f}",
            f"{run.partition_seconds:.1f}" if run.workers > 1 else "",
            f"{alone.together() / run.together():.2f}" if alone else "",
            score,
        )
        lines.append("| " + " | ".join(cells) + " |")
    left_out = sorted({run.people for run in runs} - set(one))
    if left_out:
        people = ", ".join(f"{people:,}" for people in left_out)
        lines += ["", f"One process was not measured for {people} people (`--one-process-up-to`)."]
    return lines


def _paper(plans: Sequence[Plan], costs: Costs) -> list[str]:
    micro = {stage: f"{1e6 * seconds:.0f}" for stage, seconds in costs.worker_seconds.items()}
    lines = [
        "## Finland on paper",
        "",
        f"By straight lines from the run of {costs.people:,} people on two workers ({costs.person_dates:,} "
        "person-dates; memory by the line through the two largest runs). Core-microseconds a person-date: reading and "
        f"features {micro[READ]}, fitting {micro[FIT]}, scoring {micro[SCORE]}; the coordinator "
        f"{1e6 * costs.coordinator_seconds:.0f} (split, {CALIBRATE}, evaluate, package), partitioning "
        f"{1e6 * costs.partition_seconds:.0f}. Memory: {costs.worker_bytes:,.0f} bytes a person-date on the workers "
        f"beside {costs.worker_fixed_mib:,.0f} MiB a process, {costs.coordinator_bytes:,.0f} on the coordinator beside "
        f"{costs.coordinator_fixed_mib:,.0f} MiB (but at least the {GATHERED_BYTES} bytes of the gathered columns, and "
        f"{FEATURE_BYTES} of each feature on a worker). All computed by the command above, none typed.",
        "",
        f"Assumptions, not measured: {JOBSEEKERS:,} jobseekers at any time, looked at {LANDMARKS_A_YEAR} times a year "
        f"for {YEARS} years; machines of {CORES} cores and {MEMORY_GIB:.0f} GiB, of which {USABLE:.0%} may be filled; "
        f"a network of {NETWORK_GIGABIT:.0f} Gbit/s; a run may take a night of {NIGHT_HOURS:.0f} hours; costs grow in "
        "a straight line. A person's facts are read once for all of their dates, so monthly dates cost less reading "
        "than the four landmarks measured here: the hours are rather too many.",
        "",
        "| | " + " | ".join(one.name for one in plans) + " |",
        "|---|" + "---|" * len(plans),
    ]
    rows: list[tuple[str, Callable[[Plan], str]]] = [
        ("person-dates", lambda one: f"{one.person_dates:,}"),
        ("times the largest run measured", lambda one: f"{one.person_dates / costs.person_dates:,.0f}"),
        ("memory of the workers together, GiB", lambda one: f"{one.worker_gib:,.0f}"),
        ("memory of the coordinator, GiB", lambda one: f"{one.coordinator_gib:,.0f}"),
        ("core-hours of the workers", lambda one: f"{one.core_hours:,.1f}"),
        ("hours of the coordinator alone", lambda one: f"{one.coordinator_hours:,.1f}"),
        ("machines for the workers", lambda one: f"{one.machines:,}"),
        ("their number follows from", lambda one: f"the {one.sets_machines}"),
        ("hours on them", lambda one: f"{one.hours:,.1f}"),
        ("hours of partitioning before, one process", lambda one: f"{one.partition_hours:,.1f}"),
        *((_title(name), partial(_share, name)) for name in plans[0].of_one),
        ("gives way first, however many workers", lambda one: f"**{one.bottleneck}**"),
    ]
    lines += [f"| {title} | " + " | ".join(shown(one) for one in plans) + " |" for title, shown in rows]
    return [*lines, "", *(_verdict(one) for one in plans)]


def _title(name: str) -> str:
    return f"{name}, share of {'one machine' if 'memory' in name else 'a night'}"


def _share(name: str, one: Plan) -> str:
    return f"{100 * one.of_one[name]:,.1f} %"


def _verdict(one: Plan) -> str:
    if one.of_one[one.bottleneck] > 1:
        return (
            f"- {one.name}: the {one.bottleneck} is beyond one such machine or night, however many workers there are; "
            "it needs a larger machine or more time, or who, when and what came of it must be summed up on the workers."
        )
    return (
        f"- {one.name}: machines for the workers {one.machines}, one more for the coordinator; {one.hours:,.1f} hours. "
        "More workers shorten it, up to the coordinator's own share."
    )
