"""Real processes for tests and benchmarks: the command line in a home of its own, and a served home."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[1]


def command(*arguments: str) -> list[str]:
    """The command line of `varhain` in this Python."""
    return [sys.executable, "-m", "service.cli", *arguments]


def environment(home: Path, port: int = 8000) -> dict[str, str]:
    """The environment of an installation in `home`."""
    return {**os.environ, "VARHAIN_HOME": str(home), "VARHAIN_PORT": str(port)}


def varhain(home: Path, *arguments: str) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(
        command(*arguments), env=environment(home), cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def interruptible() -> None:
    """Lets Ctrl-C reach a child: under nohup and in the background of a script SIGINT is ignored, and so inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_group(process: "subprocess.Popen[Any]") -> None:
    """Kills whatever is left of the process group that `process` leads (`start_new_session=True`)."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(arguments: Sequence[str], url: str, environ: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A server that answers at `url`, stopped at the end."""
    process = subprocess.Popen(
        arguments,
        env=environ,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=interruptible,
    )
    try:
        deadline = time.monotonic() + 60
        while not _answers(url):
            assert process.poll() is None, "the server stopped while starting"
            assert time.monotonic() < deadline, "the server did not answer within a minute"
            time.sleep(0.1)
        yield process
        process.terminate()
        process.wait(20)
    finally:
        end_group(process)


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """The address of the service of `home`, ready."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with running(command("serve"), f"{base}/health/ready", environment(home, port)):
        yield base


def call(url: str, key: Path, document: Any = None, accept: str = "application/json") -> tuple[int, Any]:
    """Status and answer of a request with a key; a POST where a document is given. The answer is text or JSON."""
    headers = {"Authorization": f"Bearer {key.read_text().strip()}", "Accept": accept, "Accept-Language": "en"}
    body = None
    if document is not None:
        body = json.dumps(document).encode()
        headers["Content-Type"] = "application/json"
    try:
        with urlopen(Request(url, data=body, headers=headers), timeout=30) as answer:
            return answer.status, _read(answer)
    except HTTPError as error:
        return error.code, _read(error)


def _read(answer: Any) -> Any:
    text = answer.read().decode()
    return json.loads(text) if "json" in answer.headers.get("content-type", "") else text


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
