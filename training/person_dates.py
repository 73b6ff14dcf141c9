"""Person-dates with their features, from a cohort."""

import numpy as np

from features.catalogue import Catalogue
from features.errors import ConfigError
from features.frame import FeatureFrame
from model_registry.package import voluntary_known
from training.cohort import Cohort, features_of_cohort
from training.extract import Extract
from training.fit import Table
from training.progress import progress_bar

PERSON_DATES_AT_ONCE = 50_000


def with_known_outcome(cohort: Cohort) -> Cohort:
    """Return the cohort without the person-dates whose outcome is not known."""
    rows = np.flatnonzero(~np.isnan(cohort.outcome))
    return Cohort(
        cohort.person[rows],
        cohort.as_of[rows],
        cohort.matures_on[rows],
        cohort.landmark[rows],
        cohort.outcome[rows],
        cohort.counts,
    )


def make_table(extract: Extract, catalogue: Catalogue, cohort: Cohort) -> Table:
    """Return features, outcomes and landmarks of the cohort, row by row."""
    frame = _flat_frame(extract, cohort) if extract.flat else _fact_frame(extract, catalogue, cohort)
    return Table(frame, cohort.outcome, voluntary_known(catalogue, frame), cohort.landmark)


def _fact_frame(extract: Extract, catalogue: Catalogue, cohort: Cohort) -> FeatureFrame:
    if extract.facts is None:
        raise ConfigError("the catalogue reads dated facts and the extract has none; choose the catalogue that fits it")
    with progress_bar("Features", len(cohort)) as bar:
        return features_of_cohort(catalogue, extract.facts, cohort, bar)


def _flat_frame(extract: Extract, cohort: Cohort) -> FeatureFrame:
    flat = extract.flat
    if flat is None:
        raise ConfigError("the catalogue reads a flat extract and this one holds facts; choose the catalogue that fits")
    values = np.ascontiguousarray(flat.frame.values[~np.isnan(flat.outcome)])
    return FeatureFrame(values, flat.frame.names, flat.frame.fingerprint)
