"""SIGTERM ends a command as Ctrl-C does: what was begun is taken back, and the exit code says who ended it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_TERMINATED = 128 + signal.SIGTERM


class TerminatedError(KeyboardInterrupt):
    """SIGTERM came; every place that ends cleanly at Ctrl-C ends cleanly at this."""


@contextmanager
def clean_at_sigterm() -> Iterator[None]:
    """Let the block end as at Ctrl-C when SIGTERM comes, then exit with 143. A second one does not break the ending."""
    if threading.current_thread() is not threading.main_thread():  # Python hears signals in the main thread alone
        yield
        return
    heard = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        if not heard:
            heard = True
            raise TerminatedError

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except TerminatedError:
        raise SystemExit(EXIT_TERMINATED) from None
    finally:
        signal.signal(signal.SIGTERM, before)
