"""Whom scores leave out: training may not read the ledger, so those who object are named in a file."""

import re
from pathlib import Path

from features.errors import ConfigError
from features.identity_codes import holds_identity_code
from features.intake import CLIENT_ID


def read_left_out(path: Path) -> frozenset[str]:
    """Return the pseudonyms in a file of one a line; none where it is empty, for then nobody objects.

    Raises
    ------
    ConfigError
        Where the file cannot be read, or a line is no pseudonym: told by its number, never by what it holds.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"--without: {path} cannot be read; name a UTF-8 file of one pseudonym a line") from None
    found = set()
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if not name:
            continue
        if not re.fullmatch(CLIENT_ID, name) or holds_identity_code(name):
            raise ConfigError(
                f"--without: line {number} is no pseudonym (3 to 64 letters, digits, - and _); deliver one a line, "
                "without a header of several columns"
            )
        found.add(name)
    return frozenset(found)


def refuse_unasked(synthetic: bool, left_out: frozenset[str] | None) -> None:
    """Raise where real people would be scored and nobody has said who of them objects.

    Raises
    ------
    ConfigError
    """
    if left_out is None and not synthetic:
        raise ConfigError(
            "these are real people, and who objects to being screened must be left out: name them with --without FILE, "
            "one pseudonym a line (an empty file where nobody objects; docs/scaling.md says where to get it)"
        )
