"""The main job in one command: make the demonstration, serve it, show one worked example.

Each step is a `varhain` command of its own in a process of its own: training and service never import each other,
and the served process stays light. A step that was finished is not done again; one that was interrupted is.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from features.errors import AccessError, NotReadyError, VarhainError
from service.access import authenticate
from service.cli_ledger import write_new_key
from service.database import migrate
from service.ledger import Ledger, open_ledger
from service.settings import Settings
from service.today import today_in_finland

MEMBERS = 5
MODEL = "demo-keski-uusimaa"
REASON = "Demonstration on a synthetic population; not for real clients"
START_SECONDS = 60


def up(settings: Settings, people: int, seed: int) -> int:
    """Make whatever of the demonstration is missing, serve it until stopped, and return the exit code."""
    refuse_taken_port(settings)
    keys = prepare_database_and_keys(settings)
    if not has_champion(settings):
        make_population(settings, people, seed)
        train(settings, seed)
        run("promote", MODEL, "--reason", REASON, "--key-file", str(keys["analyst"]))
    return serve_with_example(settings, keys["advisor"])


def refuse_taken_port(settings: Settings) -> None:
    """Raise where another program listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise VarhainError(
                f"Port {settings.port} on {settings.host} is in use by another program; stop that one, or choose "
                "another port with VARHAIN_PORT=8001 make run"
            ) from error


def prepare_database_and_keys(settings: Settings) -> dict[str, Path]:
    """Migrate the database and return the files of the demonstration's advisor and analyst keys, made if missing."""
    migrate(settings)
    folder = settings.home / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = {}
    for role in ("advisor", "analyst"):
        keys[role] = folder / f"demo-{role}.key"
        with opened_ledger(settings) as ledger:
            if not opens(ledger, keys[role]):
                keys[role].unlink(missing_ok=True)
                write_new_key(ledger, role, "demo", "service_planning", keys[role])
    return keys


def opens(ledger: Ledger, key_file: Path) -> bool:
    """Whether the file holds a key of this very ledger: an interrupted run may leave it empty, or the database new."""
    if not key_file.exists():
        return False
    try:
        authenticate(ledger.engine, key_file.read_text().strip())
    except AccessError:
        return False
    return True


@contextmanager
def opened_ledger(settings: Settings) -> Iterator[Ledger]:
    """The ledger of this installation, its database let go of at the end."""
    ledger = open_ledger(settings)
    try:
        yield ledger
    finally:
        ledger.engine.dispose()


def has_champion(settings: Settings) -> bool:
    """Whether a model is promoted and its package is where the ledger says."""
    with opened_ledger(settings) as ledger:
        promotion = ledger.champion()
    return promotion is not None and (Path(promotion.package_folder) / "package.json").exists()


def make_population(settings: Settings, people: int, seed: int) -> None:
    """Write the synthetic extract, unless a whole one is there."""
    folder = settings.home / "demo"
    if not (folder / "extract" / "meta.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        run("population", "--out", str(folder), "--people", str(people), "--seed", str(seed))


def train(settings: Settings, seed: int) -> None:
    """Train and register the demonstration model, unless an earlier run came that far with the same data."""
    extract = settings.home / "demo" / "extract"
    done = settings.home / "demo" / "trained"
    if not done.exists():
        print(f"Training, with a committee of {MEMBERS} refits; `varhain train` makes 25.", file=sys.stderr)
        source = ("--extract", str(extract), "--catalogue", "keski_uusimaa")
        run("train", *source, "--name", MODEL, "--seed", str(seed), "--members", str(MEMBERS))
        done.touch()


def serve_with_example(settings: Settings, advisor_key: Path) -> int:
    """Start the service, wait until it is ready, print the worked example, and stay until the service stops."""
    server = subprocess.Popen(command("serve"))
    try:
        wait_until_ready(settings, server)
        print_example(settings, advisor_key)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        stop(server)


def run(*arguments: str) -> None:
    """Run a `varhain` command; raise in one sentence where it failed (it has said why itself)."""
    finished = subprocess.run(command(*arguments), check=False)
    if finished.returncode in (130, -signal.SIGINT):
        raise KeyboardInterrupt
    if finished.returncode != 0:
        raise VarhainError(f"varhain {arguments[0]} did not succeed; see its message above")


def command(*arguments: str) -> list[str]:
    """The command line of `varhain` in this very Python."""
    return [sys.executable, "-m", "service.cli", *arguments]


def wait_until_ready(settings: Settings, server: "subprocess.Popen[bytes]") -> None:
    """Return when the service says it is ready; raise where it stops or takes longer than a minute."""
    deadline = time.monotonic() + START_SECONDS
    reason = "it gave no answer"
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise NotReadyError(f"The service stopped while starting (exit code {server.returncode})")
        try:
            with urlopen(f"{base_url(settings)}/health/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
        except HTTPError as error:
            reason = error.read().decode("utf-8", "replace")
        except (URLError, OSError) as error:
            reason = str(error)
        time.sleep(0.1)
    raise NotReadyError(f"The service was not ready within {START_SECONDS} s: {reason}")


def print_example(settings: Settings, advisor_key: Path) -> None:
    """Print the curl line of a new client without a self-assessment, and the service's own three-line answer."""
    example = settings.home / "demo" / "new_client.json"
    example.parent.mkdir(parents=True, exist_ok=True)
    example.write_text(json.dumps(example_of_today(), indent=2) + "\n", encoding="utf-8")
    headers = {
        "Authorization": f"Bearer {advisor_key.read_text().strip()}",
        "Content-Type": "application/json",
        "Accept": "text/plain",
        "Accept-Language": "en",
    }
    url = f"{base_url(settings)}/v1/screenings"
    try:
        with urlopen(Request(url, data=example.read_bytes(), headers=headers), timeout=30) as answer:
            text = answer.read().decode()
    except HTTPError as error:
        refusal = error.read().decode("utf-8", "replace")
        print(f"Serving on {base_url(settings)}, but it refused the worked example: {refusal}", file=sys.stderr)
        return
    print(f"\nServing on {base_url(settings)} (documentation: {base_url(settings)}/docs). One new client, screened:\n")
    print(
        f"  curl -s {url} -H 'Accept: text/plain' -H 'Accept-Language: en' "
        f'-H "Authorization: Bearer $(cat {os.path.relpath(advisor_key)})" --json @{os.path.relpath(example)}\n'
    )
    print("\n".join(f"  {line}" for line in text.strip().splitlines()))
    print("\nLeave out 'Accept: text/plain' for the whole answer; fi and sv are the other languages. Ctrl-C stops.\n")
    sys.stdout.flush()


def example_of_today() -> dict[str, Any]:
    """The example document with its dates moved so that it speaks of a client who registered two days ago."""
    document: dict[str, Any] = json.loads((files("service") / "examples" / "new_client.json").read_text("utf-8"))
    moved = today_in_finland() - date.fromisoformat(document.pop("as_of"))
    for spell in document["spells"]:
        for day in ("start", "end"):
            if spell.get(day):
                spell[day] = (date.fromisoformat(spell[day]) + moved).isoformat()
    return document


def base_url(settings: Settings) -> str:
    """Where the service listens."""
    return f"http://{settings.host}:{settings.port}"


def stop(server: "subprocess.Popen[bytes]") -> None:
    """End the service in order; kill it only where it does not go."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
