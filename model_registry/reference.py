"""Who a person is compared with: people at the same landmark when the model was made, kept without keeping anybody."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from features.catalogue import Catalogue
from features.errors import PackageError
from features.frame import FeatureFrame
from model_registry.scoring.scorer import Scorer

Floats = npt.NDArray[np.float64]
SAMPLE_ROWS = 2000
# Below this many people a mean says too much about each of them and too little about all.
LEAST_PEOPLE = 30


@dataclass(frozen=True)
class Reference:
    """Baselines and marginal samples per landmark; k is the number of the catalogue's features.

    Attributes
    ----------
    landmarks : tuple of int (m,)
    register_baseline, full_baseline : float64 (m, k)
        Mean contributions to the calibrated log-odds at each landmark: of everybody to the register model; of people
        with a voluntary answer to the full model (of everybody where fewer than 30 have one; 0 without such a model).
    samples : mapping of landmark to float64 (rows, k)
        Each column is a sample of that feature alone, in an order of its own: no row is a person.
    """

    landmarks: tuple[int, ...]
    register_baseline: Floats = field(repr=False)
    full_baseline: Floats = field(repr=False)
    samples: Mapping[int, Floats] = field(repr=False)

    def baseline(self, model: str, landmark: int) -> Floats:
        """Mean contributions (k,) at a landmark to "register" or "full"."""
        table = self.full_baseline if model == "full" else self.register_baseline
        row: Floats = table[self.landmarks.index(landmark)]
        return row

    def places(self, landmark: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The row of the baselines (n,) that belongs to each landmark (n,); -1 where there is no such landmark."""
        place = np.full(len(landmark), -1, dtype=np.int64)
        for row, month in enumerate(self.landmarks):
            place[landmark == month] = row
        return place

    def baselines(self, place: npt.NDArray[np.int64], by_full: npt.NDArray[np.bool_]) -> Floats:
        """Mean contributions (n, k) for rows at these `places` (n,), of the model that decided each."""
        return np.where(by_full[:, None], self.full_baseline[place], self.register_baseline[place])

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The saved form: plain arrays only."""
        return {
            "landmarks": np.array(self.landmarks, dtype=np.int64),
            "register_baseline": self.register_baseline,
            "full_baseline": self.full_baseline,
        } | {f"sample_{month}": sample for month, sample in self.samples.items()}


def make_reference(
    catalogue: Catalogue,
    register: Scorer,
    full: Scorer | None,
    frames: Mapping[int, FeatureFrame],
    answered: Callable[[Catalogue, FeatureFrame], npt.NDArray[np.bool_]],
    seed: int,
) -> Reference:
    """The reference of training rows per landmark; of the rows themselves only permuted columns remain.

    Raises
    ------
    PackageError
        If a landmark is missing, has fewer than 30 rows, or its features are another catalogue's.
    """
    rng = np.random.default_rng(seed)
    names, samples = catalogue.feature_names, {}
    baselines: dict[str, list[Floats]] = {"register": [], "full": []}
    for month in catalogue.landmarks:
        frame = frames.get(month)
        if frame is None or len(frame) < LEAST_PEOPLE:
            raise PackageError(f"The reference at month {month} needs at least {LEAST_PEOPLE} rows.")
        if frame.names != names or frame.fingerprint != catalogue.fingerprint:
            raise PackageError(f"The reference at month {month} was made by another catalogue.")
        baselines["register"].append(_mean_contributions(register, frame))
        with_answer = answered(catalogue, frame)
        chosen = frame.values[with_answer] if with_answer.sum() >= LEAST_PEOPLE else frame.values
        people = FeatureFrame(chosen, names, frame.fingerprint)
        baselines["full"].append(_mean_contributions(full, people) if full else np.zeros(len(names)))
        kept = min(SAMPLE_ROWS, len(frame))
        columns = [rng.choice(frame.values[:, column], kept, replace=False) for column in range(len(names))]
        samples[month] = np.column_stack(columns)
    return Reference(catalogue.landmarks, np.array(baselines["register"]), np.array(baselines["full"]), samples)


def _mean_contributions(scorer: Scorer, frame: FeatureFrame) -> Floats:
    mean = np.zeros(len(frame.names))
    mean[[frame.names.index(name) for name in scorer.feature_names]] = scorer.contributions(frame).mean(axis=0)
    return mean


def reference_of_arrays(saved: Mapping[str, npt.NDArray[Any]], catalogue: Catalogue) -> Reference:
    """The reference from its saved form.

    Raises
    ------
    PackageError
        If an array is missing or of the wrong shape.
    """
    months, k = catalogue.landmarks, len(catalogue.feature_names)
    shapes = {"register_baseline": len(months), "full_baseline": len(months)} | {f"sample_{m}": None for m in months}
    for name, rows in shapes.items():
        array = saved.get(name)
        if array is None or array.dtype != np.float64 or array.ndim != 2 or array.shape[1] != k:
            raise PackageError(f"{name} is missing or has not {k} columns")
        if rows is not None and (len(array) != rows or not np.isfinite(array).all()):
            raise PackageError(f"{name} must have {rows} rows of numbers")
    if tuple(saved.get("landmarks", np.zeros(0)).tolist()) != months:
        raise PackageError("its landmarks are not the catalogue's")
    samples = {month: saved[f"sample_{month}"] for month in months}
    return Reference(months, saved["register_baseline"], saved["full_baseline"], samples)
