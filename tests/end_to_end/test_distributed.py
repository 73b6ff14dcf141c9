"""A real scheduler and two single-threaded workers: the same results as one process, also when a worker is killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import distributed
import numpy as np
import pytest

from features.catalogue import load_catalogue
from features.errors import TrainingError
from model_registry.package import load_package
from tests.processes import command, end_group, environment, free_port, interruptible
from training.candidates import fit_kind
from training.clock import Clock
from training.cohort import build_cohort
from training.config import checked_config
from training.distributed.cluster import Cluster, connected
from training.distributed.fitting import TREES
from training.distributed.gather import told_by_parts
from training.distributed.partition import partition_extract
from training.distributed.partitioned import read_index
from training.distributed.prepared import gathered_values, prepare
from training.distributed.scores import score_extract
from training.distributed.story import ClusterRun, evaluate, fit_on_cluster, train_on_cluster
from training.evaluate import REGISTER, SERVED, evaluate_models
from training.extract import read_extract
from training.fit import SMALL_TREES
from training.material import evaluation_material, make_splits, training_material
from training.person_dates import make_table
from training.population.generate import Order, generate

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
CATALOGUE = load_catalogue("keski_uusimaa")
SETTINGS = {"fit": {"trees": 60, "threads": 1}, "evaluation": {"draws": 50}}


@dataclass(frozen=True)
class World:
    """A small area, whole and in partitions, and what one process makes of it."""

    extract: Path
    partitions: Path
    cohort: object
    values: np.ndarray
    fit_weight: np.ndarray
    judged_rows: np.ndarray
    auc: dict[int, tuple[float, float]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("area")
    generate(Order(people=9_000, seed=5, until=date(2026, 10, 31)), folder / "population", 1)
    partition_extract(folder / "population" / "extract", folder / "partitions", 1_500)
    config = checked_config({"extract": str(folder / "population" / "extract"), **SETTINGS})
    extract = read_extract(config.extract, CATALOGUE)
    cohort = build_cohort(extract, CATALOGUE)
    table = make_table(extract, CATALOGUE, cohort)
    backtest, _ = make_splits(config, CATALOGUE, extract, cohort)
    material = training_material(config, CATALOGUE, extract, cohort, table, backtest)
    judged = evaluation_material(CATALOGUE, extract, cohort, table, backtest)
    model = fit_kind(SMALL_TREES, config, CATALOGUE, material)
    assert model.full is not None
    people = judged.table
    evaluations = evaluate_models(
        people.outcome,
        people.landmark,
        cohort.person[judged.rows],
        {SERVED: model.risk(people.frame, people.answered, CATALOGUE)},
        config.evaluation.draws,
        config.seed,
        own_weights=people.weight,
    )
    auc = {one.landmark: one.models[SERVED].values["auc"] for one in evaluations}
    assert material.fit.weight is not None
    return World(
        config.extract,
        folder / "partitions",
        cohort,
        table.frame.values,
        material.fit.weight,
        judged.rows,
        {
            month: (one.lower, one.upper)
            for month, one in auc.items()
            if one.lower is not None and one.upper is not None
        },
    )


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers, each a process of one thread under a nanny of its own."""
    address = f"tcp://127.0.0.1:{free_port()}"
    scratch = tmp_path_factory.mktemp("workers")
    with (
        _process("dask_scheduler", "--host", address, "--no-dashboard"),
        _process("dask_worker", address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard", cwd=scratch),
        distributed.Client(address, timeout=30, set_as_default=False) as client,
    ):
        client.wait_for_workers(2, timeout=30)
        yield address


@pytest.fixture
def cluster(scheduler: str) -> Iterator[Cluster]:
    with connected(scheduler) as found:
        found.client.wait_for_workers(2, timeout=30)
        yield found


@pytest.fixture(scope="module")
def run(world: World, scheduler: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[ClusterRun, Path, str]:
    """An undisturbed run with its scores, the home it was registered in, and what it said."""
    home, said = tmp_path_factory.mktemp("home"), []
    with pytest.MonkeyPatch.context() as patch, connected(scheduler) as cluster:
        patch.setenv("VARHAIN_HOME", str(home))
        made = train_on_cluster(config_of(world), cluster, said.append, home / "scores")
    return made, home, "\n".join(said)


def config_of(world: World):
    return checked_config({"extract": str(world.partitions), **SETTINGS})


@contextmanager
def _process(module: str, *arguments: str, cwd: Path = ROOT) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        end_group(process)


@contextmanager
def killing(scheduler: str, times: int, ready: Callable[[distributed.Client], str | None]) -> Iterator[list[float]]:
    """Kills the worker that `ready` names as soon as it names one; the moments of the kills."""
    killed: list[float] = []
    stop = threading.Event()

    def kill() -> None:
        with distributed.Client(scheduler, set_as_default=False) as client:
            while len(killed) < times and not stop.is_set():
                victim = ready(client)
                pid = client.run(os.getpid, workers=[victim]).get(victim) if victim else None
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(time.monotonic())
                time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join(30)


def doing(task: str) -> Callable[[distributed.Client], str | None]:
    """The address of a worker that is doing a task of this name."""

    def ready(client: distributed.Client) -> str | None:
        running = client.processing()
        return next(
            (worker for worker, keys in running.items() if any(str(key).startswith(task) for key in keys)), None
        )

    return ready


def after_trees(scheduler: str, trees: int) -> Callable[[distributed.Client], str | None]:
    """The address of a worker that has just fitted so many trees of a model."""
    reached: list[int] = []

    def ready(client: distributed.Client) -> str | None:
        if not reached:
            client.subscribe_topic(TREES, lambda event: reached.append(event[1]))
            reached.append(0)
        victim = doing("_train_part")(client) if trees in reached else None
        if victim is not None:
            reached[:] = [0]
        return victim

    return ready


def test_features_and_outcomes_are_those_of_one_process_byte_for_byte(world, cluster):
    made = prepare(config_of(world), CATALOGUE, read_index(world.partitions), cluster)
    values = gathered_values(cluster, made, np.arange(len(made.gathered.cohort)))
    assert values.tobytes() == world.values.tobytes()
    for column in ("person", "as_of", "matures_on", "landmark", "outcome"):
        assert getattr(made.gathered.cohort, column).tobytes() == getattr(world.cohort, column).tobytes(), column
    assert dict(made.gathered.cohort.counts) == dict(world.cohort.counts)


def test_the_auc_lies_within_the_interval_of_one_process(world, run):
    found = {one.landmark: one.models[SERVED].values["auc"].value for one in run[0].evaluations}
    assert 0 in world.auc
    for month, (lower, upper) in world.auc.items():
        assert lower <= found[month] <= upper, month


def test_the_model_is_registered_like_any_other_and_says_how_it_was_made(world, run):
    made, home, said = run
    package = load_package(home / "packages" / f"{made.name}-{made.version}")
    assert package.meta.demonstration
    assert package.full is not None
    assert package.meta.trained_on["distributed"] == {
        "cluster": "a Dask cluster",
        "workers": 2,
        "threads": 2,
        "partitions": 6,
    }
    assert package.meta.trained_on["data_fingerprint"] == read_extract(world.extract, CATALOGUE).fingerprint()
    assert "promotion is a separate act" in said
    assert {SERVED, REGISTER} == set(made.evaluations[0].models)


def test_every_person_date_has_its_score_in_the_order_of_the_pseudonyms(world, run):
    import pyarrow.parquet as pq

    made, home, _ = run
    scores = pq.read_table(sorted((home / "scores").glob("part-*.parquet")))
    assert scores.num_rows == made.scores.rows == len(world.cohort)
    client_ids = read_extract(world.extract, CATALOGUE).client_ids
    assert scores["client_id"].to_pylist() == [client_ids[person] for person in world.cohort.person]
    frame = read_extract_frame(world)
    package = load_package(home / "scores" / "package")
    expected = package.screen(frame, landmark=world.cohort.landmark.astype(np.int64))
    assert np.array_equal(scores["risk"].to_numpy(), expected.risk)


def read_extract_frame(world: World):
    from features.frame import FeatureFrame

    return FeatureFrame(world.values, CATALOGUE.feature_names, CATALOGUE.fingerprint)


def test_a_worker_killed_during_features_changes_nothing(world, scheduler, cluster):
    with killing(scheduler, 1, doing("prepare")) as killed:
        made = prepare(config_of(world), CATALOGUE, read_index(world.partitions), cluster)
        values = gathered_values(cluster, made, np.arange(len(made.gathered.cohort)))
    assert killed
    assert values.tobytes() == world.values.tobytes()


def test_a_worker_killed_during_scoring_changes_nothing(world, run, scheduler, cluster, tmp_path):
    made, home, _ = run
    package = home / "packages" / f"{made.name}-{made.version}"
    with killing(scheduler, 1, doing("prepare_and_score")) as killed:
        again = score_extract(cluster, world.partitions, package, tmp_path / "scores")
    assert killed
    assert again.rows == made.scores.rows
    for file in sorted((home / "scores").glob("part-*.parquet")):
        assert (tmp_path / "scores" / file.name).read_bytes() == file.read_bytes(), file.name
    assert not list((tmp_path / "scores").glob(".*"))


def backtest_on(cluster: Cluster, world: World, say: Callable[[str], object], trees: int):
    """The evaluation of a backtest fitted on the cluster."""
    config = checked_config({"extract": str(world.partitions), **SETTINGS, "fit": {"trees": trees}})
    made = prepare(config, CATALOGUE, read_index(world.partitions), cluster)
    whole = made.gathered
    told = told_by_parts(CATALOGUE, made.lights, lambda day: pytest.fail("the days of the splits were foreseen"))
    backtest, _ = make_splits(config, CATALOGUE, whole.extract, whole.cohort)
    material = training_material(config, CATALOGUE, whole.extract, whole.cohort, whole.table, backtest, told)
    judged = evaluation_material(CATALOGUE, whole.extract, whole.cohort, whole.table, backtest, told)
    assert material.fit.weight is not None
    assert material.fit.weight.tobytes() == world.fit_weight.tobytes()
    assert judged.rows.tobytes() == world.judged_rows.tobytes()
    model = fit_on_cluster(config, CATALOGUE, cluster, made, material, Clock(), "backtest", say)
    return evaluate(config, CATALOGUE, cluster, made, judged, model)


def test_a_worker_killed_during_the_fit_is_told_and_the_fit_begins_again(world, scheduler, cluster):
    said: list[tuple[float, str]] = []
    with killing(scheduler, 1, after_trees(scheduler, 10)) as killed:
        found = backtest_on(cluster, world, lambda words: said.append((time.monotonic(), words)), 60)
    told = [moment for moment, words in said if words.startswith("A worker was lost while the model was being fitted")]
    assert len(killed) == len(told) == 1
    assert told[0] - killed[0] < 60
    lower, upper = world.auc[0]
    assert lower <= found[0].models[SERVED].values["auc"].value <= upper


def test_a_second_loss_during_the_fit_ends_it_in_a_sentence(world, scheduler, cluster):
    said: list[str] = []
    with (
        killing(scheduler, 2, after_trees(scheduler, 10)) as killed,
        pytest.raises(TrainingError, match="a worker was lost again while the model was being fitted"),
    ):
        backtest_on(cluster, world, said.append, 1_000)
    assert len(killed) == 2
    assert len(said) == 1


@pytest.mark.parametrize("listening", [False, True], ids=["gone", "hanging"])
def test_a_dead_scheduler_is_one_sentence_and_exit_code_2(world, tmp_path, listening):
    begun = time.monotonic()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        if listening:
            nobody.listen()
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        done = subprocess.run(
            command("distributed", "train", "--extract", str(world.partitions), "--scheduler", address),
            env=environment(tmp_path),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("no scheduler answers at the address in --scheduler")
    assert len(done.stderr.splitlines()) == 1
    assert time.monotonic() - begun < 25


def test_ctrl_c_leaves_no_worker_and_no_half_written_scores(world, run, tmp_path):
    made, home, _ = run
    process = subprocess.Popen(
        command(
            *("distributed", "score", made.name, "--extract", str(world.partitions)),
            *("--out", str(tmp_path / "scores"), "--workers", "2"),
        ),
        env=environment(home),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=interruptible,
    )
    try:
        deadline = time.monotonic() + 40
        while not list(tmp_path.glob(".scores.*.partial")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        workers = [pid for pid in session_of(process.pid) if pid != process.pid]
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=40)
        assert process.returncode == 130, told
        assert "Traceback" not in told
        assert len(workers) >= 2
        until = time.monotonic() + 10
        while session_of(process.pid) and time.monotonic() < until:
            time.sleep(0.1)
        assert session_of(process.pid) == []
        assert list(tmp_path.iterdir()) == []
    finally:
        end_group(process)


def session_of(leader: int) -> list[int]:
    """The processes of the session that a process leads, without those that have ended."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(session) == leader and state != "Z":
                found.append(int(entry.name))
    return found
