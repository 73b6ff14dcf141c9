"""The real process: light, one clear sentence for a taken port, a reload that drops nothing, a clean end."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from tests.processes import end_group, free_port, interruptible
from tests.service import served as made
from tests.service.served import Served, document, served

ROOT = Path(__file__).parents[2]
HEAVY = (
    *("mlflow", "lightgbm", "sklearn", "shap", "pandas", "pyarrow", "matplotlib", "evidently", "training"),
    *("dask", "distributed"),
)


@pytest.fixture
def service(tmp_path: Path) -> Served:
    return served(tmp_path)


def environment(service: Served, port: int) -> dict[str, str]:
    return {**os.environ, "VARHAIN_HOME": str(service.settings.home), "VARHAIN_PORT": str(port), "OMP_NUM_THREADS": "1"}


def varhain(service: Served, *arguments: str, port: int = 8000) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service.cli", *arguments]
    return subprocess.run(
        command, env=environment(service, port), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


@contextmanager
def starting(service: Served, port: int) -> Iterator["subprocess.Popen[str]"]:
    """A serving process that has only just begun."""
    command = [sys.executable, "-m", "service.cli", "serve"]
    process = subprocess.Popen(
        command,
        env=environment(service, port),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=interruptible,
    )
    try:
        yield process
    finally:
        end_group(process)


@contextmanager
def serving(service: Served, port: int) -> Iterator["subprocess.Popen[str]"]:
    """A serving process that is ready."""
    with starting(service, port) as process:
        wait_until_ready(process, port)
        yield process


def wait_until_ready(process: "subprocess.Popen[str]", port: int) -> None:
    deadline = time.monotonic() + 60
    while not answers(port):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=30) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def post(service: Served, port: int) -> dict[str, object]:
    headers = {**service.headers(), "Content-Type": "application/json"}
    request = Request(f"http://127.0.0.1:{port}/v1/screenings", json.dumps(document()).encode(), headers)
    with urlopen(request, timeout=30) as answer:
        found: dict[str, object] = json.loads(answer.read())
    return found


@pytest.mark.slow
def test_after_an_answer_nothing_heavy_was_imported(service: Served) -> None:
    code = f"""
import json, sys
from fastapi.testclient import TestClient
from pathlib import Path
from service.app import create_app
from service.settings import load_settings
import service.server
with TestClient(create_app(load_settings(home=Path({str(service.settings.home)!r})))) as client:
    answer = client.post("/v1/screenings", content=sys.stdin.read(), headers={service.headers()!r})
    assert answer.status_code == 200, answer.text
print(json.dumps(sorted(set({HEAVY!r}) & {{name.partition(".")[0] for name in sys.modules}})))
"""
    finished = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(document()),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == []


@pytest.mark.slow
def test_a_reload_by_signal_swaps_the_model_and_drops_no_request(service: Served) -> None:
    port = free_port()
    with serving(service, port) as process:
        versions: list[object] = []
        done = threading.Event()

        def keep_asking() -> None:
            while not done.is_set():
                versions.append(post(service, port)["versions"]["model_version"])  # type: ignore[index]

        asking = threading.Thread(target=keep_asking)
        asking.start()
        folder = Path(service.settings.home) / "packages" / "next"
        service.promote(made.package(folder, trained_on={"rows": 2}), folder, version="2")
        told = varhain(service, "reload", port=port)
        deadline = time.monotonic() + 60
        while "2" not in versions[-1:] and time.monotonic() < deadline:
            time.sleep(0.05)
        done.set()
        asking.join()

        assert told.returncode == 0
        assert str(process.pid) in told.stdout
        assert versions[0] == "1"
        assert versions[-1] == "2"
        assert versions == sorted(versions)  # type: ignore[type-var]


@pytest.mark.slow
def test_a_reload_while_it_starts_or_ends_does_not_kill_it(service: Served) -> None:
    port, pid_file = free_port(), Path(service.settings.home) / "serve.pid"
    with starting(service, port) as process:
        while not (pid_file.exists() and pid_file.read_text().strip() == str(process.pid)):
            assert process.poll() is None
        process.send_signal(signal.SIGHUP)
        wait_until_ready(process, port)

        process.send_signal(signal.SIGINT)
        while process.poll() is None:
            process.send_signal(signal.SIGHUP)
            time.sleep(0.001)
        assert process.returncode == 130


@pytest.mark.slow
def test_ctrl_c_reaches_it_where_the_tests_run_without_a_terminal(service: Served) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as nohup and the background of a script have it
    try:
        with serving(service, free_port()) as process:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_ctrl_c_ends_it_cleanly_and_the_next_start_trips_over_nothing(service: Served) -> None:
    port = free_port()
    for _ in range(2):
        with serving(service, port) as process:
            post(service, port)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
            assert process.stderr is not None
            assert "Traceback" not in process.stderr.read()


@pytest.mark.slow
def test_its_log_tells_the_route_and_nothing_of_the_client(service: Served) -> None:
    port = free_port()
    with serving(service, port) as process:
        post(service, port)
        headers = service.headers()
        urlopen(Request(f"http://127.0.0.1:{port}/v1/clients/client-kielo/screenings", headers=headers), timeout=30)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        lines = process.stderr.read()

    assert "POST /v1/screenings 200" in lines
    assert "GET /v1/clients/{client_id}/screenings 200" in lines
    assert "kielo" not in lines
    assert service.keys["advisor"] not in lines


@pytest.mark.slow
def test_a_taken_port_is_one_sentence(service: Served) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        finished = varhain(service, "serve", port=other.getsockname()[1])

    assert finished.returncode == 2
    assert len(finished.stderr.strip().splitlines()) == 1
    assert "cannot be used" in finished.stderr


@pytest.mark.slow
def test_a_second_service_from_one_home_is_refused(service: Served) -> None:
    port = free_port()
    with serving(service, port):
        finished = varhain(service, "serve", port=free_port())

    assert finished.returncode == 2
    assert "already serves" in finished.stderr


@pytest.mark.slow
def test_reload_without_a_service_says_so(service: Served) -> None:
    (Path(service.settings.home) / "serve.pid").write_text(f"{os.getpid()}\n")

    finished = varhain(service, "reload")

    assert finished.returncode == 2
    assert "No process serves" in finished.stderr
