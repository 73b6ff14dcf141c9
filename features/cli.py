"""The command group `varhain catalogue`."""

from typing import Annotated

import typer

catalogue = typer.Typer(no_args_is_help=True, help="The one list of inputs, features and wordings.")


@catalogue.command()
def check(
    name_or_path: Annotated[
        str, typer.Argument(help="A TOML file, or the name of a catalogue that comes with Varhain.")
    ] = "keski_uusimaa",
) -> None:
    """Check a catalogue as a whole and name every fault with its place and cure.

    Example: varhain catalogue check my_area.toml
    """
    from features.catalogue import load_catalogue

    found = load_catalogue(name_or_path)
    voluntary = len(found.feature_names) - len(found.register_names)
    off = [item.name for item in found.gated_features if item.name not in found.feature_names]
    lines = [
        f"Catalogue {found.name} {found.version} is in order.",
        f"  source       {found.source_kind}",
        f"  inputs       {len(found.inputs)}, of which {len(found.minimal_inputs)} form the minimal set",
        f"  features     {len(found.feature_names)}, of which {voluntary} rest on voluntary answers",
        f"  gated, off   {', '.join(off) or 'none'}",
        f"  protected    {', '.join(item.name for item in found.protected) or 'none'}",
        f"  landmarks    {', '.join(str(months) for months in found.landmarks)} (months)",
        f"  fingerprint  {found.fingerprint}",
    ]
    typer.echo("\n".join(lines))


def register(app: typer.Typer) -> None:
    """Add the group to the command line."""
    app.add_typer(catalogue, name="catalogue")
