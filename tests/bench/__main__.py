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
from service.up import example_of_today
from tests.bench.load import Load, measure, post
from tests.processes import ROOT, command, environment, free_port, running, serving

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
        sections = [
            heading(options.people),
            table("Stages", ("stage", "seconds", "peak memory, MiB"), [row[:3] for row in stages]),
            f"## Training, breakdown and evaluation as printed\n\n```\n{stages[1][3].strip()}\n```",
            table("Command line", ("what", "figure"), command_line(home)),
            table("Features", ("what", "figure"), features()),
            table(
                "One request", ("server", "connections", "answers/s", "median ms", "p99 ms"), requests(home, options)
            ),
        ]
    text = "\n\n".join(sections) + "\n"
    print(text)
    options.out.write_text(text, encoding="utf-8")


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
    """Make keys and promote the model just trained."""
    for role in ("advisor", "analyst"):
        stage("key", home, "key", "create", "--role", role, "--unit", "bench", "--out", str(home / f"{role}.key"))
    stage("promote", home, "promote", MODEL, "--reason", "benchmark", "--key-file", str(home / "analyst.key"))


def command_line(home: Path) -> list[tuple[str, str]]:
    """How long `--help` takes, beside a Python that does nothing."""

    def run(*arguments: str) -> None:
        subprocess.run(arguments, env=environment(home), cwd=ROOT, capture_output=True, check=True)

    bare = best(lambda: run(sys.executable, "-c", "pass"), 9)
    help_text = best(lambda: run(*command("--help")), 9)
    loaded = best(lambda: load_catalogue("keski_uusimaa"), 9)
    return [
        ("`varhain --help`", f"{help_text:.2f} s (under 0.5 asked); a bare Python {bare:.2f} s"),
        ("loading and checking the catalogue", f"{1000 * loaded:.0f} ms"),
    ]


def features() -> list[tuple[str, str]]:
    """Features of one person and of a batch, from facts."""
    catalogue = load_catalogue("keski_uusimaa")
    document = json.loads(EXAMPLE.read_text())
    as_of = date.fromisoformat(document["as_of"])
    one = facts_of_document(catalogue, document, as_of, as_of)
    day = np.array([day_number(as_of)], np.int32)
    many, days = one.take(np.zeros(BATCH, np.int64)), np.repeat(day, BATCH)
    single = best(lambda: build_features(catalogue, one, day), 2_000)
    batch = best(lambda: build_features(catalogue, many, days), 5) / BATCH
    return [
        ("features of one person", f"{single * 1e3:.3f} ms"),
        (f"features of a batch of {BATCH:,}, a person-date", f"{batch * 1e6:.2f} microseconds"),
        ("person-dates a second, one core", f"{1 / batch:,.0f}"),
        ("one person alone against one in a batch", f"{single / batch:.0f} times (at least 50 asked)"),
    ]


def best(function: object, times: int) -> float:
    """The median seconds of a call, after one to warm up."""
    assert callable(function)
    function()
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        function()
        took.append(time.perf_counter() - begun)
    return sorted(took)[len(took) // 2]


def requests(home: Path, options: argparse.Namespace) -> list[tuple[str, str, str, str, str]]:
    """A complete screening with its durable ledger row beside a FastAPI hello-world, same load."""
    key = (home / "advisor.key").read_text().strip()
    body = json.dumps(example_of_today()).encode()
    rows = []
    shares = {}
    for connections in (1, 16):
        port = free_port()
        hello_world = [sys.executable, "-m", "tests.bench.hello", str(port)]
        with running(hello_world, f"http://127.0.0.1:{port}/docs", os.environ):
            hello = measure(port, post("/hello", body, {}), options.seconds, connections)
        with serving(home) as base:
            port = int(base.rpartition(":")[2])
            request = post("/v1/screenings", body, {"Authorization": f"Bearer {key}"})
            measure(port, request, 1.0, connections)
            screening = measure(port, request, options.seconds, connections)
        rows += [line("hello-world", connections, hello), line("screening", connections, screening)]
        shares[connections] = screening.answers_a_second / hello.answers_a_second
        rows.append(("screening / hello-world", str(connections), f"{shares[connections]:.2f}", "", ""))
    return rows


def line(name: str, connections: int, load: Load) -> tuple[str, str, str, str, str]:
    """One row of the table of requests."""
    return name, str(connections), f"{load.answers_a_second:,.0f}", f"{load.median_ms:.2f}", f"{load.p99_ms:.2f}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table under a heading."""
    lines = [f"## {title}", "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


if __name__ == "__main__":
    main()
