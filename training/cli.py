"""The command `varhain train`."""

from pathlib import Path
from typing import Annotated

import typer

HELP = """Train, evaluate and register a model from an extract; it serves nobody until a person promotes it.

Example: varhain train --extract var/population/extract --catalogue keski_uusimaa --name demo-keski-uusimaa

The extract is a folder of dated facts, or one file where the catalogue describes a flat extract. The model goes to the
store in VARHAIN_HOME, with its figures, plots and evidence.
"""


def register(app: typer.Typer) -> None:
    """Add the command to the root."""

    @app.command("train", help=HELP)
    def train_command(
        config: Annotated[
            Path | None, typer.Option(help="TOML file with all settings; options take precedence.")
        ] = None,
        extract: Annotated[Path | None, typer.Option(help="Folder of facts, or file of a flat extract.")] = None,
        catalogue: Annotated[str | None, typer.Option(help="Name or TOML file of the catalogue.")] = None,
        name: Annotated[str | None, typer.Option(help="Name of the model; synthetic ones begin with demo-.")] = None,
        policy: Annotated[Path | None, typer.Option(help="TOML file of the segment policy.")] = None,
        seed: Annotated[int | None, typer.Option(help="The same data, seed and versions give the same model.")] = None,
        serve: Annotated[str | None, typer.Option(help="Kind of model to package; a challenger may serve too.")] = None,
        draws: Annotated[int | None, typer.Option(help="Bootstrap draws for the intervals.")] = None,
        worth: Annotated[
            bool | None,
            typer.Option(
                "--worth/--no-worth",
                help="What each input is worth, and proxies by name: some 20 s more for 100,000 people.",
            ),
        ] = None,
    ) -> None:
        from training.config import checked_config, load_config

        evaluation = {key: value for key, value in (("draws", draws), ("worth", worth)) if value is not None}
        given = {
            "extract": extract,
            "catalogue": catalogue,
            "name": name,
            "policy": policy,
            "seed": seed,
            "serve": serve,
            "evaluation": evaluation or None,
        }
        options = {key: value for key, value in given.items() if value is not None}
        settings = load_config(config, **options) if config else checked_config(options)

        from training.pipeline import train

        train(settings, typer.echo)
