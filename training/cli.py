"""The commands `varhain train` and `varhain evidence`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

HELP = """Train, evaluate and register a model from an extract; it serves nobody until a person promotes it.

Example: varhain train --extract var/population/extract --catalogue keski_uusimaa --name demo-keski-uusimaa

The extract is a folder of dated facts, or one file where the catalogue describes a flat extract. The model goes to the
store in VARHAIN_HOME, with its figures, plots and evidence.
"""


EVIDENCE_HELP = """Long measurements on synthetic populations, made anew for each release."""
SEEDS_HELP = """Backtests on many populations against the ceiling of the admitted facts, with and without a trend.

Example: varhain evidence seeds --seeds 10 --people 100000

Takes about half a minute a seed on two cores. What is done is kept in VARHAIN_HOME, so an interrupted run goes on where
it stopped; a changed program starts anew.
"""


SCALING_HELP = """Time and memory by the number of people, one process beside two Dask workers; and Finland on paper.

Example: varhain evidence scaling --people 10000 --people 30000 --people 100000 --out docs/scaling.md

Made on a machine that does nothing else. What is done is kept in VARHAIN_HOME, so an interrupted run goes on where it
stopped; a changed program starts anew.
"""


COMMITTEE_HELP = """How far the committee's range must be drawn out to cover the true risk, on many populations.

Example: varhain evidence committee --seeds 10 --people 100000

Takes about a minute a seed on two cores; kept and resumed like `varhain evidence seeds`.
"""


def measure_on_seeds(
    name: str,
    judge: Any,
    as_markdown: Callable[..., str],
    seeds: range,
    people: int,
    out: Path,
    processes: int,
) -> None:
    """Measure on every seed, write the page and print it; what is done is kept in VARHAIN_HOME/evidence/NAME."""
    import os
    from datetime import UTC, datetime

    from model_registry.home import home
    from training.seeds import commit_of_the_program, run_seeds

    if not out.parent.is_dir():
        raise typer.BadParameter("its folder does not exist; make it first", param_hint="--out")
    workers = processes or len(os.sched_getaffinity(0))
    kept = home() / "evidence" / name
    found = run_seeds(seeds, people, workers, kept, lambda words: typer.echo(words, err=True), judge)
    page = as_markdown(found, people, datetime.now(UTC).date(), commit_of_the_program())
    out.write_text(page, encoding="utf-8")
    typer.echo(page)


def register(app: typer.Typer) -> None:
    """Add the commands to the root."""
    evidence = typer.Typer(help=EVIDENCE_HELP, no_args_is_help=True)
    app.add_typer(evidence, name="evidence")

    @evidence.command("seeds", help=SEEDS_HELP)
    def seeds_command(
        seeds: Annotated[int, typer.Option(min=1, max=100, help="How many populations.")] = 10,
        people: Annotated[int, typer.Option(min=5_000, help="People in each.")] = 100_000,
        first: Annotated[int, typer.Option(min=1, max=900, help="The first seed.")] = 11,
        out: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/evidence-population.md"),
        processes: Annotated[int, typer.Option(min=0, help="0: one for each core. Never changes a figure.")] = 0,
    ) -> None:
        from training.seeds import as_markdown, judge_seed

        measure_on_seeds("seeds", judge_seed, as_markdown, range(first, first + seeds), people, out, processes)

    @evidence.command("committee", help=COMMITTEE_HELP)
    def committee_command(
        seeds: Annotated[int, typer.Option(min=1, max=100, help="How many populations.")] = 10,
        people: Annotated[int, typer.Option(min=5_000, help="People in each.")] = 100_000,
        first: Annotated[int, typer.Option(min=1, max=900, help="The first seed.")] = 11,
        out: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/evidence-committee.md"),
        processes: Annotated[int, typer.Option(min=0, help="0: one for each core. Never changes a figure.")] = 0,
    ) -> None:
        from training.coverage import as_markdown, judge_seed

        measure_on_seeds("committee", judge_seed, as_markdown, range(first, first + seeds), people, out, processes)

    @evidence.command("scaling", help=SCALING_HELP)
    def scaling_command(
        people: Annotated[list[int], typer.Option(min=5_000, help="A size; repeat it, two sizes at least.")],
        one_process_up_to: Annotated[
            int, typer.Option(min=0, help="More people than these are measured with workers only.")
        ] = 1_000_000,
        out: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/scaling.md"),
    ) -> None:
        from datetime import UTC, datetime

        from model_registry.home import home
        from training.scaling import measure
        from training.scaling_page import as_markdown, written_by_hand
        from training.seeds import commit_of_the_program

        if not out.parent.is_dir():
            raise typer.BadParameter("its folder does not exist; make it first", param_hint="--out")
        if len(set(people)) < 2:
            raise typer.BadParameter(
                "give it twice at least, with two sizes: one cannot tell what is fixed from what grows",
                param_hint="--people",
            )

        def tell(words: str) -> None:
            typer.echo(words, err=True)

        runs = measure(people, one_process_up_to, home() / "evidence" / "scaling", tell)
        above = written_by_hand(out.read_text(encoding="utf-8")) if out.is_file() else "# Scaling"
        page = as_markdown(runs, datetime.now(UTC).date(), commit_of_the_program(), above)
        out.write_text(page, encoding="utf-8")
        typer.echo(page)

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
        members: Annotated[
            int | None, typer.Option(help="Refits of each model in the committee (25 unless said); 0: no committee.")
        ] = None,
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
            "committee": {"members": members} if members is not None else None,
        }
        options = {key: value for key, value in given.items() if value is not None}
        settings = load_config(config, **options) if config else checked_config(options)

        from training.pipeline import train

        train(settings, typer.echo)
