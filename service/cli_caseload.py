"""The commands of caseloads: `varhain screen-file`, `varhain sort-facts`."""

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

DAY = ["%Y-%m-%d"]
KEY_HELP = "file with an operator's key; needed for an official run"
SCREEN_FILE = """Screen a caseload of any size from a file to a file, in the order of the file, never sorted by risk.

IN is one long table of facts sorted by client, or a flat file, as the catalogue of the serving model says; CSV or
Parquet (docs/caseloads.md). OUT gets its name only when it is whole. A run that was stopped goes on when the same
command is given again. Rejected rows are told in OUT.rejects.csv, what the output is in OUT.about.json.

An official run needs --occasion and --key-file and is recorded in the ledger, one entry a person. --dry-run records
nothing and says so in the output.

Example: varhain screen-file facts.parquet --out answers.parquet --dry-run

Example: varhain screen-file facts.csv --out answers.csv --occasion "monthly round" --key-file var/keys/operator.key
"""


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("screen-file", help=SCREEN_FILE)(screen_file)
    app.command("sort-facts", epilog="Example: varhain sort-facts facts.csv --out sorted.csv")(sort_facts)


def screen_file(
    source: Annotated[Path, typer.Argument(metavar="IN", help="the file of the caseload, .csv or .parquet")],
    out: Annotated[Path, typer.Option(help="the file to write, .csv or .parquet")],
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=DAY, help="the day to look at, for everybody; default: as in IN, or today"),
    ] = None,
    occasion: Annotated[str, typer.Option(help="why this caseload is screened now; kept in the ledger for good")] = "",
    key_file: Annotated[Path | None, typer.Option(help=KEY_HELP)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="record nothing; the output says so")] = False,
    with_health_reasons: Annotated[
        bool, typer.Option("--with-health-reasons", help="name topics that rest on health or social care as well")
    ] = False,
    without_committee: Annotated[
        bool,
        typer.Option("--without-committee", help="for measuring, in a dry run: a level may be lower than it should"),
    ] = False,
    keep_days: Annotated[
        int | None, typer.Option(min=1, help="days until OUT must be deleted; default: VARHAIN_RETENTION_DAYS")
    ] = None,
    rows_at_once: Annotated[
        int | None, typer.Option(min=10, help="rows held in memory for each core; fewer need less memory")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="0: one for each core. Never changes the output.")] = 0,
) -> None:
    """Screen a caseload of any size from a file to a file."""
    from features.errors import VarhainError
    from service.champion import promoted_champion
    from service.console import key_in
    from service.database import migrate_existing
    from service.ledger import open_ledger
    from service.settings import load_settings

    if dry_run == bool(occasion):
        raise VarhainError("Say either --dry-run, or --occasion TEXT with --key-file FILE for a run that is recorded.")
    if not dry_run and key_file is None:
        raise VarhainError("--key-file: an official run needs an operator's key.")
    settings = load_settings()
    migrate_existing(settings)
    ledger = open_ledger(settings)
    caller = None if dry_run or key_file is None else key_in(key_file, ledger, "operator")

    from tqdm import tqdm

    from service.caseload_file.plan import ROWS_AT_ONCE, Plan
    from service.caseload_file.run import screen_file as tell
    from service.caseloads import checked_occasion
    from service.today import today_in_finland

    plan = Plan(
        source,
        out.absolute(),
        today_in_finland(),
        keep_days or settings.retention_days,
        as_of.date() if as_of else None,
        checked_occasion(occasion) if occasion else "",
        caller,
        with_health_reasons,
        without_committee,
        rows_at_once or ROWS_AT_ONCE,
        threads or len(os.sched_getaffinity(0)),
    )
    os.umask(0o077)  # what is written is about people: for this user alone
    champion = promoted_champion(ledger, settings)
    size = source.stat().st_size if source.exists() else 0
    try:
        with tqdm(total=size, unit="B", unit_scale=True, desc="Screening", mininterval=0.5) as bar:
            finished = tell(plan, champion, ledger, bar.update)
    except KeyboardInterrupt:
        print("stopped; what is done is kept, the same command goes on from there", file=sys.stderr)
        raise
    if finished.resumed_at_row:
        print(f"went on at row {finished.resumed_at_row + 1}", file=sys.stderr)
    print(f"{out}: " + ("a dry run, nothing was recorded" if dry_run else "recorded in the ledger"))
    for words, number in finished.counts.items():
        print(f"  {words:45}{number:>10,}")
    print(f"Delete it by {finished.plan.delete_by.isoformat()}. Rejected rows: {finished.plan.rejects.name}.")


def sort_facts(
    source: Annotated[Path, typer.Argument(metavar="IN", help="a table of facts, .csv or .parquet")],
    out: Annotated[Path, typer.Option(help="the file to write; must not exist")],
) -> None:
    """Sort a table of facts by client, as `varhain screen-file` needs it. The rows of a client keep their order."""
    from service.caseload_file.sorting import sort_file

    os.umask(0o077)
    rows = sort_file(source, out.absolute())
    print(f"{rows:,} rows sorted by client_id: {out}")
