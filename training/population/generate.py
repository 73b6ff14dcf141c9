"""The story of a generation: chunks of people, each from its own seed, written as they come, shown only when whole."""

import csv
import json
import multiprocessing
import os
import shutil
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.population.chunk import simulate_chunk
from training.population.helping import Helped
from training.population.labour_market import make_labour_market
from training.population.parameters import AREA, GENERATOR_VERSION, Parameters
from training.population.summary import FIRST_YEAR, Tally, figures, tally_chunk
from training.population.tables import chunk_tables, client_ids, labour_market_table

CHUNK_PEOPLE = 5_000
"""Part of the result: another size gives another population of the same kind."""
PLANTS = ("downturn", "client-mix", "new-code-list", "late-outcomes", "missing-assessments", "hiding-service")
"""Drift and bias that can be planted by name; a lost field is named on its own."""
EXTRACT, TRUTH = "extract", "truth"


class OutputRefusedError(Exception):
    """The output folder holds something that is not a synthetic population; the message says what to do."""


@dataclass(frozen=True)
class Order:
    """What to generate."""

    people: int
    seed: int
    until: date
    parameters: Parameters = field(default_factory=Parameters)
    helped: Mapping[str, int] = field(default_factory=dict)
    """Client ids and the day on which each is helped."""

    @property
    def until_day(self) -> int:
        """`until` as days since 1970."""
        return (self.until - date(1970, 1, 1)).days

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return -(-self.people // CHUNK_PEOPLE)


def generate(
    order: Order, out: Path, processes: int = 1, advance: Callable[[int], object] = lambda people: None
) -> dict[str, Any]:
    """The figures of the population written to `out` (`extract/` for training, `truth/` for judging it).

    Parameters
    ----------
    order : Order
    out : pathlib.Path
        Replaced as a whole when everything is written; left as it was when anything goes wrong before.
    processes : int
        Changes the time it takes, never the result.
    advance : callable
        Called with the number of people each time a chunk is done.

    Raises
    ------
    OutputRefusedError
        `out` exists and is not an earlier synthetic population.
    """
    refuse_foreign_folder(out)
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / EXTRACT).mkdir(parents=True)
    (partial / TRUTH).mkdir()
    try:
        tally = _write_chunks(order, partial, processes, advance)
        _write_rest(order, partial)
        _put_in_place(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return figures(tally, months_simulated(order.until))


def months_simulated(until: date) -> dict[int, float]:
    """How many months of each year from 2019 on lie before or on `until`."""
    whole = dict.fromkeys(range(FIRST_YEAR, until.year), 12.0)
    return {**whole, until.year: until.month - 1 + until.day / 30.4375}


def refuse_foreign_folder(out: Path) -> None:
    """Raise unless `out` is free, empty or an earlier synthetic population."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    meta = out / EXTRACT / "meta.json"
    if out.is_dir() and meta.is_file() and json.loads(meta.read_text("utf-8")).get("synthetic") is True:
        return
    raise OutputRefusedError(
        "--out: the folder holds something that is not a synthetic population; name a new or an empty folder"
    )


def _one_chunk(task: tuple[Order, int]) -> tuple[dict[str, pa.Table], Tally]:
    order, number = task
    first = number * CHUNK_PEOPLE
    size = min(CHUNK_PEOPLE, order.people - first)
    market = make_labour_market(order.parameters, order.seed, order.until_day)
    seed = np.random.SeedSequence(order.seed, spawn_key=(number,))
    names = np.random.default_rng(np.random.SeedSequence(order.seed, spawn_key=(number, 1)))
    ids = client_ids(names, first, size, order.people)
    helped = _helped_here(ids, order.helped)
    chunk = simulate_chunk(seed, size, order.parameters, market, order.until_day, helped)
    tables = chunk_tables(chunk, ids, first, order.parameters)
    rows = {name: table.num_rows for name, table in tables.items() if name not in ("protected", "truth")}
    return tables, tally_chunk(chunk, rows, order.until_day)


def tally_of(order: Order, processes: int = 1, advance: Callable[[int], object] = lambda people: None) -> Tally:
    """The counts of a population that is not written."""
    tally = Tally()
    tasks = [(order, number) for number in range(order.chunks)]
    workers = min(processes, len(tasks))
    if workers <= 1:
        for task in tasks:
            tally.add(_counted(task))
            advance(1)
        return tally
    with multiprocessing.get_context("spawn").Pool(workers, initializer=_leave_interrupts_to_the_parent) as pool:
        for counted in pool.imap(_counted, tasks):
            tally.add(counted)
            advance(1)
    return tally


def _counted(task: tuple[Order, int]) -> Tally:
    order, number = task
    size = min(CHUNK_PEOPLE, order.people - number * CHUNK_PEOPLE)
    market = make_labour_market(order.parameters, order.seed, order.until_day)
    seed = np.random.SeedSequence(order.seed, spawn_key=(number,))
    chunk = simulate_chunk(seed, size, order.parameters, market, order.until_day)
    return tally_chunk(chunk, {}, order.until_day)


def _helped_here(ids: pa.Array, helped: Mapping[str, int]) -> Helped | None:
    if not helped:
        return None
    found = [(place, helped[name]) for place, name in enumerate(ids.to_pylist()) if name in helped]
    return Helped(np.array([place for place, _ in found], np.int64), np.array([on for _, on in found], np.int64))


def read_helped(file: Path) -> dict[str, int]:
    """Client ids and days of help from a CSV file with the columns client_id and as_of.

    Raises
    ------
    OutputRefusedError
        The file cannot be read so; the message names the line.
    """
    days: dict[str, int] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if not {"client_id", "as_of"} <= set(reader.fieldnames or ()):
            raise OutputRefusedError("--helped: the first line must name the columns client_id and as_of")
        for number, row in enumerate(reader, 2):
            try:
                days[row["client_id"]] = (date.fromisoformat(row["as_of"]) - date(1970, 1, 1)).days
            except (TypeError, ValueError) as error:
                raise OutputRefusedError(f"--helped, line {number}: as_of must be a day such as 2025-03-01") from error
    return days


def _chunks(order: Order, processes: int) -> Iterator[tuple[dict[str, pa.Table], Tally]]:
    """Every chunk in order; few wait at a time, so that memory does not grow with the number of people."""
    tasks = [(order, number) for number in range(order.chunks)]
    workers = min(processes, len(tasks))
    if workers <= 1:
        yield from map(_one_chunk, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(workers, initializer=_leave_interrupts_to_the_parent) as pool:
        waiting = deque(pool.apply_async(_one_chunk, (task,)) for task in tasks[: 2 * workers])
        for task in [*tasks[2 * workers :], *[None] * len(waiting)]:
            yield waiting.popleft().get()
            if task is not None:
                waiting.append(pool.apply_async(_one_chunk, (task,)))


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches the parent, which ends its workers: one message instead of one from each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _write_chunks(order: Order, partial: Path, processes: int, advance: Callable[[int], object]) -> Tally:
    tally = Tally()
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for number, (tables, counted) in enumerate(_chunks(order, processes)):
            for name, table in tables.items():
                if name not in writers:
                    folder = partial / (TRUTH if name == "truth" else EXTRACT)
                    writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", table.schema, compression="zstd")
                writers[name].write_table(table, row_group_size=max(table.num_rows, 1))
            tally.add(counted)
            advance(min(CHUNK_PEOPLE, order.people - number * CHUNK_PEOPLE))
    finally:
        for writer in writers.values():
            writer.close()
    return tally


def _write_rest(order: Order, partial: Path) -> None:
    market = make_labour_market(order.parameters, order.seed, order.until_day)
    table = labour_market_table(market, order.until_day)
    pq.write_table(table, partial / EXTRACT / "labour_market.parquet", compression="zstd")
    meta = {
        "delivered_until": order.until.isoformat(),
        "synthetic": True,
        "seed": order.seed,
        "people": order.people,
        "area": AREA,
        "generator_version": GENERATOR_VERSION,
        "trend": order.parameters.trend,
        "planted": planted_words(order.parameters),
        "helped": len(order.helped),
    }
    (partial / EXTRACT / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", "utf-8")


def planted_words(parameters: Parameters) -> list[str]:
    """What was planted, in words that the command takes."""
    planted = parameters.planted
    words = [name for name in PLANTS if getattr(planted, name.replace("-", "_"))]
    if planted.lost_field:
        words.append(f"lost-field:{planted.lost_field}")
    return words


def _put_in_place(partial: Path, out: Path) -> None:
    """Let the finished folder take the place of an earlier one."""
    out.parent.mkdir(parents=True, exist_ok=True)
    earlier = out.with_name(f".{out.name}.earlier")
    shutil.rmtree(earlier, ignore_errors=True)
    try:
        if out.exists():
            os.replace(out, earlier)
        os.replace(partial, out)
    except BaseException:
        if earlier.exists() and not out.exists():
            os.replace(earlier, out)
        raise
    shutil.rmtree(earlier, ignore_errors=True)
