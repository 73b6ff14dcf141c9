"""The commands of caseloads: `varhain screen-file`."""

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
