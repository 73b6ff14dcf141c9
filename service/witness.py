"""The witness file: what a chain cannot prove about itself.

A chain shows that nothing inside it was changed; that its newest entries were cut off it cannot show. So after each
commit the new head (`seq digest`) is added to a file beside the database, and verifying asks for every head in it.
The line is written after the commit and not forced to disk: it may lack the last heads after a power cut, which only
makes it weaker, but it never names an entry that was not on disk.

Whoever may write both files can cut both. `VARHAIN_WITNESS_FILE` on another machine's disk, or `chattr +a`, or the
head that `varhain ledger verify` prints, kept on paper and given to `--expect`, go further.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from service.private_files import make_private_folder

_LOGGER = logging.getLogger(__name__)


class Witness:
    """Adds heads to a file and reads them again. Several processes may add to one file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._descriptor: int | None = None

    def add(self, seq: int, digest: str) -> None:
        """Add a head. The entry is on disk already, so a file that cannot be written is a warning, not a failure."""
        try:
            if self._descriptor is None:
                make_private_folder(self.file.parent)
                self._descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(self._descriptor, f"{seq} {digest}\n".encode("ascii"))
        except OSError as error:
            _LOGGER.warning("the witness file of the ledger cannot be written: %s", error.strerror)

    def size(self) -> int:
        """Return the bytes written so far: heads within them are on disk in any state of the database read later."""
        return self.file.stat().st_size if self.file.exists() else 0

    def heads(self, size: int) -> Iterator[tuple[int, str]]:
        """Yield every readable head within the first `size` bytes, about in order; a torn line is passed over."""
        if not size:
            return
        with self.file.open("rb") as lines:
            for line in lines:
                size -= len(line)
                if size < 0:
                    return
                seq, _, digest = line.decode("ascii", "replace").strip().partition(" ")
                if seq.isdigit() and len(digest) == 64:
                    yield int(seq), digest
