"""Runs the service on a socket: uvicorn with uvloop and httptools, one process, our own log and no access log."""

import logging
import signal
import socket
import sys

import uvicorn

from service.app import create_app
from service.database import migrate
from service.process import announced
from service.settings import Settings

GRACEFUL_SECONDS = 20


def serve_on(taken: socket.socket, settings: Settings) -> None:
    """Serves until a signal ends it; requests under way are finished first.

    Raises
    ------
    VarhainError
        When the database cannot be used, or another process serves from the same home.
    KeyboardInterrupt
        After a clean end by Ctrl-C.
    """
    log_to_stderr()
    # Whoever reads our number may signal at once, and an unhandled SIGHUP ends a process: it is passed over until the
    # application listens, which then loads what is promoted, and again once the application has stopped.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with announced(settings.home):
        migrate(settings)
        config = uvicorn.Config(
            create_app(settings),
            loop="uvloop",
            http="httptools",
            # The access log keeps the path, which may hold anything; ours keeps the route's template.
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
        logging.getLogger("varhain.service").info("serving on http://%s:%d", settings.host, settings.port)
        uvicorn.Server(config).run(sockets=[taken])


def log_to_stderr() -> None:
    """Sends our own log lines, and warnings of anybody else, to standard error."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("varhain").setLevel(logging.INFO)
