"""A complete screening over HTTP beside a FastAPI hello-world and beside `mlflow models serve`, all under one load."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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


def serving_rows(folder: Path, scratch: Path, seconds: float) -> list[Row]:
    """Rows of the table for the package in `folder`, whose committee is left out where the table says so.

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
        for port, request in requests.values():
            measure(port, request, 1.0, CONNECTIONS)
        loads: dict[str, list[Load]] = {name: [] for name in requests}
        for _ in range(ROUNDS):
            for name, (port, request) in requests.items():
                loads[name].append(measure(port, request, seconds, CONNECTIONS))
    return [*beside_hello_world(loads), beside_mlflow(loads), first_answer(homes["with"], body)]


def beside_hello_world(loads: dict[str, list[Load]]) -> Iterator[Row]:
    """Throughput and the slowest hundredth, with and without the committee."""
    what = f"screening, durable ledger, one worker, {CONNECTIONS} connections, "
    speed = {name: median(load.answers_a_second for load in many) for name, many in loads.items()}
    slow = {name: median(load.p99_ms for load in many) for name, many in loads.items()}
    for name, asked in (("without", 0.20), ("with", 0.10)):
        about = f" ({speed[name]:,.0f} against {speed['hello']:,.0f} a second)"
        told = f"{what}{name} committee"
        yield at_least(told, "hello-world's answers a second", asked, speed[name] / speed["hello"], about=about)
        about = f" ({slow[name]:.1f} against {slow['hello']:.1f} ms)"
        yield at_most(f"{told}, p99", "hello-world's p99", 10, slow[name] / slow["hello"], about=about)


def beside_mlflow(loads: dict[str, list[Load]]) -> Row:
    """The same beside mlflow's own server of the same package, which is given features and only answers the risk."""
    ours, theirs = (median(load.answers_a_second for load in loads[name]) for name in ("without", "mlflow"))
    about = f" ({ours:,.0f} against {theirs:,.0f} a second)"
    against = "mlflow models serve of the same model, which neither explains nor records"
    return at_least("the same, without committee", against, 10, ours / theirs, about=about)


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
