"""The command `varhain population`."""

import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = """A synthetic population of the area: dated facts only, from a seed; no real person is in it.

Example: varhain population --out var/population --people 100000 --seed 1

Writes DIR/extract (what training reads) and DIR/truth (each person's true risk, never read by training).

With --report no population is written: it is compared with its targets over ten seeds, and the exit code is 1 where a
target does not hold. Finished seeds are kept in VARHAIN_HOME, so an interrupted report goes on where it was, and the
report with its plots is a run of population-report in mlflow.

Example: varhain population --report --plots var/plots
"""


class Plant(StrEnum):
    """Drift and bias that can be planted."""

    downturn = "downturn"
    client_mix = "client-mix"
    new_code_list = "new-code-list"
    late_outcomes = "late-outcomes"
    missing_assessments = "missing-assessments"
    hiding_service = "hiding-service"


class Group(StrEnum):
    """The group a planted bias concerns."""

    foreign = "foreign"
    women = "women"
    under_30 = "under_30"
    long_illness = "long_illness"


class Field(StrEnum):
    """Statements that can be lost."""

    education_level = "education_level"
    occupation_isco = "occupation_isco"
    reason_job_ended = "reason_job_ended"
    activity_before = "activity_before"
    own_expectation = "own_expectation"


def register(app: typer.Typer) -> None:
    """Add the command to the root."""

    @app.command("population", help=EXAMPLE)
    def population(
        out: Annotated[Path | None, typer.Option(help="Folder to write; replaced when everything is ready.")] = None,
        report: Annotated[
            bool, typer.Option("--report", help="Compare with the targets; write no population.")
        ] = False,
        people: Annotated[int, typer.Option(min=1, help="People with history.")] = 100_000,
        seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same population.")] = 1,
        until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day of the delivery.")] = datetime(
            2026, 10, 31
        ),
        processes: Annotated[int, typer.Option(min=0, help="0: one for each core. Never changes the result.")] = 0,
        trend: Annotated[bool, typer.Option(help="Off: every year is like 2019.")] = True,
        plant: Annotated[list[Plant] | None, typer.Option(help="Plant drift or bias; may be repeated.")] = None,
        lost_field: Annotated[Field | None, typer.Option(help="Plant drift: no longer written.")] = None,
        drift_from: Annotated[
            datetime, typer.Option(formats=["%Y-%m-%d"], help="First day of planted drift.")
        ] = datetime(2025, 10, 1),
        bias_group: Annotated[Group, typer.Option(help="Whom planted bias concerns.")] = Group.foreign,
        foreign_hazard_ratio: Annotated[
            float, typer.Option(min=0.85, max=1.0, help="Of foreign citizens finding work; audits vary it.")
        ] = 0.93,
        help_effect: Annotated[
            float, typer.Option(min=0.0, max=0.5, help="How much help lowers the probability of twelve months.")
        ] = 0.02,
        helped: Annotated[
            Path | None, typer.Option(help="CSV with client_id and as_of: who of this very population is helped.")
        ] = None,
        ceilings: Annotated[bool, typer.Option(help="In the report: also what any model could reach.")] = True,
        plots: Annotated[Path | None, typer.Option(help="Folder for the plots of the report.")] = None,
        log: Annotated[bool, typer.Option(help="Keep the report with its plots in mlflow, in VARHAIN_HOME.")] = True,
    ) -> None:
        if report:
            workers = processes or len(os.sched_getaffinity(0))
            raise typer.Exit(_report(people, workers, ceilings, plots, log))
        if out is None:
            raise typer.BadParameter("name the folder to write, or ask for the --report", param_hint="--out")
        if not 2020 <= until.year <= 2030:
            raise typer.BadParameter("choose a day from 2020 to 2030", param_hint="--until")

        from tqdm import tqdm

        from training.population.generate import Order, OutputRefusedError, generate, read_helped
        from training.population.parameters import Planted, day, with_choices
        from training.population.summary import as_text

        names = {chosen.value.replace("-", "_"): True for chosen in plant or []}
        planted = Planted(
            drift_from=day(drift_from.year, drift_from.month, drift_from.day),
            lost_field=lost_field.value if lost_field else None,
            group=bias_group.value,
            **names,
        )
        parameters = with_choices(trend, planted, foreign_hazard_ratio, help_effect)
        workers = processes or len(os.sched_getaffinity(0))
        try:
            days = read_helped(helped) if helped else {}
            order = Order(people, seed, until.date(), parameters, days)
            with tqdm(total=people, unit=" people", desc="Synthetic population") as bar:
                facts = generate(order, out, workers, bar.update)
        except OutputRefusedError as refused:
            raise typer.BadParameter(str(refused)) from refused
        except OSError as error:
            place = (
                "--helped: the file cannot be read"
                if error.filename == str(helped)
                else "--out: the folder cannot be written"
            )
            raise typer.BadParameter(f"{place} ({error.strerror})") from error
        typer.echo(as_text(facts))


def _report(people: int, processes: int, with_ceilings: bool, plots: Path | None, log: bool) -> int:
    """Print the report, keep it where asked, and return the exit code: 1 where a target does not hold."""
    from functools import partial

    from training.ceiling import kept_text
    from training.population.plots import plot_report
    from training.population.report import make_report, program_digest, report_folder

    if plots is not None:
        try:
            plots.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            fault = f"the folder cannot be written ({error.strerror}); name another"
            raise typer.BadParameter(fault, param_hint="--plots") from error
    report = make_report(people, processes)
    typer.echo(report.text)
    for path in plot_report(plots, report.tallies) if plots else ():
        typer.echo(f"plot: {path}")
    found = ""
    if with_ceilings:
        found = kept_text(people, 1, processes, partial(typer.echo, err=True), report_folder(), program_digest())
        typer.echo(f"\n{found}")
    if log:
        from training.population_record import RUN, record_report

        typer.echo(f"\nKept in mlflow: run {record_report(report, found)} of {RUN}.")
    return 0 if report.holds else 1
