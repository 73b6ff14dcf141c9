"""One serving process on a machine: the port it takes first, and the file by which `varhain reload` finds it."""

import fcntl
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.errors import NotReadyError, VarhainError
from service.private_files import make_private_folder

PID_FILE = "serve.pid"


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises VarhainError when another program holds it or there is no such address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen(1024)
    except OSError as error:
        taken.close()
        raise VarhainError(
            f"Port {port} on {host} cannot be used ({error.strerror}); stop the program that holds it, or choose "
            "another with --port or VARHAIN_PORT."
        ) from error
    taken.set_inheritable(True)
    return taken


@contextmanager
def announced(home: Path) -> Iterator[None]:
    """Keeps this process's number in a locked file for as long as it serves.

    The lock, which ends with the process however it ends, tells a serving process from a number left behind.

    Raises
    ------
    VarhainError
        When another process serves from the same home.
    """
    make_private_folder(home)
    descriptor = os.open(home / PID_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _lock(descriptor):
            raise VarhainError(f"Another process already serves from {home}; stop it, or set another VARHAIN_HOME.")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def signal_reload(home: Path) -> int:
    """The number of the serving process, which was asked to load the promoted model.

    Raises
    ------
    NotReadyError
        When no process serves from this home.
    """
    try:
        descriptor = os.open(home / PID_FILE, os.O_RDWR)
    except FileNotFoundError:
        raise _nobody_serves(home) from None
    try:
        text = os.read(descriptor, 32).decode("ascii", "replace").strip()
        if not text.isdecimal() or _lock(descriptor):
            raise _nobody_serves(home)
        os.kill(int(text), signal.SIGHUP)
        return int(text)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _nobody_serves(home: Path) -> NotReadyError:
    return NotReadyError(f"No process serves from {home}; start one with `varhain serve`.")
