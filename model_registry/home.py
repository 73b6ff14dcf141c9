"""Where an installation keeps what it makes: one folder, named by VARHAIN_HOME."""

import os
from pathlib import Path


def home() -> Path:
    """The installation's folder: the environment's VARHAIN_HOME, else `var` where the command was started.

    It is not made here; whoever writes into it makes it.
    """
    return Path(os.environ.get("VARHAIN_HOME") or "var").resolve()


def tracking_uri(folder: Path) -> str:
    """The address of the embedded model store in that folder (SQLite)."""
    return f"sqlite:///{folder / 'mlflow' / 'mlflow.db'}"


def packages(folder: Path) -> Path:
    """The folder of exported model packages, from which the service loads."""
    return folder / "packages"
