"""A partitioned extract: the same facts in many folders, each an extract of its own with a range of the people.

    partitions.json     what was partitioned, its fingerprints, and each partition's files with their SHA-256
    part-0000/          an extract like any other: facts, protected attributes, labour market, meta.json
    part-0001/          the next people in the order of their pseudonyms

The ranges follow the order of the pseudonyms, so partitions one after the other have the order of the whole.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from features.catalogue import Catalogue
from features.errors import ExtractError
from training.extract import Extract, read_extract

INDEX = "partitions.json"


@dataclass(frozen=True)
class Part:
    """One partition: its folder, its people in the protected store, and its files with their SHA-256 (hex)."""

    name: str
    people: int
    files: Mapping[str, str]


@dataclass(frozen=True)
class Partitioned:
    """What partitions.json says.

    Attributes
    ----------
    people : int
        In the protected store of the whole.
    source : mapping of file name to SHA-256 (hex)
        Of the extract that was partitioned: the model's data fingerprint is of these, however it is partitioned.
    rows, not_recorded : mapping of file to number
        Rows in all partitions together, and those without a recording time.
    """

    delivered_until: str
    synthetic: bool
    people: int
    source: Mapping[str, str]
    rows: Mapping[str, int]
    not_recorded: Mapping[str, int]
    parts: tuple[Part, ...]

    def described(self) -> dict[str, Any]:
        """The content of partitions.json."""
        return asdict(self)


def read_index(folder: Path) -> Partitioned:
    """Return what a partitioned extract holds.

    Raises
    ------
    ExtractError
        Where there is none at this place, with the command that makes one.
    """
    try:
        content = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        parts = tuple(Part(**part) for part in content.pop("parts"))
        return Partitioned(**content, parts=parts)
    except (FileNotFoundError, NotADirectoryError):
        raise ExtractError(
            f"there is no partitioned extract at {folder}; make one with "
            "`varhain distributed partition EXTRACT --out FOLDER`"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ExtractError(f"{INDEX} in {folder.name} cannot be read; partition the extract again") from None


def read_part(folder: Path, part: Part, catalogue: Catalogue) -> Extract:
    """Return the extract in one partition, checked against what was written there.

    Raises
    ------
    ExtractError
        With every fault, each naming the partition; also where a file is not the one that was written.
    """
    try:
        extract = read_extract(folder / part.name, catalogue)
    except ExtractError as error:
        faults = [f"partition {part.name}: {fault}" for fault in error.message.splitlines()]
        raise ExtractError("\n".join(faults)) from None
    changed = [name for name, digest in extract.fingerprints.items() if part.files.get(name) != digest]
    if changed:
        raise ExtractError(
            f"partition {part.name}: {', '.join(sorted(changed))} is not the file that was written when the extract "
            "was partitioned; partition it again"
        )
    return extract


def recording_told(partitioned: Partitioned, catalogue: Catalogue) -> dict[str, str]:
    """Return for each kind with missing recording times the rule that stood in, and for how many rows."""
    return {
        kind: f"{missing} of {partitioned.rows[kind]} rows had no recording time: "
        f"{catalogue.recording_rule(kind).wording['en']}"
        for kind, missing in partitioned.not_recorded.items()
        if missing
    }
