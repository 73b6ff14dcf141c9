"""The champion that the bench has trained, and what it was trained on: what the explanations are measured with."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue, load_catalogue
from model_registry.package import Package, load_package
from training.candidates import fitted_on
from training.cohort import Cohort, build_cohort
from training.config import TrainingConfig, checked_config
from training.extract import Extract, read_extract
from training.fit import Table
from training.material import Material, make_splits, training_material
from training.person_dates import make_table
from training.split import Split


@dataclass(frozen=True)
class Trained:
    """A package, the configuration and extract it came from, and every person-date with its features."""

    package: Package
    config: TrainingConfig
    catalogue: Catalogue
    extract: Extract
    cohort: Cohort
    table: Table
    backtest: Split
    refit: Split

    def material(self, split: Split) -> Material:
        """What is fitted and calibrated on in a split."""
        return training_material(self.config, self.catalogue, self.extract, self.cohort, self.table, split)

    def fit_table(self, split: Split) -> Table:
        """The matrix that the models of a split see."""
        return fitted_on(self.config, self.catalogue, self.material(split))

    def rows(self, count: int) -> NDArray[np.float64]:
        """The register model's features of `count` person-dates, some of them twice where there are fewer."""
        chosen = np.random.default_rng(1).integers(0, len(self.table), count)
        values: NDArray[np.float64] = self.table.frame.rows(chosen).select(self.package.register.feature_names).values
        return values


def trained(home: Path) -> Trained:
    """The package of the bench's home, with the features of its extract made anew."""
    (folder,) = (home / "packages").iterdir()
    catalogue = load_catalogue("keski_uusimaa")
    config = checked_config({"extract": home / "demo" / "extract"})
    extract = read_extract(config.extract, catalogue)
    cohort = build_cohort(extract, catalogue)
    table = make_table(extract, catalogue, cohort)
    backtest, refit = make_splits(config, catalogue, extract, cohort)
    return Trained(load_package(folder), config, catalogue, extract, cohort, table, backtest, refit)
