"""The command `varhain up`: everything from nothing to a served demonstration."""

from typing import Annotated

import typer

PEOPLE = 100_000


def register(app: typer.Typer) -> None:
    """Add the command to the root application."""

    @app.command("up", epilog="Example: varhain up --people 20000")
    def up(
        people: Annotated[int, typer.Option(min=1_000, help="Synthetic people with a history.")] = PEOPLE,
        seed: Annotated[int, typer.Option(min=0, help="Seed of the population and of the training.")] = 2026,
    ) -> None:
        """Make a demonstration model of the area, serve it on this machine and show one worked example.

        Nothing real is in it: the people are synthetic and the model is marked as a demonstration. What is there
        already is used again; `make clean` removes it.
        """
        from service import up as story
        from service.settings import load_settings

        raise typer.Exit(story.up(load_settings(), people, seed))
