"""An extract as an area delivers it, read into facts (or into flat columns), checked, and fingerprinted."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.errors import ExtractError
from features.facts import Facts
from features.frame import FeatureFrame
from features.identity_codes import holds_identity_code

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FlatRows:
    """What a flat extract holds instead of facts: one row per person and as-of date, features ready.

    Attributes
    ----------
    frame : FeatureFrame (n, k)
    person : int64 (n,)
        Position in `Extract.client_ids`.
    as_of : int32 (n,)
        Day numbers.
    outcome : float64 (n,)
        1.0 or 0.0; NaN where the label's column is empty.
    """

    frame: FeatureFrame
    person: NDArray[np.int64]
    as_of: NDArray[np.int32]
    outcome: Floats


@dataclass(frozen=True)
class Extract:
    """Everything a training run reads.

    Attributes
    ----------
    client_ids : tuple of str
        Pseudonyms, sorted; positions here are "person" everywhere in training.
    facts : Facts or None
        Of these people, in this order; None for a flat extract, which has `flat`.
    protected : mapping of attribute name to float64 (people,)
        Kept apart for audits and the legal age range. A code is its position in `Protected.values`; NaN is not known.
    delivered_until : int
        Day number up to which the delivery is complete.
    synthetic : bool
        True only where the extract itself says that nobody in it is real.
    recording : mapping of fact kind to sentence
        For each kind with missing recording times: the rule that stood in, and for how many rows.
    fingerprints : mapping of file name to SHA-256 (hex)
    """

    client_ids: tuple[str, ...]
    facts: Facts | None
    flat: FlatRows | None
    protected: Mapping[str, Floats]
    delivered_until: int
    synthetic: bool
    recording: Mapping[str, str] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """One SHA-256 (hex) over the names and fingerprints of all files."""
        lines = [f"{name} {digest}" for name, digest in sorted(self.fingerprints.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_extract(path: Path, catalogue: Catalogue) -> Extract:
    """Return the extract at `path`: a folder of dated facts, or the one file that a flat catalogue describes.

    Raises
    ------
    ExtractError
        One sentence for each fault, naming file, column and row and the cure; never a refused value.
    """
    if holds_identity_code(str(path)):
        raise ExtractError(
            "the path of the extract holds something shaped like a personal identity code; rename the file or folder"
        )
    if not path.exists():
        raise ExtractError(f"there is no extract at {path}; give the folder, or the file of a flat extract")
    if (path / "partitions.json").is_file():
        raise ExtractError(
            f"the extract at {path} is partitioned; use `varhain distributed train`, or give the whole extract"
        )
    if catalogue.source_kind == "flat":
        from training.extract_flat import read_flat

        return read_flat(path, catalogue)
    from training.extract_facts import read_facts

    if not path.is_dir():
        raise ExtractError(f"catalogue {catalogue.name} reads dated facts: give the folder that holds spells.parquet")
    return read_facts(path, catalogue)


def fingerprint_of_file(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def raise_faults(faults: list[str], at_most: int = 30) -> None:
    """Raise ExtractError with every fault (the first thirty), if there is one."""
    if faults:
        more = [f"and {len(faults) - at_most} faults more"] if len(faults) > at_most else []
        raise ExtractError("\n".join([*faults[:at_most], *more]))
