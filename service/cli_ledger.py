"""The commands of keys and ledger: `varhain key`, `varhain ledger`, `varhain erase`."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import AccessError

if TYPE_CHECKING:
    from service.ledger import Ledger
    from service.settings import Settings

DOES_NOT_VERIFY = 1

key_app = typer.Typer(no_args_is_help=True, help="Make, list and revoke the API keys of callers.")
ledger_app = typer.Typer(no_args_is_help=True, help="Check the ledger, and let its personal payloads expire.")


def register(app: typer.Typer) -> None:
    """Add the groups `key` and `ledger` and the command `erase` to the command line."""
    app.add_typer(key_app, name="key")
    app.add_typer(ledger_app, name="ledger")
    app.command("erase", epilog="Example: varhain erase aJx-k_pseudonym")(erase)


@key_app.command("create", epilog="Example: varhain key create --role advisor --unit kerava --out kerava.key")
def create_key(
    role: Annotated[str, typer.Option(help="advisor, analyst, steering or operator")],
    unit: Annotated[str, typer.Option(help="the unit whose screenings the key may make and read")],
    purpose: Annotated[str, typer.Option(help="what for; only service planning is served")] = "service_planning",
    out: Annotated[
        Path | None, typer.Option(help="write the key to this new file (mode 0600), not to the screen")
    ] = None,
) -> None:
    """Make a key. It is shown this once: the database keeps only its SHA-256."""
    from service.access import console_caller

    ledger, _ = _open(new=True)
    if out:
        key_id = write_new_key(ledger, role, unit, purpose, out)
        print(f"key {key_id} for role {role}, unit {unit}: written to {out}", file=sys.stderr)
        return
    key = ledger.issue_key(console_caller(), role, unit, purpose)
    print(key.text)
    print(f"key {key.id} for role {role}, unit {unit}: keep it now, it is not shown again", file=sys.stderr)


def write_new_key(ledger: Ledger, role: str, unit: str, purpose: str, out: Path) -> str:
    """Return the id of a new key that was written to the new file `out` (mode 0600) and nowhere else."""
    from service.access import console_caller

    # Opened first: a key that cannot be handed over must not be made.
    descriptor = _new_private_file(out)
    try:
        with os.fdopen(descriptor, "w") as file:
            key = ledger.issue_key(console_caller(), role, unit, purpose)
            file.write(key.text + "\n")
    except BaseException:
        out.unlink()
        raise
    return key.id


@key_app.command("list", epilog="Example: varhain key list")
def list_all_keys() -> None:
    """List every key ever made: id, role, unit, purpose, when made and revoked. Never the key itself."""
    from service.access import list_keys

    ledger, _ = _open()
    for key in list_keys(ledger.engine):
        state = f"revoked {key.revoked_at}" if key.revoked_at else "usable"
        print(f"{key.id}  {key.role:<9}{key.unit:<20} {key.purpose}  made {key.created_at}  {state}")


@key_app.command("revoke", epilog="Example: varhain key revoke qwertyuiopas")
def revoke_key(key_id: Annotated[str, typer.Argument(help="the id that `varhain key list` shows")]) -> None:
    """Revoke a key: from now on it opens nothing. What it did stays in the ledger."""
    from service.access import console_caller

    ledger, _ = _open()
    ledger.revoke_key(console_caller(), key_id)
    print("the key is revoked")


@ledger_app.command("verify", epilog="Example: varhain ledger verify --expect 5f2c... (a digest noted earlier)")
def verify_ledger(
    expect: Annotated[str | None, typer.Option(help="digest of an entry noted earlier: it must still be there")] = None,
) -> None:
    """Check the whole chain and every payload. Exit code 0: whole; 1: a fault, named in one sentence."""
    from service.verification import verify
    from service.witness import Witness

    ledger, settings = _open()
    found = verify(ledger.engine, Witness(settings.witness_file), expect)
    if found.fault:
        print(f"The ledger does not verify: {found.fault}.", file=sys.stderr)
        raise typer.Exit(DOES_NOT_VERIFY)
    print(f"The ledger verifies: {found.entries} entries, {found.payloads} payloads, {found.erased} erased.")
    print(f"Head: {found.head_digest}")


@ledger_app.command("expire", epilog="Example: varhain ledger expire --older-than 365")
def expire_payloads(
    older_than: Annotated[int | None, typer.Option(min=1, help="days; default: VARHAIN_RETENTION_DAYS")] = None,
) -> None:
    """Delete the personal payloads older than the retention time. The entries stay and still verify."""
    from service.access import console_caller

    ledger, settings = _open()
    expiry = ledger.expire(timedelta(days=older_than or settings.retention_days), console_caller())
    print(f"{expiry.payloads if expiry else 0} payloads deleted")
    if expiry and not expiry.traces_gone:
        _say_that_traces_remain()


@ledger_app.command("compact", epilog="Example: varhain ledger compact")
def compact() -> None:
    """Empty the write-ahead file, which may hold older copies of erased payloads."""
    from service.database import empty_write_ahead_file

    ledger, _ = _open()
    if not empty_write_ahead_file(ledger.engine):
        _say_that_traces_remain()


def erase(
    client: Annotated[str, typer.Argument(help="the client id of the case system; - reads it from standard input")],
) -> None:
    """Erase everything personal that is kept about a client. The chain of entries still verifies.

    Give the client id by standard input where the shell's history is kept: `varhain erase -`.
    """
    from service.access import console_caller

    ledger, _ = _open()
    erasure = ledger.erase(sys.stdin.readline().strip() if client == "-" else client, console_caller())
    print(f"{erasure.payloads} payloads erased; receipt: entry {erasure.entry.seq}, {erasure.entry.recorded_at}")
    print(f"digest {erasure.entry.digest}")
    if erasure.objection_stands:
        print("the client's objection stands: it is kept under a pseudonym, so that it can be honoured")
    if not erasure.traces_gone:
        _say_that_traces_remain()


def _open(new: bool = False) -> tuple[Ledger, Settings]:
    from service.database import migrate, migrate_existing
    from service.ledger import open_ledger
    from service.settings import load_settings

    settings = load_settings()
    (migrate if new else migrate_existing)(settings)
    return open_ledger(settings), settings


def _new_private_file(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise AccessError(f"--out: {path} exists already; a key is only written to a new file") from None
    except OSError as error:
        raise AccessError(f"--out: {path} cannot be written: {error.strerror}") from error


def _say_that_traces_remain() -> None:
    print(
        "older copies may still lie in the database's files. SQLite: another process is reading, run `varhain ledger "
        "compact` when it has ended; PostgreSQL: they go with the next VACUUM of payloads and as its WAL is reused",
        file=sys.stderr,
    )
