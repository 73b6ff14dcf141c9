"""The models of a run, of every kind: fitted, calibrated, and the committee of the one that serves."""

from dataclasses import replace

from features.catalogue import Catalogue
from features.errors import ConfigError
from model_registry.scoring.committee import Committee
from training.challengers import ONLY_REGISTER, challenger_fitters
from training.cohort import Cohort
from training.committee import fit_committee
from training.config import TrainingConfig
from training.fit import SMALL_TREES, Candidate, Fitter, Table, fit_candidate, tree_fitter
from training.material import (
    Material,
)
from training.missing import with_values_missing_at_random
from training.progress import progress_bar


def fit_all(config: TrainingConfig, catalogue: Catalogue, material: Material) -> dict[str, Candidate]:
    """Return every model by name, the kind that is to be served first."""
    kinds = [SMALL_TREES, *challenger_fitters(catalogue, config.seed)]
    if config.serve not in kinds:
        raise ConfigError(f"serve: catalogue {catalogue.name} has no features for this kind; choose {', '.join(kinds)}")
    kinds.sort(key=lambda kind: kind != config.serve)
    return {kind: fit_kind(kind, config, catalogue, material) for kind in kinds}


def fit_kind(kind: str, config: TrainingConfig, catalogue: Catalogue, material: Material) -> Candidate:
    """Return a register and a full model of one kind, fitted and calibrated."""
    fit = fitted_on(config, catalogue, material)
    texts: dict[str, str] = {}
    models = 1 if catalogue.register_names == catalogue.feature_names else 2
    with progress_bar(f"Fitting {kind}", models * config.fit.trees, kind == SMALL_TREES) as bar:
        fitters: dict[str, Fitter] = {
            SMALL_TREES: tree_fitter(catalogue, config.fit, config.seed, lambda: bar(1), texts),
            **challenger_fitters(catalogue, config.seed),
        }
        return fit_candidate(
            kind,
            catalogue,
            fit,
            material.calibration,
            fitters[kind],
            with_full=kind not in ONLY_REGISTER,
            texts=texts,
            chain=material.chain,
        )


def fitted_on(config: TrainingConfig, catalogue: Catalogue, material: Material) -> Table:
    """Return the fit slice as every model sees it: what is not known is missing at random."""
    return replace(material.fit, frame=with_values_missing_at_random(catalogue, material.fit.frame, config.seed))


def committee_of(
    config: TrainingConfig, catalogue: Catalogue, cohort: Cohort, material: Material, candidate: Candidate
) -> Committee | None:
    """Return the committee of a candidate, fitted on people drawn from its own fit slice."""
    models = 1 if candidate.full is None else 2
    refits = models * config.committee.members
    with progress_bar(f"Committee of {config.committee.members}", refits, refits > 0) as bar:
        return fit_committee(
            candidate,
            catalogue,
            config.committee,
            config.fit,
            config.seed,
            fitted_on(config, catalogue, material),
            cohort.person[material.fit_rows],
            material.calibration,
            material.chain,
            lambda: bar(1),
        )
