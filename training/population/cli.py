"""The command `varhain population`."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = """A synthetic population of the area: dated facts only, from a seed; no real person is in it.

Example: varhain population --out var/population --people 100000 --seed 1

Writes DIR/extract (what training reads) and DIR/truth (each person's true risk, never read by training).
"""


def register(app: typer.Typer) -> None:
    """Add the command to the root."""

    @app.command("population", help=EXAMPLE)
    def population(
        out: Annotated[Path, typer.Option(help="Folder to write; replaced when everything is ready.")],
        people: Annotated[int, typer.Option(min=1, help="People with history.")] = 100_000,
        seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same population.")] = 1,
        until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day of the delivery.")] = datetime(
            2026, 10, 31
        ),
        processes: Annotated[int, typer.Option(min=0, help="0: one for each core. Never changes the result.")] = 0,
    ) -> None:
        from tqdm import tqdm

        from training.population.generate import Order, OutputRefusedError, generate
        from training.population.summary import as_text

        if not 2020 <= until.year <= 2030:
            raise typer.BadParameter("choose a day from 2020 to 2030", param_hint="--until")
        workers = processes or len(os.sched_getaffinity(0))
        order = Order(people=people, seed=seed, until=until.date())
        try:
            with tqdm(total=people, unit=" people", desc="Synthetic population") as bar:
                facts = generate(order, out, workers, bar.update)
        except OutputRefusedError as refused:
            raise typer.BadParameter(str(refused)) from refused
        except OSError as error:
            raise typer.BadParameter(f"--out: the folder cannot be written ({error.strerror})") from error
        typer.echo(as_text(facts))
