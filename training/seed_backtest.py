"""One synthetic population and its backtest: what every measurement on many populations begins with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue, load_catalogue
from training.ceiling import true_risks_of
from training.cohort import Cohort, build_cohort
from training.config import TrainingConfig, checked_config
from training.extract import read_extract
from training.material import Judged, Material, evaluation_material, make_splits, training_material
from training.person_dates import make_table
from training.split import Split

CATALOGUE = "keski_uusimaa"


@dataclass(frozen=True)
class SeedBacktest:
    """What the models of one population are fitted and judged on, and the true risk (n,) of the person-dates judged."""

    config: TrainingConfig
    catalogue: Catalogue
    cohort: Cohort
    split: Split
    material: Material
    judged: Judged
    truth: NDArray[np.float64]


def backtest_on(
    folder: Path, people: int, seed: int, processes: int, trend: bool, settings: Mapping[str, Any] | None = None
) -> SeedBacktest:
    """Return the backtest of the population of a seed, written to `folder`; `settings` are of the training run."""
    from training.population.generate import Order, generate
    from training.population.parameters import DEFAULT_UNTIL, with_choices

    generate(Order(people, seed, date.fromisoformat(DEFAULT_UNTIL), with_choices(trend)), folder, processes)
    config = checked_config({"extract": str(folder / "extract"), "catalogue": CATALOGUE, **(settings or {})})
    catalogue = load_catalogue(config.catalogue)
    extract = read_extract(config.extract, catalogue)
    cohort = build_cohort(extract, catalogue)
    table = make_table(extract, catalogue, cohort)
    split, _ = make_splits(config, catalogue, extract, cohort)
    material = training_material(config, catalogue, extract, cohort, table, split)
    judged = evaluation_material(catalogue, extract, cohort, table, split)
    truth = true_risks_of(folder / "truth" / "truth.parquet", extract, cohort)[judged.rows]
    return SeedBacktest(config, catalogue, cohort, split, material, judged, truth)
