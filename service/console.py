"""What the commands of the terminal ask for: a document in a file, a key in a file, a language, the champion."""

import sys
from pathlib import Path
from typing import Any

from features.errors import AccessError, VarhainError
from service.access import Caller, authenticate
from service.body import read_document
from service.ledger import Ledger
from service.purpose import refuse_other_purposes
from service.texts import LANGUAGES

STANDARD_INPUT = Path("-")


def document_in(file: Path) -> Any:
    """The JSON document in a file. Raises VarhainError when it cannot be read, without repeating any of it."""
    try:
        raw = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        raise VarhainError(f"{file} cannot be read ({error.strerror}); give a JSON file of one client.") from error
    return read_document(raw)


def key_in(file: Path, ledger: Ledger, role: str) -> Caller:
    """The caller whose key stands in a file.

    Raises
    ------
    AccessError
        When there is no such file, the key is not known, or it was made for another role.
    """
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise AccessError(
            f"There is no key in {file}; make one with `varhain key create --role {role} --unit UNIT --out FILE` and "
            "name it with --key-file."
        ) from None
    caller = authenticate(ledger.engine, text)
    if caller.role != role:
        raise AccessError(f"The key in {file} is for the role {caller.role}; this needs the role {role}.")
    refuse_other_purposes(caller.purpose)
    return caller


def language_named(language: str) -> str:
    """The same language, if it is one of ours. Raises VarhainError."""
    if language not in LANGUAGES:
        raise VarhainError(f"--language must be one of {', '.join(LANGUAGES)}.")
    return language
