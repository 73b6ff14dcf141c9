"""The commands `varhain distributed partition`, `train` and `score`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

HELP = """Extracts that outgrow one machine: partition, train and score on a Dask cluster (docs/scaling.md)."""
PARTITION_HELP = """Cut an extract of dated facts into partitions by ranges of people, in one pass with bounded memory.

Example: varhain distributed partition var/population/extract --out var/partitions

FOLDER then holds partitions.json and one folder a partition. Workers on other machines must see it under the same path.
"""
TRAIN_HELP = """Train, evaluate and register a model from a partitioned extract, on a cluster or local processes.

Example: varhain distributed train --extract var/partitions --scheduler tcp://127.0.0.1:8786

Example: varhain distributed train --extract var/partitions --workers 2 --scores var/scores

Without --scheduler, processes of one thread each are started here and ended with the command. During a fit the workers
also listen on --fit-ports, in plain text: open these between the workers only (docs/scaling.md). The model is that of
`varhain train` without its challengers; it serves nobody until a person promotes it.
"""
SCORE_HELP = """Score every person-date of a partitioned extract by a registered model, one Parquet file a partition.

Example: varhain distributed score demo-keski-uusimaa --extract var/partitions --out var/scores --from 2026-10-01

Example: varhain distributed score NAME --extract var/partitions --out var/scores --without objecting.txt --keep-days 14

For planning and judging: nothing goes to the ledger, so these are no screenings. FOLDER is put in place when whole, and
scores.json in it names the day by which it is to be deleted. Training cannot see who objects: name them with --without,
which real people's extracts demand.
"""

Scheduler = Annotated[
    str | None, typer.Option(help="Address of a running Dask scheduler, tls://host:8786; else local processes.")
]
Unencrypted = Annotated[
    bool, typer.Option("--unencrypted", help="Allow a plain tcp:// scheduler on another machine: anybody there reads.")
]
Workers = Annotated[int, typer.Option(min=1, max=64, help="How many local processes, without --scheduler.")]
Without = Annotated[Path | None, typer.Option(help="File of pseudonyms not to score, one a line: who objects.")]
KeepDays = Annotated[int, typer.Option(min=1, max=366, help="Days until the scores are to be deleted.")]
Extract = Annotated[Path, typer.Option(help="Folder of a partitioned extract.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the root."""
    group = typer.Typer(help=HELP, no_args_is_help=True)
    app.add_typer(group, name="distributed")
    group.command("partition", help=PARTITION_HELP)(partition)
    group.command("train", help=TRAIN_HELP)(train)
    group.command("score", help=SCORE_HELP)(score)


def partition(
    extract: Annotated[Path, typer.Argument(help="Folder of an extract of dated facts.")],
    out: Annotated[Path, typer.Option(help="A new folder for the partitions.")],
    people_each: Annotated[int, typer.Option(min=100, help="People in a partition, about.")] = 20_000,
) -> None:
    """See PARTITION_HELP."""
    from tqdm import tqdm

    from training.distributed.ending import clean_at_sigterm
    from training.distributed.partition import partition_extract, rows_of

    with clean_at_sigterm(), tqdm(total=rows_of(extract), unit=" rows", desc="Partitioning", mininterval=0.5) as bar:
        made = partition_extract(extract, out, people_each, bar.update)
    typer.echo(f"{made.people:,} people in {len(made.parts)} partitions, {sum(made.rows.values()):,} rows, in {out}.")


def train(
    extract: Extract,
    scheduler: Scheduler = None,
    workers: Workers = 2,
    unencrypted: Unencrypted = False,
    config: Annotated[Path | None, typer.Option(help="TOML file with all settings; options take precedence.")] = None,
    catalogue: Annotated[str | None, typer.Option(help="Name or TOML file of the catalogue.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model; synthetic ones begin with demo-.")] = None,
    policy: Annotated[Path | None, typer.Option(help="TOML file of the segment policy.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the split, the trees and the draws.")] = None,
    draws: Annotated[int | None, typer.Option(help="Bootstrap draws for the intervals.")] = None,
    scores: Annotated[Path | None, typer.Option(help="A new folder: also score every person-date into it.")] = None,
    without: Without = None,
    keep_days: KeepDays = 30,
    fit_ports: Annotated[
        str | None, typer.Option(help="Ports on which workers meet during a fit; 12400-12499 on a network.")
    ] = None,
) -> None:
    """See TRAIN_HELP."""
    from training.config import checked_config, load_config

    given = {
        "extract": extract,
        "catalogue": catalogue,
        "name": name,
        "policy": policy,
        "seed": seed,
        "evaluation": None if draws is None else {"draws": draws},
    }
    options = {key: value for key, value in given.items() if value is not None}
    settings = load_config(config, **options) if config else checked_config(options)

    from training.distributed.partitioned import read_index

    read_index(settings.extract)

    from training.distributed.left_out import read_left_out
    from training.distributed.network import ports_told

    left_out = None if without is None else read_left_out(without)
    ports = None if fit_ports is None else ports_told(fit_ports)

    from training.distributed.cluster import connected
    from training.distributed.story import train_on_cluster

    with connected(scheduler, workers, unencrypted, ports) as cluster:
        made = train_on_cluster(settings, cluster, typer.echo, scores, left_out, keep_days)
    if made.scores is not None:
        typer.echo(f"Scored {made.scores.rows:,} person-dates into {made.scores.folder}.")


def score(
    model: Annotated[str, typer.Argument(help="Name of the registered model.")],
    extract: Extract,
    out: Annotated[Path, typer.Option(help="A new folder for the scores.")],
    version: Annotated[str | None, typer.Option(help="Its version; the latest when left out.")] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First as-of date; all when left out.")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last as-of date.")] = None,
    scheduler: Scheduler = None,
    workers: Workers = 2,
    unencrypted: Unencrypted = False,
    without: Without = None,
    keep_days: KeepDays = 30,
) -> None:
    """See SCORE_HELP."""
    from features.facts import day_number
    from model_registry.home import home, packages, tracking_uri
    from model_registry.store import Store
    from training.distributed.cluster import connected
    from training.distributed.left_out import read_left_out, refuse_unasked
    from training.distributed.partitioned import read_index
    from training.distributed.scores import score_extract
    from training.distributed.tasks import Wanted

    left_out = None if without is None else read_left_out(without)
    refuse_unasked(read_index(extract).synthetic, left_out)
    store = Store(tracking_uri(home()))
    package = store.export(model, version or store.latest(model).version, packages(home()))
    wanted = Wanted(
        **({"starts": day_number(first.date())} if first else {}),
        **({"ends": day_number(last.date())} if last else {}),
        left_out=left_out or frozenset(),
    )
    with connected(scheduler, workers, unencrypted) as cluster:
        made = score_extract(cluster, extract, package, out, wanted, keep_days)
    levels = ", ".join(f"{count:,} {level.replace('_', ' ')}" for level, count in made.levels.items())
    typer.echo(f"Scored {made.rows:,} person-dates into {made.folder}, {made.left_out:,} left out: {levels}.")
