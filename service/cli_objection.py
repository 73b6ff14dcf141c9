"""The commands of objections: `varhain objection record`, `withdraw`, `list`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from service.objections import Objections

CLIENT = typer.Argument(help="the client id of the case system; - reads it from standard input")
objection_app = typer.Typer(no_args_is_help=True, help="Record that a client objects to being screened.")


def register(app: typer.Typer) -> None:
    """Add the group `objection` to the command line."""
    app.add_typer(objection_app, name="objection")


@objection_app.command("record", epilog="Example: varhain objection record aJx-k_pseudonym")
def record(client: Annotated[str, CLIENT]) -> None:
    """From now on the client is answered "not assessed, the client objects", one by one, in batches and in files.

    Give the client id by standard input where the shell's history is kept: `varhain objection record -`.
    """
    from service.access import console_caller

    entry = _objections().record(_named(client), console_caller())
    if entry is None:
        print("the client objects already: nothing was added")
    else:
        print(f"objection recorded: entry {entry.seq}, {entry.recorded_at}")


@objection_app.command("withdraw", epilog="Example: varhain objection withdraw aJx-k_pseudonym")
def withdraw(client: Annotated[str, CLIENT]) -> None:
    """The client no longer objects and may be screened again."""
    from service.access import console_caller

    entry = _objections().withdraw(_named(client), console_caller())
    if entry is None:
        print("no objection of this client stands: nothing was added")
    else:
        print(f"objection withdrawn: entry {entry.seq}, {entry.recorded_at}")


@objection_app.command("list", epilog="Example: varhain objection list")
def list_counts() -> None:
    """Count the objections. Names are not listed: the ledger holds pseudonyms alone."""
    counts = _objections().counts()
    print(f"{counts.standing} clients object now; {counts.recorded} objections and {counts.withdrawn} withdrawals ever")


def _named(client: str) -> str:
    return sys.stdin.readline().strip() if client == "-" else client


def _objections() -> Objections:
    from service.database import migrate_existing
    from service.ledger import open_ledger
    from service.settings import load_settings

    settings = load_settings()
    migrate_existing(settings)
    return open_ledger(settings).objections
