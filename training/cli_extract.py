"""The commands about extracts: `varhain extract fact-table`."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

FACT_TABLE = """Write what an extract knows of people on a day as one long table of facts, sorted by client.

That is what `varhain screen-file` reads (docs/caseloads.md). Nobody's protected attributes are in it, but for whether
they are within the Act's ages.

Example: varhain extract fact-table var/population/extract --as-of 2026-10-31 --out facts.parquet
"""


class Who(StrEnum):
    """Whose facts are written."""

    jobseekers = "jobseekers"
    first_year = "first-year"
    everybody = "everybody"


def register(app: typer.Typer) -> None:
    """Add the group `extract` to the root."""
    extract_app = typer.Typer(help="Turn an extract into what other commands read.", no_args_is_help=True)
    app.add_typer(extract_app, name="extract")

    @extract_app.command("fact-table", help=FACT_TABLE)
    def fact_table_command(
        extract: Annotated[Path, typer.Argument(help="Folder of dated facts.")],
        as_of: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day to stand on.")],
        out: Annotated[Path, typer.Option(help="The file to write, .csv or .parquet; must not exist.")],
        catalogue: Annotated[str, typer.Option(help="Name or TOML file of the catalogue.")] = "keski_uusimaa",
        who: Annotated[
            Who, typer.Option(help="On the day: unemployed; unemployed for under a year; or everybody.")
        ] = Who.jobseekers,
        people: Annotated[int, typer.Option(min=0, help="At most so many people, the first by name; 0: all.")] = 0,
        copies: Annotated[
            int, typer.Option(min=1, max=676, help="Write each person so often, under other names: for load tests.")
        ] = 1,
    ) -> None:
        from features.catalogue import load_catalogue
        from training.extract import read_extract
        from training.fact_table import write_fact_table

        read = load_catalogue(catalogue)
        written = write_fact_table(
            read_extract(extract, read), read, as_of.date(), out, who=who.value, people=people, copies=copies
        )
        typer.echo(f"{written.people:,} people, {written.rows:,} facts: {out}")
