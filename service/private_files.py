"""What is kept about people is for the user of the service alone, whatever the umask: folders 0700, files 0600."""

import os
from pathlib import Path

from features.errors import LedgerError

EVERYBODY = 0o007


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter; one that is there already stays as its owner has set it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def keep_private(file: Path) -> None:
    """Make an empty file for its owner alone where there is none, and close one that every user may read.

    A file that was opened to a group only, was so on purpose and stays so.

    Raises
    ------
    LedgerError
        The file is open to every user, and belongs to another than this one.
    """
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        close_to_everybody(file)
    except OSError as error:
        raise LedgerError(f"{file.name} cannot be made in the folder of the ledger: {error.strerror}") from error


def close_to_everybody(file: Path) -> None:
    """Close a file that every user may read, if it is there. Raises LedgerError as `keep_private` does."""
    try:
        if file.stat().st_mode & EVERYBODY:
            file.chmod(0o600)
    except FileNotFoundError:
        return
    except PermissionError as error:
        raise LedgerError(
            f"{file.name} holds what is kept about people and is open to every user of this machine: its owner must "
            "chmod 600 it"
        ) from error
