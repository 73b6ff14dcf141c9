"""A complete screening over HTTP beside a FastAPI hello-world and beside `mlflow models serve`, all under one load."""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

import numpy as np

from features.facts import day_number
from features.frame import build_features
from features.intake import facts_of_document
from model_registry.home import tracking_uri
from model_registry.package import Package, load_package
from model_registry.package_files import read_files, write_files
from model_registry.store import Store
from service.access import console_caller
from service.database import migrate
from service.ledger import open_ledger
from service.settings import load_settings
from service.today import today_in_finland
from service.up import example_of_today
from tests.bench.asked import Row, at_least, at_most
from tests.bench.load import Load, measure, post
from tests.processes import free_port, running, serving

CONNECTIONS, ROUNDS = 16, 3
MODEL = "demo-bench"
NAMES = {
    "hello": "hello-world",
    "with": "screening with committee",
    "without": "screening without",
    "mlflow": "mlflow models serve, features in and risk out",
}


@dataclass(frozen=True)
class Served:
    """Rows of the table of what was asked, and lines of the table of loads."""

    rows: list[Row]
    lines: list[tuple[str, ...]]


def serve_and_load(folder: Path, scratch: Path, seconds: float) -> Served:
    """Loads on the package in `folder`, whose committee is left out where the tables say so.

    Servers are loaded in turn, several times, for `seconds` each; medians.
    """
    plain_folder = without_committee(folder, scratch / "plain")
    homes = {"with": home_of(folder, scratch / "with-home"), "without": home_of(plain_folder, scratch / "without-home")}
    body = json.dumps(example_of_today()).encode()
    with ExitStack() as servers:
        hello = servers.enter_context(hello_world())
        mlflow = servers.enter_context(mlflow_server(plain_folder, scratch / "mlflow-home"))
        ports = {name: servers.enter_context(service(home)) for name, home in homes.items()}
        requests = {
            "hello": (hello, post("/hello", body, {})),
            **{name: (port, screening_request(homes[name], body)) for name, port in ports.items()},
            "mlflow": (mlflow, post("/invocations", features_as_json(load_package(plain_folder)), {})),
        }
        loads = {many: load_in_turn(requests, seconds, many) for many in (1, CONNECTIONS)}
    crowd = loads[CONNECTIONS]
    rows = [*beside_hello_world(crowd), beside_mlflow(crowd), first_answer(homes["with"], body)]
    return Served(rows, [line(NAMES[name], many, one) for many, found in loads.items() for name, one in found.items()])


def load_in_turn(requests: Mapping[str, tuple[int, bytes]], seconds: float, connections: int) -> dict[str, Load]:
    """The median load of each server."""
    for port, request in requests.values():
        measure(port, request, 1.0, connections)
    taken: dict[str, list[Load]] = {name: [] for name in requests}
    for _ in range(ROUNDS):
        for name, (port, request) in requests.items():
            taken[name].append(measure(port, request, seconds, connections))
    return {
        name: Load(*(median(getattr(load, part.name) for load in many) for part in fields(Load)))
        for name, many in taken.items()
    }


def line(name: str, connections: int, load: Load) -> tuple[str, ...]:
    """One line of the table of loads."""
    return name, str(connections), f"{load.answers_a_second:,.0f}", f"{load.median_ms:.2f}", f"{load.p99_ms:.2f}"


def beside_hello_world(loads: Mapping[str, Load]) -> Iterator[Row]:
    """Throughput and the slowest hundredth, without and with the committee."""
    hello = loads["hello"]
    for name, asked in (("without", 0.20), ("with", 0.10)):
        what, load = f"screening, {CONNECTIONS} connections, {name} committee", loads[name]
        about = f" ({load.answers_a_second:,.0f} against {hello.answers_a_second:,.0f} a second)"
        times = load.answers_a_second / hello.answers_a_second
        yield at_least(what, "hello-world's answers a second", asked, times, about=about)
        about = f" ({load.p99_ms:.1f} against {hello.p99_ms:.1f} ms)"
        yield at_most(f"{what}, p99", "hello-world's p99", 10, load.p99_ms / hello.p99_ms, about=about)


def beside_mlflow(loads: Mapping[str, Load]) -> Row:
    """The same beside mlflow's own server of the same package, which is given features and only answers the risk."""
    ours, theirs = (loads[name].answers_a_second for name in ("without", "mlflow"))
    about = f" ({ours:,.0f} against {theirs:,.0f} a second)"
    what = f"screening, {CONNECTIONS} connections, without committee"
    return at_least(what, "mlflow models serve, same model, no reasons, no record", 10, ours / theirs, about=about)


def first_answer(home: Path, body: bytes) -> Row:
    """From the command to the first answer of a screening."""
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        with service(home) as port:
            measure(port, screening_request(home, body), 0.01, 1)
            took.append(time.perf_counter() - begun)
    return at_most("start of the service to its first answer", "", 5, median(took), " s")


def without_committee(folder: Path, to: Path) -> Path:
    """The same package without its committee, sealed anew."""
    meta, files = read_files(folder)
    write_files(to, {name: content for name, content in files.items() if name != "committee.npz"}, meta)
    return to


def home_of(folder: Path, home: Path) -> Path:
    """An installation in which the package in `folder` is the champion, with a key of an advisor."""
    settings = load_settings(home=home)
    migrate(settings)
    ledger = open_ledger(settings)
    package = load_package(folder)
    ledger.record_promotion(console_caller(), MODEL, "1", package.meta.digest, str(folder.absolute()), "benchmark")
    (home / "advisor.key").write_text(ledger.issue_key(console_caller(), "advisor", "bench", "service_planning").text)
    ledger.engine.dispose()
    return home


def screening_request(home: Path, body: bytes) -> bytes:
    """The bytes of a screening's request."""
    return post("/v1/screenings", body, {"Authorization": f"Bearer {(home / 'advisor.key').read_text()}"})


@contextmanager
def service(home: Path) -> Iterator[int]:
    """The port of the service of a home, ready."""
    with serving(home) as base:
        yield int(base.rpartition(":")[2])


@contextmanager
def hello_world() -> Iterator[int]:
    """The port of the hello-world."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.hello", str(port)]
    with running(command, f"http://127.0.0.1:{port}/docs", os.environ):
        yield port


@contextmanager
def mlflow_server(folder: Path, home: Path) -> Iterator[int]:
    """The port of `mlflow models serve` of the package in `folder`, registered in a store of its own."""
    home.mkdir()
    package, store, port = load_package(folder), Store(tracking_uri(home)), free_port()
    version = store.register(folder, store.log_run(package.meta.name, params={}, metrics={}))
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{package.meta.name}/{version}"]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    # mlflow starts uvicorn by its name, which lies beside this Python.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "MLFLOW_TRACKING_URI": tracking_uri(home)}
    with running(command, f"http://127.0.0.1:{port}/ping", environ):
        yield port


def features_as_json(package: Package) -> bytes:
    """One person's features as mlflow's server takes them."""
    document, today = example_of_today(), today_in_finland()
    facts = facts_of_document(package.catalogue, document, today, today, package.labour_market)
    frame = build_features(package.catalogue, facts, np.array([day_number(today)], np.int32))
    values = [None if np.isnan(value) else value for value in frame.values[0].tolist()]
    return json.dumps({"dataframe_split": {"columns": list(frame.names), "data": [values]}}).encode()
