"""`make bench`: time and memory of every stage on this machine, as one table in docs/benchmarks.md.

Everything is measured in one run, and what depends on the machine is given as a ratio beside it.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np

from features.catalogue import load_catalogue
from features.facts import day_number
from features.frame import build_features
from features.intake import facts_of_document
from tests.bench.asked import COLUMNS, Row, at_least, at_most, draw
from tests.bench.caseload import caseload_rows
from tests.bench.dask_scoring import dask_rows
from tests.bench.explanations import explanation_rows
from tests.bench.missed import missed
from tests.bench.serving import serve_and_load
from tests.bench.timing import seconds_of
from tests.bench.trained import trained
from tests.processes import ROOT, command, environment

EXAMPLE = ROOT / "service" / "examples" / "new_client.json"
BATCH = 100_000
MODEL = "demo-keski-uusimaa"


def main() -> None:
    """Measure, print the tables and write them down."""
    parser = argparse.ArgumentParser(description="Measure every stage; write the tables to docs/benchmarks.md.")
    parser.add_argument("--people", type=int, default=100_000, help="size of the population (default: the area)")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of each load")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks.md")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="varhain-bench-") as scratch:
        home = Path(scratch)
        stages = [
            stage("population", home, "population", "--out", str(home / "demo"), "--people", str(options.people)),
            stage("training", home, "train", "--extract", str(home / "demo" / "extract"), "--name", MODEL),
        ]
        promote(home)
        made = trained(home)
        loads = serve_and_load(next((home / "packages").iterdir()), home, options.seconds)
        rows = [*explanation_rows(made), *feature_rows(), *loads.rows]
        rows += caseload_rows(home, home / "demo" / "extract")
        rows += dask_rows(home / "demo" / "extract", next((home / "packages").iterdir()))
        sections = [
            heading(options.people),
            table("What was asked", COLUMNS, [row.cells() for row in rows]),
            missed(rows),
            f"![How many times over each figure does what was asked]({options.out.with_suffix('.svg').name})",
            table("Stages", ("stage", "seconds", "peak memory, MiB"), [row[:3] for row in stages]),
            f"## Training, breakdown and evaluation as printed\n\n```\n{stages[1][3].strip()}\n```",
            table("Command line", ("what", "figure"), command_line(home)),
            table("Loads", ("server", "connections", "answers/s", "median ms", "p99 ms"), loads.lines),
        ]
    text = "\n\n".join(filter(None, sections)) + "\n"
    print(text)
    options.out.write_text(text, encoding="utf-8")
    draw(rows, options.out.with_suffix(".svg"))


def heading(people: int) -> str:
    """Where, when and on what the figures were measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return (
        "# Benchmarks\n\n"
        f"Printed by `make bench` on {date.today()} at {commit.stdout.strip()}: {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {people:,} synthetic people.\n"
        "Absolute times belong to that machine; compare ratios."
    )


def stage(name: str, home: Path, *arguments: str) -> tuple[str, str, str, str]:
    """Run one command; its name, seconds, peak memory and what it printed."""
    begun = time.perf_counter()
    process = subprocess.Popen(command(*arguments), env=environment(home), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"varhain {arguments[0]} failed with exit code {process.returncode}")
    return name, f"{time.perf_counter() - begun:.1f}", f"{usage.ru_maxrss / 1024:.0f}", printed


def promote(home: Path) -> None:
    """Promote the model just trained, which exports its package."""
    key = str(home / "analyst.key")
    stage("key", home, "key", "create", "--role", "analyst", "--unit", "bench", "--out", key)
    stage("promote", home, "promote", MODEL, "--reason", "benchmark", "--key-file", key)


def command_line(home: Path) -> list[tuple[str, str]]:
    """How long `--help` takes, beside a Python that does nothing."""

    def run(*arguments: str) -> None:
        subprocess.run(arguments, env=environment(home), cwd=ROOT, capture_output=True, check=True)

    bare = seconds_of(lambda: run(sys.executable, "-c", "pass"), 9)
    help_text = seconds_of(lambda: run(*command("--help")), 9)
    loaded = seconds_of(lambda: load_catalogue("keski_uusimaa"), 9)
    return [
        ("`varhain --help`", f"{help_text:.2f} s (under 0.5 asked); a bare Python {bare:.2f} s"),
        ("loading and checking the catalogue", f"{1000 * loaded:.0f} ms"),
    ]


def feature_rows() -> list[Row]:
    """Features of one person and of a batch, from facts."""
    catalogue = load_catalogue("keski_uusimaa")
    document = json.loads(EXAMPLE.read_text())
    as_of = date.fromisoformat(document["as_of"])
    one = facts_of_document(catalogue, document, as_of, as_of)
    day = np.array([day_number(as_of)], np.int32)
    many, days = one.take(np.zeros(BATCH, np.int64)), np.repeat(day, BATCH)
    single = seconds_of(lambda: build_features(catalogue, one, day), 2_000)
    batch = seconds_of(lambda: build_features(catalogue, many, days), 5) / BATCH
    return [
        at_most("features of one person", "", 0.2, single * 1e3, " ms"),
        at_least(f"features of a batch of {BATCH:,}, one core", "", 100_000, 1 / batch, " person-dates a second"),
        at_least("one person in a batch", "one person alone", 50, single / batch),
    ]


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table under a heading."""
    lines = [f"## {title}", "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


if __name__ == "__main__":
    main()
