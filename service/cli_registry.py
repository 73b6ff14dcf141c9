"""The commands of promotion: `varhain promote`, `varhain history`."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add `promote` and `history` to the command line."""
    app.command("promote", epilog='Example: varhain promote demo-keski-uusimaa 3 --reason "Backtest passed"')(promote)
    app.command("history", epilog="Example: varhain history")(history)


def promote(
    name: Annotated[str, typer.Argument(help="name of the registered model")],
    version: Annotated[str | None, typer.Argument(help="its version; the latest when left out")] = None,
    reason: Annotated[str, typer.Option(help="why this version should serve; kept for good")] = "",
    key_file: Annotated[
        Path | None, typer.Option(help="file with an analyst's key; default: the demonstration's")
    ] = None,
) -> None:
    """Make a version the champion: export its package and record who promoted it and why.

    A running service takes it at `varhain reload`.
    """
    from features.errors import VarhainError

    if not reason.strip():
        raise VarhainError("A promotion needs --reason: say in a sentence why this version should serve.")

    from service.console import key_in
    from service.database import migrate_existing
    from service.ledger import open_ledger
    from service.promotion import promote_version
    from service.settings import load_settings

    settings = load_settings()
    migrate_existing(settings)
    ledger = open_ledger(settings)
    caller = key_in(key_file or settings.home / "keys" / "demo-analyst.key", ledger, "analyst")
    promoted = promote_version(ledger, settings, caller, name, version, reason)
    if not (Path(promoted.package_folder) / "committee.npz").exists():
        print("This model has no committee: no answer will tell how sure it is.", file=sys.stderr)
    print(
        f"{promoted.model} version {promoted.version} is the champion; a running service takes it at `varhain reload`."
    )


def history(
    name: Annotated[str | None, typer.Argument(help="a registered model: list its versions instead")] = None,
) -> None:
    """List every promotion, newest first: when, which version, by whom (a pseudonym) and why.

    With the name of a model, list its registered versions.
    """
    from service.database import migrate_existing
    from service.ledger import open_ledger
    from service.promotion import registered_versions
    from service.settings import load_settings

    settings = load_settings()
    if name:
        for registered in registered_versions(settings, name):
            mark = "champion" if registered.is_champion else ""
            print(f"{registered.registered_at:%Y-%m-%dT%H:%M:%SZ}  {name} {registered.version}  {mark}".rstrip())
        return
    migrate_existing(settings)
    promotions = open_ledger(settings).promotions()
    for place, promotion in enumerate(promotions):
        mark = "serves" if place == 0 else "earlier"
        print(
            f"{promotion.recorded_at[:19]}Z  {mark:<8}{promotion.model} {promotion.version}  by {promotion.caller[:8]}"
        )
        print(f"    {promotion.reason}")
    if not promotions:
        print("Nothing has been promoted yet.")
