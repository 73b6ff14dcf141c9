"""What a run over a file is to do, and what makes it this run and no other."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from features.errors import ExtractError, ReadError, VarhainError
from features.facts import LabourMarket
from service.access import Caller
from service.champion import Champion
from service.today import earliest_as_of

FORMATS = (".csv", ".parquet")
ROWS_AT_ONCE = 250_000


class CaseloadError(VarhainError):
    """A file of a caseload cannot be screened as asked."""


@dataclass(frozen=True)
class Plan:
    """A run over a file.

    Attributes
    ----------
    as_of : date or None
        For everybody, where it does not stand in the file.
    occasion : str
        Why the caseload is screened now; empty in a dry run.
    caller : Caller or None
        The operator of an official run; None in a dry run, which writes nothing to the ledger.
    today : date
        The day on which the run was begun; a run that goes on keeps it.
    keep_days : int
        After how many days the output must be deleted.
    without_committee : bool
        For measuring only, in a dry run: a level may then be lower than the one that applies.
    rows_at_once : int
        Of the source; about what is held in memory for each core.
    run : str
        The id of this run in the ledger, drawn at its first start and kept in its work folder.
    """

    source: Path
    out: Path
    today: date
    keep_days: int
    as_of: date | None = None
    occasion: str = ""
    caller: Caller | None = None
    with_health_reasons: bool = False
    without_committee: bool = False
    rows_at_once: int = ROWS_AT_ONCE
    threads: int = 1
    run: str = ""

    @property
    def is_dry(self) -> bool:
        """Whether nothing is recorded."""
        return self.caller is None

    @property
    def day(self) -> date:
        """The as-of date of who has none in the file."""
        return self.as_of or self.today

    @property
    def delete_by(self) -> date:
        """The day by which the output must be deleted."""
        return self.today + timedelta(days=self.keep_days)

    @property
    def rejects(self) -> Path:
        """Where the rejected rows are told."""
        return self.out.with_name(f"{self.out.name}.rejects.csv")

    @property
    def about(self) -> Path:
        """Where it is told what the output is."""
        return self.out.with_name(f"{self.out.name}.about.json")

    @property
    def work(self) -> Path:
        """The folder of what is done so far; gone when the output is there."""
        return self.out.with_name(f"{self.out.name}.work")

    def check(self) -> None:
        """Raise CaseloadError where the plan cannot be carried out."""
        if self.out.suffix not in FORMATS:
            raise CaseloadError(f"--out: the name must end in {' or '.join(FORMATS)}, which says how it is written")
        if not self.out.parent.is_dir():
            raise CaseloadError("--out: its folder does not exist; make it first")
        if self.out.exists() and self.source.exists() and self.out.samefile(self.source):
            raise CaseloadError("--out: is the file to be screened; name another one")
        if self.without_committee and not self.is_dry:
            raise CaseloadError("--without-committee: is for measuring only, so give --dry-run with it")
        if not earliest_as_of(self.today) <= self.day <= self.today:
            raise CaseloadError("--as-of: must be today or a day within the last twelve months")

    def identity(self, champion: Champion, source_digest: str) -> dict[str, Any]:
        """Everything that decides what the output is: two runs with the same identity find the same."""
        return {
            "source": source_digest,
            "package": champion.package.meta.digest,
            "model": f"{champion.name} {champion.version}",
            "labour_market": _figures_digest(champion.labour_market),
            "as_of": self.day.isoformat(),
            "occasion": self.occasion,
            "unit": self.caller.unit if self.caller else "",
            "with_health_reasons": self.with_health_reasons,
            "official": not self.is_dry,
            "without_committee": self.without_committee,
            "keep_days": self.keep_days,
            "format": self.out.suffix,
            "rows_at_once": self.rows_at_once,
        }

    def told_in_ledger(self, champion: Champion, source_digest: str) -> dict[str, Any]:
        """What the ledger keeps for good of an official run, beside its caller and versions."""
        return {
            "occasion": self.occasion,
            "source": source_digest,
            "labour_market": _figures_digest(champion.labour_market),
            "as_of": self.day.isoformat(),
            "delete_by": self.delete_by.isoformat(),
        }


def digest_of(source: Path) -> str:
    """The SHA-256 (hex) of a file. Raises ExtractError where there is none, ReadError where its disk fails."""
    try:
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise ExtractError(f"there is no file {source.name}; give the CSV or Parquet file to screen") from None
    except OSError as error:
        raise ReadError(f"{source.name} cannot be read: {error.strerror}") from error


def _figures_digest(market: LabourMarket | None) -> str:
    """The SHA-256 (hex) of the labour market's figures, which an installation may renew; empty where there are none."""
    if market is None:
        return ""
    columns = (market.offsets, market.published_on, market.month, market.value)
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()


def about(plan: Plan, champion: Champion, source_digest: str, counts: Mapping[str, Any]) -> dict[str, Any]:
    """What is told beside the output: what it is, what it was made with, how many got what, and when it goes."""
    package = champion.package
    return {
        "run": "dry run: nothing was recorded" if plan.is_dry else "official: recorded in the ledger",
        "demonstration": package.meta.demonstration,
        "occasion": plan.occasion or None,
        "begun_on": plan.today.isoformat(),
        "delete_by": plan.delete_by.isoformat(),
        "source_sha256": source_digest,
        "as_of": plan.as_of.isoformat() if plan.as_of else f"as in the source, else {plan.day.isoformat()}",
        "committee": package.committee is not None and not plan.without_committee,
        "health_reasons": plan.with_health_reasons,
        "versions": {
            "model": champion.name,
            "model_version": champion.version,
            "package": package.meta.digest,
            "policy": package.policy.version,
            "catalogue": f"{package.catalogue.name} {package.catalogue.version}",
            "catalogue_fingerprint": package.meta.catalogue_fingerprint,
        },
        "a_person_decides": dict(package.policy.a_person_decides),
        "not_for": [dict(words) for words in package.policy.not_for],
        "counts": dict(counts),
    }
