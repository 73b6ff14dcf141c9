"""Missing is missing: what is not known about somebody must not speak for or against them.

Trees learn where to send a missing value from whoever lacks it, so "education unknown" would become a signal about the
people whose education nobody recorded; and where nobody lacks a value in training, a request that does would be read
as a zero. Both end when values are missing at random: rows that lack an answer borrow one from a row drawn at random,
and as many or more rows, drawn at random, lose theirs.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.frame import FeatureFrame
from features.functions import FUNCTIONS

LEAST_SHARE = 0.05
"""At least this share of rows loses an answer, so that every tree has met a row without it."""


def with_values_missing_at_random(catalogue: Catalogue, frame: FeatureFrame, seed: int) -> FeatureFrame:
    """The frame to fit on: every answer that is not voluntary is missing at random, as often as it really is.

    Features that come from one answer lose it together. Voluntary answers stay as they are: the model that uses them is
    asked only about people who gave one.
    """
    rng = np.random.default_rng(seed)
    values = frame.values.copy()
    for columns in _columns_of_answers(catalogue):
        missing = np.isnan(values[:, columns]).all(axis=1)
        if missing.all():
            continue
        lacking = np.flatnonzero(missing)
        donors = rng.choice(np.flatnonzero(~missing), len(lacking))
        values[np.ix_(lacking, columns)] = values[np.ix_(donors, columns)]
        loses = rng.random(len(values)) < max(LEAST_SHARE, missing.mean())
        values[np.ix_(np.flatnonzero(loses), columns)] = np.nan
    return FeatureFrame(values, frame.names, frame.fingerprint)


def _columns_of_answers(catalogue: Catalogue) -> Iterator[NDArray[np.int64]]:
    """Positions of the features that each single answer feeds, answer by answer."""
    answers: dict[str, list[int]] = {}
    for position, feature in enumerate(catalogue.features):
        if feature.voluntary:
            continue
        reads = (str(feature.input),) if feature.function is None else FUNCTIONS[feature.function].reads
        for answer in reads:
            if answer in catalogue.statement_inputs or catalogue.source_kind == "flat":
                answers.setdefault(answer, []).append(position)
    yield from (np.array(columns) for columns in answers.values())
