"""A caseload of 500,000 people from a file of facts to a file of explained levels, with and without the committee."""

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from tests.bench.asked import Row, at_most
from tests.processes import command, environment

PEOPLE = 500_000
AS_OF = date(2026, 10, 31)
ASKED = (("without", 60.0), ("with", 180.0))


def caseload_rows(home: Path, extract: Path, people: int = PEOPLE) -> Iterator[Row]:
    """Seconds and peak memory of dry runs on two cores, by the champion of `home`."""
    table = home / "caseload.parquet"
    found = _fact_table(home, extract, table, people)
    for name, asked in ASKED:
        out = home / f"answers-{name}.parquet"
        arguments = ["screen-file", str(table), "--out", str(out), "--dry-run", "--as-of", AS_OF.isoformat()]
        seconds, peak = _run(home, *arguments, *(["--without-committee"] if name == "without" else []))
        what = f"{found:,} people, facts file to explained file, {name} the committee"
        yield at_most(what, "", asked, seconds, " s")
        yield at_most(f"{what}, peak memory", "", 4.0, peak, " GiB")


def _fact_table(home: Path, extract: Path, table: Path, people: int) -> int:
    """Write the people whom the model assesses, as often under other names as it takes; how many there are."""
    one = home / "caseload-once.parquet"
    arguments = ["extract", "fact-table", str(extract), "--as-of", AS_OF.isoformat(), "--who", "first-year"]
    _run(home, *arguments, "--out", str(one))
    once = len(pq.read_table(one, columns=["client_id"])["client_id"].unique())
    copies = -(-people // once)
    _run(home, *arguments, "--out", str(table), "--copies", str(copies))
    return once * copies


def _run(home: Path, *arguments: str) -> tuple[float, float]:
    """Seconds and peak memory in GiB of one command."""
    begun = time.perf_counter()
    process = subprocess.Popen(command(*arguments), env=environment(home), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"varhain {arguments[0]} failed with exit code {process.returncode}")
    return time.perf_counter() - begun, usage.ru_maxrss / 2**20
